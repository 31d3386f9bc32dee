//! A socket on the server's own listener: one small task per connection.

use std::{
    cell::RefCell,
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_rt::net::TcpStream;
use bytes::BytesMut;
use tokio::io::AsyncWrite;

use super::{inbox::Inbox, peer::Peer};

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// Reads in one turn, so that a flood does not keep the thread from its other sockets.
const READS_PER_TURN: usize = 8;

/// Reads requests and writes what waits in the outbox, until either side ends the connection.
pub(super) struct Socket<I> {
    stream: TcpStream,
    peer: Peer<I>,
    /// The beginning of a message, or requests for which there was no room in the line.
    unread: BytesMut,
    buffer: Rc<RefCell<BytesMut>>,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Everything has been written; the peer is being told that no more comes.
    Closing,
    /// Waits for the peer's end. Closing earlier, with input unread, could cost the peer the last frames.
    Lingering,
}

impl<I: Inbox> Socket<I> {
    /// `unread` is what came behind the handshake; `buffer` is shared by the sockets of the thread.
    pub(super) fn new(
        stream: TcpStream,
        peer: Peer<I>,
        unread: BytesMut,
        buffer: Rc<RefCell<BytesMut>>,
    ) -> Self {
        Self {
            stream,
            peer,
            unread,
            buffer,
            phase: Phase::Open,
        }
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
            ready!(poll_read_into(&self.stream, cx, &mut self.unread))?;
            self.peer.receive(&mut self.unread);
        } else {
            let mut buffer = self.buffer.take();
            buffer.reserve(CHUNK);
            let read = poll_read_into(&self.stream, cx, &mut buffer);
            if let Poll::Ready(Ok(())) = read {
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
        if self.phase == Phase::Open {
            if let Poll::Ready(ended) = self.poll_requests(cx) {
                return Poll::Ready(ended);
            }
            let stream = &mut self.stream;
            let written = self
                .peer
                .outbox
                .drain(|frames| Pin::new(&mut *stream).poll_write_vectored(cx, frames));
            if self.peer.outbox.is_dead() {
                return Poll::Ready(Ok(()));
            }
            ready!(written)?;
            if !self.peer.outbox.is_closing() {
                return Poll::Pending;
            }
            self.phase = Phase::Closing;
        }
        if self.peer.outbox.is_dead() {
            return Poll::Ready(Ok(()));
        }
        if self.phase == Phase::Closing {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.phase = Phase::Lingering;
        }
        loop {
            let mut buffer = self.buffer.take();
            buffer.reserve(CHUNK);
            let read = poll_read_into(&self.stream, cx, &mut buffer);
            buffer.clear();
            self.buffer.replace(buffer);
            ready!(read)?;
        }
    }
}

/// Reads what is there. The end of the stream is an error.
fn poll_read_into(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    buffer: &mut BytesMut,
) -> Poll<io::Result<()>> {
    loop {
        ready!(stream.poll_read_ready(cx))?;
        match stream.try_read_buf(buffer) {
            Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => return Poll::Ready(Ok(())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(Err(error)),
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
