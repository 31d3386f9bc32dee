//! The rules of a channel as a value: no I/O, no actix, no clock.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    Announced, ChannelId, ChannelKind, Content, Events, JoinError, Message, MessageCode, MessageId,
    Micros, Outcome, Place, Position, Presence, PresenceDelta, PublishError, Seq, SessionId, Write,
    in_flight::{InFlight, Released},
    presence::PresenceBook,
    traffic::{SenderTraffic, Traffic},
};
use crate::{rate, relay::ReplyTo, store::StoreError, user::UserId};

/// What a session wants done to the messages of a channel.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    Send(Content),
    Update(MessageId, Content),
    Remove(MessageId),
}

impl Edit {
    /// What it counts as among the messages of a channel.
    fn cost(&self) -> u32 {
        match self {
            Self::Send(content) | Self::Update(_, content) => rate::cost(content.as_str().len()),
            Self::Remove(_) => 1,
        }
    }
}

/// The bounds of one channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelLimits {
    /// Sessions joined at the same time.
    pub(crate) sessions: usize,
    /// Messages taken in a second; `None` where nobody is held to it.
    pub(crate) rate: Option<u32>,
    /// Ephemeral messages a session may still change after sending them.
    pub(crate) ephemeral_memory: usize,
    /// Visible sessions up to which changes are announced at once.
    pub(crate) presence_immediate: usize,
    /// Longest time changes are gathered in a larger channel.
    pub(crate) presence_window: Duration,
}

/// Who may no longer be in a channel.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expelled {
    User(UserId),
    /// The channel ends.
    Everybody,
}

impl Expelled {
    pub(crate) fn includes(self, user: UserId) -> bool {
        match self {
            Self::User(expelled) => user == expelled,
            Self::Everybody => true,
        }
    }
}

/// A session that has joined.
#[derive(Debug)]
struct JoinedSession {
    user: UserId,
    username: Arc<str>,
    persistence: bool,
    /// The last ephemeral messages it sent, oldest first: what it may still change.
    ephemeral: VecDeque<(MessageId, Micros)>,
    traffic: SenderTraffic,
}

/// Whose message it is, and where it was written.
struct Author {
    user: UserId,
    username: Arc<str>,
    channel: ChannelId,
}

impl Author {
    fn message(self, edit: Edit, time: Micros, create_time: Micros, seq: Option<Seq>) -> Message {
        let (code, id, content) = match edit {
            Edit::Send(content) => (MessageCode::Chat, MessageId::at(time), content),
            Edit::Update(id, content) => (MessageCode::Update, id, content),
            Edit::Remove(id) => (MessageCode::Remove, id, Content::empty()),
        };
        Message {
            id,
            channel: self.channel,
            seq,
            code,
            sender: self.user,
            username: self.username,
            content,
            create_time,
            update_time: time,
            persistent: false,
        }
    }
}

/// How a join went.
#[derive(Debug)]
pub(crate) struct Joined {
    /// The session as the channel sees it, with the flags that are in force.
    pub(crate) presence: Arc<Presence>,
    /// The others, and on a repeated join the session itself if it is visible.
    pub(crate) others: Announced,
    /// Whether the session was not in the channel before.
    pub(crate) first: bool,
}

/// The announcements of a small room that were not put off.
#[derive(Debug)]
struct Prompt {
    since: Micros,
    count: u32,
}

impl Prompt {
    /// Whether one more need not be put off.
    fn one_more(&mut self, window: Duration, now: Micros) -> bool {
        /// In one window.
        const MOST: u32 = 32;
        let passed = now.0.saturating_sub(self.since.0);
        // A clock that was set back begins anew.
        if passed < 0 || passed as u128 >= window.as_micros() {
            *self = Self {
                since: now,
                count: 0,
            };
        }
        self.count += 1;
        self.count <= MOST
    }
}

pub(crate) struct ChannelState {
    id: ChannelId,
    limits: ChannelLimits,
    position: Position,
    sessions: HashMap<SessionId, JoinedSession>,
    presences: PresenceBook,
    in_flight: InFlight,
    traffic: Traffic,
    prompt: Prompt,
}

impl ChannelState {
    pub(crate) fn new(id: ChannelId, limits: ChannelLimits, inherited: Vec<Arc<Presence>>) -> Self {
        Self {
            id,
            limits,
            position: Position::default(),
            sessions: HashMap::new(),
            presences: PresenceBook::inherited(inherited),
            in_flight: InFlight::default(),
            traffic: Traffic::new(limits.rate),
            prompt: Prompt {
                since: Micros(0),
                count: 0,
            },
        }
    }

    pub(crate) fn id(&self) -> &ChannelId {
        &self.id
    }

    /// Continues where the history ends. To be called before the first message is admitted.
    pub(crate) fn continue_from(&mut self, position: Position) {
        self.position = position;
    }

