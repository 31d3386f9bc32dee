//! Friends and blocks: what one user is to another.
//!
//! The rules are in `state`, the service in `friends`, what the other is told in `notice`, the seam in
//! `store`. Each of two users has an entry of their own about the other; a change writes both at once.
//!
//! Not here: what a block means elsewhere. Channels ask their store, the user's actor takes care of open
//! direct channels and of what its sessions get.

mod error;
mod friends;
pub(crate) mod notice;
pub(crate) mod state;
mod store;

pub(crate) use self::{
    error::FriendError,
    friends::Friends,
    state::FriendState,
    store::{
        FriendAction, FriendChange, FriendOfFriend, FriendOfFriendPosition, FriendPosition,
        FriendStore, FriendsChanged,
    },
};

use crate::{
    account::User,
    channel::{Content, Micros},
};

/// One entry of a user's list.
#[derive(Debug, Clone)]
pub(crate) struct Friend {
    pub(crate) user: User,
    pub(crate) state: FriendState,
    /// When the two got to know each other; the order of lists.
    pub(crate) since: Micros,
    pub(crate) updated: Micros,
    pub(crate) metadata: FriendMetadata,
}

/// What the owner of an entry has noted in it: the text of a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FriendMetadata(String);

impl FriendMetadata {
    /// Longest text, in bytes.
    const MOST: usize = 4096;

    /// Reads what a client wrote; nothing counts as `{}`.
    ///
    /// # Errors
    /// When it is longer than 4096 bytes, or no [`Content`].
    pub(crate) fn new(text: &str) -> Result<Self, FriendError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.len() > Self::MOST || Content::new(text).is_err() {
            return Err(FriendError::Metadata { max: Self::MOST });
        }
        Ok(Self(text.to_owned()))
    }

    /// What [`new`](Self::new) has let pass before.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing has been noted.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for FriendMetadata {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}
