use std::sync::{Arc, Condvar, Mutex};

use banter::{
    BatchCommitted, ChannelId, CommitSink, MessageId, MessageStore, Page, PageQuery, Position,
    StoreError, StoreFuture, UserId, Write,
};

/// What is to happen to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// What always happens.
    Pass,
    /// The call panics.
    Panic,
    /// The call refuses at once.
    Refuse,
    /// The write is taken, and then fails.
    Fail,
}

/// A store of messages with a will of its own.
pub(crate) struct Disturbed {
    inner: Arc<dyn MessageStore>,
    deed: Box<dyn Fn(&Write) -> Deed + Send + Sync>,
    told: Arc<dyn Fn() + Send + Sync>,
    /// Held by a test that wants answers about who may enter to come late.
    gate: Arc<tokio::sync::Mutex<()>>,
}

impl Disturbed {
    pub(crate) fn new(
        inner: Arc<dyn MessageStore>,
        deed: impl Fn(&Write) -> Deed + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            deed: Box::new(deed),
            told: Arc::new(|| {}),
            gate: Arc::default(),
        }
    }

    /// Does `deed` to new messages whose content holds `marker`.
    pub(crate) fn marked(inner: Arc<dyn MessageStore>, marker: &'static str, deed: Deed) -> Self {
        Self::new(inner, move |write| match write {
            Write::Append(message) if message.content.as_str().contains(marker) => deed,
            _ => Deed::Pass,
        })
    }

    /// Keeps what it has found out about who may enter to itself while the gate is held.
    pub(crate) fn behind(mut self, gate: Arc<tokio::sync::Mutex<()>>) -> Self {
        self.gate = gate;
        self
    }

    /// Calls this before each outcome is told.
    pub(crate) fn when_told(mut self, told: impl Fn() + Send + Sync + 'static) -> Self {
        self.told = Arc::new(told);
        self
    }
}

impl MessageStore for Disturbed {
    fn may_enter<'a>(
        &'a self,
        user: UserId,
        channel: &ChannelId,
    ) -> StoreFuture<'a, Result<bool, StoreError>> {
        let answer = self.inner.may_enter(user, channel);
        Box::pin(async move {
            let answer = answer.await;
            drop(self.gate.lock().await);
            answer
        })
    }

    fn may_read<'a>(
        &'a self,
        user: UserId,
        channel: &ChannelId,
    ) -> StoreFuture<'a, Result<bool, StoreError>> {
        self.inner.may_read(user, channel)
    }

    fn open<'a>(&'a self, channel: &ChannelId) -> StoreFuture<'a, Result<Position, StoreError>> {
        self.inner.open(channel)
    }

    fn submit(&self, write: Write, sink: &CommitSink) -> Result<(), StoreError> {
        let deed = (self.deed)(&write);
        let (sink, told) = (sink.clone(), self.told.clone());
        let failed = || StoreError::Failed("disturbed by a test".to_owned());
        // A sink for each write, so that failures keep their place in the order of outcomes.
        let sink: CommitSink = Arc::new(move |mut batch: BatchCommitted| {
            told();
            if deed == Deed::Fail {
                batch
                    .outcomes
                    .iter_mut()
                    .for_each(|outcome| *outcome = Err(failed()));
            }
            sink(batch);
        });
        match (deed, write) {
            (Deed::Panic, _) => panic!("a test wants this panic"),
            (Deed::Refuse, _) => Err(failed()),
            (Deed::Fail, Write::Append(message)) => {
                // Takes a place in the queue and does nothing.
                let nothing = Write::Remove {
                    channel: message.channel.clone(),
                    id: MessageId(uuid::Uuid::nil()),
                    sender: UserId::SERVER,
                };
                self.inner.submit(nothing, &sink)
            }
            (_, write) => self.inner.submit(write, &sink),
        }
    }

    fn page(&self, query: PageQuery) -> StoreFuture<'_, Result<Page, StoreError>> {
        self.inner.page(query)
    }
}

/// Holds back the thread of the writer: what is submitted meanwhile waits in its queue.
#[derive(Default)]
pub(crate) struct Hold {
    held: Mutex<bool>,
    changed: Condvar,
}

impl Hold {
    /// The writer does not come past here from now on.
    pub(crate) fn begin(&self) {
        *self.held.lock().unwrap() = true;
    }

    pub(crate) fn end(&self) {
        *self.held.lock().unwrap() = false;
        self.changed.notify_all();
    }

    /// For [`Disturbed::when_told`].
    pub(crate) fn pass(&self) {
        let held = self.held.lock().unwrap();
        drop(self.changed.wait_while(held, |held| *held).unwrap());
    }
}

/// A store that lets nobody into direct channels and into the room "closed", which it knows at once or a moment later.
pub(crate) struct Doorkeeper {
    inner: Disturbed,
    at_once: bool,
}

impl Doorkeeper {
    pub(crate) fn new(store: Arc<dyn MessageStore>, at_once: bool) -> Self {
        let inner = Disturbed::new(store, |_| Deed::Pass);
        Self { inner, at_once }
    }
}

impl MessageStore for Doorkeeper {
    fn may_enter<'a>(
        &'a self,
        user: UserId,
        channel: &ChannelId,
    ) -> StoreFuture<'a, Result<bool, StoreError>> {
        let closed = channel.as_str() == "2...closed" || channel.as_str().starts_with("4.");
        let answer = self.inner.may_enter(user, channel);
        Box::pin(async move {
            if !self.at_once {
                tokio::task::yield_now().await;
            }
            Ok(!closed && answer.await?)
        })
    }

    fn may_read<'a>(
        &'a self,
        user: UserId,
        channel: &ChannelId,
    ) -> StoreFuture<'a, Result<bool, StoreError>> {
        self.inner.may_read(user, channel)
    }

    fn open<'a>(&'a self, channel: &ChannelId) -> StoreFuture<'a, Result<Position, StoreError>> {
        self.inner.open(channel)
    }

    fn submit(&self, write: Write, sink: &CommitSink) -> Result<(), StoreError> {
        self.inner.submit(write, sink)
    }

    fn page(&self, query: PageQuery) -> StoreFuture<'_, Result<Page, StoreError>> {
        self.inner.page(query)
    }
}
