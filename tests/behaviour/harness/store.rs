use std::sync::Arc;

use banter::{
    BatchCommitted, ChannelId, CommitSink, MessageId, MessageStore, Page, PageQuery, Position,
    StoreError, StoreFuture, UserId, Write,
};
use tokio::sync::watch;

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
    gate: Option<watch::Receiver<bool>>,
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
            gate: None,
        }
    }

    /// Does `deed` to new messages whose content holds `marker`.
    pub(crate) fn marked(inner: Arc<dyn MessageStore>, marker: &'static str, deed: Deed) -> Self {
        Self::new(inner, move |write| match write {
            Write::Append(message) if message.content.as_str().contains(marker) => deed,
            _ => Deed::Pass,
        })
    }

    /// Calls this before each outcome is told.
    pub(crate) fn when_told(mut self, told: impl Fn() + Send + Sync + 'static) -> Self {
        self.told = Arc::new(told);
        self
    }

    /// Opens no channel while the gate says `false`.
    pub(crate) fn behind(mut self, gate: watch::Receiver<bool>) -> Self {
        self.gate = Some(gate);
        self
    }
}

impl MessageStore for Disturbed {
    fn open<'a>(&'a self, channel: &ChannelId) -> StoreFuture<'a, Result<Position, StoreError>> {
        let channel = channel.clone();
        Box::pin(async move {
            if let Some(mut gate) = self.gate.clone() {
                gate.wait_for(|open| *open).await.unwrap();
            }
            self.inner.open(&channel).await
        })
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
