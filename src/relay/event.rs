use std::sync::OnceLock;

use bytes::Bytes;

use super::line::Sent;
use crate::{
    user::UserId,
    wire::{Format, Outgoing},
};

/// Something all members of a channel get, with its encoded frames: each format is made when the
/// first member needs it and then shared.
pub(crate) struct Event {
    what: Outgoing,
    frames: [OnceLock<Bytes>; Format::ALL.len()],
}

impl Event {
    pub(crate) fn new(what: Outgoing) -> Self {
        Self {
            what,
            frames: Default::default(),
        }
    }

    /// Who says something with it, in a channel; nobody does with what the server tells.
    pub(super) fn speaker(&self) -> Option<UserId> {
        match &self.what {
            Outgoing::Message(message) if message.is_said() => Some(message.sender),
            _ => None,
        }
    }

    /// Whether it changes who is there, or is said.
    pub(super) fn kind(&self) -> Sent {
        match &self.what {
            Outgoing::Presence(_) => Sent::Presences,
            _ => Sent::Messages,
        }
    }

    /// The whole WebSocket frame; the same bytes fit every receiver, as server frames are not masked.
    pub(crate) fn frame(&self, format: Format) -> &Bytes {
        self.frames[format as usize].get_or_init(|| self.what.frame(format, None))
    }
}

#[cfg(test)]
mod tests {
    use std::{rc::Rc, time::Duration};

    use super::*;
    use crate::relay::{
        LiveChannel, Outbox, OutboxLimits, SocketKey,
        fanout::{Member, fan_out},
    };

    fn member(format: Format) -> Member {
        let limits = OutboxLimits {
            bytes: 1000,
            pipeline: 2,
            ping_period: Duration::from_secs(1),
            pong_wait: Duration::from_secs(1),
            write_timeout: Duration::from_secs(1),
            close_wait: Duration::from_secs(1),
        };
        Member {
            socket: SocketKey::new(),
            outbox: Rc::new(Outbox::new(format, limits)),
            hidden: None,
        }
    }

    #[test]
    fn an_event_is_encoded_once_for_each_format_in_the_channel_and_for_no_other() {
        let event = Event::new(Outgoing::Pong);
        let events = [event];
        let made = |events: &[Event; 1]| {
            Format::ALL.map(|format| events[0].frames[format as usize].get().map(|f| f.as_ptr()))
        };
        assert_eq!(made(&events), [None; 3]);
        let channel = LiveChannel::new();
        let mut members = vec![member(Format::Protobuf), member(Format::Protobuf)];
        fan_out(channel, &members, &events, &mut Vec::new());
        let [json, protobuf, bincode] = made(&events);
        assert_eq!((json, bincode), (None, None));
        assert!(protobuf.is_some());
        members.extend(Format::ALL.map(member));
        fan_out(channel, &members, &events, &mut Vec::new());
        assert_eq!(made(&events)[Format::Protobuf as usize], protobuf);
        assert!(made(&events).iter().all(Option::is_some));
    }
}
