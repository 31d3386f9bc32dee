//! Notifications, as in lists and on the socket.

use serde::Serialize;
use uuid::Uuid;

use super::{account::is_false, time::seconds};
use crate::{
    channel::Micros,
    user::{Notification, UserId},
};

/// One notification.
#[derive(Serialize)]
pub(in crate::wire) struct NotificationBody<'a> {
    id: Uuid,
    subject: &'a str,
    content: &'a str,
    code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_id: Option<Uuid>,
    #[serde(serialize_with = "seconds")]
    create_time: Micros,
    #[serde(skip_serializing_if = "is_false")]
    persistent: bool,
    /// Only in lists that were asked for it: clients of the protocol know no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<bool>,
}

impl<'a> NotificationBody<'a> {
    pub(in crate::wire) fn new(notification: &'a Notification) -> Self {
        let sender = notification.sender;
        Self {
            id: notification.id.0,
            subject: &notification.subject,
            content: &notification.content,
            code: notification.code,
            sender_id: (sender != UserId::SERVER).then_some(sender.0),
            create_time: notification.created,
            persistent: notification.persistent,
            read: None,
        }
    }

    fn with_read_state(notification: &'a Notification) -> Self {
        Self {
            read: Some(notification.read),
            ..Self::new(notification)
        }
    }
}

#[derive(Serialize)]
struct NotificationsBody<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notifications: &'a [NotificationBody<'a>],
    cacheable_cursor: &'a str,
}

/// The JSON of a page; with `read_state` each entry tells whether it is read. The cursor is there even if
/// nothing else is: it waits for what comes.
pub(crate) fn notifications_answer(
    page: &[Notification],
    read_state: bool,
    cacheable_cursor: &str,
) -> Vec<u8> {
    let entry = if read_state {
        NotificationBody::with_read_state
    } else {
        NotificationBody::new
    };
    let notifications: Vec<_> = page.iter().map(entry).collect();
    let body = NotificationsBody {
        notifications: &notifications,
        cacheable_cursor,
    };
    serde_json::to_vec(&body).expect("plain values are JSON")
}

/// How many notifications of a user are unread; zero is written, too.
#[derive(Serialize)]
pub(crate) struct UnreadAnswer {
    pub(crate) unread_count: u32,
}

/// Scope of the cursors of a user's notifications, or of the unread ones among them.
pub(crate) fn notifications_scope(user: UserId, unread: bool) -> String {
    let which = if unread { "unread " } else { "" };
    format!("{which}notifications of user {user}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;
    use crate::user::{NotificationCode, NotificationId};

    fn added() -> Notification {
        let (ana, ben) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let content = json!({"name": "gardeners"});
        let subject = "You've been added to group gardeners".to_owned();
        Notification {
            id: NotificationId(Uuid::from_u128(3)),
            ..Notification::new(
                ana,
                NotificationCode::GroupAdd,
                subject,
                &content,
                ben,
                Micros(1_999_999),
            )
        }
    }

    fn answer(page: &[Notification]) -> String {
        String::from_utf8(notifications_answer(page, false, "c")).unwrap()
    }

    #[test]
    fn a_notification_as_clients_see_it() {
        assert_eq!(
            answer(&[added()]),
            "{\"notifications\":[{\"id\":\"00000000-0000-0000-0000-000000000003\",\
             \"subject\":\"You've been added to group gardeners\",\"content\":\"{\\\"name\\\":\\\"gardeners\\\"}\",\
             \"code\":-4,\"sender_id\":\"00000000-0000-0000-0000-000000000002\",\
             \"create_time\":\"1970-01-01T00:00:01Z\",\"persistent\":true}],\"cacheable_cursor\":\"c\"}"
        );
    }

    #[test]
    fn the_server_is_no_sender() {
        let from_server = Notification {
            sender: UserId::SERVER,
            persistent: false,
            ..added()
        };
        let answer = answer(&[from_server]);
        assert!(!answer.contains("sender_id"), "{answer}");
        assert!(!answer.contains("persistent"), "{answer}");
    }

    #[test]
    fn only_who_asks_is_told_what_is_read() {
        for read in [true, false] {
            let page = [Notification { read, ..added() }];
            let told = String::from_utf8(notifications_answer(&page, true, "c")).unwrap();
            let plain = answer(&page);
            assert_eq!(told.replace(&format!(",\"read\":{read}"), ""), plain);
            assert_ne!(told, plain);
        }
    }

    #[test]
    fn a_count_of_zero_is_written() {
        let none = UnreadAnswer { unread_count: 0 };
        assert_eq!(
            serde_json::to_string(&none).unwrap(),
            "{\"unread_count\":0}"
        );
    }

    #[test]
    fn each_listing_has_its_scope() {
        let (ana, ben) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let scopes = [(ana, false), (ana, true), (ben, false), (ben, true)]
            .map(|(user, unread)| notifications_scope(user, unread));
        assert_eq!(HashSet::from(scopes).len(), 4);
    }

    #[test]
    fn an_empty_page_has_its_cursor() {
        assert_eq!(answer(&[]), "{\"cacheable_cursor\":\"c\"}");
    }
}
