use std::sync::OnceLock;

use bytes::Bytes;

use crate::{
    user::UserId,
    wire::{Format, Outgoing},
};

/// Something all members of a channel get, with its encoded frames: each format is made when the
/// first member needs it and then shared.
pub(crate) struct Event {
    what: Outgoing,
    json: OnceLock<Bytes>,
}

impl Event {
    pub(crate) fn new(what: Outgoing) -> Self {
        Self {
            what,
            json: OnceLock::new(),
        }
    }

    /// Who says something with it, in a channel; nobody does with what the server tells.
    pub(super) fn speaker(&self) -> Option<UserId> {
        match &self.what {
            Outgoing::Message(message) if message.is_said() => Some(message.sender),
            _ => None,
        }
    }

    /// The whole WebSocket frame; the same bytes fit every receiver, as server frames are not masked.
    pub(crate) fn frame(&self, format: Format) -> &Bytes {
        match format {
            Format::Json => self.json.get_or_init(|| self.what.frame(format, None)),
        }
    }
}
