use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use actix::prelude::*;
use tokio::sync::oneshot;

use super::{
    BatchCommitted, ChannelParts, CommitSink, GetPresences, Join, JoinError, Leave, Legacy,
    Message, MessageCode, MessageStore, Micros, Presence, Publish, PublishError, PublishFromServer,
    SessionId,
    state::{ChannelState, Joined, Released},
};
use crate::{
    directory::Directory,
    relay::{
        Admit, ChannelLost, Deliver, Dismiss, Event, LiveChannel, Relay, RelayId, Reply, ReplyTo,
        SocketKey, Ticket,
    },
    wire::{JoinAnswer, Outgoing, PresenceNews},
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
    sink: CommitSink,
    directory: Directory,
    relays: Vec<Branch>,
    homes: HashMap<SessionId, Home>,
    hosts: HashMap<u64, HostAnswer>,
    next_host: u64,
    /// What is released will be delivered at the end of this turn.
    delivering: bool,
    announcing: Option<SpawnHandle>,
    /// Sessions of a lost life that may still be coming back. Until they are here nothing is announced
    /// or delivered: they would miss it.
    awaited: HashSet<SessionId>,
    lingering: Option<SpawnHandle>,
    sent: [metrics::Counter; 3],
}

/// A relay that has, or had, members of this channel.
struct Branch {
    id: RelayId,
    addr: Addr<Relay>,
    members: usize,
}

/// Where a call of the host program is answered.
type HostAnswer = oneshot::Sender<Result<Arc<Message>, PublishError>>;

/// Events for all members, and the answers that follow them, by relay.
struct Portion {
    events: Vec<Event>,
    replies: Vec<Vec<Reply>>,
    /// For host programs, told when everybody has been delivered to.
    hosts: Vec<(HostAnswer, Result<Arc<Message>, PublishError>)>,
    /// About the bytes of the frames of `events`.
    bytes: usize,
}

/// Where a member's socket is.
#[derive(Clone, Copy)]
struct Home {
    /// Index into `relays`.
    branch: usize,
    socket: SocketKey,
}

impl Channel {
    pub(crate) fn start_on(
        arbiter: &ArbiterHandle,
        live: LiveChannel,
        parts: ChannelParts,
    ) -> Addr<Self> {
        Self::start_in_arbiter(arbiter, move |ctx| {
            let committed = ctx.address().recipient::<BatchCommitted>();
            let messages =
                |kind: &'static str| metrics::counter!("banter_messages_total", "kind" => kind);
            metrics::gauge!("banter_live_channels").increment(1.0);
            Self {
                live,
                awaited: parts.inherited.members,
                state: ChannelState::new(parts.id, parts.limits, parts.inherited.announced),
                open: false,
                mailbox: parts.mailbox,
                linger: parts.linger,
                store: parts.store,
                // Without a bound: each outcome is of a message that holds a place in its sender's line.
                sink: Arc::new(move |batch| committed.do_send(batch)),
                directory: parts.directory,
                relays: Vec::new(),
                homes: HashMap::new(),
                hosts: HashMap::new(),
                next_host: 0,
                delivering: false,
                announcing: None,
                lingering: None,
                sent: [messages("send"), messages("update"), messages("remove")],
            }
        })
    }

    fn branch(&mut self, id: RelayId, addr: Addr<Relay>) -> usize {
        self.relays
            .iter()
            .position(|branch| branch.id == id)
            .unwrap_or_else(|| {
                self.relays.push(Branch {
                    id,
                    addr,
                    members: 0,
                });
                self.relays.len() - 1
            })
    }

    /// Delivers at the end of this turn of the mailbox: what came with it leaves together, and a
    /// member gets one piece of bytes for all of it.
    fn deliver_soon(&mut self, ctx: &mut Context<Self>) {
        if !std::mem::replace(&mut self.delivering, true) {
            let end_of_turn = std::future::ready(()).into_actor(self);
            ctx.spawn(end_of_turn.map(|(), channel, ctx| {
                channel.delivering = false;
                channel.deliver_released(ctx);
            }));
        }
    }

