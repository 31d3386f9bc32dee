//! The seam between a channel and what must survive.

use std::sync::Arc;

use super::{ChannelId, Content, Message, MessageId, Micros, Seq};
use crate::{
    store::{StoreError, StoreFuture},
    user::UserId,
};

/// Keeps the messages of all channels.
///
/// Writes are carried out in the order in which `submit` took them. What was committed survives the
/// end of the process (and, with `durability = "power"`, of the machine).
pub trait MessageStore: Send + Sync + 'static {
    /// Whether a user may be in a channel and write to it. Everybody may in a room, members in the channel
    /// of their group, and in a direct channel both users unless the other has blocked them. One look-up at
    /// most; sees committed writes only.
    fn may_enter<'a>(
        &'a self,
        user: UserId,
        channel: &ChannelId,
    ) -> StoreFuture<'a, Result<bool, StoreError>>;

    /// Whether a user may read the history of a channel: as [`may_enter`](Self::may_enter), but a block
    /// keeps nobody from what was said in their direct channel.
    fn may_read<'a>(
        &'a self,
        user: UserId,
        channel: &ChannelId,
    ) -> StoreFuture<'a, Result<bool, StoreError>>;

    /// Where the history of a channel ends. Sees every write submitted before, by anyone.
    fn open<'a>(&'a self, channel: &ChannelId) -> StoreFuture<'a, Result<Position, StoreError>>;

    /// Queues one write without waiting. If this succeeds, `sink` is told its outcome exactly once,
    /// in the order of submission within the sink. A write of a user who may not be in the channel
    /// when its turn comes is [`Forbidden`](Outcome::Forbidden), whatever was true before.
    ///
    /// # Errors
    /// `Busy` when the queue is full, `Closed` at shutdown. The sink hears nothing then.
    fn submit(&self, write: Write, sink: &CommitSink) -> Result<(), StoreError>;

    /// One page of history, read from committed writes only.
    fn page(&self, query: PageQuery) -> StoreFuture<'_, Result<Page, StoreError>>;
}

/// Where outcomes go. Called from the writer's thread; must not block.
pub type CommitSink = Arc<dyn Fn(BatchCommitted) + Send + Sync>;

/// The end of a channel's history; zeros when there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// The highest place ever taken.
    pub last_seq: Seq,
    /// The latest time ever written.
    pub last_time: Micros,
}

/// One change of a channel's history.
#[derive(Debug, Clone)]
pub enum Write {
    /// Adds a message, at its `seq`.
    Append(Arc<Message>),
    /// Gives a chat message of `sender` in `channel` a new content.
    Update {
        /// The channel the message must be in.
        channel: ChannelId,
        /// The message.
        id: MessageId,
        /// The user whose message it must be.
        sender: UserId,
        /// What it says from now on.
        content: Content,
        /// The time of the change.
        time: Micros,
    },
    /// Deletes a chat message of `sender` in `channel`.
    Remove {
        /// The channel the message must be in.
        channel: ChannelId,
        /// The message.
        id: MessageId,
        /// The user whose message it must be.
        sender: UserId,
    },
}

/// Fact: a batch has been decided, committed or failed. `outcomes` stand in the order of submission.
#[derive(Debug)]
pub struct BatchCommitted {
    /// One for each write of this sink in the batch.
    pub outcomes: Vec<Result<Outcome, StoreError>>,
}

/// What a committed write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The message is in the history.
    Appended,
    /// The message was changed or removed; its times as stored before.
    Changed {
        /// When the message was sent.
        create_time: Micros,
        /// When it had last been changed.
        update_time: Micros,
    },
    /// There is no such message of this sender in this channel.
    NoSuchMessage,
    /// The sender may not be in the channel; nothing was written.
    Forbidden,
}

/// Which way a listing runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From old to new.
    OldestFirst,
    /// From new to old.
    NewestFirst,
}

/// Asks for messages of one channel.
#[derive(Debug, Clone)]
pub struct PageQuery {
    /// The channel; need not exist.
    pub channel: ChannelId,
    /// Messages strictly beyond this place in `direction`; `None` starts at the end of the history
    /// that `direction` starts from.
    pub beyond: Option<Seq>,
    /// The order of the answer.
    pub direction: Direction,
    /// At most this many, at least 1.
    pub limit: usize,
    /// Leaves out what was said by users whom this user has blocked. Events of groups are not.
    pub reader: Option<UserId>,
}

/// An answer to [`PageQuery`].
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// In the order asked for. Each has its `seq`.
    pub messages: Vec<Message>,
    /// Whether there are more beyond the last one.
    pub more: bool,
    /// Where to go on if not behind the last one: the store has looked at all before that place and does
    /// not look further for one page. Then the page may be short, or empty.
    pub passed: Option<Seq>,
}
