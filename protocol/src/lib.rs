//! Envelopes: what clients and servers send each other on banter's socket, in its three formats.
//!
//! [`Envelope`] and what it holds are made from `schemas/realtime.proto`. A [`Format`] turns one into the payload
//! of a WebSocket message and back. Whether what an envelope says makes sense is for its reader to decide.
//!
//! ```
//! use banter_protocol::{ChannelLeave, Envelope, Format, Message};
//!
//! let envelope = Envelope {
//!     cid: "7".into(),
//!     message: Some(Message::ChannelLeave(ChannelLeave { channel_id: "2...lobby".into() })),
//! };
//! let payload = Format::Protobuf.encode(&envelope);
//! assert_eq!(Format::Protobuf.decode(&payload)?, envelope);
//! # Ok::<(), banter_protocol::DecodeError>(())
//! ```

mod binary;
mod format;
mod json;
mod message;
mod time;

/// Made by the build script.
mod realtime {
    include!(concat!(env!("OUT_DIR"), "/banter.realtime.rs"));
    include!(concat!(env!("OUT_DIR"), "/bincode.rs"));
}

pub use self::{
    format::{DecodeError, Format},
    realtime::{envelope::Message, *},
    time::Timestamp,
};
