//! What a change of something else, of a group for instance, means for a channel: the places that are
//! reserved for its event messages, and what came of it. The change itself is none of the channel's
//! business.

use std::sync::Arc;

use super::{ChannelId, Message, Micros, Seq};
use crate::{store::StoreError, user::UserId};

/// A place in a channel's order, and those behind it that were reserved with it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The channel.
    pub(crate) channel: ChannelId,
    /// The first place.
    pub(crate) seq: Seq,
    /// The time of the first place.
    pub(crate) time: Micros,
}

impl Place {
    /// The `n`th reserved place, from 0, with its time.
    pub(crate) fn nth(&self, n: usize) -> (Seq, Micros) {
        (
            Seq(self.seq.0 + n as u64),
            Micros(self.time.0 + i64::try_from(n).unwrap_or(i64::MAX)),
        )
    }
}

/// What a change of something else, of a group for instance, meant for a channel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events {
    /// The event messages that are now in the history, in their order, at the first of the places that
    /// were reserved.
    pub(crate) messages: Vec<Arc<Message>>,
    /// Users who may no longer be in the channel. Each has a message, which is the last they hear.
    pub(crate) removed: Vec<UserId>,
    /// Whether the channel is no more, and nobody may be in it.
    pub(crate) ended: bool,
}

/// Where the outcome of a change goes, after the commit. Called exactly once if the change was queued, in
/// the order in which changes were, from the writer's thread; must not block.
pub(crate) type EventSink = Box<dyn FnOnce(Result<Events, StoreError>) + Send>;
