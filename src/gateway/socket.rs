//! A socket on the server's own listener: one small task per connection.

use std::{
    cell::RefCell,
    future::Future,
    io::{self, IoSlice},
    net::Shutdown,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_rt::net::TcpStream;
use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::AsyncReadExt;

use super::{inbox::Inbox, peer::Peer};
use crate::relay::Transport;

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// Reads in one turn, so that a flood does not keep the thread from its other sockets.
const READS_PER_TURN: usize = 8;

/// Reads requests and writes what waits in the outbox, until either side ends the connection.
pub(super) struct Socket<I> {
    stream: Rc<Stream>,
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
        let stream = Rc::new(Stream(RefCell::new(stream)));
        peer.outbox.connect(stream.clone());
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
            ready!(self.stream.poll_read(cx, &mut self.unread))?;
            self.peer.receive(&mut self.unread);
        } else {
            let mut buffer = self.buffer.take();
            buffer.reserve(CHUNK);
            let read = self.stream.poll_read(cx, &mut buffer);
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
            let stream = &self.stream;
            let written = self
                .peer
                .outbox
                .drain(|frames| stream.poll_write(cx, frames));
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
            SockRef::from(&*self.stream.0.borrow()).shutdown(Shutdown::Write)?;
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
struct Stream(RefCell<TcpStream>);

impl Stream {
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
        loop {
            ready!(self.0.borrow().poll_write_ready(cx))?;
            match self.try_write(frames) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl Transport for Stream {
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        let stream = self.0.borrow();
        match frames {
            // Measurably cheaper for the kernel, and the usual case at rest.
            [frame] => stream.try_write(frame),
            frames => stream.try_write_vectored(frames),
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
