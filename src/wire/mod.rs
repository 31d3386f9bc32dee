//! The protocol: bytes to domain types and back. Decides nothing.
//!
//! Envelopes of the socket: `request` (what clients send) and `outgoing` (what they get) are the
//! same for every format; `json` is one format. REST bodies and parameters are in `rest`, cursors in
//! `cursor` and `position`, and the mapping of every error in `error`.

mod cursor;
pub(crate) mod error;
mod frame;
mod integer;
mod json;
mod outgoing;
mod position;
mod request;
pub(crate) mod rest;

pub(crate) use self::{
    cursor::{CursorError, CursorKey},
    error::{EnvelopeCode, EnvelopeError},
    frame::{CloseCode, close_frame, message_frame, ping_frame, pong_frame},
    integer::integer,
    outgoing::{JoinAnswer, Outgoing, PresenceNews},
    request::{ChannelJoin, Request, StatusFollow, StatusUnfollow, StatusUpdate, decode},
};

/// How envelopes are written on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
}

impl Format {
    /// The value of the handshake's `format` parameter; empty means JSON.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        matches!(text, "" | "json").then_some(Self::Json)
    }
}
