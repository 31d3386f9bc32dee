use std::{
    collections::{HashMap, hash_map::Entry},
    rc::Rc,
    sync::Arc,
};

use actix::prelude::*;
use uuid::Uuid;

use crate::{
    channel::{
        Channel, ChannelId, Content, Edit, Join, JoinError, Leave, MessageId, Presence, Publish,
        PublishError, RoomName, SessionId,
    },
    directory::Directory,
    relay::{ChannelLost, Closing, LiveChannel, Outbox, RelayHandle, SocketKey, Ticket},
    user::{OnlineSession, UserId},
    wire::{ChannelJoin, EnvelopeCode, EnvelopeError, Outgoing, Request, StatusNews},
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

/// What a session is made of.
pub(crate) struct SessionParts {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) username: Arc<str>,
    /// Whether to appear online from the start.
    pub(crate) status: bool,
    pub(crate) outbox: Rc<Outbox>,
    pub(crate) socket: SocketKey,
    pub(crate) relay: RelayHandle,
    pub(crate) directory: Directory,
    /// The place among the user's open sessions, given back when the session ends.
    pub(crate) online: OnlineSession,
    pub(crate) max_channels: usize,
    pub(crate) pipeline: usize,
}

pub(crate) struct Session {
    parts: SessionParts,
    joined: HashMap<ChannelId, Membership>,
    /// The channel that has been asked to let this session in and has not answered.
    joining: Option<ChannelId>,
}

/// One channel as this session sees it.
struct Membership {
    /// Kept for as long as the session is joined: the bound of a mailbox is per address.
    addr: Addr<Channel>,
    live: LiveChannel,
    persistence: bool,
    hidden: bool,
}

impl Session {
    pub(crate) fn start(parts: SessionParts) -> Addr<Self> {
        metrics::gauge!("banter_sessions").increment(1.0);
        Actor::start(Self {
            parts,
            joined: HashMap::new(),
            joining: None,
        })
    }

    fn answer(&self, ticket: Ticket, answer: &Outgoing) {
        self.parts.outbox.answer(ticket, Some(answer));
    }

    fn refuse(&self, ticket: Ticket, error: impl Into<EnvelopeError>) {
        self.answer(ticket, &Outgoing::Error(error.into()));
    }

    fn join(&mut self, ticket: Ticket, join: ChannelJoin, ctx: &mut Context<Self>) {
        let channel = match target(&join) {
            Ok(channel) => channel,
            Err(error) => return self.refuse(ticket, error),
        };
        if self.joined.len() >= self.parts.max_channels && !self.joined.contains_key(&channel) {
            let limit = self.parts.max_channels;
            return self.refuse(
                ticket,
                EnvelopeError::bad_input(format!("already in {limit} channels")),
            );
        }
        let (persistence, hidden) = (
            join.persistence.unwrap_or(true),
            join.hidden.unwrap_or(false),
        );
        self.enter(channel, persistence, hidden, Some(ticket), ctx);
    }

    /// Joins a channel; nothing else is done for this client until the channel has answered.
    fn enter(
        &mut self,
        channel: ChannelId,
        persistence: bool,
        hidden: bool,
        ticket: Option<Ticket>,
        ctx: &mut Context<Self>,
    ) {
        let SessionParts {
            id,
            user,
            username,
            socket,
            relay,
            directory,
            ..
        } = &self.parts;
        let (relay, relay_id, socket, directory) =
            (relay.addr.clone(), relay.id, *socket, directory.clone());
        let presence = Presence {
            session: *id,
            user: *user,
            username: username.clone(),
            persistence,
        };
        let asked = channel.clone();
        self.joining = Some(channel.clone());
        let answer = async move {
            let join = || Join {
                presence: presence.clone(),
                hidden,
                relay: relay.clone(),
                relay_id,
                socket,
                ticket,
            };
            directory.ask(&asked, join).await
        };
        ctx.wait(answer.into_actor(self).map(move |answer, session, _| {
            session.joining = None;
            let joined = answer.map_or(Err(JoinError::Unavailable), |(addr, result)| {
                result.map(|live| (addr, live))
            });
            match joined {
                Ok((addr, live)) => {
                    let membership = Membership {
                        addr,
                        live,
                        persistence,
                        hidden,
                    };
                    match session.joined.entry(channel) {
                        // Joined again: the first flags and the one address stay.
                        Entry::Occupied(known) if known.get().live == live => {}
                        // Joined a new life before the news that the old one was lost.
                        Entry::Occupied(mut lost) => drop(lost.insert(membership)),
                        Entry::Vacant(place) => drop(place.insert(membership)),
                    }
                }
                Err(error) => match ticket {
                    Some(ticket) => session.refuse(ticket, error),
                    // A channel one silently fell out of would look like one where nobody speaks.
                    None => session.parts.outbox.close(Closing::BROKEN),
                },
            }
        }));
    }

