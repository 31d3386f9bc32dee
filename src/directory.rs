//! Finds, or starts, the actor of a channel.
//!
//! Invariant: at most one life of a channel takes joins at a time. A life that ends removes itself
//! here before it stops; one that was lost is noticed by its closed address. Either way the next
//! question starts a new life from the store.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use actix::prelude::*;
use parking_lot::Mutex;

use crate::{
    channel::{Channel, ChannelId, ChannelLimits, ChannelParts, Legacy, MessageStore},
    relay::LiveChannel,
};

/// What every channel is made with.
pub(crate) struct ChannelSettings {
    pub(crate) limits: ChannelLimits,
    pub(crate) mailbox: usize,
    pub(crate) linger: Duration,
}

/// The live channels of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Directory(Arc<Inner>);

struct Inner {
    /// Several maps, so that joins to different channels do not wait for each other.
    shards: Vec<Mutex<HashMap<ChannelId, Entry>>>,
    hasher: RandomState,
    arbiters: Vec<ArbiterHandle>,
    settings: ChannelSettings,
    store: Arc<dyn MessageStore>,
}

enum Entry {
    Live {
        live: LiveChannel,
        addr: Addr<Channel>,
    },
    /// Ended in a panic; the next life inherits this.
    Lost(Legacy),
}

const SHARDS: usize = 64;

impl Directory {
    /// `arbiters` must not be empty.
    pub(crate) fn new(
        arbiters: Vec<ArbiterHandle>,
        settings: ChannelSettings,
        store: Arc<dyn MessageStore>,
    ) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self(Arc::new(Inner {
            shards,
            hasher: RandomState::new(),
            arbiters,
            settings,
            store,
        }))
    }

    /// The address of the channel's present life. It may end before it gets a message; see [`ask`](Self::ask).
    fn channel(&self, id: &ChannelId) -> Addr<Channel> {
        let hash = self.0.hasher.hash_one(id);
        let mut shard = self.shard(id).lock();
        let inherited = match shard.remove(id) {
            Some(Entry::Live { live, addr }) if addr.connected() => {
                let found = addr.clone();
                shard.insert(id.clone(), Entry::Live { live, addr });
                return found;
            }
            Some(Entry::Lost(legacy)) => legacy,
            Some(Entry::Live { .. }) | None => Legacy::default(),
        };
        let live = LiveChannel::new();
        let parts = ChannelParts {
            id: id.clone(),
            limits: self.0.settings.limits,
            mailbox: self.0.settings.mailbox,
            linger: self.0.settings.linger,
            store: self.0.store.clone(),
            directory: self.clone(),
            inherited,
        };
        let arbiter = &self.0.arbiters[hash as usize % self.0.arbiters.len()];
        let addr = Channel::start_on(arbiter, live, parts);
        shard.insert(
            id.clone(),
            Entry::Live {
                live,
                addr: addr.clone(),
            },
        );
        addr
    }

    /// Sends a question to the channel, starting it if need be, and again if the life that was
    /// asked ended before it answered. So `question` must do no harm when it is asked twice.
    ///
    /// # Errors
    /// `None` for an answer when life after life ends.
    pub(crate) async fn ask<M>(
        &self,
        id: &ChannelId,
        question: impl Fn() -> M,
    ) -> Option<(Addr<Channel>, M::Result)>
    where
        Channel: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        /// More than two lives that end within one question are no accident.
        const LIVES: usize = 4;
        for _ in 0..LIVES {
            let addr = self.channel(id);
            if let Ok(answer) = addr.send(question()).await {
                return Some((addr, answer));
            }
        }
        None
    }

    /// Sends a command to the channel, once.
    ///
    /// # Errors
    /// `None` when the life that got it ended before it answered: it may or may not have acted.
    pub(crate) async fn tell<M>(&self, id: &ChannelId, command: M) -> Option<M::Result>
    where
        Channel: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.channel(id).send(command).await.ok()
    }

    /// A life has ended in order. Nothing happens when another one is live by now.
    pub(crate) fn release(&self, id: &ChannelId, ended: LiveChannel) {
        let mut shard = self.shard(id).lock();
        if matches!(shard.get(id), Some(Entry::Live { live, .. }) if *live == ended) {
            shard.remove(id);
        }
    }

    /// A life has ended in a panic.
    pub(crate) fn lost(&self, id: &ChannelId, ended: LiveChannel, legacy: Legacy) {
        let mut shard = self.shard(id).lock();
        if matches!(shard.get(id), Some(Entry::Live { live, .. }) if *live == ended) {
            shard.remove(id);
            if !legacy.announced.is_empty() || !legacy.members.is_empty() {
                shard.insert(id.clone(), Entry::Lost(legacy));
            }
        }
    }

    fn shard(&self, id: &ChannelId) -> &Mutex<HashMap<ChannelId, Entry>> {
        &self.0.shards[(self.0.hasher.hash_one(id) >> 32) as usize % SHARDS]
    }
}
