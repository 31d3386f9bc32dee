//! The actor of a channel: its life, and how it takes commands. Deliveries are in `delivery`, who is here
//! in `joined`, the commands themselves in `channel::command`.

mod delivery;
mod joined;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use actix::prelude::*;
use tokio::sync::oneshot;

use self::joined::{Branch, Entering, Home, JoinResult};
use super::{
    BatchCommitted, ChannelKind, ChannelParts, CommitSink, EndStays, Entrance, EventsCommitted,
    GetPresences, Join, JoinError, Leave, Legacy, Message, MessageStore, Micros, Presence, Publish,
    PublishError, PublishEvents, PublishFromServer, SessionId,
    metrics::{self, MessageCounters},
    state::{ChannelState, Expelled},
};
use crate::{
    directory::Directory,
    relay::{ChannelLost, Crowded, Deliver, Dismiss, LiveChannel, Reply, ReplyAddress, ReplyTo},
};

/// How long a new life waits for the sessions of the one that was lost.
const RETURN_GRACE: Duration = Duration::from_secs(2);

/// One life of a channel. Thin: the rules are in `ChannelState`.
pub(crate) struct Channel {
    live: LiveChannel,
    state: ChannelState,
    /// The order of the history is known, so messages may be admitted.
    open: bool,
    mailbox: usize,
    linger: Duration,
    store: Arc<dyn MessageStore>,
    entrance: Arc<dyn Entrance>,
    sink: CommitSink,
    directory: Directory,
    relays: Vec<Branch>,
    homes: HashMap<SessionId, Home>,
    /// Sessions about which the store has been asked whether they may be here.
    entering: HashMap<SessionId, Entering>,
    calls: HashMap<u64, CallAnswer>,
    last_call: u64,
    /// What is released will be delivered at the end of this turn.
    delivering: bool,
    announcing: Option<SpawnHandle>,
    /// Sessions of a lost life that may still be coming back. Until they are here nothing is announced
    /// or delivered: they would miss it.
    awaited: HashSet<SessionId>,
    /// Sessions of a lost life whose stay has ended meanwhile: they are not let back in, and hear of it then.
    not_returning: HashSet<SessionId>,
    lingering: Option<SpawnHandle>,
    sent: MessageCounters,
}

/// Where a call that came from no socket is answered.
enum CallAnswer {
    Message(oneshot::Sender<Result<Arc<Message>, PublishError>>),
    Events(oneshot::Sender<Result<(), PublishError>>),
}

impl Channel {
    pub(crate) fn start_on(
        arbiter: &ArbiterHandle,
        live: LiveChannel,
        parts: ChannelParts,
    ) -> Addr<Self> {
        Self::start_in_arbiter(arbiter, move |ctx| {
            let committed = ctx.address().recipient::<BatchCommitted>();
            metrics::LIVE.add_one();
            Self {
                live,
                awaited: parts.inherited.members,
                not_returning: HashSet::new(),
                state: ChannelState::new(parts.id, parts.limits, parts.inherited.announced),
                open: false,
                mailbox: parts.mailbox,
                linger: parts.linger,
                store: parts.store,
                entrance: parts.entrance,
                // Without a bound: each outcome is of a message that holds a place in its sender's line.
                sink: Arc::new(move |batch| committed.do_send(batch)),
                directory: parts.directory,
                relays: Vec::new(),
                homes: HashMap::new(),
                entering: HashMap::new(),
                calls: HashMap::new(),
                last_call: 0,
                delivering: false,
                announcing: None,
                lingering: None,
                sent: MessageCounters::new(),
            }
        })
    }

    /// Starts the clock of an empty channel; a join stops it.
    fn linger_if_idle(&mut self, ctx: &mut Context<Self>) {
        if !self.is_idle() || self.lingering.is_some() || !self.awaited.is_empty() {
            return;
        }
        self.lingering = Some(ctx.run_later(self.linger, |channel, ctx| {
            channel.lingering = None;
            if channel.is_idle() {
                channel.directory.release(channel.state.id(), channel.live);
                ctx.stop();
            }
        }));
    }

    fn is_idle(&self) -> bool {
        self.state.is_idle() && self.calls.is_empty() && self.entering.is_empty()
    }

