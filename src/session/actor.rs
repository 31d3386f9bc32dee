use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    rc::Rc,
    sync::Arc,
    time::Instant,
};

use actix::prelude::*;
use uuid::Uuid;

use super::metrics;
use crate::{
    account::Accounts,
    channel::{
        Channel, ChannelId, Content, Edit, Entered, GroupId, Join, JoinError, Leave, MessageId,
        Presence, Publish, PublishError, RoomName, SessionId,
    },
    directory::{Arrival, Directory, OnlineSession},
    rate::{self, Limited, Rates, SHARES_REFUSED, ShareOf},
    relay::{
        Closing, LiveChannel, Outbox, RelayHandle, ReplyAddress, Sent, SocketKey, Stay, StayEnded,
        Ticket,
    },
    user::{ChatRequests, Friends, UserId},
    wire::{ChannelJoin, EnvelopeCode, EnvelopeError, Outgoing, PresenceNews, Request},
};

/// A decoded request. The socket gave it a place in the line of answers.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Inbound {
    pub(crate) ticket: Ticket,
    pub(crate) request: Request,
}

/// Fact: the socket is gone. Sent once.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct SocketClosed;

/// What the sessions of one thread share.
pub(crate) struct Surroundings {
    pub(crate) relay: RelayHandle,
    pub(crate) directory: Directory,
    pub(crate) accounts: Accounts,
    pub(crate) chat_requests: ChatRequests,
    pub(crate) rates: Arc<Rates>,
    pub(crate) friends: Friends,
    pub(crate) max_channels: usize,
    pub(crate) max_follows: usize,
    pub(crate) max_list_items: usize,
    pub(crate) pipeline: usize,
}

/// What a session is made of.
pub(crate) struct SessionParts {
    pub(crate) around: Rc<Surroundings>,
    pub(crate) outbox: Rc<Outbox>,
    pub(crate) socket: SocketKey,
    /// The place among the user's open sessions, given back when the session ends.
    pub(crate) online: OnlineSession,
    /// The user's actor has been told of the session, and answers when it may get messages.
    pub(crate) arrival: Option<Arrival>,
}

pub(crate) struct Session {
    pub(super) parts: SessionParts,
    /// Whose status news this session gets, or has asked for.
    pub(super) followed: HashSet<UserId>,
    joined: HashMap<ChannelId, Membership>,
    /// The channel that has been asked to let this session in and has not answered.
    joining: Option<ChannelId>,
    began: Instant,
}

/// Why a session enters a channel.
#[derive(Clone, Copy)]
enum Cause {
    /// The client asked for it.
    Asked(Ticket),
    /// The life of the channel that it was in has been lost.
    Lost(LiveChannel),
}

/// One channel as this session sees it.
struct Membership {
    /// Kept for as long as the session is joined: the bound of a mailbox is per address.
    addr: Addr<Channel>,
    live: LiveChannel,
    stay: Stay,
    persistence: bool,
    hidden: bool,
}

impl Session {
    pub(crate) fn start(parts: SessionParts) -> Addr<Self> {
        metrics::OPEN.add_one();
        Actor::start(Self {
            parts,
            followed: HashSet::new(),
            joined: HashMap::new(),
            joining: None,
            began: Instant::now(),
        })
    }

    pub(super) fn id(&self) -> SessionId {
        self.parts.online.session
    }

    pub(super) fn user(&self) -> UserId {
        self.parts.online.user
    }

    pub(super) fn around(&self) -> &Surroundings {
        &self.parts.around
    }

    pub(super) fn answer(&self, ticket: Ticket, answer: &Outgoing) {
        self.parts.outbox.answer(ticket, Some(answer));
    }

    /// Sends what was not asked for, as if the channel had.
    fn push_from(&self, channel: LiveChannel, news: &Outgoing) {
        let outbox = &self.parts.outbox;
        let frame = news.frame(outbox.format(), None);
        outbox.push_from(channel, Sent::Presences, frame);
    }

    fn presence(&self, persistence: bool) -> Presence {
        Presence {
            session: self.id(),
            user: self.user(),
            username: self.parts.online.name().clone(),
            persistence,
        }
    }

    pub(super) fn refuse(&self, ticket: Ticket, error: impl Into<EnvelopeError>) {
        self.answer(ticket, &Outgoing::Error(error.into()));
    }

