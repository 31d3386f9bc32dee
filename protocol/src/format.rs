//! The three formats, and the way from envelopes to bytes and back.

use std::{fmt, str::FromStr};

use crate::{Envelope, binary, json};

/// How envelopes are written on a socket; the `format` of its handshake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// protobuf JSON with `snake_case` names, in text messages.
    #[default]
    Json,
    /// protobuf, in binary messages.
    Protobuf,
    /// bincode 2 behind a byte with the version, in binary messages; `schemas/bincode.md`.
    Bincode,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Json, Self::Protobuf, Self::Bincode];

    /// The value of the handshake's `format` parameter.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Protobuf => "protobuf",
            Self::Bincode => "bincode",
        }
    }

    /// Whether its WebSocket messages are text; the others are binary.
    pub fn is_text(self) -> bool {
        self == Self::Json
    }

    /// The payload of a WebSocket message.
    pub fn encode(self, envelope: &Envelope) -> Vec<u8> {
        let mut payload = Vec::new();
        self.encode_onto(envelope, &mut payload);
        payload
    }

    /// As [`encode`](Self::encode), behind what a buffer holds already.
    pub fn encode_onto(self, envelope: &Envelope, buffer: &mut Vec<u8>) {
        match self {
            Self::Json => json::encode(envelope, buffer),
            Self::Protobuf => {
                buffer.reserve(prost::Message::encoded_len(envelope));
                prost::Message::encode_raw(envelope, buffer);
            }
            Self::Bincode => binary::encode(envelope, buffer),
        }
    }

    /// Reads the payload of a WebSocket message. What a newer peer has added to JSON or protobuf is passed over.
    ///
    /// # Errors
    ///
    /// When the payload is not an envelope in this format, or in bincode one that takes more than 64 MiB of memory.
    pub fn decode(self, payload: &[u8]) -> Result<Envelope, DecodeError> {
        match self {
            Self::Json => Ok(serde_json::from_slice(payload)?),
            Self::Protobuf => Ok(prost::Message::decode(payload)?),
            Self::Bincode => binary::decode(payload),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let known = Self::ALL.into_iter().find(|format| format.name() == name);
        known.ok_or(UnknownFormat)
    }
}

/// The name of no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("format must be json, protobuf or bincode")]
pub struct UnknownFormat;

/// A payload that is no envelope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not the JSON of an envelope.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Not the protobuf of an envelope.
    #[error("{0}")]
    Protobuf(#[from] prost::DecodeError),
    /// Not the bincode of an envelope.
    #[error("{0}")]
    Bincode(#[from] bincode::error::DecodeError),
    /// bincode of another version, or nothing.
    #[error("bincode must begin with the version {}", binary::VERSION)]
    Version,
    /// Bytes are left behind the envelope.
    #[error("{0} bytes follow the envelope")]
    Trailing(usize),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, ChannelJoin, Message, UserPresence};

    #[test]
    fn json_is_that_of_the_protocol() {
        let join = Message::ChannelJoin(ChannelJoin {
            target: "lobby".into(),
            r#type: 1,
            persistence: Some(false),
            hidden: None,
        });
        let envelope = Envelope {
            cid: "7".into(),
            message: Some(join),
        };
        let json = Format::Json.encode(&envelope);
        assert_eq!(
            String::from_utf8(json).unwrap(),
            r#"{"cid":"7","channel_join":{"target":"lobby","type":1,"persistence":false}}"#
        );
        let channel =
            br#"{"channel":{"id":"2...lobby","self":{"user_id":"u","new":[1]}},"newer":{"x":1}}"#;
        let me = UserPresence {
            user_id: "u".into(),
            ..Default::default()
        };
        let channel_expected = Channel {
            id: "2...lobby".into(),
            self_: Some(me),
            ..Default::default()
        };
        assert_eq!(
            Format::Json.decode(channel).unwrap().message,
            Some(Message::Channel(channel_expected))
        );
    }
}
