use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use bytes::BytesMut;

use crate::{
    chat::Shared,
    relay::{Relay, RelayHandle},
};

/// What the sockets of one thread share. Stays on the thread.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    relay: RefCell<Option<RelayHandle>>,
    /// Sockets read into this one by one; what a socket cannot use yet it copies out.
    pub(super) buffer: Rc<RefCell<BytesMut>>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>) -> Rc<Self> {
        Rc::new(Self {
            shared,
            relay: RefCell::new(None),
            buffer: Rc::default(),
        })
    }

    /// This thread's relay, started on first need, and again should it have been lost.
    pub(super) fn relay(&self) -> RelayHandle {
        let mut relay = self.relay.borrow_mut();
        match &*relay {
            Some(live) if live.addr.connected() => live.clone(),
            _ => relay.insert(Relay::start_here(self.tick())).clone(),
        }
    }

    /// How often sockets are looked after: often enough for the shortest of their times.
    fn tick(&self) -> Duration {
        let settings = &self.shared.settings;
        let shortest = settings
            .ping_period
            .min(settings.pong_wait)
            .min(settings.close_wait);
        (shortest / 4).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }
}