    fn leave(&mut self, ticket: Ticket, channel_id: &str) {
        if let Some((_, membership)) = self.joined.remove_entry(channel_id) {
            self.parts.outbox.owed_by(ticket, membership.live);
            // Without a bound: one for each join that was answered.
            membership.addr.do_send(Leave {
                session: self.parts.id,
                ticket: Some(ticket),
            });
            return;
        }
        match ChannelId::parse(channel_id) {
            Ok(_) => self.answer(ticket, &Outgoing::Empty),
            Err(error) => self.refuse(ticket, error),
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
        let membership = match self.joined.get(channel_id) {
            Some(membership) => Some(membership),
            None => match ChannelId::parse(channel_id) {
                Ok(_) => None,
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
            session: self.parts.id,
            ticket,
            edit,
        }) {
            Ok(()) => {}
            Err(SendError::Full(_)) => self.refuse(ticket, PublishError::Busy),
            Err(SendError::Closed(_)) => self.refuse(ticket, PublishError::ChannelLost),
        }
    }
}

/// The channel that a join asks for.
fn target(join: &ChannelJoin) -> Result<ChannelId, EnvelopeError> {
    match join.kind.unwrap_or_default() {
        0 | 1 => Ok(ChannelId::room(&RoomName::new(&join.target)?)),
        2 => Err(EnvelopeError::bad_input(
            "type 2: direct channels are not available",
        )),
        3 => Err(EnvelopeError::bad_input(
            "type 3: group channels are not available",
        )),
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
        let parts = &self.parts;
        // The line of answers bounds what the socket sends, so its requests always fit.
        ctx.set_mailbox_capacity(parts.pipeline + 16);
        parts.relay.tell(parts.socket, ctx.address().recipient());
        parts.online.opened(parts.relay.addr.clone(), parts.socket);
        if parts.status {
            let (session, user, username) = (parts.id, parts.user, parts.username.clone());
            let joined = Presence {
                session,
                user,
                username,
                persistence: false,
            };
            let news = Outgoing::Status(StatusNews {
                joined,
                status: String::new(),
            });
            parts.outbox.push(news.frame(parts.outbox.format(), None));
        }
    }
}

impl Drop for Session {
    /// However the session ends, by a panic too, it leaves what it joined, and its socket with it.
    fn drop(&mut self) {
        metrics::gauge!("banter_sessions").decrement(1.0);
        let session = self.parts.id;
        for (_, membership) in self.joined.drain() {
            // Without a bound: one for each join that was answered.
            membership.addr.do_send(Leave {
                session,
                ticket: None,
            });
        }
        if let Some(channel) = self.joining.take() {
            self.parts.directory.leave(&channel, session);
        }
        self.parts.relay.detach(self.parts.socket);
        // Gone already, unless the session has panicked; then nobody is left to see a close through.
        self.parts.outbox.kill();
    }
}

impl Handler<Inbound> for Session {
    type Result = ();

    fn handle(&mut self, Inbound { ticket, request }: Inbound, ctx: &mut Context<Self>) {
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

impl Handler<ChannelLost> for Session {
    type Result = ();

    fn handle(&mut self, lost: ChannelLost, ctx: &mut Context<Self>) {
        self.parts
            .outbox
            .answer_for(lost.channel, &PublishError::ChannelLost.into());
        let found = self
            .joined
            .iter()
            .find(|(_, membership)| membership.live == lost.channel);
        let Some(channel) = found.map(|(channel, _)| channel.clone()) else {
            return;
        };
        if let Some(Membership {
            persistence,
            hidden,
            ..
        }) = self.joined.remove(&channel)
        {
            self.enter(channel, persistence, hidden, None, ctx);
        }
    }
}
