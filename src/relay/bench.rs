use std::{cell::Cell, io, io::IoSlice, rc::Rc, time::Duration};

use super::{
    Event, LiveChannel, Outbox, OutboxLimits, SocketKey, Transport,
    fanout::{Member, fan_out},
};
use crate::wire::{Format, Outgoing};

/// Members of a channel on one thread whose peers take everything at once.
pub struct Audience {
    channel: LiveChannel,
    members: Vec<Member>,
    taken: Rc<Cell<usize>>,
}

/// A peer that costs nothing.
struct Void(Rc<Cell<usize>>);

impl Transport for Void {
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes = frames.iter().map(|frame| frame.len()).sum();
        self.0.set(self.0.get() + bytes);
        Ok(bytes)
    }
}

impl Audience {
    /// So many sockets, all of one format.
    pub fn new(members: usize, format: Format) -> Self {
        let taken = Rc::new(Cell::new(0));
        let limits = OutboxLimits {
            bytes: 1 << 20,
            pipeline: 64,
            ping_period: Duration::from_secs(15),
            pong_wait: Duration::from_secs(25),
            write_timeout: Duration::from_secs(30),
            close_wait: Duration::from_secs(5),
        };
        let member = |_| {
            let outbox = Rc::new(Outbox::new(format, limits));
            outbox.connect(Rc::new(Void(taken.clone())));
            Member {
                socket: SocketKey::new(),
                outbox,
                hidden: None,
            }
        };
        let members = (0..members).map(member).collect();
        Self {
            channel: LiveChannel::new(),
            members,
            taken,
        }
    }

    /// Delivers one batch of so many events, from the encoding to the last write. Answers how many bytes the
    /// peers have taken so far.
    pub(crate) fn deliver(&self, events: impl Iterator<Item = Outgoing>) -> usize {
        let events: Vec<Event> = events.map(Event::new).collect();
        let mut corked = Vec::new();
        fan_out(self.channel, &self.members, &events, &mut corked);
        for outbox in corked {
            outbox.uncork();
        }
        self.taken.get()
    }
}
