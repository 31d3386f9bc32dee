//! What users are told of friends in their notifications.

use serde_json::json;

use super::state::Notice;
use crate::{
    channel::Micros,
    user::{Notification, NotificationCode, UserId},
};

/// To the other user of a bond that `sender`, who is called `username`, has changed.
pub(crate) fn told(
    notice: Notice,
    user: UserId,
    sender: UserId,
    username: &str,
    time: Micros,
) -> Notification {
    let (code, subject) = match notice {
        Notice::Invited => (
            NotificationCode::FriendInvitation,
            format!("{username} wants to add you as a friend"),
        ),
        Notice::Accepted => (
            NotificationCode::FriendAccepted,
            format!("{username} accepted your friend request"),
        ),
        Notice::Removed => (
            NotificationCode::FriendRemoved,
            format!("{username} removed you as a friend"),
        ),
    };
    let content = json!({"username": username});
    Notification {
        // Whoever invites and withdraws again and again is heard once.
        about: Some("friend".into()),
        ..Notification::new(user, code, subject, &content, sender, time)
    }
}
