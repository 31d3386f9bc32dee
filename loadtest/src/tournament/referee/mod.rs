//! The referee: hears what every player hears, and finds what does not fit together.
//!
//! It is told what players send, are answered, hear and see, as plain values, and assumes nothing of the time between
//! different sockets but that cause comes before effect: [`Stamp`]s count what happens in this process. What has
//! to hold:
//!
//! - All who are in a channel hear the same messages in the same order ([`Order`]), from what was sent after their
//!   join was answered up to what was confirmed before they began to leave; nothing twice, nothing else.
//! - The history of a channel is that order, of what is to be stored; whoever comes back reads in it what they missed.
//! - What was confirmed is there, what was refused is not; what was sent once is there once.
//! - Presences are those who are there and not hidden ([`Presences`]).
//! - Nobody hears whom they have blocked.
//!
//! No I/O, no clock. A delivery costs the same however much there has been: mostly it is compared with the
//! message that others have heard after the last one.

mod book;
mod catch_up;
pub(crate) mod content;
mod dispute;
mod hearing;
mod message_id;
mod order;
mod presences;
mod rest;
mod score;
mod seeing;
mod sending;
#[cfg(test)]
mod tests;
mod trail;
mod verdict;
mod violation;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use self::{
    book::Book, catch_up::CaughtUp, dispute::Dispute, order::Order, presences::Presences,
    trail::Trail, violation::Violations,
};
pub(crate) use self::{
    hearing::Heard,
    message_id::{MessageId, Uuid},
    order::Place,
    seeing::Seen,
    verdict::Docket,
    violation::{MessageName, Violation},
};
use super::plan::{self, ChannelNo, Manner, PlayerId};

/// A moment: how many things had happened before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp(u64);

impl Stamp {
    /// Before everything.
    const FIRST: Self = Self(0);
    /// After everything.
    const NEVER: Self = Self(u64::MAX);
}

/// A player's time in a channel, from the request to join on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StayId(u32);

#[derive(Debug)]
struct Stay {
    player: PlayerId,
    channel: ChannelNo,
    manner: Manner,
    /// When the answer to the join was read; `None` before.
    joined: Option<Stamp>,
    end: End,
    /// The own session, once joined.
    session: Option<u32>,
    /// First and last message heard, and the same of stored ones.
    first: Option<Place>,
    last: Option<Place>,
    first_stored: Option<Place>,
    last_stored: Option<Place>,
    presences: Presences,
}

/// How a stay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// Asked to leave then, and perhaps answered.
    Left(Stamp),
    /// The connection was lost.
    Lost,
    /// The server put the player out.
    PutOut,
}

/// A block in a direct channel.
#[derive(Debug, Clone, Copy)]
struct Block {
    by: PlayerId,
    began: Stamp,
    /// When the call returned.
    returned: Stamp,
    /// Whether the one who blocked has also read all that was on its way to them then.
    in_force: bool,
}

#[derive(Debug)]
struct Channel {
    name: String,
    order: Order,
    /// Who joins it hidden.
    hidden: HashSet<PlayerId>,
    block: Option<Block>,
    disputes: Vec<Dispute>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Referee {
    now: u64,
    channels: Vec<Channel>,
    by_id: HashMap<Box<str>, ChannelNo>,
    users: HashMap<Uuid, PlayerId>,
    sessions: HashMap<Uuid, u32>,
    /// Whose session it is, by its number.
    owners: Vec<PlayerId>,
    stays: Vec<Stay>,
    book: Book,
    caught_up: Vec<CaughtUp>,
    /// Players who have not read everything in the end.
    unsettled: HashSet<PlayerId>,
    trails: HashMap<PlayerId, Trail>,
    violations: Violations,
}

impl Referee {
    pub(crate) fn new(channels: &[plan::Channel]) -> Self {
        let channels = channels.iter().map(|channel| Channel {
            name: channel.to_string(),
            order: Order::default(),
            hidden: HashSet::new(),
            block: None,
            disputes: Vec::new(),
        });
        Self {
            now: 0,
            channels: channels.collect(),
            by_id: HashMap::new(),
            users: HashMap::new(),
            sessions: HashMap::new(),
            owners: Vec::new(),
            stays: Vec::new(),
            book: Book::default(),
            caught_up: Vec::new(),
            unsettled: HashSet::new(),
            trails: HashMap::new(),
            violations: Violations::default(),
        }
    }

    /// The player is the user with this id.
    pub(crate) fn know_user(&mut self, player: PlayerId, id: &str) {
        if let Some(id) = Uuid::parse(id) {
            self.users.insert(id, player);
        }
    }

    /// The server calls the channel by this id.
    pub(crate) fn know_channel(&mut self, channel: ChannelNo, id: &str) {
        self.by_id.insert(id.into(), channel);
    }

    /// The channel that the server calls by this id.
    pub(crate) fn channel(&self, id: &str) -> Option<ChannelNo> {
        self.by_id.get(id).copied()
    }

    /// Something that only whoever has seen it can tell.
    pub(crate) fn report(&mut self, violation: Violation) {
        let trail = violation
            .player()
            .and_then(|player| self.trails.get(&player));
        self.violations.add(violation, trail);
    }

    /// A player got something, so long after the beginning.
    pub(crate) fn received(&mut self, player: PlayerId, at: Duration, frame: String) {
        self.trails.entry(player).or_default().received(at, frame);
    }

    /// What was found so far, as far as it is kept.
    pub(crate) fn violations(&self) -> &[Violation] {
        self.violations.kept()
    }

    /// The same in words, each with the session of the player concerned and what that player had got last.
    pub(crate) fn told(&self) -> impl Iterator<Item = String> {
        self.violations.told()
    }

    /// How many violations were found.
    pub(crate) fn count(&self) -> u64 {
        self.violations.count()
    }

    /// What people call a channel.
    pub(crate) fn name(&self, channel: ChannelNo) -> String {
        self.channels[channel.index()].name.clone()
    }

    fn stamp(&mut self) -> Stamp {
        self.now += 1;
        Stamp(self.now)
    }

    fn stay(&mut self, stay: StayId) -> &mut Stay {
        &mut self.stays[stay.0 as usize]
    }

    fn order(&mut self, channel: ChannelNo) -> &mut Order {
        &mut self.channels[channel.index()].order
    }

    fn message(&self, channel: ChannelNo, place: Place) -> MessageName {
        let message = &self.channels[channel.index()].order[place];
        MessageName {
            number: message.send,
            id: Some(message.id),
        }
    }
}
