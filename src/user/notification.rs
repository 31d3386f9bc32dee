//! What a user is told beside the channels, now and when they come back.

use serde_json::Value;
use uuid::Uuid;

use super::UserId;
use crate::{
    channel::Micros,
    store::{StoreError, StoreFuture},
};

/// Names a notification. A random UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NotificationId(pub(crate) Uuid);

/// What a notification is about, by the protocol's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum NotificationCode {
    /// The user was added to a group, or their request was accepted.
    GroupAdd = -4,
    /// Somebody wants to join a group of which the user is an admin.
    GroupJoinRequest = -5,
}

/// One notification of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) id: NotificationId,
    /// Who is told.
    pub(crate) user: UserId,
    /// For people, in English.
    pub(crate) subject: String,
    /// A JSON object as text.
    pub(crate) content: String,
    /// The number of a [`NotificationCode`].
    pub(crate) code: i32,
    /// Whose doing it was.
    pub(crate) sender: UserId,
    pub(crate) created: Micros,
    /// Whether it is kept until it is deleted.
    pub(crate) persistent: bool,
}

impl Notification {
    /// A new persistent notification.
    pub(crate) fn new(
        user: UserId,
        code: NotificationCode,
        subject: String,
        content: &Value,
        sender: UserId,
        created: Micros,
    ) -> Self {
        Self {
            id: NotificationId(Uuid::new_v4()),
            user,
            subject,
            content: content.to_string(),
            code: code as i32,
            sender,
            created,
            persistent: true,
        }
    }
}

/// A place in a user's list of notifications. Growing with time, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct NotificationSeq(pub(crate) u64);

/// Keeps notifications. They are written with what they tell of, in its transaction.
pub(crate) trait NotificationStore: Send + Sync + 'static {
    /// The notifications of a user, oldest first, behind a place, each with its own.
    fn notifications(
        &self,
        user: UserId,
        behind: NotificationSeq,
        limit: usize,
    ) -> StoreFuture<'_, Result<Vec<(NotificationSeq, Notification)>, StoreError>>;

    /// Deletes notifications of a user. Unknown ones and those of others are left alone.
    fn delete_notifications(
        &self,
        user: UserId,
        ids: Vec<NotificationId>,
    ) -> StoreFuture<'_, Result<(), StoreError>>;
}
