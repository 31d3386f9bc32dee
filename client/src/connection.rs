//! One WebSocket: envelopes in and out, and nothing else.

use std::{
    fmt,
    future::{Future as _, poll_fn},
    io, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use banter_protocol::Envelope;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Sleep, sleep};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Bytes, Message, Utf8Bytes,
        error::{CapacityError, ProtocolError},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use crate::{Disconnected, Events, Socket, SocketOptions, connect::Transport, socket};

/// How long the server may take to answer a close frame, and its last words to come in.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// The code of a close frame that holds none.
const NO_CODE: u16 = 1005;

/// One socket as it is: envelopes out, envelopes in.
///
/// Most programs want [`start`](Self::start). A bare connection is for those who match answers with requests
/// themselves, and for tens of thousands of connections in one process: nothing is spawned, there are no timers, and
/// an idle one holds a few KiB. Dropping it closes the TCP connection at once, without a close frame.
///
/// Pings of the server are answered while [`next`](Self::next) is being awaited, and only then: a server takes a
/// client that never reads for dead.
pub struct Connection {
    socket: WebSocketStream<Transport>,
    options: SocketOptions,
    /// Whether something may wait to be written.
    unwritten: bool,
    /// Once nothing can be written any more. What was received before is still to be read.
    unwritable: Option<Unwritable>,
    /// Whether anything came since this was asked last.
    heard: bool,
    ended: Option<Disconnected>,
}

/// Writing has failed.
struct Unwritable {
    why: Disconnected,
    /// Reading ends as well, most often at once: by then at the latest.
    until: Pin<Box<Sleep>>,
}

impl Connection {
    pub(crate) fn new(socket: WebSocketStream<Transport>, options: SocketOptions) -> Self {
        Self {
            socket,
            options,
            unwritten: false,
            unwritable: None,
            heard: true,
            ended: None,
        }
    }

    /// Sends an envelope, and returns when the system has taken it.
    ///
    /// If the future is dropped before, the envelope is not sent or sent whole; what is left of it is written
    /// by the next `send` or [`next`](Self::next). It waits while the server does not read.
    ///
    /// # Errors
    ///
    /// When the connection has ended, or breaks while sending; [`next`](Self::next) then tells what the server has said
    /// before, which may be why.
    pub async fn send(&mut self, envelope: &Envelope) -> Result<(), Disconnected> {
        self.flush().await?;
        self.queue(envelope)?;
        self.flush().await
    }

    /// The next envelope of the server. Cancel-safe: if the future is dropped, nothing is lost.
    ///
    /// # Errors
    ///
    /// When the connection has ended, with the reason; then always the same.
    pub async fn next(&mut self) -> Result<Envelope, Disconnected> {
        loop {
            if let Some(envelope) = self.turn().await? {
                return Ok(envelope);
            }
        }
    }

    /// Closes the connection with a close frame, and waits for that of the server, but for one second at
    /// most. What the server sends meanwhile is dropped.
    pub async fn close(self) {
        self.close_with(None).await;
    }

    /// Starts a task that reads and writes: a [`Socket`] for requests, and the [`Events`] that were not asked for.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, as `tokio::spawn` does.
    pub fn start(self) -> (Socket, Events) {
        socket::start(self)
    }

    pub(crate) fn options(&self) -> SocketOptions {
        self.options
    }

    pub(crate) async fn close_with(mut self, reason: Option<&'static str>) {
        if self.ended.is_some() {
            return;
        }
        let frame = reason.map(|reason| CloseFrame {
            code: CloseCode::Away,
            reason: Utf8Bytes::from_static(reason),
        });
        let goodbye = async {
            if self.socket.close(frame).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        // Whether the server says goodbye in time changes nothing.
        let _ = tokio::time::timeout(CLOSE_WAIT, goodbye).await;
    }

    /// Writes what waits and reads what comes, until there is an envelope, or all is written (`None`). Cancel-safe.
    pub(crate) async fn turn(&mut self) -> Result<Option<Envelope>, Disconnected> {
        poll_fn(|cx| self.poll_turn(cx)).await
    }

    /// Whether something waits to be written.
    pub(crate) fn is_writing(&self) -> bool {
        self.unwritten
    }

    /// Whether anything came, a ping or pong too, since [`has_heard`](Self::has_heard) was asked last.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard
    }

    /// Whether anything came, a ping or pong too, since this was asked last.
    pub(crate) fn has_heard(&mut self) -> bool {
        mem::take(&mut self.heard)
    }