    /// Delivers and answers everything whose turn has come, in portions that let the sockets have
    /// their turn in between.
    fn deliver_released(&mut self, ctx: &mut Context<Self>) {
        /// Bytes of frames in one portion, about.
        const PORTION: usize = 64 * 1024;
        if !self.awaited.is_empty() {
            return;
        }
        let mut portion = self.portion();
        while let Some(Released { reply_to, result }) = self.state.release() {
            if let Ok(message) = &result {
                self.sent[message_kind(message)].increment(1);
                portion.bytes += message.weight();
                let event = Event::new(Outgoing::Message(message.clone()));
                portion.events.push(event);
            }
            match reply_to {
                ReplyTo::Socket {
                    relay,
                    socket,
                    ticket,
                } => {
                    let answer = result.map_or_else(|error| error.into(), Outgoing::Ack);
                    if let Some(at) = self.relays.iter().position(|branch| branch.id == relay) {
                        portion.replies[at].push(Reply {
                            socket,
                            ticket,
                            answer,
                        });
                    }
                }
                ReplyTo::Host(call) => {
                    let host = self.hosts.remove(&call);
                    portion.hosts.extend(host.map(|host| (host, result)));
                }
            }
            if portion.bytes >= PORTION {
                let full = std::mem::replace(&mut portion, self.portion());
                self.deliver(full);
            }
        }
        self.deliver(portion);
        self.linger_if_idle(ctx);
    }

    fn portion(&self) -> Portion {
        Portion {
            events: Vec::new(),
            replies: self.relays.iter().map(|_| Vec::new()).collect(),
            hosts: Vec::new(),
            bytes: 0,
        }
    }

    fn deliver(&self, portion: Portion) {
        let events: Arc<[Event]> = portion.events.into();
        for (branch, replies) in self.relays.iter().zip(portion.replies) {
            let concerned = (branch.members > 0 && !events.is_empty()) || !replies.is_empty();
            if concerned {
                branch.addr.do_send(Deliver {
                    channel: self.live,
                    events: events.clone(),
                    replies,
                });
            }
        }
        for (host, result) in portion.hosts {
            // A host that no longer waits has lost nothing but the news.
            let _ = host.send(result);
        }
    }

    /// A session of a lost life is back, or will not come.
    fn returned(&mut self, session: SessionId, ctx: &mut Context<Self>) {
        if self.awaited.remove(&session) && self.awaited.is_empty() {
            self.deliver_released(ctx);
        }
    }

    /// Announces joins and leaves, now or after gathering more of them.
    fn announce(&mut self, ctx: &mut Context<Self>) {
        if !self.awaited.is_empty() || self.announcing.is_some() {
            return;
        }
        match self.state.announce_in() {
            None => {}
            Some(Duration::ZERO) => self.announce_now(),
            Some(window) => {
                self.announcing = Some(ctx.run_later(window, |channel, ctx| {
                    channel.announcing = None;
                    channel.announce_now();
                    channel.linger_if_idle(ctx);
                }));
            }
        }
    }

    fn announce_now(&mut self) {
        /// Presences in one event: about 150 kB, so that no single frame fills an outbox.
        const IN_ONE_EVENT: usize = 1000;
        let Some(delta) = self.state.take_delta() else {
            return;
        };
        let changes = delta.joins.len() + delta.leaves.len();
        metrics::counter!("banter_presence_changes_total").increment(changes as u64);
        for delta in delta.parts(IN_ONE_EVENT) {
            let channel = self.state.id().clone();
            let mut portion = self.portion();
            let news = PresenceNews { channel, delta };
            portion.events.push(Event::new(Outgoing::Presence(news)));
            self.deliver(portion);
        }
    }

