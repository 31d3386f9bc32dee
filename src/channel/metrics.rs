use strum::{IntoStaticStr, VariantArray};

use super::MessageCode;
use crate::metric::{Counter, CounterBy, Gauge, declare};

declare! {
    pub(super) static LIVE: Gauge = Gauge::new("banter_live_channels", "Channels in memory");

    pub(super) static MESSAGES: CounterBy<MessageKind> =
        CounterBy::new("banter_messages_total", "kind", "Messages delivered, by kind");

    pub(super) static PRESENCE_CHANGES: Counter =
        Counter::new("banter_presence_changes_total", "Joins and leaves announced");

    pub(super) static LOST: Counter =
        Counter::new("banter_channels_lost_total", "Channels that ended in a panic");
}

#[derive(Clone, Copy, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(super) enum MessageKind {
    Send,
    Update,
    Remove,
    /// Of a group.
    Event,
}

impl From<MessageCode> for MessageKind {
    fn from(code: MessageCode) -> Self {
        match code {
            MessageCode::Chat => Self::Send,
            MessageCode::Update => Self::Update,
            MessageCode::Remove => Self::Remove,
            MessageCode::GroupJoin
            | MessageCode::GroupAdd
            | MessageCode::GroupLeave
            | MessageCode::GroupKick
            | MessageCode::GroupPromote
            | MessageCode::GroupBan
            | MessageCode::GroupDemote => Self::Event,
        }
    }
}

/// The messages of one channel, which counts many.
pub(super) struct MessageCounters([metrics::Counter; MessageKind::VARIANTS.len()]);

impl MessageCounters {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|kind| {
            MESSAGES.of(MessageKind::VARIANTS[kind])
        }))
    }

    pub(super) fn count(&self, code: MessageCode) {
        self.0[MessageKind::from(code) as usize].increment(1);
    }
}
