use std::{fmt, sync::Arc};

use uuid::Uuid;

use super::{ChannelId, Content, clock};
use crate::user::UserId;

/// A message, for good. A UUIDv7, shown to clients as lower case text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId(pub Uuid);

impl MessageId {
    /// A fresh id whose time part is the time of the message.
    pub(crate) fn at(time: Micros) -> Self {
        let micros = u64::try_from(time.0).unwrap_or(0);
        let (secs, nanos) = (
            micros / 1_000_000,
            u32::try_from(micros % 1_000_000).unwrap_or(0) * 1000,
        );
        Self(Uuid::new_v7(uuid::Timestamp::from_unix(
            uuid::NoContext,
            secs,
            nanos,
        )))
    }
}

/// A message's place in the history of its channel: 1 for the first, growing, never reused. A write
/// that failed leaves a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Seq(pub u64);

/// Microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Micros(pub i64);

impl Micros {
    /// The machine's clock, but for its steps: it was read at the start, and is followed slowly when it is set.
    #[must_use]
    pub fn now() -> Self {
        clock::now()
    }
}

/// What a message is, by the protocol's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum MessageCode {
    /// Somebody said something.
    Chat = 0,
    /// The content of an earlier message changed.
    Update = 1,
    /// An earlier message is gone.
    Remove = 2,
    /// The sender joined the group.
    GroupJoin = 3,
    /// The sender was added to the group, or their request to join was accepted.
    GroupAdd = 4,
    /// The sender left the group.
    GroupLeave = 5,
    /// The sender was kicked from the group.
    GroupKick = 6,
    /// The sender was promoted.
    GroupPromote = 7,
    /// The sender was banned from the group.
    GroupBan = 8,
    /// The sender was demoted.
    GroupDemote = 9,
}

impl MessageCode {
    /// By its number; `None` for numbers that are no code.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        const ALL: [MessageCode; 10] = [
            MessageCode::Chat,
            MessageCode::Update,
            MessageCode::Remove,
            MessageCode::GroupJoin,
            MessageCode::GroupAdd,
            MessageCode::GroupLeave,
            MessageCode::GroupKick,
            MessageCode::GroupPromote,
            MessageCode::GroupBan,
            MessageCode::GroupDemote,
        ];
        ALL.get(usize::from(number)).copied()
    }
}

/// One entry of a channel, as it is delivered and as it stands in the history.
#[derive(Clone)]
pub struct Message {
    /// Names this message; an update or removal carries the id of the message it is about.
    pub id: MessageId,
    /// Where it was said.
    pub channel: ChannelId,
    /// Its place in the history; `None` for what is not kept there: ephemeral messages, updates, removals.
    pub seq: Option<Seq>,
    /// What it is.
    pub code: MessageCode,
    /// Who said it, or whom an event is about; `UserId::SERVER` for the server itself.
    pub sender: UserId,
    /// The sender's name at that time.
    pub username: Arc<str>,
    /// One JSON object, byte for byte as it was sent.
    pub content: Content,
    /// When it was admitted. Strictly growing within a channel.
    pub create_time: Micros,
    /// When it was last changed; equal to `create_time` until then.
    pub update_time: Micros,
    /// Whether it is in the history.
    pub persistent: bool,
}

impl Message {
    /// Whether its sender says, changes or takes back something with it; not so with the events of a
    /// group.
    pub(crate) fn is_said(&self) -> bool {
        matches!(
            self.code,
            MessageCode::Chat | MessageCode::Update | MessageCode::Remove
        )
    }

    /// About the bytes of its frame, and at least half of them: JSON within JSON is escaped.
    pub(crate) fn weight(&self) -> usize {
        /// Everything but the content: ids, names, times.
        const REST: usize = 512;
        REST + self.content.as_str().len()
    }
}

impl fmt::Debug for Message {
    /// Leaves out the content: logs must not hold what people say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("channel", &self.channel)
            .field("seq", &self.seq)
            .field("code", &self.code)
            .field("content_bytes", &self.content.as_str().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        channel::RoomName,
        wire::{Format, Outgoing},
    };

    proptest! {
        #[test]
        fn a_frame_is_at_most_twice_the_weight_of_its_message(text in "[ -~é\n]{0,200}") {
            let content = serde_json::json!({ "text": text }).to_string();
            let message = Message {
                id: MessageId::at(Micros::now()),
                channel: ChannelId::room(&RoomName::new("lobby").unwrap()),
                seq: None,
                code: MessageCode::Chat,
                sender: UserId::SERVER,
                username: "ana".into(),
                content: Content::new(&content).unwrap(),
                create_time: Micros::now(),
                update_time: Micros::now(),
                persistent: true,
            };
            let weight = message.weight();
            let message = Outgoing::Message(Arc::new(message));
            for format in Format::ALL {
                prop_assert!(message.frame(format, None).len() <= 2 * weight);
            }
        }
    }
}
