//! Why something was not done to a group.

use crate::{name::InvisibleError, page::LimitError, store::StoreError};

/// Variants by what the caller can do next; `wire::error` gives each its code.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum GroupError {
    /// Also for groups that exist: outsiders shall not learn which.
    #[error("group not found")]
    NotFound,
    /// Only superadmins and admins may; also for groups that do not exist.
    #[error("group not found, or only its admins may do that")]
    NotAdmin,
    /// Only superadmins may delete; also for groups that do not exist. Has another code than `NotAdmin`
    /// in the protocol.
    #[error("group not found, or only its superadmins may delete it")]
    NotSuperadmin,
    #[error("group is full")]
    Full,
    #[error("the last superadmin cannot leave a group that has other members")]
    LastSuperadmin,
    /// One of those to add does not exist, or has blocked the caller, which looks the same; nobody was added.
    #[error("user_ids: user not found")]
    UserNotFound,
    /// One of those to add lets only friends do that; nobody was added.
    #[error("user_ids: users can be added by their friends only")]
    NotFriend,
    /// At creation.
    #[error("group name is already in use")]
    NameTaken,
    /// At an update, where the protocol has another code.
    #[error("group name is already in use")]
    RenameTaken,
    #[error("no group fields to update")]
    NothingToUpdate,
    #[error("{field} must have {min} to {max} characters")]
    Length {
        field: &'static str,
        min: usize,
        max: usize,
    },
    #[error(transparent)]
    Invisible(#[from] InvisibleError),
    #[error("{field} must not contain the NUL character")]
    Nul { field: &'static str },
    #[error("max_count must be between 1 and {max}")]
    MaxCount { max: u32 },
    #[error("user_ids are required")]
    NoUsers,
    #[error("at most {max} user_ids are allowed")]
    TooManyUsers { max: usize },
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error("state must be between 0 and 4")]
    State,
    #[error("members must be at least 0")]
    Members,
    #[error("name cannot be combined with other filters")]
    FilterWithName,
    #[error("another search of yours is running: one at a time")]
    Searching,
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The group failed while the change was under way; it may or may not have been made.
    #[error("the group failed, the change may not have been made")]
    Lost,
    /// The group's channel cannot be had, so the change has no place in it. May pass.
    #[error("the group is unavailable, try again")]
    Unavailable,
}