    /// Leaves the channel to the next life, with its members and the presences that everybody has been
    /// told of.
    fn hand_over(&mut self) {
        let mut members = std::mem::take(&mut self.awaited);
        members.extend(self.homes.keys());
        let legacy = Legacy {
            announced: self.state.announced().to_vec(),
            members,
        };
        self.directory.lost(self.state.id(), self.live, legacy);
    }

    fn next_call(&mut self) -> u64 {
        self.last_call += 1;
        self.last_call
    }

    fn refuse(&self, reply_to: ReplyAddress, error: PublishError) {
        let replies = vec![Reply {
            socket: reply_to.socket,
            ticket: reply_to.ticket,
            answer: error.into(),
        }];
        if let Some(at) = self.relay(reply_to.relay) {
            self.relays[at].addr.do_send(Deliver {
                channel: self.live,
                events: Arc::new([]),
                replies,
            });
        }
    }
}

impl Actor for Channel {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.mailbox);
        // Nothing is taken from the mailbox until the order of the history is known. The store sees
        // every write of an earlier life first, so no place is given twice.
        let store = self.store.clone();
        let id = self.state.id().clone();
        let open = async move { store.open(&id).await };
        ctx.wait(open.into_actor(self).map(|position, channel, ctx| match position {
            Ok(position) => {
                channel.state.continue_from(position);
                channel.open = true;
                if !channel.awaited.is_empty() {
                    ctx.run_later(RETURN_GRACE, |channel, ctx| {
                        channel.awaited.clear();
                        channel.announce(ctx);
                        channel.deliver_released(ctx);
                    });
                }
                channel.linger_if_idle(ctx);
            }
            Err(error) => {
                tracing::error!(channel = %channel.state.id(), %error, "channel cannot be opened");
                // Those in the mailbox are told; the next join starts a new life.
                channel.hand_over();
                ctx.run_later(Duration::from_secs(1), |_, ctx| ctx.stop());
            }
        }));
    }
}

impl Drop for Channel {
    /// The members of a life that ends in a panic join the next one. `stopped` would not tell: actix
    /// calls it after a panic as well.
    fn drop(&mut self) {
        metrics::LIVE.take_one();
        if !std::thread::panicking() {
            return;
        }
        tracing::error!(channel = %self.state.id(), "channel lost");
        metrics::LOST.increment(1);
        self.hand_over();
        for branch in &self.relays {
            branch.addr.do_send(ChannelLost { channel: self.live });
        }
    }
}

impl Handler<Join> for Channel {
    type Result = ActorResponse<Self, JoinResult>;

    fn handle(&mut self, join: Join, ctx: &mut Context<Self>) -> Self::Result {
        if !self.open {
            return ActorResponse::reply(Err(JoinError::Unavailable));
        }
        let ended = self.not_returning.remove(&join.presence.session);
        if ended && join.ticket.is_none() {
            return ActorResponse::reply(Err(JoinError::Forbidden));
        }
        if self.state.has(join.presence.session) {
            return ActorResponse::reply(self.enter_or_give_up(join, ctx));
        }
        if self.state.id().kind() == ChannelKind::Room {
            return self.enter_room(join, ctx);
        }
        ActorResponse::r#async(self.enter_if_allowed(join))
    }
}

impl Handler<Leave> for Channel {
    type Result = ();

    fn handle(&mut self, leave: Leave, ctx: &mut Context<Self>) {
        self.entering.remove(&leave.session);
        self.not_returning.remove(&leave.session);
        self.state.leave(leave.session);
        if let Some(home) = self.homes.remove(&leave.session) {
            let branch = &mut self.relays[home.branch];
            branch.members -= 1;
            branch.addr.do_send(Dismiss {
                channel: self.live,
                socket: home.socket,
                answer: leave.answer.map(|address| address.ticket),
            });
        } else if let Some(address) = leave.answer
            && let Some(at) = self.relay(address.relay)
        {
            // Taken out before it could leave.
            self.relays[at].addr.do_send(Dismiss {
                channel: self.live,
                socket: address.socket,
                answer: Some(address.ticket),
            });
        }
        self.returned(leave.session, ctx);
        self.announce(ctx);
        self.linger_if_idle(ctx);
    }
}

impl Handler<Publish> for Channel {
    type Result = ();

