//! The book of what players have sent, and what became of it.

use std::{collections::HashMap, time::Duration};

use super::{MessageId, Stamp, order::Place};
use crate::tournament::plan::{ChannelNo, PlayerId};

/// Something that is to become a message in a channel: said, or a change that the channel tells of.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) player: PlayerId,
    pub(crate) channel: ChannelNo,
    /// When it was due, from the beginning of the tournament.
    pub(crate) planned: Duration,
    /// When sending began.
    pub(crate) began: Stamp,
    pub(crate) answer: Answer,
    /// The message, once it is known.
    pub(crate) place: Option<Place>,
    /// Of sender, code and content; `None` where that is not for the sender to choose.
    pub(crate) digest: Option<u64>,
    /// Whether the history is to have it.
    pub(crate) stored: bool,
}

/// What the server said to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing so far.
    Pending,
    /// It is a message, with this id unless it was not told.
    Taken { read: Stamp, id: Option<MessageId> },
    /// It is none.
    Refused,
    /// It was not told, and will not be: it may be one.
    Unknown,
}

impl Sent {
    /// When it was known to be a message; never: the last of all stamps.
    pub(crate) fn taken(&self) -> Stamp {
        match self.answer {
            Answer::Taken { read, .. } => read,
            _ => Stamp::NEVER,
        }
    }
}

/// All that was sent, by number.
#[derive(Debug, Default)]
pub(crate) struct Book {
    sends: Vec<Sent>,
    /// Changes that channels tell of, by whom they are about and the code they are told with.
    events: HashMap<(ChannelNo, PlayerId, i32), u32>,
}

impl Book {
    /// The number that the next one gets.
    pub(crate) fn next(&self) -> u32 {
        self.sends.len() as u32
    }

    pub(crate) fn add(&mut self, sent: Sent) -> u32 {
        let number = self.next();
        self.sends.push(sent);
        number
    }

    pub(crate) fn add_event(&mut self, sent: Sent, code: i32) -> u32 {
        let key = (sent.channel, sent.player, code);
        let number = self.add(sent);
        self.events.insert(key, number);
        number
    }

    pub(crate) fn event(&self, channel: ChannelNo, about: PlayerId, code: i32) -> Option<u32> {
        self.events.get(&(channel, about, code)).copied()
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Sent> {
        self.sends.get(number as usize)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Sent> {
        self.sends.get_mut(number as usize)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Sent)> {
        (0..).zip(&self.sends)
    }
}
