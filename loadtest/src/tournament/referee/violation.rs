//! What a server can be found to have done wrong.

use std::{fmt, time::Duration};

use super::{MessageId, trail::Trail};
use crate::tournament::{plan::PlayerId, steps::Skip};

/// Violations that are kept; of more only the number is known.
const KEPT: usize = 2000;

/// A message as it is named to people: by its number in this run if it has one, and by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageName {
    pub(crate) number: Option<u32>,
    pub(crate) id: Option<MessageId>,
}

impl fmt::Display for MessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.number, self.id) {
            (Some(number), Some(id)) => write!(f, "message {number} ({id})"),
            (Some(number), None) => write!(f, "message {number}"),
            (None, Some(id)) => write!(f, "message {id}"),
            (None, None) => f.write_str("a message"),
        }
    }
}

/// A broken promise. `channel` is the plan's name of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("lost: {player} in {channel} was not given {message}")]
    Lost {
        player: PlayerId,
        channel: String,
        message: MessageName,
    },
    #[error("doubled: {player} in {channel} was given {message} again")]
    Doubled {
        player: PlayerId,
        channel: String,
        message: MessageName,
    },
    #[error("order: {player} in {channel} was given {message} after {after}, unlike others")]
    Order {
        player: PlayerId,
        channel: String,
        after: MessageName,
        message: MessageName,
    },
    #[error("order: what was given in {channel} goes round in a circle at {message}")]
    Circle {
        channel: String,
        message: MessageName,
    },
    #[error("foreign: {player} in {channel} was given {message}, which nobody sent there: {what}")]
    Foreign {
        player: PlayerId,
        channel: String,
        message: MessageName,
        what: &'static str,
    },
    #[error("altered: {player} in {channel} was given {message} with another sender or content")]
    Altered {
        player: PlayerId,
        channel: String,
        message: MessageName,
    },
    #[error("stored twice: {second} in {channel} is what was sent once as {first}")]
    StoredTwice {
        channel: String,
        first: MessageName,
        second: MessageName,
    },
    #[error("refused, yet there: {message} in {channel}")]
    RefusedYetThere {
        channel: String,
        message: MessageName,
    },
    #[error("answered twice: {message} of {player} in {channel}")]
    AnsweredTwice {
        player: PlayerId,
        channel: String,
        message: MessageName,
    },
    #[error("unanswered: {what} of {player} in {channel}")]
    Unanswered {
        player: PlayerId,
        channel: String,
        what: String,
    },
    #[error("wrong ack: {player} in {channel} was told {told} for {message}")]
    WrongAck {
        player: PlayerId,
        channel: String,
        message: MessageName,
        told: MessageName,
    },
    #[error("not in: {player} was given {what} of {channel} without being in it")]
    NotIn {
        player: PlayerId,
        channel: String,
        what: String,
    },
    #[error("put out: {player} was put out of {channel} for no reason")]
    PutOut { player: PlayerId, channel: String },
    #[error("history: {message} of {channel} was confirmed or heard and is not in it")]
    NotStored {
        channel: String,
        message: MessageName,
    },
    #[error("history: {message} of {channel} is in it and should not be")]
    Stored {
        channel: String,
        message: MessageName,
    },
    #[error("history: {message} follows {after} in that of {channel}, but {live} did live")]
    HistoryOrder {
        channel: String,
        after: MessageName,
        message: MessageName,
        live: MessageName,
    },
    #[error("history: that of {channel} has {message} twice")]
    HistoryTwice {
        channel: String,
        message: MessageName,
    },
    #[error("history: {message} of {channel} is another there")]
    HistoryAltered {
        channel: String,
        message: MessageName,
    },
    #[error("history: that of {channel} could not be read: {why}")]
    HistoryUnread { channel: String, why: String },
    #[error(
        "catching up: {player} in {channel} read {message} after {after}, which does not follow"
    )]
    CatchUpOrder {
        player: PlayerId,
        channel: String,
        after: MessageName,
        message: MessageName,
    },
    #[error("catching up: {player} in {channel} did not find {message}, which was there")]
    CatchUpLost {
        player: PlayerId,
        channel: String,
        message: MessageName,
    },
    #[error("hidden: {player} in {channel} was shown {shown}, who is hidden")]
    HiddenShown {
        player: PlayerId,
        channel: String,
        shown: PlayerId,
    },
    #[error("presence: {player} in {channel} still sees {gone}, who has left")]
    StillSeen {
        player: PlayerId,
        channel: String,
        gone: PlayerId,
    },
    #[error("presence: {player} in {channel} does not see {other}, who is there")]
    Unseen {
        player: PlayerId,
        channel: String,
        other: PlayerId,
    },
    #[error("presence: {player} in {channel} was shown a user who is not of this run")]
    Stranger { player: PlayerId, channel: String },
    #[error("block: {player} in {channel} heard {message} of somebody they had blocked")]
    BlockedHeard {
        player: PlayerId,
        channel: String,
        message: MessageName,
    },
    #[error("block: {message} of {player} in {channel} was taken after the block")]
    BlockedTaken {
        player: PlayerId,
        channel: String,
        message: MessageName,
    },
    #[error("disconnected: {player}: {why}")]
    Disconnected { player: PlayerId, why: String },
    #[error("shut out: {player} could not {what}: {why}")]
    ShutOut {
        player: PlayerId,
        what: &'static str,
        why: String,
    },
    #[error("malformed: {player} was given {what}")]
    Malformed { player: PlayerId, what: String },
    #[error("refused: {what} of {player}: {why}")]
    Refused {
        player: PlayerId,
        what: String,
        why: String,
    },
    #[error(
        "unfinished: {players} players did not come to the end of their script, the first: {first}"
    )]
    Unfinished { players: usize, first: PlayerId },
    #[error("unsettled: {players} players did not settle, the first: {first}")]
    Unsettled { players: usize, first: PlayerId },
    #[error(
        "skipped: {steps} steps because {why}, without anything that explains it, the first: {first}"
    )]
    Skipped {
        steps: usize,
        why: Skip,
        first: String,
    },
    #[error("history: {histories} could not be read: {why}")]
    HistoriesUnread { histories: usize, why: String },
    #[error("endless: in {longest:?} things did not come to rest, and not all was judged")]
    Endless { longest: Duration },
}

