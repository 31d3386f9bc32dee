//! What users are told of groups in their notifications.

use serde_json::json;

use super::GroupId;
use crate::{
    channel::Micros,
    user::{Notification, NotificationCode, UserId},
};

/// To a user who was added to a group, or whose request was accepted. Of several unread ones the last stays.
pub(crate) fn added(
    user: UserId,
    by: UserId,
    group: GroupId,
    name: &str,
    time: Micros,
) -> Notification {
    let subject = format!("You've been added to group {name}");
    let content = json!({"group_id": group.to_string(), "name": name});
    let added = Notification::new(
        user,
        NotificationCode::GroupAdd,
        subject,
        &content,
        by,
        time,
    );
    Notification {
        about: Some(group.to_string()),
        ..added
    }
}

/// To a superadmin or admin of a closed group that somebody wants to join. Who asks, withdraws and asks
/// again is heard once until it is read.
pub(crate) fn wants_to_join(
    admin: UserId,
    user: UserId,
    username: &str,
    group: GroupId,
    time: Micros,
) -> Notification {
    let subject = format!("User {username} wants to join your group");
    let content = json!({"group_id": group.to_string(), "username": username});
    let request = Notification::new(
        admin,
        NotificationCode::GroupJoinRequest,
        subject,
        &content,
        user,
        time,
    );
    Notification {
        about: Some(group.to_string()),
        ..request
    }
}
