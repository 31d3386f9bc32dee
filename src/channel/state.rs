//! The rules of a channel as a value: no I/O, no actix, no clock.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    Announced, ChannelId, Content, JoinError, Message, MessageCode, MessageId, Micros, Outcome,
    Position, Presence, PresenceDelta, PublishError, Seq, SessionId, Write, presence::PresenceBook,
};
use crate::{relay::ReplyTo, store::StoreError, user::UserId};

/// What a session wants done to the messages of a channel.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    Send(Content),
    Update(MessageId, Content),
    Remove(MessageId),
}

/// The bounds of one channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelLimits {
    /// Sessions joined at the same time.
    pub(crate) sessions: usize,
    /// Ephemeral messages a session may still change after sending them.
    pub(crate) ephemeral_memory: usize,
    /// Visible sessions up to which changes are announced at once.
    pub(crate) presence_immediate: usize,
    /// Longest time changes are gathered in a larger channel.
    pub(crate) presence_window: Duration,
}

/// A session that has joined.
#[derive(Debug)]
struct Member {
    user: UserId,
    username: Arc<str>,
    persistence: bool,
    /// The last ephemeral messages it sent, oldest first: what it may still change.
    ephemeral: VecDeque<(MessageId, Micros)>,
}

/// A message that has its place in the order but has not been delivered.
#[derive(Debug)]
struct InFlight {
    reply_to: ReplyTo,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Waits for the store. The message is as it will be delivered, but for the times of an update
    /// or removal, which the store knows.
    Writing(Arc<Message>),
    Decided(Result<Arc<Message>, PublishError>),
}