    /// Lets a session in. A session that is in already keeps its first flags.
    pub(crate) fn join(&mut self, joiner: Presence, hidden: bool) -> Result<Joined, JoinError> {
        if let Some(joined) = self.sessions.get(&joiner.session) {
            let presence = Arc::new(Presence {
                persistence: joined.persistence,
                ..joiner
            });
            return Ok(Joined {
                presence,
                others: self.presences.announced(),
                first: false,
            });
        }
        if self.sessions.len() >= self.limits.sessions {
            return Err(JoinError::ChannelFull);
        }
        let mut others = self.presences.announced();
        if others.iter().any(|p| p.session == joiner.session) {
            // It left a moment ago and the others have not been told.
            others = others
                .iter()
                .filter(|p| p.session != joiner.session)
                .cloned()
                .collect();
        }
        self.sessions.insert(
            joiner.session,
            JoinedSession {
                user: joiner.user,
                username: joiner.username.clone(),
                persistence: joiner.persistence,
                ephemeral: VecDeque::new(),
                traffic: SenderTraffic::default(),
            },
        );
        let presence = Arc::new(joiner);
        if !hidden {
            self.presences.enter(presence.clone());
        }
        Ok(Joined {
            presence,
            others,
            first: true,
        })
    }

    /// Lets a session out. `false` when it was not in.
    pub(crate) fn leave(&mut self, session: SessionId) -> bool {
        self.presences.leave(session);
        self.sessions.remove(&session).is_some()
    }

    /// Gives an edit of a joined session its place in the order, and says what to write, if
    /// anything. `written` is the channel as the client wrote it, where that differs. The edit's end
    /// comes out of [`release`](Self::release).
    ///
    /// # Errors
    /// When the edit is refused at once; then it has no place and no further consequence.
    pub(crate) fn admit(
        &mut self,
        session: SessionId,
        edit: Edit,
        written: Option<ChannelId>,
        reply_to: ReplyTo,
        now: Micros,
    ) -> Result<Option<Write>, PublishError> {
        let joined = self.sessions.get_mut(&session);
        let joined = joined.ok_or(PublishError::NotJoined)?;
        self.traffic
            .take(&mut joined.traffic, edit.cost(), now)
            .map_err(PublishError::Limited)?;
        let author = Author {
            user: joined.user,
            username: joined.username.clone(),
            channel: written.unwrap_or_else(|| self.id.clone()),
        };
        if joined.persistence {
            return Ok(Some(self.admit_persistent(author, edit, reply_to, now)));
        }
        let known = |id: &MessageId| {
            let sent = joined.ephemeral.iter().find(|(sent, _)| sent == id);
            sent.map(|(_, time)| *time)
                .ok_or(PublishError::NoSuchMessage)
        };
        let earlier = match &edit {
            Edit::Send(_) => None,
            Edit::Update(id, _) | Edit::Remove(id) => Some(known(id)?),
        };
        let time = self.tick(now);
        let message = author.message(edit, time, earlier.unwrap_or(time), None);
        self.remember_ephemeral(session, &message);
        self.in_flight.ready(reply_to, message);
        Ok(None)
    }

    /// Members cannot read as fast as messages come: there shall be less of them.
    pub(crate) fn crowded(&mut self, now: Micros) {
        self.traffic.crowded(now);
    }

    /// As [`admit`](Self::admit), for the server itself, which need not join and is held to no rate.
    pub(crate) fn admit_from_server(
        &mut self,
        content: Content,
        username: Arc<str>,
        reply_to: ReplyTo,
        now: Micros,
    ) -> Write {
        let author = Author {
            user: UserId::SERVER,
            username,
            channel: self.id.clone(),
        };
        self.admit_persistent(author, Edit::Send(content), reply_to, now)
    }

    /// Reserves the next places for the events of a change that the store has yet to decide. The
    /// change's end comes out of [`release`](Self::release).
    pub(crate) fn reserve(&mut self, places: usize, reply_to: ReplyTo, now: Micros) -> Place {
        let place = Place {
            channel: self.id.clone(),
            seq: Seq(self.position.last_seq.0 + 1),
            time: self.tick(now),
        };
        let places = places as u64;
        self.position.last_seq.0 += places;
        self.position.last_time = place.nth(places.saturating_sub(1) as usize).1;
        self.in_flight.change(reply_to, places);
        place
    }

    fn admit_persistent(
        &mut self,
        author: Author,
        edit: Edit,
        reply_to: ReplyTo,
        now: Micros,
    ) -> Write {
        let time = self.tick(now);
        let seq = matches!(edit, Edit::Send(_)).then(|| {
            self.position.last_seq.0 += 1;
            self.position.last_seq
        });
        let sender = author.user;
        let write = match &edit {
            Edit::Send(_) => None,
            Edit::Update(id, content) => Some(Write::Update {
                channel: self.id.clone(),
                id: *id,
                sender,
                content: content.clone(),
                time,
            }),
            Edit::Remove(id) => Some(Write::Remove {
                channel: self.id.clone(),
                id: *id,
                sender,
            }),
        };
        let message = Arc::new(Message {
            persistent: true,
            ..author.message(edit, time, time, seq)
        });
        self.in_flight.write(reply_to, message.clone());
        write.unwrap_or(Write::Append(message))
    }