    /// Adds an envelope to what waits to be written.
    pub(crate) fn queue(&mut self, envelope: &Envelope) -> Result<(), Disconnected> {
        let payload = Bytes::from(self.options.format.encode(envelope));
        let message = if self.options.format.is_text() {
            // JSON always is.
            Message::Text(Utf8Bytes::try_from(payload).unwrap_or_default())
        } else {
            Message::Binary(payload)
        };
        self.queue_message(message)
    }

    /// Adds a ping to what waits to be written.
    pub(crate) fn queue_ping(&mut self) -> Result<(), Disconnected> {
        self.queue_message(Message::Ping(Bytes::new()))
    }

    fn queue_message(&mut self, message: Message) -> Result<(), Disconnected> {
        self.check()?;
        self.unwritten = true;
        if self.unwritable.is_none() {
            // An error ends the connection when all is read.
            let sent = self.socket.start_send_unpin(message);
            self.unwritable = sent.err().map(Unwritable::new);
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Disconnected> {
        self.check()?;
        poll_fn(|cx| self.poll_write(cx)).await;
        match &self.unwritable {
            Some(broken) => Err(broken.why.clone()),
            None => Ok(()),
        }
    }

    /// Ready when all is written, or nothing can be any more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.unwritten && self.unwritable.is_none() {
            match ready!(self.socket.poll_flush_unpin(cx)) {
                Ok(()) => self.unwritten = false,
                Err(error) => self.unwritable = Some(Unwritable::new(error)),
            }
        }
        Poll::Ready(())
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Envelope>, Disconnected>> {
        self.check()?;
        if self.unwritten && self.poll_write(cx).is_ready() && self.unwritable.is_none() {
            return Poll::Ready(Ok(None));
        }
        loop {
            let message = match (self.socket.poll_next_unpin(cx), &mut self.unwritable) {
                (Poll::Ready(Some(Ok(message))), _) => message,
                (read, Some(broken)) => {
                    if read.is_pending() {
                        ready!(broken.until.as_mut().poll(cx));
                    }
                    let why = broken.why.clone();
                    return Poll::Ready(Err(self.end_with(why)));
                }
                (Poll::Ready(Some(Err(error))), None) => {
                    return Poll::Ready(Err(self.end_with(disconnected(error))));
                }
                (Poll::Ready(None), None) => {
                    let closed = disconnected(tungstenite::Error::ConnectionClosed);
                    return Poll::Ready(Err(self.end_with(closed)));
                }
                (Poll::Pending, None) => return Poll::Pending,
            };
            self.heard = true;
            let payload = match &message {
                Message::Text(text) if self.options.format.is_text() => text.as_bytes(),
                Message::Binary(payload) if !self.options.format.is_text() => payload,
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Close(frame) => {
                    let closed = closed(frame.as_ref());
                    // Answers the frame, if that can be done at once.
                    let _ = self.socket.poll_flush_unpin(cx);
                    return Poll::Ready(Err(self.end_with(closed)));
                }
                Message::Text(_) | Message::Binary(_) | Message::Frame(_) => {
                    let why = "text and binary messages do not mix".to_owned();
                    return Poll::Ready(Err(self.end_with(Disconnected::Undecodable { why })));
                }
            };
            return Poll::Ready(match self.options.format.decode(payload) {
                Ok(envelope) => Ok(Some(envelope)),
                Err(error) => Err(self.end_with(Disconnected::Undecodable {
                    why: error.to_string(),
                })),
            });
        }
    }

    fn check(&self) -> Result<(), Disconnected> {
        match &self.ended {
            Some(ended) => Err(ended.clone()),
            None => Ok(()),
        }
    }

    fn end_with(&mut self, reason: Disconnected) -> Disconnected {
        self.ended = Some(reason.clone());
        reason
    }
}

impl Unwritable {
    fn new(error: tungstenite::Error) -> Self {
        Self {
            why: disconnected(error),
            until: Box::pin(sleep(CLOSE_WAIT)),
        }
    }
}

/// Without what waits in its buffers, which people have said.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("options", &self.options)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

fn disconnected(error: tungstenite::Error) -> Disconnected {
    match error {
        tungstenite::Error::Io(error) => Disconnected::Dropped(Arc::new(error)),
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing,
        ) => Disconnected::Dropped(Arc::new(io::ErrorKind::ConnectionReset.into())),
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            Disconnected::TooBig { limit: max_size }
        }
        other => Disconnected::Undecodable {
            why: other.to_string(),
        },
    }
}

fn closed(frame: Option<&CloseFrame>) -> Disconnected {
    Disconnected::Closed {
        code: frame.map_or(NO_CODE, |frame| frame.code.into()),
        reason: frame.map_or(String::new(), |frame| frame.reason.to_string()),
    }
}
