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
use tokio::sync::oneshot;

use super::{
    Admit, ChannelLost, CloseSocket, Crowded, Deliver, Dismiss, Expel, Expelled, Flush, Hide,
    LiveChannel, Outbox, Push, RelayId, Reply, Sent, SocketKey, StayEnded,
    fanout::{FannedOut, Hidden, Member, cork, fan_out},
    metrics::{DELIVERIES, OUTBOX_WAITING},
};
use crate::{user::UserId, wire::Outgoing};

/// The sockets of one thread, shared by its relay and its sessions.
#[derive(Default)]
struct Sockets {
    open: HashMap<SocketKey, Socket>,
    /// What is kept from users who have sockets here, by user; only where it is not the same for all.
    hidden: HashMap<UserId, HiddenFrom>,
}

struct Socket {
    outbox: Rc<Outbox>,
    session: Option<Recipient<StayEnded>>,
    /// Whose it is, and what is kept from them; `None` where nobody's messages are ever hidden.
    hidden: Option<(UserId, Hidden)>,
}

/// What is kept from a user, for as long as they have sockets here.
#[derive(Default)]
struct HiddenFrom {
    senders: Hidden,
    sockets: usize,
}

/// The members of a channel on this thread.
struct Audience {
    members: Vec<Member>,
    channel: Recipient<Crowded>,
    /// When the channel was last told that it is more than a member can read.
    told: Option<Instant>,
}

impl Audience {
    /// Tells the channel that it sends more than a member can read, but not over and over.
    fn tell_crowded(&mut self) {
        const PAUSE: Duration = Duration::from_millis(200);
        let now = Instant::now();
        if self.told.is_none_or(|told| now - told >= PAUSE) {
            self.told = Some(now);
            self.channel.do_send(Crowded);
        }
    }
}

/// Fans events out to the sockets of one worker thread.
pub(crate) struct Relay {
    sockets: Rc<RefCell<Sockets>>,
    channels: HashMap<LiveChannel, Audience>,
    tick: Duration,
    /// What has been delivered to in this turn of the mailbox: written to at its end, all at once.
    corked: Vec<Rc<Outbox>>,
    /// To be told when it has been written to them.
    awaited: Vec<oneshot::Sender<()>>,
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
    sockets: Rc<RefCell<Sockets>>,
}

impl Relay {
    /// Starts a relay on this thread. `tick` is how often sockets are looked after.
    pub(crate) fn start_here(tick: Duration) -> RelayHandle {
        let sockets = Rc::<RefCell<Sockets>>::default();
        let relay = Self {
            sockets: sockets.clone(),
            channels: HashMap::new(),
            tick,
            corked: Vec::new(),
            awaited: Vec::new(),
            rest_until: Instant::now(),
            burst: 0,
            deliveries: DELIVERIES.handle(),
        };
        RelayHandle {
            addr: relay.start(),
            id: RelayId::new(),
            sockets,
        }
    }
}

impl RelayHandle {
    /// Takes charge of a socket's outbox until [`detach`](Self::detach). With a user, what [`Hide`] tells of
    /// them concerns it.
    pub(crate) fn attach(&self, outbox: Rc<Outbox>, user: Option<UserId>) -> SocketKey {
        let key = SocketKey::new();
        let sockets = &mut *self.sockets.borrow_mut();
        let hidden = user.map(|user| {
            let from = sockets.hidden.entry(user).or_default();
            from.sockets += 1;
            (user, from.senders.clone())
        });
        sockets.open.insert(
            key,
            Socket {
                outbox,
                session: None,
                hidden,
            },
        );
        key
    }

    /// Names the session to be told when it is no longer in a channel.
    pub(crate) fn tell(&self, socket: SocketKey, session: Recipient<StayEnded>) {
        if let Some(entry) = self.sockets.borrow_mut().open.get_mut(&socket) {
            entry.session = Some(session);
        }
    }

    pub(crate) fn detach(&self, socket: SocketKey) {
        let sockets = &mut *self.sockets.borrow_mut();
        let gone = sockets.open.remove(&socket);
        if let Some((user, _)) = gone.and_then(|socket| socket.hidden)
            && let Some(from) = sockets.hidden.get_mut(&user)
        {
            from.sockets -= 1;
            if from.sockets == 0 {
                sockets.hidden.remove(&user);
            }
        }
    }
}

impl Actor for Relay {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(self.tick, |relay, _| {
            let now = Instant::now();
            let mut waiting = 0;
            for socket in relay.sockets.borrow().open.values() {
                socket.outbox.tick(now);
                waiting += socket.outbox.waiting_bytes();
            }
            OUTBOX_WAITING.handle().record(waiting as f64);
        });
    }
}

