use std::sync::Arc;

use bytes::Bytes;

use super::{EnvelopeError, Format, envelope, frame::written_frame, json};
use crate::{
    channel::{Announced, ChannelId, Message, Presence, PresenceDelta, PublishError},
    user::{Notification, StatusNews, StatusPresence},
};

/// What a client can get on its socket.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Answer to a ping.
    Pong,
    /// Answer to a request that has nothing to say.
    Empty,
    Error(EnvelopeError),
    /// Answer to a join.
    Joined(JoinAnswer),
    /// Answer to a send, update or removal.
    Ack(Arc<Message>),
    /// A message, update or removal in a joined channel.
    Message(Arc<Message>),
    /// Joins and leaves in a joined channel.
    Presence(PresenceNews),
    /// Something the user is told beside the channels.
    Notification(Notification),
    /// Answer to a follow: those of the followed who are shown as online now.
    Statuses(Vec<Arc<StatusPresence>>),
    /// A session of the user, or of one who is followed, is shown as online, or no more.
    StatusNews(StatusNews),
}

#[derive(Debug)]
pub(crate) struct JoinAnswer {
    pub(crate) channel: ChannelId,
    pub(crate) others: Announced,
    /// The session itself.
    pub(crate) presence: Arc<Presence>,
}

#[derive(Debug)]
pub(crate) struct PresenceNews {
    pub(crate) channel: ChannelId,
    pub(crate) delta: PresenceDelta,
}

impl PresenceNews {
    /// That one session has left.
    pub(crate) fn leave(channel: ChannelId, presence: Presence) -> Self {
        let delta = PresenceDelta {
            joins: Vec::new(),
            leaves: vec![Arc::new(presence)],
        };
        Self { channel, delta }
    }
}

impl Outgoing {
    /// The whole WebSocket frame in a format. `cid` is the one of the request that is answered.
    pub(crate) fn frame(&self, format: Format, cid: Option<&str>) -> Bytes {
        let capacity = self.about_bytes();
        written_frame(format.is_text(), capacity, |buffer| match format {
            Format::Json => json::write(self, cid, buffer),
            Format::Protobuf | Format::Bincode => {
                format.encode_onto(&envelope::of(self, cid), buffer);
            }
        })
    }

    /// About what the payload takes, in JSON a little more than in the others: so that a buffer hardly ever grows.
    fn about_bytes(&self) -> usize {
        const PRESENCE: usize = 180;
        match self {
            Self::Message(message) => json::MessageBody::about_bytes(message),
            Self::Ack(_) => 360,
            Self::Joined(answer) => 300 + answer.others.len() * PRESENCE,
            Self::Presence(news) => {
                160 + (news.delta.joins.len() + news.delta.leaves.len()) * PRESENCE
            }
            Self::Notification(told) => 320 + told.subject.len() + told.content.len() * 2,
            Self::Statuses(presences) => 64 + presences.len() * PRESENCE,
            Self::StatusNews(news) => 64 + (news.joins.len() + news.leaves.len()) * PRESENCE,
            Self::Pong | Self::Empty | Self::Error(_) => 96,
        }
    }
}

impl From<PublishError> for Outgoing {
    fn from(error: PublishError) -> Self {
        Self::Error(error.into())
    }
}
