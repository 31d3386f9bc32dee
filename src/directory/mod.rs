//! Finds, or starts, the actor of a channel, group or user. Users are in `users`, the names their sockets
//! carry in `names`.
//!
//! Invariant: at most one life of a channel takes joins at a time. A life that ends removes itself
//! here before it stops; one that was lost is noticed by its closed address. Either way the next
//! question starts a new life from the store. Two lives of a group would do no harm: what is true of
//! groups is in the store.

mod names;
mod users;

pub(crate) use users::{Arrival, OnlineSession};

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::prelude::*;
use parking_lot::Mutex;

use self::users::Users;
use crate::{
    channel::{
        Channel, ChannelId, ChannelLimits, ChannelParts, EndStays, Leave, Legacy, MessageStore,
        SessionId,
    },
    group::{GroupActor, GroupId, GroupParts, GroupStore},
    relay::LiveChannel,
    user::{ChatRequestStore, ChatRequests, FriendStore, UserSettings},
};

/// What actors keep things in.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) messages: Arc<dyn MessageStore>,
    pub(crate) groups: Arc<dyn GroupStore>,
    pub(crate) friends: Arc<dyn FriendStore>,
    pub(crate) chat_requests: Arc<dyn ChatRequestStore>,
}

/// How many sessions may be open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionLimits {
    pub(crate) total: usize,
    pub(crate) of_one_user: usize,
}

/// What every channel is made with.
pub(crate) struct ChannelSettings {
    pub(crate) limits: ChannelLimits,
    pub(crate) mailbox: usize,
    pub(crate) linger: Duration,
    /// Channels live at the same time.
    pub(crate) most: usize,
}

/// The live channels, groups and users of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Directory(Arc<Inner>);