impl Drop for Relay {
    /// Without its relay a socket would hear nothing for ever: better to end it.
    fn drop(&mut self) {
        for socket in self.sockets.borrow().open.values() {
            // Nobody is left to see a close frame through.
            socket.outbox.kill();
        }
    }
}

impl Relay {
    /// Writes to everybody who was delivered to.
    fn uncork(&mut self) {
        /// Longest rest, and with it the most that it adds to the latency of a busy server: one whose rounds
        /// take twice as long.
        const LONGEST: Duration = Duration::from_millis(2);
        let begun = Instant::now();
        for outbox in self.corked.drain(..) {
            outbox.uncork();
        }
        tell(std::mem::take(&mut self.awaited));
        let ended = Instant::now();
        self.rest_until = ended + ((ended - begun) / 2).min(LONGEST);
    }

    /// Uncorks at the end of this turn of the mailbox. Right after a long round of writes it rests a
    /// little first: those who have just heard of each other answer, and what they say then leaves in
    /// the same round as what came during the last one. Under load that saves every second write.
    fn uncork_soon(&self, ctx: &mut Context<Self>) {
        let until = self.rest_until;
        let rested = async move {
            while Instant::now() < until {
                // Not a timer: the shortest is longer than most rests. This looks for input meanwhile.
                tokio::task::yield_now().await;
            }
        };
        ctx.spawn(rested.into_actor(self).map(|(), relay, _| relay.uncork()));
    }

