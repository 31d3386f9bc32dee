use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use bytes::BytesMut;

use crate::{chat::Shared, relay::Relay, session::Surroundings};

/// What the sockets of one thread share. Stays on the thread.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    surroundings: RefCell<Option<Rc<Surroundings>>>,
    /// Sockets read into this one by one; what a socket cannot use yet it copies out.
    pub(super) buffer: Rc<RefCell<BytesMut>>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>) -> Rc<Self> {
        Rc::new(Self {
            shared,
            surroundings: RefCell::new(None),
            buffer: Rc::default(),
        })
    }

    /// What the sessions of this thread share. Its relay is started on first need, and again should it have
    /// been lost.
    pub(super) fn surroundings(&self) -> Rc<Surroundings> {
        let mut known = self.surroundings.borrow_mut();
        match &*known {
            Some(around) if around.relay.addr.connected() => around.clone(),
            _ => known.insert(Rc::new(self.surround())).clone(),
        }
    }

    fn surround(&self) -> Surroundings {
        let settings = &self.shared.settings;
        Surroundings {
            relay: Relay::start_here(self.tick()),
            directory: self.shared.directory.clone(),
            accounts: self.shared.accounts.clone(),
            chat_requests: self.shared.chat_requests.clone(),
            rates: self.shared.rates.clone(),
            friends: self.shared.friends.clone(),
            max_channels: settings.max_session_channels,
            max_follows: settings.max_session_follows,
            max_list_items: settings.max_list_items,
            pipeline: settings.pipeline,
        }
    }

    /// How often sockets are looked after: often enough for the shortest of their times.
    fn tick(&self) -> Duration {
        let settings = &self.shared.settings;
        let shortest = settings
            .ping_period
            .min(settings.pong_wait)
            .min(settings.write_timeout)
            .min(settings.close_wait);
        (shortest / 4).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }
}
