//! The way into a direct channel: who may come in, and what the other user is asked.

use super::{ChannelId, Micros};
use crate::{
    store::{StoreError, StoreFuture},
    user::UserId,
};

/// A session is about to enter the direct channel of two different users.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) channel: ChannelId,
    pub(crate) user: UserId,
    pub(crate) other: UserId,
    /// Whether the other has no session there, and is to be asked.
    pub(crate) absent: bool,
    pub(crate) now: Micros,
}

/// Lets users into direct channels.
pub(crate) trait Entrance: Send + Sync + 'static {
    /// Whether the user may enter. If so, what the other has asked for is answered with it, and the other has
    /// been asked, if that is needed, when this returns. May be repeated.
    fn open(&self, opening: Opening) -> StoreFuture<'_, Result<bool, StoreError>>;
}