/// The end of one publish, in its turn: to be delivered to all (if it went well) and answered.
#[derive(Debug)]
pub(crate) struct Released {
    pub(crate) reply_to: ReplyTo,
    pub(crate) result: Result<Arc<Message>, PublishError>,
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

pub(crate) struct ChannelState {
    id: ChannelId,
    limits: ChannelLimits,
    position: Position,
    members: HashMap<SessionId, Member>,
    presences: PresenceBook,
    /// In the order of admission, which is the order of delivery.
    in_flight: VecDeque<InFlight>,
}

impl ChannelState {
    pub(crate) fn new(id: ChannelId, limits: ChannelLimits, inherited: Vec<Arc<Presence>>) -> Self {
        Self {
            id,
            limits,
            position: Position::default(),
            members: HashMap::new(),
            presences: PresenceBook::inherited(inherited),
            in_flight: VecDeque::new(),
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
        if let Some(member) = self.members.get(&joiner.session) {
            let presence = Arc::new(Presence {
                persistence: member.persistence,
                ..joiner
            });
            return Ok(Joined {
                presence,
                others: self.presences.announced(),
                first: false,
            });
        }
        if self.members.len() >= self.limits.sessions {
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
        self.members.insert(
            joiner.session,
            Member {
                user: joiner.user,
                username: joiner.username.clone(),
                persistence: joiner.persistence,
                ephemeral: VecDeque::new(),
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
        self.members.remove(&session).is_some()
    }

    /// Gives an edit of a joined session its place in the order, and says what to write, if
    /// anything. Its end comes out of [`release`](Self::release).
    ///
    /// # Errors
    /// When the edit is refused at once; then it has no place and no further consequence.
    pub(crate) fn admit(
        &mut self,
        session: SessionId,
        edit: Edit,
        reply_to: ReplyTo,
        now: Micros,
    ) -> Result<Option<Write>, PublishError> {
        let member = self.members.get(&session).ok_or(PublishError::NotJoined)?;
        let (sender, username) = (member.user, member.username.clone());
        if member.persistence {
            return Ok(Some(
                self.admit_persistent(sender, username, edit, reply_to, now),
            ));
        }
        let known = |id: &MessageId| {
            let sent = member.ephemeral.iter().find(|(sent, _)| sent == id);
            sent.map(|(_, time)| *time)
                .ok_or(PublishError::NoSuchMessage)
        };
        let earlier = match &edit {
            Edit::Send(_) => None,
            Edit::Update(id, _) | Edit::Remove(id) => Some(known(id)?),
        };
        let time = self.tick(now);
        let message = self.message(sender, username, edit, time, earlier.unwrap_or(time), None);
        self.remember_ephemeral(session, &message);
        self.in_flight.push_back(InFlight {
            reply_to,
            stage: Stage::Decided(Ok(Arc::new(message))),
        });
        Ok(None)
    }

    /// As [`admit`](Self::admit), for the server itself, which need not join.
    pub(crate) fn admit_from_server(
        &mut self,
        content: Content,
        username: Arc<str>,
        reply_to: ReplyTo,
        now: Micros,
    ) -> Write {
        self.admit_persistent(UserId::SERVER, username, Edit::Send(content), reply_to, now)
    }

    fn admit_persistent(
        &mut self,
        sender: UserId,
        username: Arc<str>,
        edit: Edit,
        reply_to: ReplyTo,
        now: Micros,
    ) -> Write {
        let time = self.tick(now);
        let seq = matches!(edit, Edit::Send(_)).then(|| {
            self.position.last_seq.0 += 1;
            self.position.last_seq
        });
        let message = Arc::new(Message {
            persistent: true,
            ..self.message(sender, username, edit, time, time, seq)
        });
        self.in_flight.push_back(InFlight {
            reply_to,
            stage: Stage::Writing(message.clone()),
        });
        let (channel, id) = (self.id.clone(), message.id);
        match message.code {
            MessageCode::Chat => Write::Append(message),
            MessageCode::Update => Write::Update {
                channel,
                id,
                sender,
                content: message.content.clone(),
                time,
            },
            MessageCode::Remove => Write::Remove {
                channel,
                id,
                sender,
            },
        }
    }

    /// Takes the last admitted edit back: the store did not even queue it.
    pub(crate) fn withdraw(&mut self) {
        if let Some(InFlight {
            stage: Stage::Writing(message),
            ..
        }) = self.in_flight.pop_back()
            && message.seq == Some(self.position.last_seq)
        {
            self.position.last_seq.0 -= 1;
        }
    }

    /// What the store decided, in the order in which edits were admitted.
    pub(crate) fn committed(&mut self, outcomes: Vec<Result<Outcome, StoreError>>) {
        let mut writing = self.in_flight.iter_mut();
        for outcome in outcomes {
            let next = writing.find_map(|entry| match &entry.stage {
                Stage::Writing(message) => Some((message.clone(), &mut entry.stage)),
                Stage::Decided(_) => None,
            });
            let Some((message, stage)) = next else { return };
            *stage = Stage::Decided(decide(message, outcome));
        }
    }

    /// Those whose turn has come: all before them have been released.
    pub(crate) fn release(&mut self) -> Option<Released> {
        if matches!(self.in_flight.front()?.stage, Stage::Writing(_)) {
            return None;
        }
        match self.in_flight.pop_front()? {
            InFlight {
                reply_to,
                stage: Stage::Decided(result),
            } => Some(Released { reply_to, result }),
            InFlight {
                stage: Stage::Writing(_),
                ..
            } => None,
        }
    }

    /// Whether joins or leaves wait to be announced, and how long to gather more of them first.
    pub(crate) fn announce_in(&self) -> Option<Duration> {
        /// Visible sessions from which the whole window is used.
        const FULL_WINDOW: usize = 200;
        let visible = self.presences.len();
        self.presences.has_news().then(|| match visible {
            n if n <= self.limits.presence_immediate => Duration::ZERO,
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
        self.members.is_empty() && self.in_flight.is_empty()
    }

    /// The time of the next message: the clock's, but always later than the last one.
    fn tick(&mut self, now: Micros) -> Micros {
        self.position.last_time = now.max(Micros(self.position.last_time.0 + 1));
        self.position.last_time
    }

    fn message(
        &self,
        sender: UserId,
        username: Arc<str>,
        edit: Edit,
        time: Micros,
        create_time: Micros,
        seq: Option<Seq>,
    ) -> Message {
        let (code, id, content) = match edit {
            Edit::Send(content) => (MessageCode::Chat, MessageId::at(time), content),
            Edit::Update(id, content) => (MessageCode::Update, id, content),
            Edit::Remove(id) => (MessageCode::Remove, id, Content::empty()),
        };
        let (channel, update_time) = (self.id.clone(), time);
        Message {
            id,
            channel,
            seq,
            code,
            sender,
            username,
            content,
            create_time,
            update_time,
            persistent: false,
        }
    }

    fn remember_ephemeral(&mut self, session: SessionId, message: &Message) {
        let Some(member) = self.members.get_mut(&session) else {
            return;
        };
        match message.code {
            MessageCode::Chat => {
                if member.ephemeral.len() >= self.limits.ephemeral_memory {
                    member.ephemeral.pop_front();
                }
                if self.limits.ephemeral_memory > 0 {
                    member
                        .ephemeral
                        .push_back((message.id, message.create_time));
                }
            }
            MessageCode::Update => {}
            MessageCode::Remove => member.ephemeral.retain(|(id, _)| *id != message.id),
        }
    }
}

/// What the others will see of a write, now that the store has spoken.
fn decide(
    message: Arc<Message>,
    outcome: Result<Outcome, StoreError>,
) -> Result<Arc<Message>, PublishError> {
    match (outcome?, message.code) {
        (Outcome::Appended, _) => Ok(message),
        (Outcome::NoSuchMessage, _) => Err(PublishError::NoSuchMessage),
        (
            Outcome::Changed {
                create_time,
                update_time,
            },
            MessageCode::Remove,
        ) => Ok(Arc::new(Message {
            create_time,
            update_time,
            ..Message::clone(&message)
        })),
        (Outcome::Changed { create_time, .. }, _) => Ok(Arc::new(Message {
            create_time,
            ..Message::clone(&message)
        })),
    }
}