    /// Takes what was admitted or reserved last back: the store did not even queue it.
    pub(crate) fn withdraw(&mut self) {
        self.position.last_seq.0 -= self.in_flight.withdraw();
    }

    /// What the store decided, in the order in which edits were admitted.
    pub(crate) fn committed(&mut self, outcomes: Vec<Result<Outcome, StoreError>>) {
        self.in_flight.written(outcomes);
    }

    /// What came of the change whose places were reserved first, of those that are not decided.
    pub(crate) fn changed(&mut self, events: Result<Events, StoreError>) {
        self.in_flight.changed(events);
    }

    /// Those whose turn has come: all before them have been released.
    pub(crate) fn release(&mut self) -> Option<Released> {
        self.in_flight.release()
    }

    /// The sessions of those who have to go. What they sent since without having it stored is not
    /// delivered any more, even if the session has left by itself; what was to be stored the store has
    /// refused by itself.
    pub(crate) fn expel(&mut self, who: Expelled) -> Vec<SessionId> {
        self.in_flight.refuse_ephemeral(|user| who.includes(user));
        let gone = |joined: &JoinedSession| who.includes(joined.user);
        self.sessions
            .iter()
            .filter(|(_, joined)| gone(joined))
            .map(|(session, _)| *session)
            .collect()
    }

    pub(crate) fn has(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Whether a user has a session here, hidden or not.
    pub(crate) fn has_user(&self, user: UserId) -> bool {
        self.sessions.values().any(|joined| joined.user == user)
    }

    /// A session as others would see it, were it not hidden.
    pub(crate) fn presence(&self, session: SessionId) -> Option<Presence> {
        let joined = self.sessions.get(&session)?;
        Some(Presence {
            session,
            user: joined.user,
            username: joined.username.clone(),
            persistence: joined.persistence,
        })
    }

    /// Whether joins or leaves wait to be announced, and how long to gather more of them first.
    pub(crate) fn announce_in(&mut self, now: Micros) -> Option<Duration> {
        /// Visible sessions from which the whole window is used.
        const FULL_WINDOW: usize = 200;
        let visible = self.presences.len();
        self.presences.has_news().then(|| match visible {
            n if n <= self.limits.presence_immediate => {
                // Anybody can come and go, and come and go, where everybody may be.
                let open = self.id.kind() == ChannelKind::Room;
                match open && !self.prompt.one_more(self.limits.presence_window, now) {
                    true => self.limits.presence_window,
                    false => Duration::ZERO,
                }
            }
            n if n >= FULL_WINDOW => self.limits.presence_window,
            n => {
                self.limits.presence_window * u32::try_from(n).unwrap_or(u32::MAX)
                    / FULL_WINDOW as u32
            }
        })
    }

    pub(crate) fn take_delta(&mut self) -> Option<PresenceDelta> {
        self.presences.take_delta()
    }

    /// Those whom everybody has been told of, whether they are still here or not.
    pub(crate) fn announced(&mut self) -> Announced {
        self.presences.announced()
    }

    /// The visible sessions, announced or not.
    pub(crate) fn presences(&self) -> impl Iterator<Item = &Arc<Presence>> {
        self.presences.current()
    }

    /// Whether nothing is lost when the channel is forgotten.
    pub(crate) fn is_idle(&self) -> bool {
        self.sessions.is_empty() && self.in_flight.is_empty()
    }

    /// The time of the next message: the clock's, but always later than the last one.
    fn tick(&mut self, now: Micros) -> Micros {
        self.position.last_time = now.max(Micros(self.position.last_time.0 + 1));
        self.position.last_time
    }

    fn remember_ephemeral(&mut self, session: SessionId, message: &Message) {
        let Some(joined) = self.sessions.get_mut(&session) else {
            return;
        };
        match message.code {
            MessageCode::Chat => {
                if joined.ephemeral.len() >= self.limits.ephemeral_memory {
                    joined.ephemeral.pop_front();
                }
                if self.limits.ephemeral_memory > 0 {
                    joined
                        .ephemeral
                        .push_back((message.id, message.create_time));
                }
            }
            MessageCode::Remove => joined.ephemeral.retain(|(id, _)| *id != message.id),
            MessageCode::Update
            | MessageCode::GroupJoin
            | MessageCode::GroupAdd
            | MessageCode::GroupLeave
            | MessageCode::GroupKick
            | MessageCode::GroupPromote
            | MessageCode::GroupBan
            | MessageCode::GroupDemote => {}
        }
    }
}

#[cfg(test)]
mod tests;
