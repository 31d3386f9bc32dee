//! What a server tells without having been asked.

use std::time::SystemTime;

use banter_protocol::{self as wire, Envelope, Message};

use crate::{ChannelKind, ChatMessage, Disconnected, Presence, Refusal, channel::presences};

/// Something that was not asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A message in a joined channel, one's own included.
    Message(ChatMessage),
    /// Sessions have come into a joined channel, or left it.
    Presence(PresenceEvent),
    /// Users that one follows, or other sessions of one's own, have changed their status.
    Status(StatusEvent),
    /// News of the user beside the channels: invitations, requests to chat, and so on.
    Notification(Notification),
    /// The server tells of an error that belongs to no request; most often it closes the connection next.
    Refused(Refusal),
    /// Of a part of the protocol that this crate has no types for. What is not about chat (matches, parties, RPC) has
    /// no contents in [`protocol`](crate::protocol), which knows its name only.
    Other(Envelope),
    /// The connection has ended. Always the last one.
    Disconnected(Disconnected),
}

/// Sessions have come into a channel, or left it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresenceEvent {
    /// The channel.
    pub channel_id: String,
    /// What the channel is.
    pub kind: ChannelKind,
    /// Sessions that have come; after a join this very session is among them.
    pub joins: Vec<Presence>,
    /// Sessions that have left. With banter this very session, when its stay was ended by others.
    pub leaves: Vec<Presence>,
}

/// Users have changed their status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusEvent {
    /// What is true now.
    pub joins: Vec<Presence>,
    /// What is true no longer. A session that is in both has another status now.
    pub leaves: Vec<Presence>,
}

/// Something a user is told beside the channels.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notification {
    /// The notification, for deleting it.
    pub id: String,
    /// What it is about: -1 request to chat, -2 invitation to be friends, -3 its acceptance, -4 added to a
    /// group, -5 request to join a group, -7 connected elsewhere, -9 friendship ended; 10000 to 10099 are
    /// banter's own, other positive ones the game's.
    pub code: i32,
    /// For people.
    pub subject: String,
    /// The text of a JSON object.
    pub content: String,
    /// The user who caused it; empty for the server.
    pub sender_id: String,
    /// When it was caused. The beginning of 1970 if the server did not say.
    pub create_time: SystemTime,
    /// Whether it is kept, and listed until it is deleted.
    pub persistent: bool,
}

impl From<wire::Notification> for Notification {
    fn from(notification: wire::Notification) -> Self {
        let create_time = notification.create_time;
        Self {
            id: notification.id,
            code: notification.code,
            subject: notification.subject,
            content: notification.content,
            sender_id: notification.sender_id,
            create_time: create_time.map_or(SystemTime::UNIX_EPOCH, Into::into),
            persistent: notification.persistent,
        }
    }
}

/// What an envelope without a `cid` tells: one event, or one for each notification.
pub(crate) fn events(
    envelope: Envelope,
    mut tell: impl FnMut(Event) -> Result<(), Disconnected>,
) -> Result<(), Disconnected> {
    match envelope.message {
        Some(Message::ChannelMessage(message)) => tell(Event::Message(message.into())),
        Some(Message::ChannelPresenceEvent(event)) => tell(Event::Presence(PresenceEvent {
            kind: ChannelKind::new(
                event.room_name,
                event.group_id,
                event.user_id_one,
                event.user_id_two,
            ),
            channel_id: event.channel_id,
            joins: presences(event.joins),
            leaves: presences(event.leaves),
        })),
        Some(Message::StatusPresenceEvent(event)) => tell(Event::Status(StatusEvent {
            joins: presences(event.joins),
            leaves: presences(event.leaves),
        })),
        Some(Message::Notifications(several)) => several
            .notifications
            .into_iter()
            .try_for_each(|notification| tell(Event::Notification(notification.into()))),
        Some(Message::Error(error)) => tell(Event::Refused(error.into())),
        message => tell(Event::Other(Envelope {
            message,
            ..envelope
        })),
    }
}

impl From<wire::Error> for Refusal {
    fn from(error: wire::Error) -> Self {
        Self {
            code: error.code,
            message: error.message,
        }
    }
}
