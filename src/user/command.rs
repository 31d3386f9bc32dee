//! What a user's actor is told and asked.

use std::sync::Arc;

use actix::{dev::MessageResponse, prelude::*};
use tokio::sync::oneshot;

use super::{FriendChange, FriendError, Notification, Status, StatusPresence, UserId};
use crate::{
    account::{Ends, TokenId},
    channel::SessionId,
    relay::{Closing, News, Relay, RelayId, ReplyAddress, SocketKey},
};

/// Where a session's socket is.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) relay: Addr<Relay>,
    pub(crate) relay_id: RelayId,
    pub(crate) socket: SocketKey,
}

/// A session of the user has opened. Answered when its relay knows whose messages it is not to get. Sent
/// once for each session.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Arrive {
    pub(crate) session: SessionId,
    pub(crate) username: Arc<str>,
    /// What it was opened with.
    pub(crate) token: TokenId,
    pub(crate) home: Home,
    /// Whether it shows its user as online from the start.
    pub(crate) visible: bool,
}

/// Fact: a session of the user has ended. Sent once, after its [`Arrive`].
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Depart {
    pub(crate) session: SessionId,
}

/// Shows a session of the user with a status, or no more. The client is answered through its relay.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct SetStatus {
    pub(crate) session: SessionId,
    pub(crate) status: Option<Status>,
    pub(crate) reply_to: ReplyAddress,
}

/// Has a session of another user told of status news from now on. May be repeated.
#[derive(Message)]
#[rtype(result = "Followed")]
pub(crate) struct Follow {
    pub(crate) follower: SessionId,
    /// Whose session it is.
    pub(crate) user: UserId,
    pub(crate) home: Home,
}

/// Answer to a [`Follow`].
#[derive(MessageResponse)]
pub(crate) struct Followed {
    /// Who is shown now.
    pub(crate) shown: Vec<Arc<StatusPresence>>,
    /// The last news that is in it. Older news must not reach the client after it: between a follow that has
    /// ended and this one some may be missing.
    pub(crate) news: News,
}

/// Ends a [`Follow`]. Taken without a bound: once for each user that a session follows.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Unfollow {
    pub(crate) follower: SessionId,
    /// Told when no more news is on its way; dropped when none was.
    pub(crate) done: Option<oneshot::Sender<()>>,
}

/// Pushes a notification to the sessions of the user. Taken without a bound: it tells of what the writer,
/// whose queue is bounded, has committed.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Notify(pub(crate) Notification);

/// Ends sessions of the user. Taken without a bound: once for each end of tokens, and at shutdown.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct CloseSessions {
    /// Those that were opened with a token that ends.
    pub(crate) tokens: Ends,
    pub(crate) why: Closing,
}

/// Changes what others are to the user. Answered when it is committed and in force.
pub(crate) struct ChangeFriends(pub(crate) FriendChange);

impl Message for ChangeFriends {
    type Result = Result<(), FriendError>;
}