impl Violation {
    /// Who was treated wrong, if it was one.
    pub(super) fn player(&self) -> Option<PlayerId> {
        match self {
            Self::Lost { player, .. }
            | Self::Doubled { player, .. }
            | Self::Order { player, .. }
            | Self::Foreign { player, .. }
            | Self::Altered { player, .. }
            | Self::AnsweredTwice { player, .. }
            | Self::Unanswered { player, .. }
            | Self::WrongAck { player, .. }
            | Self::NotIn { player, .. }
            | Self::PutOut { player, .. }
            | Self::CatchUpOrder { player, .. }
            | Self::CatchUpLost { player, .. }
            | Self::HiddenShown { player, .. }
            | Self::StillSeen { player, .. }
            | Self::Unseen { player, .. }
            | Self::Stranger { player, .. }
            | Self::BlockedHeard { player, .. }
            | Self::BlockedTaken { player, .. }
            | Self::Disconnected { player, .. }
            | Self::ShutOut { player, .. }
            | Self::Malformed { player, .. }
            | Self::Refused { player, .. } => Some(*player),
            Self::Unfinished { first, .. } | Self::Unsettled { first, .. } => Some(*first),
            Self::Circle { .. }
            | Self::StoredTwice { .. }
            | Self::RefusedYetThere { .. }
            | Self::NotStored { .. }
            | Self::Stored { .. }
            | Self::HistoryOrder { .. }
            | Self::HistoryTwice { .. }
            | Self::HistoryAltered { .. }
            | Self::HistoryUnread { .. }
            | Self::Skipped { .. }
            | Self::HistoriesUnread { .. }
            | Self::Endless { .. } => None,
        }
    }
}

/// All that was found.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    kept: Vec<Violation>,
    /// What the player concerned had got last when each of `kept` was found.
    evidence: Vec<String>,
    count: u64,
}

impl Violations {
    pub(super) fn add(&mut self, violation: Violation, trail: Option<&Trail>) {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(violation);
            self.evidence
                .push(trail.map_or_else(String::new, Trail::evidence));
        }
    }

    /// What is kept, in words and with its evidence.
    pub(super) fn told(&self) -> impl Iterator<Item = String> {
        let kept = self.kept.iter().zip(&self.evidence);
        kept.map(|(violation, evidence)| format!("{violation}{evidence}"))
    }

    pub(crate) fn kept(&self) -> &[Violation] {
        &self.kept
    }

    /// How many there were, also those that were not kept.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}
