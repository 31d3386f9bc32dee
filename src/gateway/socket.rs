//! A socket on the server's own listener: one small task per connection.

use std::{
    cell::RefCell,
    future::Future,
    io::{self, IoSlice},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use actix_rt::{
    net::TcpStream,
    time::{Sleep, sleep_until},
};
use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};

use super::{inbox::Inbox, peer::Peer, stream::Stream};
use crate::relay::Transport;

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// Reads in one turn, so that a flood does not keep the thread from its other sockets.
const READS_PER_TURN: usize = 8;

/// How long after the answer to the handshake the first frame leaves, unless the client speaks before. There are
/// clients that read the answer and throw away, or choke on, what comes in the same piece behind it: those for .NET and
/// Unity before 3.11, and for Defold.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// Reads requests and writes what waits in the outbox, until either side ends the connection.
pub(super) struct Socket<I> {
    stream: Rc<SharedStream>,
    peer: Peer<I>,
    /// The beginning of a message, or requests for which there was no room in the line.
    unread: BytesMut,
    buffer: Rc<RefCell<BytesMut>>,
    phase: Phase,
    /// Until the socket is open.
    opening: Option<Box<Opening>>,
}

struct Opening {
    /// What is left to be written: the answer to the handshake, and before it those to earlier requests.
    head: Bytes,
    /// When the first frame may leave; known when the head has been written.
    over: Option<Instant>,
    /// Made when a frame waits for that.
    alarm: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The answer to the handshake is being written, or has just been: no frame leaves yet.
    Opening,
    Open,
    /// Everything has been written; the peer is being told that no more comes.
    Closing,
    /// Waits for the peer's end. Closing earlier, with input unread, could cost the peer the last frames.
    Lingering,
}

impl<I: Inbox> Socket<I> {
    /// `head` is the answer to the handshake, which leaves before any frame, a close frame too; `unread` is what came
    /// behind the handshake; `buffer` is shared by the sockets of the thread.
    pub(super) fn new(
        stream: Stream,
        peer: Peer<I>,
        head: Bytes,
        unread: BytesMut,
        buffer: Rc<RefCell<BytesMut>>,
    ) -> Self {
        Self {
            stream: Rc::new(SharedStream(RefCell::new(stream))),
            peer,
            unread,
            buffer,
            phase: Phase::Opening,
            opening: Some(Box::new(Opening {
                head,
                over: None,
                alarm: None,
            })),
        }
    }

    /// Writes the answer to the handshake, and is ready when frames may follow it.
    fn poll_opening(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let opening = match &mut self.opening {
            Some(opening) if !self.peer.outbox.is_dead() => opening,
            _ => return Poll::Ready(Ok(())),
        };
        while !opening.head.is_empty() {
            let head = [IoSlice::new(&opening.head)];
            let written = ready!(self.stream.poll_write(cx, &head))?;
            opening.head.advance(written);
        }
        ready!(self.stream.poll_flush(cx))?;
        // Many sockets stay here, as they never speak: its buffer must not stay with them.
        opening.head = Bytes::new();
        let over = *opening.over.get_or_insert_with(|| Instant::now() + PAUSE);
        // A client that speaks has read the answer.
        if !self.peer.has_spoken() && Instant::now() < over {
            if self.peer.outbox.is_empty() {
                // Nothing is kept waiting yet; the first frame wakes this.
                return Poll::Pending;
            }
            let alarm = opening
                .alarm
                .get_or_insert_with(|| Box::pin(sleep_until(over.into())));
            ready!(alarm.as_mut().poll(cx));
        }
        self.opening = None;
        // From now on what is pushed need not wait for this task.
        self.peer.outbox.connect(self.stream.clone());
        Poll::Ready(Ok(()))
    }

    /// Takes requests as long as there are any and room for them.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() && self.peer.wants_more() {
            self.peer.receive(&mut self.unread);
        }
        for _ in 0..READS_PER_TURN {
            if !self.peer.wants_more() {
                // Woken by the outbox when that changes.
                return Poll::Pending;
            }
            ready!(self.poll_read(cx))?;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            self.unread.reserve(CHUNK);
            ready!(self.stream.poll_read(cx, &mut self.unread))?;
            self.peer.heard();
            self.peer.receive(&mut self.unread);
        } else {
            let mut buffer = self.buffer.take();
            buffer.reserve(CHUNK);
            let read = self.stream.poll_read(cx, &mut buffer);
            if let Poll::Ready(Ok(())) = read {
                self.peer.heard();
                self.peer.receive(&mut buffer);
                self.unread.extend_from_slice(&buffer);
                buffer.clear();
            }
            self.buffer.replace(buffer);
            ready!(read)?;
        }
        if self.unread.is_empty() {
            // Most sockets wait for a whole new message: that must not cost them a buffer.
            self.unread = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_phases(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.peer.outbox.register(cx.waker());
        if matches!(self.phase, Phase::Opening | Phase::Open) {
            if let Poll::Ready(ended) = self.poll_requests(cx) {
                return Poll::Ready(ended);
            }
            ready!(self.poll_opening(cx))?;
            self.phase = Phase::Open;
            let stream = &self.stream;
            let written = self
                .peer
                .outbox
                .drain(|frames| stream.poll_write(cx, frames));
            if self.peer.outbox.is_dead() {
                return Poll::Ready(Ok(()));
            }
            ready!(written)?;
            ready!(self.stream.poll_flush(cx))?;
            if !self.peer.outbox.is_closing() {
                return Poll::Pending;
            }
            self.phase = Phase::Closing;
        }
        if self.peer.outbox.is_dead() {
            return Poll::Ready(Ok(()));
        }
        if self.phase == Phase::Closing {
            ready!(self.stream.poll_shutdown(cx))?;
            self.phase = Phase::Lingering;
        }
        loop {
            let mut buffer = self.buffer.take();
            buffer.reserve(CHUNK);
            let read = self.stream.poll_read(cx, &mut buffer);
            buffer.clear();
            self.buffer.replace(buffer);
            ready!(read)?;
        }
    }
}

