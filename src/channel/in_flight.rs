//! What has its place in a channel's order but has not been delivered.
//!
//! Invariant: things come out in the order in which they went in, whatever the order in which they are
//! decided.

use std::{collections::VecDeque, sync::Arc};

use super::{Events, Message, MessageCode, Outcome, PublishError};
use crate::{relay::ReplyTo, store::StoreError, user::UserId};

/// In the order of admission, which is the order of delivery.
#[derive(Debug, Default)]
pub(super) struct InFlight(VecDeque<Entry>);

#[derive(Debug)]
struct Entry {
    reply_to: ReplyTo,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Waits for the store. The message is as it will be delivered, but for the times of an update
    /// or removal, which the store knows.
    Writing(Arc<Message>),
    /// Waits for the store to say which events happened, if any. So many places are theirs.
    Changing(u64),
    Decided(End),
}

/// How something ends that was given a place.
#[derive(Debug)]
pub(crate) enum End {
    Message(Result<Arc<Message>, PublishError>),
    Events(Result<Events, PublishError>),
}

/// The end of one publish, in its turn: to be delivered to all (if it went well) and answered.
#[derive(Debug)]
pub(crate) struct Released {
    pub(crate) reply_to: ReplyTo,
    pub(crate) end: End,
}

impl InFlight {
    /// A message that the store has to write.
    pub(super) fn write(&mut self, reply_to: ReplyTo, message: Arc<Message>) {
        self.push(reply_to, Stage::Writing(message));
    }

    /// A message that is ready, but for its turn.
    pub(super) fn ready(&mut self, reply_to: ReplyTo, message: Message) {
        let end = End::Message(Ok(Arc::new(message)));
        self.push(reply_to, Stage::Decided(end));
    }

    /// A change that may have events at so many places.
    pub(super) fn change(&mut self, reply_to: ReplyTo, places: u64) {
        self.push(reply_to, Stage::Changing(places));
    }

    fn push(&mut self, reply_to: ReplyTo, stage: Stage) {
        self.0.push_back(Entry { reply_to, stage });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the last one back, and answers how many places it had.
    pub(super) fn withdraw(&mut self) -> u64 {
        match self.0.pop_back().map(|last| last.stage) {
            Some(Stage::Writing(message)) => message.seq.is_some().into(),
            Some(Stage::Changing(places)) => places,
            Some(Stage::Decided(_)) | None => 0,
        }
    }

    /// What the store decided about messages, in the order in which it was asked.
    pub(super) fn written(&mut self, outcomes: Vec<Result<Outcome, StoreError>>) {
        let mut entries = self.0.iter_mut();
        for outcome in outcomes {
            let next = entries.find_map(|entry| match &entry.stage {
                Stage::Writing(message) => Some((message.clone(), &mut entry.stage)),
                Stage::Changing(_) | Stage::Decided(_) => None,
            });
            let Some((message, stage)) = next else { return };
            *stage = Stage::Decided(End::Message(decide(message, outcome)));
        }
    }

    /// What the store decided about the first change that it has not yet decided.
    pub(super) fn changed(&mut self, events: Result<Events, StoreError>) {
        let changing = |entry: &&mut Entry| matches!(entry.stage, Stage::Changing(_));
        if let Some(entry) = self.0.iter_mut().find(changing) {
            let end = End::Events(events.map_err(PublishError::from));
            entry.stage = Stage::Decided(end);
        }
    }

    /// Fails what those concerned have sent without having it stored.
    pub(super) fn refuse_ephemeral(&mut self, concerned: impl Fn(UserId) -> bool) {
        for entry in &mut self.0 {
            if let Stage::Decided(End::Message(result)) = &mut entry.stage
                && let Ok(message) = result
                && !message.persistent
                && concerned(message.sender)
            {
                *result = Err(PublishError::NotJoined);
            }
        }
    }

    /// The next one whose turn has come: all before it have been released.
    pub(super) fn release(&mut self) -> Option<Released> {
        let decided = |entry: &mut Entry| matches!(entry.stage, Stage::Decided(_));
        let Entry { reply_to, stage } = self.0.pop_front_if(decided)?;
        match stage {
            Stage::Decided(end) => Some(Released { reply_to, end }),
            Stage::Writing(_) | Stage::Changing(_) => None,
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
        (Outcome::Forbidden, _) => Err(PublishError::Forbidden),
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
