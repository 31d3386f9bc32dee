//! What a user is told beside the channels, now and when they come back.

use serde_json::Value;
use uuid::Uuid;

use super::UserId;
use crate::{
    channel::{Content, ContentError, Micros},
    store::{StoreError, StoreFuture},
};

/// Names a notification. A random UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NotificationId(pub(crate) Uuid);

/// What a notification is about, by the protocol's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum NotificationCode {
    /// Somebody has opened the direct channel with the user, who is not in it.
    ChatRequest = -1,
    /// Somebody wants to be friends with the user.
    FriendInvitation = -2,
    /// Somebody has accepted the user's invitation.
    FriendAccepted = -3,
    /// The user was added to a group, or their request was accepted.
    GroupAdd = -4,
    /// Somebody wants to join a group of which the user is an admin.
    GroupJoinRequest = -5,
    /// The user has opened another socket where one may have one only; this one is closed.
    SingleSocket = -7,
    /// A friend has ended the friendship, or an invitation was rejected or withdrawn.
    FriendRemoved = -9,
    /// The user's chat request was declined. Not of the reference: the numbers from 10,000 to 10,099 are
    /// banter's own, the other positive ones are left to programs that send notifications.
    ChatDeclined = 10_000,
}

/// Numbers that are not free for programs that send notifications, beside 0 and the negative ones.
const OWN_CODES: std::ops::RangeInclusive<i32> = 10_000..=10_099;

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
    /// Whether the user has marked it as read, or has done what it asks for.
    pub(crate) read: bool,
    /// The channel, group or bond that it tells of: of one sender and code about the same, a user has one
    /// that is unread. A [question](Self::is_question) is not repeated until then, other news takes the
    /// place of the older one.
    pub(crate) about: Option<String>,
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
            read: false,
            about: None,
        }
    }

    /// Whether it waits for the user to do something in answer.
    pub(crate) fn is_question(&self) -> bool {
        const QUESTIONS: [i32; 2] = [
            NotificationCode::ChatRequest as i32,
            NotificationCode::GroupJoinRequest as i32,
        ];
        QUESTIONS.contains(&self.code)
    }
}

/// What a program that embeds the chat tells a user.
#[derive(Debug, Clone)]
pub struct NewNotification {
    /// Who is told. Nothing happens if there is no such user.
    pub user: UserId,
    /// For people; 1 to 255 bytes.
    pub subject: String,
    /// The text of one JSON object, at most 16,384 bytes.
    pub content: String,
    /// What it is about, to the program: positive, and not from 10,000 to 10,099, which are banter's own.
    pub code: i32,
    /// Whose doing it is: nothing happens if `user` has blocked them. `UserId::SERVER` for nobody's.
    pub sender: UserId,
    /// Whether it is kept, and listed, until the user deletes it; otherwise only sessions that are open
    /// now get it.
    pub persistent: bool,
}

/// Why a user was not told.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotifyError {
    /// The code belongs to the protocol or to banter.
    #[error("code must be positive and not from 10000 to 10099")]
    Code,
    /// There is no subject, or a long one.
    #[error("subject must have 1 to {max} bytes")]
    Subject {
        /// The most it may have.
        max: usize,
    },
    /// The content is not one JSON object.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The content is too long.
    #[error("content must have at most {max} bytes")]
    ContentLength {
        /// The most it may have.
        max: usize,
    },
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NewNotification {
    const SUBJECT_BYTES: usize = 255;
    const CONTENT_BYTES: usize = 16 * 1024;

    pub(crate) fn check(self) -> Result<Notification, NotifyError> {
        if self.code <= 0 || OWN_CODES.contains(&self.code) {
            return Err(NotifyError::Code);
        }
        let max = Self::SUBJECT_BYTES;
        if self.subject.is_empty() || self.subject.len() > max {
            return Err(NotifyError::Subject { max });
        }
        let max = Self::CONTENT_BYTES;
        if self.content.len() > max {
            return Err(NotifyError::ContentLength { max });
        }
        Content::new(&self.content)?;
        Ok(Notification {
            id: NotificationId(Uuid::new_v4()),
            user: self.user,
            subject: self.subject,
            content: self.content,
            code: self.code,
            sender: self.sender,
            created: Micros::now(),
            persistent: self.persistent,
            read: false,
            about: None,
        })
    }
}

/// Which notifications of a user to mark as read.
#[derive(Debug, Clone)]
pub(crate) enum ReadMark {
    Ids(Vec<NotificationId>),
    /// All there are now.
    All,
}

/// A place in a user's list of notifications. Growing with time, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct NotificationSeq(pub(crate) u64);

/// Keeps notifications. Most are written with what they tell of, in its transaction.
///
/// What comes from somebody whom the user has blocked is not kept, and not to be pushed. A user has at most
/// `max_notifications`: of more, the oldest are deleted.
pub(crate) trait NotificationStore: Send + Sync + 'static {
    /// Whether a notification is to be pushed. A persistent one is kept then. Nobody is told of what is
    /// meant for a user who does not exist.
    fn notify(&self, notification: Notification) -> StoreFuture<'_, Result<bool, StoreError>>;

    /// The notifications of a user, oldest first, behind a place, each with its own; with `unread` only
    /// those.
    fn notifications(
        &self,
        user: UserId,
        unread: bool,
        behind: NotificationSeq,
        limit: usize,
    ) -> StoreFuture<'_, Result<Vec<(NotificationSeq, Notification)>, StoreError>>;

    /// Deletes notifications of a user. Unknown ones and those of others are left alone.
    fn delete_notifications(
        &self,
        user: UserId,
        ids: Vec<NotificationId>,
    ) -> StoreFuture<'_, Result<(), StoreError>>;

    /// Marks notifications of a user as read, and answers how many are unread after that. Unknown ones
    /// and those of others are left alone.
    fn mark_read(&self, user: UserId, mark: ReadMark) -> StoreFuture<'_, Result<u32, StoreError>>;

    /// How many unread notifications a user has.
    fn unread(&self, user: UserId) -> StoreFuture<'_, Result<u32, StoreError>>;
}
