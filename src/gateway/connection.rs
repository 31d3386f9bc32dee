//! An HTTP connection of the server's own listener, until it becomes a socket: how long it may be held, and how many
//! there may be.
//!
//! actix-http bounds the time of a connection's first head, the handshake of TLS included, and how long a connection may idle. Everything else is
//! bounded here, by what can be seen of bytes alone: from the first byte of a request to the first of its answer
//! `request_timeout` may pass, whatever comes meanwhile (half a head, a body without end), the same time behind an
//! answer whose request goes on, and a peer that takes nothing of an answer is given up after `write_timeout`. While the
//! server stops, a peer that has to send or to take something has `close_wait` for it, whatever is left of these times.
//!
//! Invariant: a newcomer gets a place. When all are taken, the connection that has idled longest makes way, or if none
//! idles the one that has been at its request, or its answer, for the longest time: one of the address that holds most,
//! if that is much. One address cannot take all: beyond
//! its share its own connections make way.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    future::Future,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    sync::Arc,
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

use super::{
    heads::Heads,
    metrics::{CONNECTIONS_CLOSED, ConnectionEnd},
    stream::Stream,
    tls::Tls,
};
use crate::{
    config::{Networks, Settings},
    rate::Address,
};

/// The bounds of a thread's connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionLimits {
    /// Open at the same time.
    pub(super) count: usize,
    /// Of these from one address.
    pub(super) of_address: usize,
    /// From the first byte of a request to the first of its answer.
    pub(super) request_timeout: Duration,
    /// Without the peer's taking anything of an answer.
    pub(super) write_timeout: Duration,
    /// The same, and for the rest of a request, while the server stops.
    pub(super) close_wait: Duration,
}

impl ConnectionLimits {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            count: settings.max_http_connections,
            of_address: settings.max_address_connections,
            request_timeout: settings.request_timeout,
            write_timeout: settings.write_timeout,
            close_wait: settings.close_wait,
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
    /// How many of them come from where, as far as that is counted.
    counts: RefCell<HashMap<Address, usize>>,
    next: Cell<u64>,
    /// Since when the server stops.
    stopping: Cell<Option<Instant>>,
}

struct State {
    /// Where it comes from, if that is counted.
    from: Option<Address>,
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
            counts: RefCell::default(),
            next: Cell::new(0),
            stopping: Cell::new(None),
        })
    }

    /// The server stops: whoever holds it up has little time left.
    fn stop(&self) {
        self.stopping.set(Some(Instant::now()));
        for state in self.open.borrow().values() {
            state.wake();
        }
    }

    /// Gives a connection a place, another one's if need be. `from` is where it comes from, if it is to count there.
    pub(super) fn admit(self: &Rc<Self>, stream: Stream, from: Option<Address>) -> Connection {
        if from.is_some_and(|from| self.count(from) > self.limits.of_address) {
            let reason = ConnectionEnd::MadeWayForItsAddress;
            self.evict_one(reason, |state| state.from == from);
        } else if self.open.borrow().len() >= self.limits.count {
            let crowd = self.crowd();
            self.evict_one(ConnectionEnd::MadeWay, |state| {
                crowd.is_none() || state.from == crowd
            });
        }
        let state = Rc::new(State {
            from,
            doing: Cell::new(Doing::Nothing),
            since: Cell::new(Instant::now()),
            evicted: Cell::new(false),
            waker: RefCell::default(),
        });
        let number = self.next.replace(self.next.get() + 1);
        self.open.borrow_mut().insert(number, state.clone());
        Connection {
            stream,
            heads: Heads::new(),
            place: Place {
                number,
                state,
                connections: self.clone(),
            },
            alarm: None,
        }
    }

    /// Counts one more from an address; how many there are with it.
    fn count(&self, from: Address) -> usize {
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry(from).or_insert(0);
        *count += 1;
        *count
    }

    /// The address with most connections, if it has more than an eighth of the places: should all be taken, its own make
    /// way. Otherwise somebody who has just come, and has not spoken yet, would before another's half a head.
    fn crowd(&self) -> Option<Address> {
        let counts = self.counts.borrow();
        let (address, count) = counts.iter().max_by_key(|(_, count)| **count)?;
        (*count > self.limits.count / 8).then_some(*address)
    }

    /// Counts one less.
    fn discount(&self, from: Address) {
        let mut counts = self.counts.borrow_mut();
        if let Some(count) = counts.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&from);
            }
        }
    }

    /// Has one of certain connections make way.
    fn evict_one(&self, reason: ConnectionEnd, of: impl Fn(&State) -> bool) {
        let open = self.open.borrow();
        let staying = || {
            open.values()
                .filter(|state| !state.evicted.get() && of(state))
        };
        let idle = staying().filter(|state| state.doing.get() == Doing::Nothing);
        let longest = |state: &&Rc<State>| state.since.get();
        let Some(state) = idle
            .min_by_key(longest)
            .or_else(|| staying().min_by_key(longest))
        else {
            return;
        };
        CONNECTIONS_CLOSED.of(reason).increment(1);
        state.evicted.set(true);
        state.wake();
    }
}

impl State {
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The first station of a listener: gives each connection a place among those of the thread. Those of `trusted`
/// networks, which speak for many, count for no address. `stopping` is ready when the server begins to stop.
pub(super) fn places(
    limits: ConnectionLimits,
    trusted: Networks,
    tls: Option<Arc<Tls>>,
    stopping: impl Future<Output = ()> + 'static,
) -> impl ServiceFactory<
    TcpStream,
    Config = (),
    Response = (Connection, Protocol, Option<SocketAddr>),
    Error = DispatchError,
    InitError = (),
> {
    let connections = Connections::new(limits);
    let of_thread = connections.clone();
    actix_rt::spawn(async move {
        stopping.await;
        of_thread.stop();
    });
    fn_service(move |stream: TcpStream| {
        // Without it answers were seen to wait for 40 ms. A connection that is gone by now takes none.
        let _ = stream.set_nodelay(true);
        let peer = stream.peer_addr().ok();
        let connection = connections.admit(
            Stream::new(stream, tls.as_deref()),
            peer.map(|peer| peer.ip())
                .filter(|address| !trusted.contain(*address))
                .map(Address::from),
        );
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
        if let Some(from) = self.state.from {
            self.connections.discount(from);
        }
    }
}

/// A connection with a place.
pub(super) struct Connection {
    stream: Stream,
    heads: Heads,
    place: Place,
    /// Rings at some time when there may be something to end; made on first need, and set anew when it rings.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// The bare stream, for a socket: it has bounds of its own.
    pub(super) fn into_stream(self) -> Stream {
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
        let deadline = state.since.get() + time;
        match self.place.connections.stopping.get() {
            Some(stopping) if state.doing.get() == Doing::Taking || self.heads.await_more() => {
                deadline.min(state.since.get().max(stopping) + limits.close_wait)
            }
            _ => deadline,
        }
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
        let new = &mut buffer.filled_mut()[before..];
        if !new.is_empty() {
            self.heads.follow(new);
            if self.place.state.doing.get() == Doing::Nothing {
                self.begin(Doing::Asking);
            }
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
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_pending() {
            self.begin(Doing::Taking);
            self.wait(cx)?;
        } else if self.place.state.doing.get() == Doing::Taking {
            self.begin(Doing::Nothing);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