    fn take_from_rates(&self, request: &Request) -> Result<(), Limited> {
        let rates = &self.around().rates;
        let cost = rate::cost(request.content_bytes());
        rates.socket.take_many(&self.id(), cost)?;
        rates.account.take_many(&self.user(), cost)?;
        match request {
            Request::ChannelJoin(_) => rates.joins.take(&self.user()),
            Request::StatusUpdate(_) | Request::ChannelDecline(_) => {
                rates.changes.take(&self.user())
            }
            Request::StatusFollow(_) => rates.searches.take(&self.user()),
            Request::Ping
            | Request::Pong
            | Request::ChannelLeave(_)
            | Request::ChannelMessageSend(_)
            | Request::ChannelMessageUpdate(_)
            | Request::ChannelMessageRemove(_)
            | Request::StatusUnfollow(_)
            | Request::Unsupported(_) => Ok(()),
        }
    }

    /// Who goes on as if nothing had been said is closed.
    fn refuse_limited(&self, ticket: Ticket, limited: Limited) {
        self.refuse(ticket, limited);
        if self
            .around()
            .rates
            .socket_refusals
            .take(&self.id())
            .is_err()
        {
            self.parts.outbox.close_after_line(Closing::TOO_MANY);
        }
    }

    fn join(&mut self, ticket: Ticket, join: ChannelJoin, ctx: &mut Context<Self>) {
        let channel = match target(&join, self.user()) {
            Ok(channel) => channel,
            Err(error) => return self.refuse(ticket, error),
        };
        let known = self.joined.contains_key(&channel);
        if !known && self.joined.len() >= self.around().max_channels {
            let limit = self.around().max_channels;
            return self.refuse(
                ticket,
                EnvelopeError::bad_input(format!("already in {limit} channels")),
            );
        }
        let user_is_in = self.parts.online.user_is_in();
        if !known && !self.around().directory.may_start(&channel, user_is_in) {
            SHARES_REFUSED.of(ShareOf::LiveChannels).increment(1);
            return self.refuse(ticket, JoinError::UserShare);
        }
        let (persistence, hidden) = (
            join.persistence.unwrap_or(true),
            join.hidden.unwrap_or(false),
        );
        self.enter(channel, persistence, hidden, Cause::Asked(ticket), ctx);
    }

    /// Joins a channel; nothing else is done for this client until the channel has answered.
    fn enter(
        &mut self,
        channel: ChannelId,
        persistence: bool,
        hidden: bool,
        cause: Cause,
        ctx: &mut Context<Self>,
    ) {
        let Surroundings {
            relay, directory, ..
        } = self.around();
        let (relay, relay_id, directory) = (relay.addr.clone(), relay.id, directory.clone());
        let socket = self.parts.socket;
        let presence = self.presence(persistence);
        let asked = channel.clone();
        self.joining = Some(channel.clone());
        let answer = async move {
            let join = || Join {
                presence: presence.clone(),
                hidden,
                relay: relay.clone(),
                relay_id,
                socket,
                ticket: match cause {
                    Cause::Asked(ticket) => Some(ticket),
                    Cause::Lost(_) => None,
                },
            };
            directory.ask(&asked, join).await
        };
        ctx.wait(answer.into_actor(self).map(move |answer, session, _| {
            session.joining = None;
            let joined = answer.map_or(Err(JoinError::Unavailable), |(addr, result)| {
                result.map(|entered| (addr, entered))
            });
            match joined {
                Ok((addr, entered)) => {
                    let Entered {
                        channel,
                        live,
                        stay,
                    } = entered;
                    let membership = Membership {
                        addr,
                        live,
                        stay,
                        persistence,
                        hidden,
                    };
                    match session.joined.entry(channel) {
                        // Joined again: the first flags and the one address stay.
                        Entry::Occupied(known) if known.get().stay == stay => {}
                        // Joined anew before the news that the earlier stay had ended.
                        Entry::Occupied(mut ended) => drop(ended.insert(membership)),
                        Entry::Vacant(place) => drop(place.insert(membership)),
                    }
                    session.parts.online.is_in(session.joined.len());
                }
                Err(error) => match cause {
                    Cause::Asked(ticket) => session.refuse(ticket, error),
                    // Had to go while the channel was lost: nobody else will say so.
                    Cause::Lost(lost) if matches!(error, JoinError::Forbidden) => {
                        let news = PresenceNews::leave(channel, session.presence(persistence));
                        session.push_from(lost, &Outgoing::Presence(news));
                    }
                    // A channel one silently fell out of would look like one where nobody speaks.
                    Cause::Lost(_) => session.parts.outbox.close(Closing::BROKEN),
                },
            }
        }));
    }

