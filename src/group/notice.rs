//! What users are told of groups in their notifications.

use serde_json::json;

use super::GroupId;
use crate::{
    channel::Micros,
    user::{Notification, NotificationCode, UserId},
};

/// To a user who was added to a group, or whose request was accepted.
pub(crate) fn added(
    user: UserId,
    by: UserId,
    group: GroupId,
    name: &str,
    time: Micros,
) -> Notification {
    let subject = format!("You've been added to group {name}");
    let content = json!({"group_id": group.to_string(), "name": name});
    Notification::new(
        user,
        NotificationCode::GroupAdd,
        subject,
        &content,
        by,
        time,
    )
}

/// To a superadmin or admin of a closed group that somebody wants to join.
pub(crate) fn wants_to_join(
    admin: UserId,
    user: UserId,
    username: &str,
    group: GroupId,
    time: Micros,
) -> Notification {
    let subject = format!("User {username} wants to join your group");
    let content = json!({"group_id": group.to_string(), "username": username});
    Notification::new(
        admin,
        NotificationCode::GroupJoinRequest,
        subject,
        &content,
        user,
        time,
    )
}
