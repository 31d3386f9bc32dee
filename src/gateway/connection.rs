//! An HTTP connection of the server's own listener, until it becomes a socket: how long it may be held, and how many
//! there may be.
//!
//! actix-http bounds the time of a connection's first head, and how long a connection may idle. Everything else is
//! bounded here, by what can be seen of bytes alone: from the first byte of a request to the first of its answer
//! `request_timeout` may pass, whatever comes meanwhile (half a head, a body without end), the same time behind an
//! answer whose request goes on, and a peer that takes nothing of an answer is given up after `write_timeout`.
//!
//! Invariant: a newcomer gets a place. When all are taken, the connection that has idled longest makes way, or if none
//! idles the one that has been at its request, or its answer, for the longest time.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future as _,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use actix_codec::{AsyncRead, AsyncWrite, ReadBuf};
use actix_http::{Protocol, error::DispatchError};
use actix_rt::{
    net::TcpStream,
    time::{Sleep, sleep_until},
};
use actix_service::{ServiceFactory, fn_service};

use super::metrics::{CONNECTIONS_CLOSED, ConnectionEnd};
use crate::config::Settings;

/// The bounds of a thread's connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionLimits {
    /// Open at the same time.
    pub(super) count: usize,
    /// From the first byte of a request to the first of its answer.
    pub(super) request_timeout: Duration,
    /// Without the peer's taking anything of an answer.
    pub(super) write_timeout: Duration,
}

impl ConnectionLimits {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            count: settings.max_http_connections,
            request_timeout: settings.request_timeout,
            write_timeout: settings.write_timeout,
        }
    }
}

/// How many connections a thread has to take for so many places: those that make way need a moment.
pub(crate) fn to_accept(places: usize) -> usize {
    places.saturating_add((places / 2).min(64))
}

/// The connections of a thread.
pub(super) struct Connections {
    limits: ConnectionLimits,
    /// Those that are open, in the order in which they came.
    open: RefCell<BTreeMap<u64, Rc<State>>>,
    next: Cell<u64>,
}

struct State {
    doing: Cell<Doing>,
    since: Cell<Instant>,
    /// Has to make way.
    evicted: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// Nothing has been asked, or all that was asked has been answered.
    Nothing,
    /// Bytes of a request have come, and none of an answer has gone.
    Asking,
    /// The peer does not take the answer.
    Taking,
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Rc<Self> {
        Rc::new(Self {
            limits,
            open: RefCell::default(),
            next: Cell::new(0),
        })
    }

    /// Gives a connection a place, another one's if need be.
    pub(super) fn admit(self: &Rc<Self>, stream: TcpStream) -> Connection {
        if self.open.borrow().len() >= self.limits.count {
            self.evict_one();
        }
        let state = Rc::new(State {
            doing: Cell::new(Doing::Nothing),
            since: Cell::new(Instant::now()),
            evicted: Cell::new(false),
            waker: RefCell::default(),
        });
        let number = self.next.replace(self.next.get() + 1);
        self.open.borrow_mut().insert(number, state.clone());
        Connection {
            stream,
            place: Place {
                number,
                state,
                connections: self.clone(),
            },
            alarm: None,
        }
    }

    fn evict_one(&self) {
        let open = self.open.borrow();
        let staying = || open.iter().filter(|(_, state)| !state.evicted.get());
        let idle = staying().filter(|(_, state)| state.doing.get() == Doing::Nothing);
        let longest = |(_, state): &(&u64, &Rc<State>)| state.since.get();
        let Some((_, state)) = idle
            .min_by_key(longest)
            .or_else(|| staying().min_by_key(longest))
        else {
            return;
        };
        CONNECTIONS_CLOSED.of(ConnectionEnd::MadeWay).increment(1);
        state.evicted.set(true);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

/// The first station of a listener: gives each connection a place among those of the thread.
pub(super) fn places(
    limits: ConnectionLimits,
) -> impl ServiceFactory<
    TcpStream,
    Config = (),
    Response = (Connection, Protocol, Option<SocketAddr>),
    Error = DispatchError,
    InitError = (),
> {
    let connections = Connections::new(limits);
    fn_service(move |stream: TcpStream| {
        // Without it answers were seen to wait for 40 ms. A connection that is gone by now takes none.
        let _ = stream.set_nodelay(true);
        let peer = stream.peer_addr().ok();
        let connection = connections.admit(stream);
        std::future::ready(Ok((connection, Protocol::Http1, peer)))
    })
}

/// Gives the place back when the connection ends, or becomes a socket.
struct Place {
    number: u64,
    state: Rc<State>,
    connections: Rc<Connections>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open.borrow_mut().remove(&self.number);
    }
}

/// A connection with a place.
pub(super) struct Connection {
    stream: TcpStream,
    place: Place,
    /// Rings at some time when there may be something to end; made on first need, and set anew when it rings.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// The bare stream, for a socket: it has bounds of its own.
    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn begin(&self, doing: Doing) {
        let state = &self.place.state;
        if state.doing.replace(doing) != doing {
            state.since.set(Instant::now());
        }
    }

    /// Until when the present state may last.
    fn deadline(&self) -> Instant {
        let limits = &self.place.connections.limits;
        let state = &self.place.state;
        let time = match state.doing.get() {
            // Where no request is under way at all, actix-http ends the connection sooner.
            Doing::Nothing | Doing::Asking => limits.request_timeout,
            Doing::Taking => limits.write_timeout,
        };
        state.since.get() + time
    }

    /// An error when the connection has to end.
    fn check(&self) -> io::Result<()> {
        if self.place.state.evicted.get() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if self.deadline() <= Instant::now() {
            let reason = match self.place.state.doing.get() {
                Doing::Taking => ConnectionEnd::AnswerNotRead,
                Doing::Nothing | Doing::Asking => ConnectionEnd::RequestNotFinished,
            };
            CONNECTIONS_CLOSED.of(reason).increment(1);
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// Has the task woken when the connection must end.
    fn wait(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut waker = self.place.state.waker.borrow_mut();
        match &mut *waker {
            Some(known) => known.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        drop(waker);
        let deadline = self.deadline();
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        // One that rings too early is set anew when it does: most never need to be.
        if alarm.deadline() > deadline.into() {
            alarm.as_mut().reset(deadline.into());
        }
        while alarm.as_mut().poll(cx).is_ready() {
            if deadline <= Instant::now() {
                return self.check();
            }
            alarm.as_mut().reset(deadline.into());
        }
        Ok(())
    }

    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: &Poll<io::Result<usize>>,
    ) -> io::Result<()> {
        match written {
            Poll::Pending => {
                self.begin(Doing::Taking);
                self.wait(cx)
            }
            Poll::Ready(_) => {
                self.place.state.doing.set(Doing::Nothing);
                self.place.state.since.set(Instant::now());
                Ok(())
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before && self.place.state.doing.get() == Doing::Nothing {
            self.begin(Doing::Asking);
        }
        if read.is_pending() {
            self.wait(cx)?;
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, &written)?;
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, &written)?;
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