struct Inner {
    /// Several maps, so that joins to different channels do not wait for each other.
    shards: Vec<Mutex<HashMap<ChannelId, Entry>>>,
    hasher: RandomState,
    arbiters: Vec<ArbiterHandle>,
    /// Entries in all shards.
    channels: AtomicUsize,
    settings: ChannelSettings,
    stores: Stores,
    /// No more than there are groups, and only those that changed lately.
    groups: Mutex<HashMap<GroupId, Addr<GroupActor>>>,
    users: Users,
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
        users: UserSettings,
        limits: SessionLimits,
        stores: Stores,
    ) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self(Arc::new(Inner {
            shards,
            hasher: RandomState::new(),
            arbiters,
            channels: AtomicUsize::new(0),
            settings,
            stores,
            groups: Mutex::default(),
            users: Users::new(users, limits),
        }))
    }

    /// The address of the group's present life, if it has one. It may end before it gets a message.
    pub(crate) fn live_group(&self, id: GroupId) -> Option<Addr<GroupActor>> {
        let groups = self.0.groups.lock();
        groups.get(&id).filter(|addr| addr.connected()).cloned()
    }

    /// As [`live_group`](Self::live_group), for a group that exists: one without a life gets one.
    pub(crate) fn group(&self, id: GroupId) -> Addr<GroupActor> {
        let mut groups = self.0.groups.lock();
        if let Some(addr) = groups.get(&id).filter(|addr| addr.connected()) {
            return addr.clone();
        }
        let parts = GroupParts {
            id,
            store: self.0.stores.groups.clone(),
            directory: self.clone(),
            most: self.0.settings.mailbox,
            linger: self.0.settings.linger,
        };
        let addr = GroupActor::start_on(self.arbiter(id), parts);
        groups.insert(id, addr.clone());
        addr
    }

    /// A group's life ends. Nothing happens when another one has begun by now.
    pub(crate) fn release_group(&self, id: GroupId, ended: &Addr<GroupActor>) {
        let mut groups = self.0.groups.lock();
        if groups.get(&id) == Some(ended) {
            groups.remove(&id);
        }
    }

    /// The address of the channel's present life. It may end before it gets a message; see
    /// [`ask`](Self::ask). `None` when as many channels are live as may be.
    fn channel(&self, id: &ChannelId) -> Option<Addr<Channel>> {
        let mut shard = self.shard(id).lock();
        let inherited = match shard.get_mut(id) {
            Some(Entry::Live { addr, .. }) if addr.connected() => return Some(addr.clone()),
            Some(Entry::Live { .. }) => Legacy::default(),
            Some(Entry::Lost(legacy)) => std::mem::take(legacy),
            None if self.0.channels.fetch_add(1, Ordering::Relaxed) >= self.0.settings.most => {
                self.0.channels.fetch_sub(1, Ordering::Relaxed);
                return None;
            }
            None => Legacy::default(),
        };
        let live = LiveChannel::new();
        let parts = ChannelParts {
            id: id.known(),
            limits: self.0.settings.limits,
            mailbox: self.0.settings.mailbox,
            linger: self.0.settings.linger,
            store: self.0.stores.messages.clone(),
            entrance: Arc::new(ChatRequests::new(
                self.0.stores.chat_requests.clone(),
                self.clone(),
            )),
            directory: self.clone(),
            inherited,
        };
        let addr = Channel::start_on(self.arbiter(id), live, parts);
        shard.insert(
            id.clone(),
            Entry::Live {
                live,
                addr: addr.clone(),
            },
        );
        Some(addr)
    }

    /// Whether a user who is in so many channels may have one more started, as far as they are concerned: a quarter of
    /// those that are free is the most for one. So the last ones are never taken by a few.
    pub(crate) fn may_start(&self, id: &ChannelId, user_is_in: usize) -> bool {
        let live = self.0.channels.load(Ordering::Relaxed);
        let free = self.0.settings.most.saturating_sub(live);
        // When none is free, that is what is wrong.
        user_is_in < free.div_ceil(4).max(1) || self.shard(id).lock().contains_key(id)
    }

    /// Sends a question to the channel, starting it if need be, and again if the life that was
    /// asked ended before it answered. So `question` must do no harm when it is asked twice.
    ///
    /// # Errors
    /// `None` for an answer when life after life ends, or too many channels are live.
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
            let addr = self.channel(id)?;
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
        self.channel(id)?.send(command).await.ok()
    }

    /// As [`tell`](Self::tell), but sent at once, so that commands of one sender keep their order.
    ///
    /// # Errors
    /// `None` when too many channels are live.
    pub(crate) fn send<M>(&self, id: &ChannelId, command: M) -> Option<Request<Channel, M>>
    where
        Channel: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        // An address of its own has room for one message, so none waits for another.
        Some(self.channel(id)?.send(command))
    }

    /// Lets a session out of a channel that is live and may have let it in.
    pub(crate) fn leave(&self, id: &ChannelId, session: SessionId) {
        if let Some(Entry::Live { addr, .. }) = self.shard(id).lock().get(id) {
            // Without a bound: once for a session that ends while it joins.
            addr.do_send(Leave {
                session,
                answer: None,
            });
        }
    }

    /// A life has ended in order. Nothing happens when another one is live by now.
    pub(crate) fn release(&self, id: &ChannelId, ended: LiveChannel) {
        let mut shard = self.shard(id).lock();
        if matches!(shard.get(id), Some(Entry::Live { live, .. }) if *live == ended) {
            shard.remove(id);
            self.0.channels.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A life has ended in a panic, or before it could take its members over. The next one inherits
    /// what it leaves behind.
    pub(crate) fn lost(&self, id: &ChannelId, ended: LiveChannel, legacy: Legacy) {
        if legacy.announced.is_empty() && legacy.members.is_empty() {
            return self.release(id, ended);
        }
        let mut shard = self.shard(id).lock();
        if let Some(entry) = shard.get_mut(id)
            && matches!(entry, Entry::Live { live, .. } if *live == ended)
        {
            *entry = Entry::Lost(legacy);
        }
    }

    /// Takes everybody out of a channel, if anybody may be in it; see [`EndStays`].
    pub(crate) fn end_stays(&self, id: &ChannelId) -> Option<Request<Channel, EndStays>> {
        let known = self.shard(id).lock().contains_key(id);
        // One that was lost has members who are about to return.
        known.then(|| self.send(id, EndStays))?
    }

    /// Where the actor with an id lives.
    fn arbiter<I: Hash>(&self, id: I) -> &ArbiterHandle {
        let hash = self.0.hasher.hash_one(id) as usize;
        &self.0.arbiters[hash % self.0.arbiters.len()]
    }

    fn shard(&self, id: &ChannelId) -> &Mutex<HashMap<ChannelId, Entry>> {
        &self.0.shards[(self.0.hasher.hash_one(id) >> 32) as usize % SHARDS]
    }
}
