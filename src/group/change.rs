//! What can be done to the membership of a group, and what comes of it.

use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};
use tokio::sync::oneshot;

use super::{GroupError, GroupId};
use crate::{
    channel::Micros,
    config::GroupAdd,
    user::{Notification, UserId},
};

/// One change of a group's membership, applied whole or not at all.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) group: GroupId,
    pub(crate) caller: UserId,
    pub(crate) action: Action,
    /// Who may add users who have not asked.
    pub(crate) group_add: GroupAdd,
    /// When it was asked for; the time of what has no place in the channel.
    pub(crate) now: Micros,
}

/// What the caller wants. The users of a list are dealt with in order; one that the rules leave as
/// they are is skipped.
#[derive(Debug, Clone, EnumDiscriminants)]
#[strum_discriminants(name(ActionKind), vis(pub(super)), doc = "For the metric.")]
#[strum_discriminants(
    derive(VariantArray, IntoStaticStr),
    strum(serialize_all = "lowercase")
)]
pub(crate) enum Action {
    /// Becomes a member of an open group, asks to become one of a closed group.
    Join,
    /// Leaves, or withdraws a request. The last member takes the group along.
    Leave,
    /// As leave, with the account: a group that has no other superadmin ends.
    Depart,
    /// Ends the group.
    Delete,
    /// Makes members, and accepts requests.
    Add(Vec<UserId>),
    /// Takes members out, rejects requests and lifts bans.
    Kick(Vec<UserId>),
    /// Takes members out for good.
    Ban(Vec<UserId>),
    Promote(Vec<UserId>),
    Demote(Vec<UserId>),
}

impl Action {
    /// How many event messages it may have at most.
    pub(crate) fn most_events(&self) -> usize {
        match self {
            Self::Join | Self::Leave | Self::Depart => 1,
            Self::Delete => 0,
            Self::Add(users)
            | Self::Kick(users)
            | Self::Ban(users)
            | Self::Promote(users)
            | Self::Demote(users) => users.len(),
        }
    }
}

/// What came of a change, beside what its channel is told.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    /// Stored; to be pushed to those who are online.
    pub(crate) notifications: Vec<Notification>,
}

/// Where the decision goes, after the commit.
pub(crate) type Told = oneshot::Sender<Result<Decision, GroupError>>;
