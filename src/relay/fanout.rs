use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{self, Poll},
    time::{Duration, Instant},
};

use actix::prelude::*;
use bytes::{Bytes, BytesMut};

use super::{
    Admit, ChannelLost, CloseSocket, Deliver, Dismiss, Event, Expel, Expelled, LiveChannel, Outbox,
    Push, RelayId, SocketKey, StayEnded,
};
use crate::wire::{Format, Outgoing};

/// The sockets of one thread, shared by its relay and its sessions.
type Sockets = Rc<RefCell<HashMap<SocketKey, Socket>>>;

struct Socket {
    outbox: Rc<Outbox>,
    session: Option<Recipient<StayEnded>>,
}

struct Member {
    socket: SocketKey,
    outbox: Rc<Outbox>,
}

/// Fans events out to the sockets of one worker thread.
pub(crate) struct Relay {
    sockets: Sockets,
    channels: HashMap<LiveChannel, Vec<Member>>,
    tick: Duration,
    /// What has been delivered to in this turn of the mailbox: written to at its end, all at once.
    corked: Vec<Rc<Outbox>>,
    /// Until when the next round of writes is better put off.
    rest_until: Instant,
    /// Bytes fanned out since the mailbox last waited for the sockets.
    burst: usize,
    deliveries: metrics::Counter,
}

/// After this many bytes to each member the sockets of the thread get their turn to write. Without it a
/// burst of many messages would look like a peer that does not read. With the portion that goes beyond
/// it, this stays below the least `outbox_bytes`.
const BURST: usize = 64 * 1024;

/// A thread's way to its relay. Stays on the thread.
#[derive(Clone)]
pub(crate) struct RelayHandle {
    pub(crate) addr: Addr<Relay>,
    pub(crate) id: RelayId,
    sockets: Sockets,
}

impl Relay {
    /// Starts a relay on this thread. `tick` is how often sockets are looked after.
    pub(crate) fn start_here(tick: Duration) -> RelayHandle {
        let sockets = Sockets::default();
        let relay = Self {
            sockets: sockets.clone(),
            channels: HashMap::new(),
            tick,
            corked: Vec::new(),
            rest_until: Instant::now(),
            burst: 0,
            deliveries: metrics::counter!("banter_deliveries_total"),
        };
        RelayHandle {
            addr: relay.start(),
            id: RelayId::new(),
            sockets,
        }
    }
}

impl RelayHandle {
    /// Takes charge of a socket's outbox until [`detach`](Self::detach).
    pub(crate) fn attach(&self, outbox: Rc<Outbox>) -> SocketKey {
        let key = SocketKey::new();
        self.sockets.borrow_mut().insert(
            key,
            Socket {
                outbox,
                session: None,
            },
        );
        key
    }

    /// Names the session to be told when it is no longer in a channel.
    pub(crate) fn tell(&self, socket: SocketKey, session: Recipient<StayEnded>) {
        if let Some(entry) = self.sockets.borrow_mut().get_mut(&socket) {
            entry.session = Some(session);
        }
    }

    pub(crate) fn detach(&self, socket: SocketKey) {
        self.sockets.borrow_mut().remove(&socket);
    }
}

impl Actor for Relay {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(self.tick, |relay, _| {
            let now = Instant::now();
            let mut waiting = 0;
            for socket in relay.sockets.borrow().values() {
                socket.outbox.tick(now);
                waiting += socket.outbox.waiting_bytes();
            }
            metrics::histogram!("banter_outbox_waiting_bytes").record(waiting as f64);
        });
    }
}

impl Drop for Relay {
    /// Without its relay a socket would hear nothing for ever: better to end it.
    fn drop(&mut self) {
        for socket in self.sockets.borrow().values() {
            // Nobody is left to see a close frame through.
            socket.outbox.kill();
        }
    }
}

impl Relay {
    /// Writes to everybody who was delivered to.
    fn uncork(&mut self) {
        /// Longest rest, and with it the most that it adds to the latency of a busy server.
        const LONGEST: Duration = Duration::from_micros(250);
        let begun = Instant::now();
        for outbox in self.corked.drain(..) {
            outbox.uncork();
        }
        let ended = Instant::now();
        self.rest_until = ended + ((ended - begun) / 4).min(LONGEST);
    }

    /// Uncorks at the end of this turn of the mailbox. Right after a long round of writes it rests a
    /// little first: those who have just heard of each other answer, and what they say then leaves in
    /// the same round as what came during the last one. Under load that saves every second write.
    fn uncork_soon(&self, ctx: &mut Context<Self>) {
        let until = self.rest_until;
        let rested = async move {
            while Instant::now() < until {
                // Not a timer: the shortest is four times as long. This looks for input meanwhile.
                tokio::task::yield_now().await;
            }
        };
        ctx.spawn(rested.into_actor(self).map(|(), relay, _| relay.uncork()));
    }

    fn cork(corked: &mut Vec<Rc<Outbox>>, outbox: &Rc<Outbox>) {
        if outbox.cork() {
            corked.push(outbox.clone());
        }
    }
}

impl Handler<Deliver> for Relay {
    type Result = ();

