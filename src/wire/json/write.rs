//! Envelopes as JSON text, the way the reference writes them: snake_case keys, fields at their
//! default left out, `code` and `persistent` of messages always there.

use std::{
    io::Write,
    time::{Duration, SystemTime},
};

use serde::{Serialize, Serializer, ser::SerializeSeq};

use crate::{
    channel::{ChannelId, ChannelKind, Message, Micros, Presence},
    user::StatusPresence,
    wire::{EnvelopeError, Outgoing, rest::notification::NotificationBody},
};

/// Appends the envelope to a buffer.
pub(in crate::wire) fn write(what: &Outgoing, cid: Option<&str>, buffer: &mut Vec<u8>) {
    let start = buffer.len();
    let envelope = Envelope {
        cid,
        body: body(what),
    };
    if let Err(error) = serde_json::to_writer(&mut *buffer, &envelope) {
        // Writing plain values to memory has nothing to fail on; should it ever, the client is told.
        tracing::error!(%error, "envelope cannot be encoded");
        buffer.truncate(start);
        buffer.extend_from_slice(br#"{"error":{"message":"internal error"}}"#);
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cid: Option<&'a str>,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Body<'a> {
    Pong {},
    Error(ErrorBody<'a>),
    Channel(ChannelBody<'a>),
    ChannelMessageAck(MessageBody<'a>),
    ChannelMessage(MessageBody<'a>),
    ChannelPresenceEvent(PresenceEventBody<'a>),
    Notifications {
        notifications: [NotificationBody<'a>; 1],
    },
    Status(StatusesBody<'a>),
    StatusPresenceEvent(StatusEventBody<'a>),
    #[serde(untagged)]
    Empty {},
}

fn body(what: &Outgoing) -> Body<'_> {
    match what {
        Outgoing::Pong => Body::Pong {},
        Outgoing::Empty => Body::Empty {},
        Outgoing::Error(error) => Body::Error(ErrorBody::of(error)),
        Outgoing::Joined(answer) => Body::Channel(ChannelBody {
            id: answer.channel.as_str(),
            presences: Presences::of(&answer.others),
            me: PresenceBody::of(&answer.presence),
            names: Names::of(&answer.channel),
        }),
        Outgoing::Ack(message) => Body::ChannelMessageAck(MessageBody::ack(message)),
        Outgoing::Message(message) => Body::ChannelMessage(MessageBody::full(message)),
        Outgoing::Presence(news) => Body::ChannelPresenceEvent(PresenceEventBody {
            channel_id: news.channel.as_str(),
            joins: Presences::of(&news.delta.joins),
            leaves: Presences::of(&news.delta.leaves),
            names: Names::of(&news.channel),
        }),
        Outgoing::Notification(told) => Body::Notifications {
            notifications: [NotificationBody::new(told)],
        },
        Outgoing::Statuses(presences) => Body::Status(StatusesBody {
            presences: presences.iter().map(StatusBody::of).collect(),
        }),
        Outgoing::StatusNews(news) => Body::StatusPresenceEvent(StatusEventBody {
            joins: news.joins.iter().map(StatusBody::of).collect(),
            leaves: news.leaves.iter().map(StatusBody::of).collect(),
        }),
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    #[serde(skip_serializing_if = "is_zero")]
    code: u8,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<ErrorContext>,
}

impl<'a> ErrorBody<'a> {
    fn of(error: &'a EnvelopeError) -> Self {
        let retry_after_ms = error.retry_after_ms.map(|ms| ms.to_string());
        Self {
            code: error.code as u8,
            message: &error.message,
            context: retry_after_ms.map(|retry_after_ms| ErrorContext { retry_after_ms }),
        }
    }
}

/// A map of texts in the protocol.
#[derive(Serialize)]
struct ErrorContext {
    retry_after_ms: String,
}

#[derive(Serialize)]
struct ChannelBody<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Presences::is_empty")]
    presences: Presences<'a>,
    #[serde(rename = "self")]
    me: PresenceBody<'a>,
    #[serde(flatten)]
    names: Names<'a>,
}

#[derive(Serialize)]
struct StatusesBody<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    presences: Vec<StatusBody<'a>>,
}

#[derive(Serialize)]
struct StatusEventBody<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    joins: Vec<StatusBody<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    leaves: Vec<StatusBody<'a>>,
}

/// A session that shows its user as online. The status is there even if it is empty.
#[derive(Serialize)]
struct StatusBody<'a> {
    user_id: uuid::Uuid,
    session_id: uuid::Uuid,
    username: &'a str,
    status: &'a str,
}

impl<'a> StatusBody<'a> {
    fn of(presence: &'a std::sync::Arc<StatusPresence>) -> Self {
        Self {
            user_id: presence.user.0,
            session_id: presence.session.0,
            username: &presence.username,
            status: presence.status.as_str(),
        }
    }
}

#[derive(Serialize)]
struct PresenceEventBody<'a> {
    channel_id: &'a str,
    #[serde(skip_serializing_if = "Presences::is_empty")]
    joins: Presences<'a>,
    #[serde(skip_serializing_if = "Presences::is_empty")]
    leaves: Presences<'a>,
    #[serde(flatten)]
    names: Names<'a>,
}

/// A message, as on the socket and in the history; an ack is one without sender and content.
#[derive(Serialize)]
pub(in crate::wire) struct MessageBody<'a> {
    channel_id: &'a str,
    message_id: uuid::Uuid,
    code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_id: Option<uuid::Uuid>,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    create_time: TimeText,
    update_time: TimeText,
    persistent: bool,
    #[serde(flatten)]
    names: Names<'a>,
}

impl<'a> MessageBody<'a> {
    fn ack(message: &'a Message) -> Self {
        let create_time = TimeText::of(message.create_time);
        // Few messages are ever changed.
        let update_time = match message.update_time == message.create_time {
            true => create_time,
            false => TimeText::of(message.update_time),
        };
        Self {
            channel_id: message.channel.written(),
            message_id: message.id.0,
            code: message.code as u8,
            sender_id: None,
            username: &message.username,
            content: None,
            create_time,
            update_time,
            persistent: message.persistent,
            names: Names::of(&message.channel),
        }
    }

    pub(in crate::wire) fn full(message: &'a Message) -> Self {
        let content = Some(message.content.as_str());
        Self {
            sender_id: Some(message.sender.0),
            content,
            ..Self::ack(message)
        }
    }

    /// About what [`full`](Self::full) takes: so that a buffer hardly ever grows.
    pub(in crate::wire) fn about_bytes(message: &Message) -> usize {
        420 + message.content.as_str().len() * 5 / 4
    }
}

/// The fields that tell the kind of a channel.
#[derive(Serialize, Clone, Copy)]
struct Names<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    room_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<uuid::Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id_one: Option<uuid::Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id_two: Option<uuid::Uuid>,
}

impl<'a> Names<'a> {
    fn of(channel: &'a ChannelId) -> Self {
        let none = Self {
            room_name: None,
            group_id: None,
            user_id_one: None,
            user_id_two: None,
        };
        match channel.kind() {
            ChannelKind::Room => Self {
                room_name: channel.room_name(),
                ..none
            },
            ChannelKind::Group(group) => Self {
                group_id: Some(group.0),
                ..none
            },
            ChannelKind::Direct(one, two) => Self {
                user_id_one: Some(one.0),
                user_id_two: Some(two.0),
                ..none
            },
        }
    }
}

/// A session in a channel.
#[derive(Serialize)]
struct PresenceBody<'a> {
    user_id: uuid::Uuid,
    session_id: uuid::Uuid,
    username: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    persistence: bool,
}

impl<'a> PresenceBody<'a> {
    fn of(presence: &'a Presence) -> Self {
        Self {
            user_id: presence.user.0,
            session_id: presence.session.0,
            username: &presence.username,
            persistence: presence.persistence,
        }
    }
}

/// A list of presences, written without a list of their bodies being made first.
struct Presences<'a>(&'a [std::sync::Arc<Presence>]);

impl<'a> Presences<'a> {
    fn of(list: &'a [std::sync::Arc<Presence>]) -> Self {
        Self(list)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Presences<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for presence in self.0 {
            list.serialize_element(&PresenceBody::of(presence))?;
        }
        list.end()
    }
}

/// A time in RFC 3339, UTC with six digits: the same text live and in the history.
#[derive(Clone, Copy)]
struct TimeText([u8; Self::LENGTH]);

impl TimeText {
    const LENGTH: usize = "2026-07-01T12:00:00.000000Z".len();
    /// The end of the year 9999, to which RFC 3339 goes, in microseconds.
    const LAST: u64 = 253_402_300_799_999_999;

    fn of(time: Micros) -> Self {
        let since = u64::try_from(time.0).unwrap_or(0).min(Self::LAST);
        let time = SystemTime::UNIX_EPOCH + Duration::from_micros(since);
        let mut text = [0; Self::LENGTH];
        let mut free = &mut text[..];
        if let Err(error) = write!(free, "{}", humantime::format_rfc3339_micros(time)) {
            tracing::error!(%error, "a time does not have the length it always has");
        }
        Self(text)
    }
}

impl Serialize for TimeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = std::str::from_utf8(&self.0).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(text)
    }
}

// The shape is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(code: &u8) -> bool {
    *code == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_six_digits_and_end_with_the_year_9999() {
        let text = |time| serde_json::to_string(&TimeText::of(Micros(time))).unwrap();
        assert_eq!(
            text(1_782_907_200_000_120),
            r#""2026-07-01T12:00:00.000120Z""#
        );
        assert_eq!(text(-1), r#""1970-01-01T00:00:00.000000Z""#);
        assert_eq!(text(i64::MAX), r#""9999-12-31T23:59:59.999999Z""#);
    }
}