    fn leave(&mut self, ticket: Ticket, channel_id: &str) {
        let channel = match ChannelId::parse(channel_id) {
            Ok(channel) => channel,
            Err(error) => return self.refuse(ticket, error),
        };
        let Some(membership) = self.joined.remove(&channel) else {
            return self.answer(ticket, &Outgoing::Empty);
        };
        self.parts.online.is_in(self.joined.len());
        if !membership.addr.connected() {
            // Taken out, and the channel has stopped since; or it was lost. Either way the session is out,
            // and has not read the news yet.
            return self.answer(ticket, &Outgoing::Empty);
        }
        self.parts.outbox.owed_by(ticket, membership.live);
        // Without a bound: one for each join that was answered.
        membership.addr.do_send(Leave {
            session: self.id(),
            answer: Some(self.reply_address(ticket)),
        });
    }

    pub(super) fn reply_address(&self, ticket: Ticket) -> ReplyAddress {
        ReplyAddress {
            relay: self.around().relay.id,
            socket: self.parts.socket,
            ticket,
        }
    }

    /// Hands an edit to its channel. The order of checks is the reference's: channel id, content,
    /// whether the session has joined.
    fn publish(
        &mut self,
        ticket: Ticket,
        channel_id: &str,
        edit: impl FnOnce() -> Result<Edit, EnvelopeError>,
    ) {
        let (membership, written) = match self.joined.get(channel_id) {
            Some(membership) => (Some(membership), None),
            None => match ChannelId::parse(channel_id) {
                // Joined under another spelling, perhaps.
                Ok(channel) => (self.joined.get(&channel), Some(channel)),
                Err(error) => return self.refuse(ticket, error),
            },
        };
        let edit = match edit() {
            Ok(edit) => edit,
            Err(error) => return self.refuse(ticket, error),
        };
        let Some(membership) = membership else {
            return self.refuse(ticket, PublishError::NotJoined);
        };
        self.parts.outbox.owed_by(ticket, membership.live);
        match membership.addr.try_send(Publish {
            session: self.id(),
            reply_to: self.reply_address(ticket),
            written,
            edit,
        }) {
            Ok(()) => {}
            Err(SendError::Full(_)) => self.refuse(ticket, PublishError::Busy),
            Err(SendError::Closed(_)) => self.refuse(ticket, PublishError::ChannelLost),
        }
    }

    /// Closes the other user's request to chat.
    fn decline(&mut self, ticket: Ticket, channel_id: &str, ctx: &mut Context<Self>) {
        let channel = match ChannelId::parse(channel_id) {
            Ok(channel) => channel,
            Err(error) => return self.refuse(ticket, error),
        };
        let (requests, user) = (self.around().chat_requests.clone(), self.user());
        let declined = async move { requests.decline(user, &channel).await };
        ctx.wait(
            declined
                .into_actor(self)
                .map(move |declined, session, _| match declined {
                    Ok(()) => session.answer(ticket, &Outgoing::Empty),
                    Err(error) => session.refuse(ticket, error),
                }),
        );
    }

    /// Joins the next life of a channel that was lost, if it was joined.
    fn return_to(&mut self, lost: LiveChannel, ctx: &mut Context<Self>) {
        self.parts
            .outbox
            .answer_for(lost, &PublishError::ChannelLost.into());
        let found = self
            .joined
            .iter()
            .find(|(_, membership)| membership.live == lost);
        let Some(channel) = found.map(|(channel, _)| channel.clone()) else {
            return;
        };
        if let Some(Membership {
            persistence,
            hidden,
            ..
        }) = self.joined.remove(&channel)
        {
            self.enter(channel, persistence, hidden, Cause::Lost(lost), ctx);
        }
    }
}

/// The channel that a join asks for.
fn target(join: &ChannelJoin, user: UserId) -> Result<ChannelId, EnvelopeError> {
    match join.kind.unwrap_or_default() {
        0 | 1 => Ok(ChannelId::room(&RoomName::new(&join.target)?)),
        2 => UserId::parse(&join.target)
            .filter(|other| *other != UserId::SERVER)
            .map(|other| ChannelId::direct(user, other))
            .ok_or_else(|| EnvelopeError::bad_input("target must be the id of a user")),
        3 => GroupId::parse(&join.target)
            .map(ChannelId::group)
            .ok_or_else(|| EnvelopeError::bad_input("target must be the id of a group")),
        other => Err(EnvelopeError::bad_input(format!(
            "type must be 1, 2 or 3, not {other}"
        ))),
    }
}