    fn handle(
        &mut self,
        Deliver {
            channel,
            events,
            replies,
        }: Deliver,
        ctx: &mut Context<Self>,
    ) {
        let begins = self.corked.is_empty();
        if let Some(members) = self.channels.get(&channel)
            && !members.is_empty()
            && !events.is_empty()
        {
            self.burst += fan_out(members, &events, &mut self.corked);
            self.deliveries
                .increment((members.len() * events.len()) as u64);
        }
        let sockets = self.sockets.borrow();
        for reply in replies {
            if let Some(socket) = sockets.get(&reply.socket) {
                Self::cork(&mut self.corked, &socket.outbox);
                socket.outbox.answer(reply.ticket, Some(&reply.answer));
            }
        }
        drop(sockets);
        if self.burst >= BURST {
            self.burst = 0;
            self.uncork();
            // For the sockets whose outbox cannot write by itself. The mailbox waits meanwhile, so the
            // order stays.
            ctx.wait(OtherTasksFirst(false).into_actor(self));
        } else if begins && !self.corked.is_empty() {
            self.uncork_soon(ctx);
        }
    }
}

/// Lets every task of the thread that is ready by now have its turn.
struct OtherTasksFirst(bool);

impl Future for OtherTasksFirst {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The innermost loop of the server: one reference count and one queue entry per member and batch.
/// Returns how many bytes each member got.
fn fan_out(members: &[Member], events: &[Event], corked: &mut Vec<Rc<Outbox>>) -> usize {
    let mut batch = LocalBatch { json: Vec::new() };
    for member in members {
        Relay::cork(corked, &member.outbox);
        for piece in batch.pieces(events, member.outbox.format()) {
            member.outbox.push(piece.clone());
        }
    }
    batch.json.iter().map(Bytes::len).sum()
}

/// The frames of a batch, put together: whoever gets one of them gets all. A copy of this thread's
/// own, because two threads that count references on one cache line cost each other more than the
/// copy does.
struct LocalBatch {
    json: Vec<Bytes>,
}

impl LocalBatch {
    /// Frames are put together up to this size, so that an outbox is counted in small enough steps.
    const PIECE: usize = 16 * 1024;

    fn pieces(&mut self, events: &[Event], format: Format) -> &[Bytes] {
        let pieces = match format {
            Format::Json => &mut self.json,
        };
        if pieces.is_empty() {
            let mut piece = BytesMut::new();
            for event in events {
                let frame = event.frame(format);
                if !piece.is_empty() && piece.len() + frame.len() > Self::PIECE {
                    pieces.push(piece.split().freeze());
                }
                piece.extend_from_slice(frame);
            }
            pieces.push(piece.freeze());
        }
        pieces
    }
}

impl Handler<Admit> for Relay {
    type Result = ();

    fn handle(&mut self, admit: Admit, _: &mut Context<Self>) {
        let sockets = self.sockets.borrow();
        // A socket that is gone by now has sent its leave after its join.
        let Some(socket) = sockets.get(&admit.socket) else {
            return;
        };
        if admit.enter {
            let member = Member {
                socket: admit.socket,
                outbox: socket.outbox.clone(),
            };
            self.channels.entry(admit.channel).or_default().push(member);
        }
        if let Some((ticket, answer)) = admit.answer {
            socket.outbox.answer(ticket, Some(&answer));
        }
    }
}

impl Handler<Dismiss> for Relay {
    type Result = ();

    fn handle(&mut self, dismiss: Dismiss, _: &mut Context<Self>) {
        if let Some(members) = self.channels.get_mut(&dismiss.channel) {
            if let Some(at) = members.iter().position(|m| m.socket == dismiss.socket) {
                members.swap_remove(at);
            }
            if members.is_empty() {
                self.channels.remove(&dismiss.channel);
            }
        }
        if let Some(ticket) = dismiss.answer
            && let Some(socket) = self.sockets.borrow().get(&dismiss.socket)
        {
            socket.outbox.answer(ticket, Some(&Outgoing::Empty));
        }
    }
}

impl Handler<Expel> for Relay {
    type Result = ();

    fn handle(&mut self, Expel { channel, expelled }: Expel, ctx: &mut Context<Self>) {
        if let Some(members) = self.channels.get_mut(&channel) {
            let gone: HashSet<_> = expelled.iter().map(|expelled| expelled.socket).collect();
            members.retain(|member| !gone.contains(&member.socket));
            if members.is_empty() {
                self.channels.remove(&channel);
            }
        }
        let sockets = self.sockets.borrow();
        let begins = self.corked.is_empty();
        for Expelled { socket, stay, news } in expelled {
            let Some(socket) = sockets.get(&socket) else {
                continue;
            };
            if let Some(news) = news {
                Self::cork(&mut self.corked, &socket.outbox);
                let format = socket.outbox.format();
                socket.outbox.push(news.frame(format, None));
            }
            if let Some(session) = &socket.session {
                session.do_send(StayEnded::Expelled(stay));
            }
        }
        drop(sockets);
        if begins && !self.corked.is_empty() {
            self.uncork_soon(ctx);
        }
    }
}

impl Handler<Push> for Relay {
    type Result = ();

    fn handle(&mut self, Push { socket, event }: Push, _: &mut Context<Self>) {
        if let Some(socket) = self.sockets.borrow().get(&socket) {
            socket
                .outbox
                .push(event.frame(socket.outbox.format()).clone());
        }
    }
}

impl Handler<ChannelLost> for Relay {
    type Result = ();

    fn handle(&mut self, lost: ChannelLost, _: &mut Context<Self>) {
        self.channels.remove(&lost.channel);
        // Also to sockets that are not members yet: their requests may have been in the mailbox.
        for socket in self.sockets.borrow().values() {
            if let Some(session) = &socket.session {
                session.do_send(StayEnded::Lost(lost.channel));
            }
        }
    }
}

impl Handler<CloseSocket> for Relay {
    type Result = ();

    fn handle(&mut self, close: CloseSocket, _: &mut Context<Self>) {
        if let Some(socket) = self.sockets.borrow().get(&close.socket) {
            socket.outbox.close(close.why);
        }
    }
}