    /// Has written what was pushed: at the end of this turn, or now when that is much. `idle` is whether
    /// nothing was to be written before.
    fn end_turn(&mut self, idle: bool, ctx: &mut Context<Self>) {
        let much = self.burst >= BURST;
        if much {
            self.burst = 0;
            self.uncork();
        }
        // Sockets whose outbox cannot write by itself write when it is their turn.
        let others = OtherTasksFirst(false).into_actor(self);
        if much {
            // The mailbox waits meanwhile, so the order stays.
            ctx.wait(others);
        } else if idle && !self.corked.is_empty() {
            self.uncork_soon(ctx);
        } else if self.corked.is_empty() && !self.awaited.is_empty() {
            let awaited = std::mem::take(&mut self.awaited);
            ctx.spawn(others.map(|(), _, _| tell(awaited)));
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
        let idle = self.corked.is_empty();
        if let Some(audience) = self.channels.get_mut(&channel)
            && !events.is_empty()
        {
            let FannedOut { bytes, crowds } =
                fan_out(channel, &audience.members, &events, &mut self.corked);
            self.burst += bytes;
            self.deliveries
                .increment((audience.members.len() * events.len()) as u64);
            if crowds {
                audience.tell_crowded();
            }
        }
        let sockets = self.sockets.borrow();
        for reply in replies {
            if let Some(socket) = sockets.open.get(&reply.socket) {
                cork(&mut self.corked, &socket.outbox);
                socket.outbox.answer(reply.ticket, Some(&reply.answer));
            }
        }
        drop(sockets);
        self.end_turn(idle, ctx);
    }
}

/// Tells those who wait that it is done. Who no longer waits needs not be told.
fn tell(awaiting: Vec<oneshot::Sender<()>>) {
    for done in awaiting {
        let _ = done.send(());
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

impl Handler<Admit> for Relay {
    type Result = ();

    fn handle(&mut self, admit: Admit, _: &mut Context<Self>) {
        let sockets = self.sockets.borrow();
        // A socket that is gone by now has sent its leave after its join.
        let Some(socket) = sockets.open.get(&admit.socket) else {
            return;
        };
        let again = admit.enter.is_none();
        if let Some(channel) = admit.enter {
            let member = Member {
                socket: admit.socket,
                outbox: socket.outbox.clone(),
                hidden: socket.hidden.as_ref().map(|(_, hidden)| hidden.clone()),
            };
            let audience = self.channels.entry(admit.channel);
            let audience = audience.or_insert_with(|| Audience {
                members: Vec::new(),
                channel,
                told: None,
            });
            audience.members.push(member);
        }
        match admit.answer {
            Some((ticket, answer)) => {
                socket
                    .outbox
                    .answer_join(ticket, admit.channel, again, &answer);
            }
            None => socket.outbox.rejoined(admit.channel),
        }
    }
}

impl Handler<Dismiss> for Relay {
    type Result = ();

    fn handle(&mut self, dismiss: Dismiss, _: &mut Context<Self>) {
        if let Some(Audience { members, .. }) = self.channels.get_mut(&dismiss.channel) {
            if let Some(at) = members.iter().position(|m| m.socket == dismiss.socket) {
                members.swap_remove(at);
            }
            if members.is_empty() {
                self.channels.remove(&dismiss.channel);
            }
        }
        if let Some(ticket) = dismiss.answer
            && let Some(socket) = self.sockets.borrow().open.get(&dismiss.socket)
        {
            socket.outbox.answer(ticket, Some(&Outgoing::Empty));
        }
    }
}

impl Handler<Expel> for Relay {
    type Result = ();

    fn handle(&mut self, expel: Expel, ctx: &mut Context<Self>) {
        let Expel {
            channel,
            expelled,
            done,
        } = expel;
        if let Some(Audience { members, .. }) = self.channels.get_mut(&channel) {
            let gone: HashSet<_> = expelled.iter().map(|expelled| expelled.socket).collect();
            members.retain(|member| !gone.contains(&member.socket));
            if members.is_empty() {
                self.channels.remove(&channel);
            }
        }
        let idle = self.corked.is_empty();
        let sockets = self.sockets.borrow();
        for Expelled { socket, stay, news } in expelled {
            let Some(socket) = sockets.open.get(&socket) else {
                continue;
            };
            if let Some(news) = news {
                cork(&mut self.corked, &socket.outbox);
                let format = socket.outbox.format();
                let frame = news.frame(format, None);
                socket.outbox.push_from(channel, Sent::Presences, frame);
            }
            if let Some(session) = &socket.session {
                session.do_send(StayEnded::Expelled(stay));
            }
        }
        drop(sockets);
        self.awaited.extend(done);
        self.end_turn(idle, ctx);
    }
}

impl Handler<Reply> for Relay {
    type Result = ();

    fn handle(&mut self, reply: Reply, ctx: &mut Context<Self>) {
        let idle = self.corked.is_empty();
        if let Some(socket) = self.sockets.borrow().open.get(&reply.socket) {
            cork(&mut self.corked, &socket.outbox);
            socket.outbox.answer(reply.ticket, Some(&reply.answer));
        }
        self.end_turn(idle, ctx);
    }
}

impl Handler<Push> for Relay {
    type Result = ();

    fn handle(&mut self, push: Push, ctx: &mut Context<Self>) {
        let idle = self.corked.is_empty();
        let mut longest = 0;
        let known = self.sockets.borrow();
        for socket in push.sockets.iter().filter_map(|key| known.open.get(key)) {
            cork(&mut self.corked, &socket.outbox);
            let frame = push.event.frame(socket.outbox.format());
            longest = longest.max(frame.len());
            match push.news {
                Some(news) => socket.outbox.push_news(news, frame.clone()),
                None => socket.outbox.push(frame.clone()),
            }
        }
        drop(known);
        self.burst += longest;
        self.awaited.extend(push.done);
        self.end_turn(idle, ctx);
    }
}

impl Handler<Hide> for Relay {
    type Result = ();

    fn handle(&mut self, hide: Hide, _: &mut Context<Self>) {
        let sockets = self.sockets.borrow();
        // Without a socket of theirs there is nothing to hide.
        let Some(hidden) = sockets.hidden.get(&hide.user) else {
            return;
        };
        let mut hidden = hidden.senders.borrow_mut();
        for sender in hide.senders.iter() {
            match hide.hidden {
                true => hidden.insert(*sender),
                false => hidden.remove(sender),
            };
        }
    }
}

impl Handler<Flush> for Relay {
    type Result = ();

    fn handle(&mut self, Flush { done }: Flush, ctx: &mut Context<Self>) {
        self.awaited.push(done);
        // Whatever is corked is uncorked in a moment already.
        self.end_turn(false, ctx);
    }
}

impl Handler<ChannelLost> for Relay {
    type Result = ();

    fn handle(&mut self, lost: ChannelLost, _: &mut Context<Self>) {
        self.channels.remove(&lost.channel);
        // Also to sockets that are not members yet: their requests may have been in the mailbox.
        for socket in self.sockets.borrow().open.values() {
            if let Some(session) = &socket.session {
                session.do_send(StayEnded::Lost(lost.channel));
            }
        }
    }
}

impl Handler<CloseSocket> for Relay {
    type Result = ();

    fn handle(&mut self, close: CloseSocket, _: &mut Context<Self>) {
        if let Some(socket) = self.sockets.borrow().open.get(&close.socket) {
            if let Some(news) = close.last_word {
                let frame = news.frame(socket.outbox.format());
                socket.outbox.push(frame.clone());
            }
            socket.outbox.close(close.why);
        }
    }
}