    /// Starts the clock of an empty channel; a join stops it.
    fn linger_if_idle(&mut self, ctx: &mut Context<Self>) {
        if !self.state.is_idle() || self.lingering.is_some() || !self.awaited.is_empty() {
            return;
        }
        self.lingering = Some(ctx.run_later(self.linger, |channel, ctx| {
            channel.lingering = None;
            if channel.state.is_idle() && channel.hosts.is_empty() {
                channel.directory.release(channel.state.id(), channel.live);
                ctx.stop();
            }
        }));
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

    fn refuse(&self, home: Home, ticket: Ticket, error: PublishError) {
        let replies = vec![Reply {
            socket: home.socket,
            ticket,
            answer: error.into(),
        }];
        self.relays[home.branch].addr.do_send(Deliver {
            channel: self.live,
            events: Arc::new([]),
            replies,
        });
    }
}

fn message_kind(message: &Message) -> usize {
    match message.code {
        MessageCode::Chat => 0,
        MessageCode::Update => 1,
        MessageCode::Remove => 2,
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
        metrics::gauge!("banter_live_channels").decrement(1.0);
        if !std::thread::panicking() {
            return;
        }
        tracing::error!(channel = %self.state.id(), "channel lost");
        metrics::counter!("banter_channels_lost_total").increment(1);
        self.hand_over();
        for branch in &self.relays {
            branch.addr.do_send(ChannelLost { channel: self.live });
        }
    }
}

impl Handler<Join> for Channel {
    type Result = Result<LiveChannel, JoinError>;

    fn handle(&mut self, join: Join, ctx: &mut Context<Self>) -> Self::Result {
        if !self.open {
            return Err(JoinError::Unavailable);
        }
        let session = join.presence.session;
        let Joined {
            presence,
            others,
            first,
        } = self.state.join(join.presence, join.hidden)?;
        let branch = self.branch(join.relay_id, join.relay);
        if first {
            if let Some(lingering) = self.lingering.take() {
                ctx.cancel_future(lingering);
            }
            self.relays[branch].members += 1;
            self.homes.insert(
                session,
                Home {
                    branch,
                    socket: join.socket,
                },
            );
        }
        let answer = join.ticket.map(|ticket| {
            let channel = self.state.id().clone();
            (
                ticket,
                Outgoing::Joined(JoinAnswer {
                    channel,
                    others,
                    presence,
                }),
            )
        });
        let admit = Admit {
            channel: self.live,
            socket: join.socket,
            enter: first,
            answer,
        };
        self.relays[branch].addr.do_send(admit);
        self.returned(session, ctx);
        self.announce(ctx);
        Ok(self.live)
    }
}

impl Handler<Leave> for Channel {
    type Result = ();

    fn handle(&mut self, leave: Leave, ctx: &mut Context<Self>) {
        self.state.leave(leave.session);
        if let Some(home) = self.homes.remove(&leave.session) {
            let branch = &mut self.relays[home.branch];
            branch.members -= 1;
            branch.addr.do_send(Dismiss {
                channel: self.live,
                socket: home.socket,
                answer: leave.ticket,
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
        // A session publishes only where its join was answered, so its home is known; should it have
        // been lost with an earlier life, the session fails the request itself.
        let Some(home) = self.homes.get(&publish.session).copied() else {
            return;
        };
        let relay = self.relays[home.branch].id;
        let reply_to = ReplyTo::Socket {
            relay,
            socket: home.socket,
            ticket: publish.ticket,
        };
        match self
            .state
            .admit(publish.session, publish.edit, reply_to, Micros::now())
        {
            Ok(None) => self.deliver_soon(ctx),
            Ok(Some(write)) => {
                if let Err(error) = self.store.submit(write, &self.sink) {
                    self.state.withdraw();
                    self.refuse(home, publish.ticket, error.into());
                }
            }
            Err(error) => self.refuse(home, publish.ticket, error),
        }
    }
}

impl Handler<PublishFromServer> for Channel {
    type Result = ResponseFuture<Result<Arc<Message>, PublishError>>;

    fn handle(&mut self, publish: PublishFromServer, ctx: &mut Context<Self>) -> Self::Result {
        if !self.open {
            return Box::pin(async { Err(PublishError::ChannelLost) });
        }
        let call = self.next_host;
        self.next_host += 1;
        let write = self.state.admit_from_server(
            publish.content,
            publish.username,
            ReplyTo::Host(call),
            Micros::now(),
        );
        if let Err(error) = self.store.submit(write, &self.sink) {
            self.state.withdraw();
            self.linger_if_idle(ctx);
            return Box::pin(async move { Err(error.into()) });
        }
        let (told, end) = oneshot::channel();
        self.hosts.insert(call, told);
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
