//! The seam to what keeps groups.

use uuid::Uuid;

use super::{Change, Group, GroupError, GroupId, GroupUpdate, NewGroup, Role, Told};
use crate::{
    account::User,
    channel::{EventSink, Micros, Place},
    page::Found,
    store::{StoreError, StoreFuture},
    user::UserId,
};

/// Keeps groups and who is in them. Each change happens whole or not at all, is decided by the rules
/// in [`state`](super::state) against the state it is written to, and is durable when its future
/// resolves or its outcome is told.
pub(crate) trait GroupStore: Send + Sync + 'static {
    /// Makes a group with its creator as its superadmin and only member.
    ///
    /// # Errors
    /// `NameTaken`; `NotFound` when the creator has no account.
    fn create(
        &self,
        id: GroupId,
        creator: UserId,
        group: NewGroup,
        now: Micros,
    ) -> StoreFuture<'_, Result<Group, GroupError>>;

    /// Applies the fields that are given. Keeping one's own name is no conflict.
    ///
    /// # Errors
    /// `NotAdmin`, `RenameTaken`.
    fn update(
        &self,
        id: GroupId,
        caller: UserId,
        update: GroupUpdate,
        now: Micros,
    ) -> StoreFuture<'_, Result<(), GroupError>>;

    /// Whether there is such a group.
    fn exists(&self, group: GroupId) -> StoreFuture<'_, Result<bool, StoreError>>;

    /// Queues a change without waiting, in line with the channel's messages. Its event messages take
    /// the places from `place` on and `sink` is told of them, of none when the change was refused; `told` gets the decision. When the store fails both hear of
    /// it. Roles, counts, event messages and notifications are one transaction.
    ///
    /// # Errors
    /// `Busy` when the queue is full, `Closed` at shutdown. Neither hears anything then.
    fn change(
        &self,
        change: Change,
        place: Place,
        sink: EventSink,
        told: Told,
    ) -> Result<(), StoreError>;

    /// Groups that match, in the order of the filter, beyond the last one of another page. A
    /// search: it may pass over many groups to find a few, and has its time, and its turn.
    ///
    /// # Errors
    /// `TooLong`, `Busy`.
    fn list(
        &self,
        filter: GroupFilter,
        beyond: Option<GroupPosition>,
        limit: usize,
    ) -> StoreFuture<'_, Result<Found<Group>, StoreError>>;

    /// Who is in a group: by role, then by the time they got into it; with `role` only those. Without it
    /// the banned are left out. Nobody is in an unknown group.
    fn members(
        &self,
        group: GroupId,
        role: Option<Role>,
        beyond: Option<EdgePosition>,
        limit: usize,
    ) -> StoreFuture<'_, Result<Found<Member>, StoreError>>;

    /// The groups of a user, by the same rules.
    fn memberships(
        &self,
        user: UserId,
        role: Option<Role>,
        beyond: Option<EdgePosition>,
        limit: usize,
    ) -> StoreFuture<'_, Result<Found<Membership>, StoreError>>;
}

/// Which groups to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GroupFilter {
    /// By name: the case does not matter, `%` stands for any text. Sorted by name.
    Name(String),
    /// All that match what is given. The largest first, but by language alone the smallest, as the reference has it;
    /// of equal size by id.
    Properties {
        lang_tag: Option<String>,
        open: Option<bool>,
        /// At most that many members.
        members: Option<u32>,
    },
}

/// Where a listing of groups goes on: behind this group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupPosition {
    pub(crate) name: String,
    pub(crate) edge_count: u32,
    pub(crate) group: GroupId,
}

/// Where a listing of the users of a group, or of the groups of a user, goes on: behind this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EdgePosition {
    pub(crate) role: Role,
    pub(crate) since: Micros,
    /// Of the user or of the group.
    pub(crate) id: Uuid,
}

/// One user of a group.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) user: User,
    pub(crate) role: Role,
    pub(crate) since: Micros,
}

/// One group of a user.
#[derive(Debug, Clone)]
pub(crate) struct Membership {
    pub(crate) group: Group,
    pub(crate) role: Role,
    pub(crate) since: Micros,
}
