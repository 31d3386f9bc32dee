use crate::{rate::Limited, store::StoreError};

/// Why a session could not join a channel.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JoinError {
    /// The channel has as many sessions as it may have.
    #[error("the channel is full")]
    ChannelFull,
    /// Channels are scarce, and the user is in as many as one may be; of those that are live already more can be joined.
    #[error("you are in as many channels as one user may be in at the moment")]
    UserShare,
    /// There is no such channel, or not for this user; outsiders shall not learn which.
    #[error("channel not found")]
    Forbidden,
    /// The history could not be read, so no order could be promised. May pass.
    #[error("the channel is unavailable, try again")]
    Unavailable,
}

/// Why a message was not sent, updated or removed. Nobody saw it, except perhaps after `ChannelLost`.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PublishError {
    /// This very session has not joined the channel.
    #[error("must join the channel before sending to it")]
    NotJoined,
    /// The user may no longer be in the channel, or there is no such channel.
    #[error("channel not found")]
    Forbidden,
    /// Unknown, removed, or somebody else's message, or one this session may not change.
    #[error("message_id does not name a message of yours in this channel")]
    NoSuchMessage,
    /// The store could not keep it. The same request may succeed later.
    #[error("the message could not be stored")]
    Store(#[from] StoreError),
    /// The channel failed while the request was under way; it may or may not have been stored.
    #[error("the channel failed, the message may not have been sent")]
    ChannelLost,
    /// The channel has been sent more than its members can take, and much of it by this session.
    #[error(transparent)]
    Limited(Limited),
    /// The channel has as many requests waiting as it may have.
    #[error("the channel is busy, try again")]
    Busy,
}
