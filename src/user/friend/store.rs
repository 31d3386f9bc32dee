//! The seam to what keeps friends and blocks.

use std::collections::HashSet;

use super::{Friend, FriendError, FriendMetadata, FriendState, state::Verb};
use crate::{
    account::User,
    channel::Micros,
    page::{Found, ListPage},
    store::{StoreError, StoreFuture},
    user::{Notification, UserId},
};

/// Keeps who is what to whom. Each change happens whole or not at all, is decided by the rules in
/// [`state`](super::state) against what it is written to, and is durable when its future resolves.
pub(crate) trait FriendStore: Send + Sync + 'static {
    /// Does the same to each of the users, those named twice once, unknown ones left out. The
    /// notifications it brings are kept with it.
    ///
    /// # Errors
    /// `Oneself`; `Nobody` when only names are given and none is known, but for a deletion;
    /// `ListFull`.
    fn change_friends(
        &self,
        change: FriendChange,
    ) -> StoreFuture<'_, Result<FriendsChanged, FriendError>>;

    /// The list of a user: by state, then by age; with `state` only those.
    fn friends(
        &self,
        user: UserId,
        state: Option<FriendState>,
        beyond: Option<FriendPosition>,
        limit: usize,
    ) -> StoreFuture<'_, Result<Found<Friend>, StoreError>>;

    /// The friends of the friends of a user, but for the user's own: by the friend's id, then by theirs.
    /// One whom several friends know is listed with each.
    ///
    /// Only so many entries of lists are looked at: a page may be short, or empty, though there are more.
    /// Then `next` says how far it came, which may be behind its last entry.
    fn friends_of_friends(
        &self,
        user: UserId,
        beyond: Option<FriendOfFriendPosition>,
        limit: usize,
    ) -> StoreFuture<'_, Result<ListPage<FriendOfFriend, FriendOfFriendPosition>, StoreError>>;

    /// Whom a user has blocked.
    fn blocked(&self, user: UserId) -> StoreFuture<'_, Result<Vec<UserId>, StoreError>>;

    /// Who of these has blocked a user.
    fn who_blocked(
        &self,
        user: UserId,
        among: Vec<UserId>,
    ) -> StoreFuture<'_, Result<HashSet<UserId>, StoreError>>;
}

/// What a user does about others.
#[derive(Debug, Clone)]
pub(crate) struct FriendChange {
    pub(crate) caller: UserId,
    pub(crate) ids: Vec<UserId>,
    pub(crate) usernames: Vec<String>,
    pub(crate) action: FriendAction,
    pub(crate) now: Micros,
}

#[derive(Debug, Clone)]
pub(crate) enum FriendAction {
    /// Invites, or accepts. The metadata is noted in the caller's own entry when it is made or becomes that of a
    /// friend, unless it is empty.
    Add(FriendMetadata),
    Delete,
    Block,
}

impl FriendAction {
    pub(crate) fn verb(&self) -> Verb {
        match self {
            Self::Add(_) => Verb::Add,
            Self::Delete => Verb::Delete,
            Self::Block => Verb::Block,
        }
    }
}

/// What came of a change, beside what is kept.
#[derive(Debug, Default)]
pub(crate) struct FriendsChanged {
    /// Kept; to be pushed to those who are online.
    pub(crate) notifications: Vec<Notification>,
    /// Whom the caller has blocked with it, whether they were before or not.
    pub(crate) blocked: Vec<UserId>,
    /// Whom the caller has not blocked after it, whether they were before or not.
    pub(crate) unblocked: Vec<UserId>,
}

/// Where a user's list goes on: behind this entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FriendPosition {
    pub(crate) state: FriendState,
    pub(crate) since: Micros,
    pub(crate) user: UserId,
}

/// A friend of a friend.
#[derive(Debug, Clone)]
pub(crate) struct FriendOfFriend {
    /// The friend they have in common.
    pub(crate) referrer: UserId,
    pub(crate) user: User,
}

/// Where a list of friends of friends goes on: behind this entry, whether it is listed or was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FriendOfFriendPosition {
    pub(crate) referrer: UserId,
    pub(crate) user: UserId,
}

impl FriendOfFriendPosition {
    /// Before all friends of one friend. Nobody has the id of the server, which is the lowest.
    pub(crate) fn before_all_of(referrer: UserId) -> Self {
        Self {
            referrer,
            user: UserId::SERVER,
        }
    }
}
