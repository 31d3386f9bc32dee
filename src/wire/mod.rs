//! The protocol: bytes to domain types and back. Decides nothing.
//!
//! Envelopes of the socket: `request` (what clients send) and `outgoing` (what they get) are the
//! same for every format. `json` reads and writes them straight; for the binary formats they pass through the
//! types of the schema, in `envelope`. REST bodies and parameters are in `rest`, cursors in
//! `cursor` and `position`, and the mapping of every error in `error`.

mod cursor;
mod envelope;
pub(crate) mod error;
mod frame;
mod integer;
mod json;
mod outgoing;
mod position;
mod quote;
mod request;
pub(crate) mod rest;
#[cfg(test)]
mod round_trip;

pub(crate) use banter_protocol::Format;

pub(crate) use self::{
    cursor::{CursorError, CursorKey, Place},
    error::{EnvelopeCode, EnvelopeError},
    frame::{CloseCode, close_frame, message_frame, ping_frame, pong_frame},
    integer::integer,
    outgoing::{JoinAnswer, Outgoing, PresenceNews},
    request::{ChannelJoin, Request, StatusFollow, StatusUnfollow, StatusUpdate, decode},
};
