//! What clients send on the socket: the same requests in every format. Where JSON may spell a field in several
//! ways, or leave it out, its attributes here say how; `json` reads the envelope around it.

use std::fmt;

use serde::{Deserialize, Deserializer};

use super::{EnvelopeError, Format, envelope, error::EnvelopeCode, integer, json, quote::one_line};

/// One request with the id its answer will carry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestEnvelope {
    pub(crate) cid: Option<Box<str>>,
    pub(crate) request: Request,
}

/// What a client can ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Ping,
    /// Needs no answer.
    Pong,
    ChannelJoin(ChannelJoin),
    ChannelLeave(ChannelLeave),
    ChannelMessageSend(ChannelMessageSend),
    ChannelMessageUpdate(ChannelMessageUpdate),
    ChannelMessageRemove(ChannelMessageRemove),
    /// Not of the reference: closes a chat request.
    ChannelDecline(ChannelDecline),
    StatusFollow(StatusFollow),
    StatusUnfollow(StatusUnfollow),
    StatusUpdate(StatusUpdate),
    /// Part of the protocol, but not of this server; by its name.
    Unsupported(&'static str),
}

impl Request {
    /// How much content it carries.
    pub(crate) fn content_bytes(&self) -> usize {
        match self {
            Self::ChannelMessageSend(send) => send.content.len(),
            Self::ChannelMessageUpdate(update) => update.content.len(),
            _ => 0,
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChannelJoin {
    #[serde(deserialize_with = "or_default")]
    pub(crate) target: String,
    #[serde(rename = "type", deserialize_with = "integer")]
    pub(crate) kind: Option<i32>,
    /// Absent means yes.
    pub(crate) persistence: Option<bool>,
    /// Absent means no.
    pub(crate) hidden: Option<bool>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChannelLeave {
    #[serde(alias = "channelId", deserialize_with = "or_default")]
    pub(crate) channel_id: String,
}

#[derive(Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChannelMessageSend {
    #[serde(alias = "channelId", deserialize_with = "or_default")]
    pub(crate) channel_id: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) content: String,
}

#[derive(Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChannelMessageUpdate {
    #[serde(alias = "channelId", deserialize_with = "or_default")]
    pub(crate) channel_id: String,
    #[serde(alias = "messageId", deserialize_with = "or_default")]
    pub(crate) message_id: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) content: String,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChannelMessageRemove {
    #[serde(alias = "channelId", deserialize_with = "or_default")]
    pub(crate) channel_id: String,
    #[serde(alias = "messageId", deserialize_with = "or_default")]
    pub(crate) message_id: String,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChannelDecline {
    #[serde(alias = "channelId", deserialize_with = "or_default")]
    pub(crate) channel_id: String,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StatusFollow {
    #[serde(alias = "userIds", deserialize_with = "or_default")]
    pub(crate) user_ids: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) usernames: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StatusUnfollow {
    #[serde(alias = "userIds", deserialize_with = "or_default")]
    pub(crate) user_ids: Vec<String>,
}

#[derive(Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StatusUpdate {
    /// Absent means no longer to be shown as online.
    pub(crate) status: Option<String>,
}

impl fmt::Debug for StatusUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusUpdate").finish_non_exhaustive()
    }
}

impl fmt::Debug for ChannelMessageSend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelMessageSend")
            .field("channel_id", &self.channel_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ChannelMessageUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelMessageUpdate")
            .field("channel_id", &self.channel_id)
            .finish_non_exhaustive()
    }
}

/// A frame that is no request. The protocol has the connection end after the error.
#[derive(Debug)]
pub(crate) struct DecodeError {
    /// The id of the request as far as it could be read.
    pub(crate) cid: Option<Box<str>>,
    pub(crate) error: EnvelopeError,
}

/// Reads the payload of one WebSocket message.
pub(crate) fn decode(format: Format, payload: &[u8]) -> Result<RequestEnvelope, DecodeError> {
    match format {
        Format::Json => json::read(payload),
        Format::Protobuf | Format::Bincode => envelope::read(format, payload),
    }
}

impl DecodeError {
    pub(super) fn malformed(why: impl fmt::Display) -> Self {
        let message = format!("malformed envelope: {}", one_line(&why.to_string()));
        Self {
            cid: None,
            error: EnvelopeError::new(EnvelopeCode::BadInput, message),
        }
    }

    /// A message that only servers send.
    pub(super) fn server_only(cid: Option<Box<str>>, name: &str) -> Self {
        let message = format!("{name} is sent by servers only");
        Self {
            cid,
            error: EnvelopeError::new(EnvelopeCode::Unrecognised, message),
        }
    }

    /// An envelope without a message.
    pub(super) fn no_message(cid: Option<Box<str>>) -> Self {
        let message = "the envelope has no message";
        Self {
            cid,
            error: EnvelopeError::new(EnvelopeCode::Missing, message),
        }
    }
}

/// The part that a message plays for this server, where it is not served.
pub(super) enum Unserved {
    /// A client may send it.
    Request(&'static str),
    ServerOnly(&'static str),
}

impl Unserved {
    /// By the name of the message; `None` for names that the protocol does not have.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        let known =
            |names: &'static [&'static str]| names.iter().copied().find(|known| *known == name);
        known(UNSUPPORTED)
            .map(Self::Request)
            .or_else(|| known(SERVER_ONLY).map(Self::ServerOnly))
    }
}

/// Messages of the protocol that only a server sends. Some that both may send are among the others.
const SERVER_ONLY: &[&str] = &[
    "channel",
    "channel_message",
    "channel_message_ack",
    "channel_presence_event",
    "error",
    "match",
    "match_data",
    "match_presence_event",
    "matchmaker_matched",
    "matchmaker_ticket",
    "notifications",
    "party",
    "party_data",
    "party_join_request",
    "party_leader",
    "party_matchmaker_ticket",
    "party_presence_event",
    "status",
    "status_presence_event",
    "stream_data",
    "stream_presence_event",
];

/// Messages of the protocol that a client may send and this server does not serve.
const UNSUPPORTED: &[&str] = &[
    "match_create",
    "match_data_send",
    "match_join",
    "match_leave",
    "matchmaker_add",
    "matchmaker_remove",
    "party_accept",
    "party_close",
    "party_create",
    "party_data_send",
    "party_join",
    "party_join_request_list",
    "party_leave",
    "party_matchmaker_add",
    "party_matchmaker_remove",
    "party_promote",
    "party_remove",
    "party_update",
    "rpc",
];

/// null is the default, as everywhere in protobuf JSON.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
