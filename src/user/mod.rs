//! One person: who they are to the chat, which of their sessions are open right now, and what they are
//! told beside the channels (`notifications`).
//!
//! Credentials and profiles are in `account`; what a single socket does is in `session`.

mod id;
mod notification;
mod notifications;
mod online;

pub use id::UserId;
pub(crate) use notification::{
    Notification, NotificationCode, NotificationId, NotificationSeq, NotificationStore,
};
pub(crate) use notifications::{NotificationError, Notifications};
pub(crate) use online::{Online, OnlineSession};