    fn handle(&mut self, publish: Publish, ctx: &mut Context<Self>) {
        let Publish {
            session,
            reply_to,
            written,
            edit,
        } = publish;
        let (answer, now) = (ReplyTo::Socket(reply_to), Micros::now());
        match self.state.admit(session, edit, written, answer, now) {
            Ok(None) => self.deliver_soon(ctx),
            Ok(Some(write)) => {
                if let Err(error) = self.store.submit(write, &self.sink) {
                    self.state.withdraw();
                    self.refuse(reply_to, error.into());
                }
            }
            Err(error) => self.refuse(reply_to, error),
        }
    }
}

impl Handler<Crowded> for Channel {
    type Result = ();

    fn handle(&mut self, _: Crowded, _: &mut Context<Self>) {
        self.state.crowded(Micros::now());
    }
}

impl Handler<PublishEvents> for Channel {
    type Result = ResponseFuture<Result<(), PublishError>>;

    fn handle(&mut self, publish: PublishEvents, ctx: &mut Context<Self>) -> Self::Result {
        if !self.open {
            return Box::pin(async { Err(PublishError::ChannelLost) });
        }
        let call = self.next_call();
        let place = self
            .state
            .reserve(publish.most, ReplyTo::Call(call), Micros::now());
        let committed = ctx.address();
        // Without a bound of its own: once for each change, and these wait in the writer's queue.
        let sink = Box::new(move |events| committed.do_send(EventsCommitted(events)));
        if let Err(error) = (publish.submit)(place, sink) {
            self.state.withdraw();
            self.linger_if_idle(ctx);
            return Box::pin(async move { Err(error.into()) });
        }
        let (told, end) = oneshot::channel();
        self.calls.insert(call, CallAnswer::Events(told));
        Box::pin(async move { end.await.unwrap_or(Err(PublishError::ChannelLost)) })
    }
}

impl Handler<PublishFromServer> for Channel {
    type Result = ResponseFuture<Result<Arc<Message>, PublishError>>;

    fn handle(&mut self, publish: PublishFromServer, ctx: &mut Context<Self>) -> Self::Result {
        if !self.open {
            return Box::pin(async { Err(PublishError::ChannelLost) });
        }
        let call = self.next_call();
        let write = self.state.admit_from_server(
            publish.content,
            publish.username,
            ReplyTo::Call(call),
            Micros::now(),
        );
        if let Err(error) = self.store.submit(write, &self.sink) {
            self.state.withdraw();
            self.linger_if_idle(ctx);
            return Box::pin(async move { Err(error.into()) });
        }
        let (told, end) = oneshot::channel();
        self.calls.insert(call, CallAnswer::Message(told));
        Box::pin(async move { end.await.unwrap_or(Err(PublishError::ChannelLost)) })
    }
}

impl Handler<BatchCommitted> for Channel {
    type Result = ();

    fn handle(&mut self, batch: BatchCommitted, ctx: &mut Context<Self>) {
        self.state.committed(batch.outcomes);
        self.deliver_released(ctx);
    }
}

impl Handler<EventsCommitted> for Channel {
    type Result = ();

    fn handle(&mut self, EventsCommitted(events): EventsCommitted, ctx: &mut Context<Self>) {
        self.state.changed(events);
        // Those of one commit come one by one, and leave together.
        self.deliver_soon(ctx);
    }
}

impl Handler<EndStays> for Channel {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: EndStays, ctx: &mut Context<Self>) -> Self::Result {
        // Nobody is waited for any more.
        self.not_returning.extend(std::mem::take(&mut self.awaited));
        // Ephemeral messages that are ready may be waiting for the end of the turn.
        self.deliver_released(ctx);
        let told = self.expel(Expelled::Everybody, ctx);
        self.announce(ctx);
        // What was refused may be next, with answers that are due.
        self.deliver_released(ctx);
        Box::pin(async {
            for done in told {
                // A relay that is gone has nobody left to tell.
                let _ = done.await;
            }
        })
    }
}

impl Handler<GetPresences> for Channel {
    type Result = MessageResult<GetPresences>;

    fn handle(&mut self, _: GetPresences, _: &mut Context<Self>) -> Self::Result {
        MessageResult(
            self.state
                .presences()
                .map(|presence| Presence::clone(presence))
                .collect(),
        )
    }
}