fn message_id(text: &str) -> Result<MessageId, EnvelopeError> {
    let id =
        Uuid::try_parse(text).map_err(|_| EnvelopeError::bad_input("message_id must be a UUID"))?;
    Ok(MessageId(id))
}

fn content(text: &str) -> Result<Content, EnvelopeError> {
    Ok(Content::new(text)?)
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let around = self.around();
        // The line of answers bounds what the socket sends, and no more stays can end than there are, so its
        // requests always fit.
        ctx.set_mailbox_capacity(around.pipeline + around.max_channels + 16);
        around
            .relay
            .tell(self.parts.socket, ctx.address().recipient());
        // Whose messages it is not to get is known before it asks for any.
        if let Some(arrival) = self.parts.arrival.take() {
            ctx.wait(arrival.into_actor(self).map(|arrived, session, _| {
                if arrived.is_err() {
                    // The user's actor has failed: nobody would hear of this session.
                    session.parts.outbox.close(Closing::BROKEN);
                }
            }));
        }
    }
}

impl Drop for Session {
    /// However the session ends, by a panic too, it leaves what it joined, and its socket with it.
    fn drop(&mut self) {
        metrics::OPEN.take_one();
        let session = self.id();
        tracing::debug!(
            user = %self.user(),
            session = %session.0,
            reason = self.parts.outbox.why_closed().unwrap_or("connection lost"),
            seconds = self.began.elapsed().as_secs_f64(),
            "ended"
        );
        for (_, membership) in self.joined.drain() {
            // Without a bound: one for each join that was answered.
            membership.addr.do_send(Leave {
                session,
                answer: None,
            });
        }
        if let Some(channel) = self.joining.take() {
            self.around().directory.leave(&channel, session);
        }
        self.unfollow_all();
        self.around().relay.detach(self.parts.socket);
        // Gone already, unless the session has panicked; then nobody is left to see a close through.
        self.parts.outbox.kill();
    }
}

impl Handler<Inbound> for Session {
    type Result = ();

    fn handle(&mut self, Inbound { ticket, request }: Inbound, ctx: &mut Context<Self>) {
        if let Err(limited) = self.take_from_rates(&request) {
            return self.refuse_limited(ticket, limited);
        }
        match request {
            Request::Ping => self.answer(ticket, &Outgoing::Pong),
            Request::Pong => self.parts.outbox.answer(ticket, None),
            Request::ChannelJoin(join) => self.join(ticket, join, ctx),
            Request::ChannelLeave(leave) => self.leave(ticket, &leave.channel_id),
            Request::ChannelMessageSend(send) => {
                self.publish(ticket, &send.channel_id, || {
                    Ok(Edit::Send(content(&send.content)?))
                });
            }
            Request::ChannelMessageUpdate(update) => {
                self.publish(ticket, &update.channel_id, || {
                    let id = message_id(&update.message_id)?;
                    Ok(Edit::Update(id, content(&update.content)?))
                })
            }
            Request::ChannelMessageRemove(remove) => {
                self.publish(ticket, &remove.channel_id, || {
                    Ok(Edit::Remove(message_id(&remove.message_id)?))
                });
            }
            Request::ChannelDecline(decline) => self.decline(ticket, &decline.channel_id, ctx),
            Request::StatusFollow(follow) => self.follow(ticket, follow, ctx),
            Request::StatusUnfollow(unfollow) => self.unfollow(ticket, &unfollow, ctx),
            Request::StatusUpdate(update) => self.set_status(ticket, update),
            Request::Unsupported(name) => {
                let message = format!("{name} is not available on this server");
                self.refuse(
                    ticket,
                    EnvelopeError::new(EnvelopeCode::Unrecognised, message),
                );
            }
        }
    }
}

impl Handler<SocketClosed> for Session {
    type Result = ();

    fn handle(&mut self, _: SocketClosed, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<StayEnded> for Session {
    type Result = ();

    fn handle(&mut self, ended: StayEnded, ctx: &mut Context<Self>) {
        match ended {
            StayEnded::Lost(live) => self.return_to(live, ctx),
            // What was asked of the channel since it answers itself.
            StayEnded::Expelled(stay) => {
                self.joined.retain(|_, membership| membership.stay != stay);
                self.parts.online.is_in(self.joined.len());
            }
        }
    }
}