/// A connection that its socket and its outbox both write to; they share a thread and never meet.
struct SharedStream(RefCell<Stream>);

impl SharedStream {
    /// Reads what is there. The end of the stream is an error.
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<()>> {
        let mut stream = self.0.borrow_mut();
        // Unlike `try_read` it knows from less than was asked for that there is no more, without asking again.
        match ready!(pin!(stream.read_buf(buffer)).poll(cx))? {
            0 => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, frames: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match &mut *self.0.borrow_mut() {
            Stream::Plain(stream) => loop {
                ready!(stream.poll_write_ready(cx))?;
                match try_write(stream, frames) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return Poll::Ready(result),
                }
            },
            encrypted => Pin::new(encrypted).poll_write_vectored(cx, frames),
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_shutdown(cx)
    }
}

fn try_write(stream: &TcpStream, frames: &[IoSlice<'_>]) -> io::Result<usize> {
    match frames {
        // Measurably cheaper for the kernel, and the usual case at rest.
        [frame] => stream.try_write(frame),
        frames => stream.try_write_vectored(frames),
    }
}

impl Transport for SharedStream {
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        match &*self.0.borrow() {
            Stream::Plain(stream) => try_write(stream, frames),
            // To encrypt is left to the socket's task, which can also wait until the last of it is written.
            Stream::Tls(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<I: Inbox> Future for Socket<I> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // How a connection ends makes no difference: the session learns that it has.
        self.get_mut().poll_phases(cx).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use actix_rt::net::TcpListener;
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::{
        gateway::inbox::EchoInbox,
        relay::{Closing, Outbox, OutboxLimits},
        wire::Format,
    };

    const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";

    /// A socket whose answer to the handshake is still to be written, and its client.
    async fn opening() -> (Socket<EchoInbox>, Rc<Outbox>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        let limits = OutboxLimits {
            bytes: 1000,
            pipeline: 2,
            ping_period: Duration::from_secs(15),
            pong_wait: Duration::from_secs(25),
            write_timeout: Duration::from_secs(30),
            close_wait: Duration::from_secs(2),
        };
        let outbox = Rc::new(Outbox::new(Format::Json, limits));
        let peer = Peer::new(outbox.clone(), 100, EchoInbox);
        let head = Bytes::from_static(HEAD);
        let stream = Stream::Plain(accepted.unwrap().0);
        let socket = Socket::new(stream, peer, head, BytesMut::new(), Rc::default());
        (socket, outbox, client.unwrap())
    }

    async fn poll_once(socket: &mut Socket<EchoInbox>) {
        let once = |cx: &mut Context<'_>| Poll::Ready(Pin::new(&mut *socket).poll(cx).is_ready());
        assert!(!poll_fn(once).await, "the socket lives");
    }

    async fn read(client: &mut TcpStream) -> Vec<u8> {
        let mut bytes = vec![0; 1000];
        let count = client.read(&mut bytes).await.unwrap();
        bytes.truncate(count);
        bytes
    }

    #[actix_rt::test]
    async fn the_answer_to_the_handshake_arrives_alone_and_then_what_has_waited() {
        let (mut socket, outbox, mut client) = opening().await;
        outbox.push(Bytes::from_static(b"event"));
        poll_once(&mut socket).await;
        assert_eq!(read(&mut client).await, HEAD);
        actix_rt::spawn(socket);
        assert_eq!(read(&mut client).await, b"event");
    }

    #[actix_rt::test]
    async fn a_socket_that_is_closed_before_it_was_open_says_so_in_frames() {
        let (socket, outbox, mut client) = opening().await;
        outbox.close(Closing::SHUTDOWN);
        actix_rt::spawn(socket);
        let mut all = Vec::new();
        while all.len() < HEAD.len() + 4 {
            all.extend(read(&mut client).await);
        }
        assert!(all.starts_with(HEAD));
        assert_eq!(all[HEAD.len()], 0x88, "a close frame");
    }

    #[actix_rt::test]
    async fn a_socket_that_is_killed_before_it_was_open_ends() {
        let (socket, outbox, mut client) = opening().await;
        outbox.kill();
        actix_rt::spawn(socket);
        assert_eq!(read(&mut client).await, b"");
    }
}
