use std::{
    collections::HashMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Instant,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    StoreError,
    groups::Changed,
    lock::WriteLock,
    messages::{self, ChannelKeys},
    metrics,
    queue::Queue,
    wal::WriteAheadLog,
};
use crate::{
    channel::{
        BatchCommitted, ChannelId, CommitSink, EventSink, Events, Outcome, Place, Position, Write,
    },
    config::Settings,
    group::{Change, Decision, GroupError, Told},
};

/// The one who writes: takes whatever has queued up, writes it in one transaction, commits once, and
/// then tells everybody. A batch never waits for a timer: it is what came while the last one was
/// being written.
pub(super) struct Writer {
    queue: Arc<Queue<Job>>,
}

enum Job {
    Message {
        write: Write,
        sink: CommitSink,
    },
    Change {
        change: Change,
        place: Place,
        sink: EventSink,
        told: Told,
    },
    Open {
        channel: ChannelId,
        told: oneshot::Sender<Result<Position, StoreError>>,
    },
    Work(Work),
}

/// A piece of somebody's work, or its refusal when the transaction is lost already. It leaves behind
/// what to do once the fate of the batch is known.
type Work = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Completion + Send>;
type Completion = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl Writer {
    pub(super) fn start(
        connection: Connection,
        log: WriteAheadLog,
        settings: &Settings,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let queue = Arc::new(Queue::new(
            settings.writer_queue,
            metrics::WRITER_QUEUE.handle(),
        ));
        let thread = WriterThread {
            connection,
            queue: queue.clone(),
            most: settings.writer_batch,
            keys: ChannelKeys::default(),
            max_notifications: settings.max_notifications,
            lock: WriteLock::new(settings.busy_timeout),
            log,
        };
        let thread = thread::Builder::new()
            .name("banter-writer".into())
            .spawn(move || thread.run())?;
        Ok((Self { queue }, thread))
    }

    pub(super) fn submit(&self, write: Write, sink: CommitSink) -> Result<(), StoreError> {
        self.queue.push(Job::Message { write, sink })
    }

    pub(super) fn change(
        &self,
        change: Change,
        place: Place,
        sink: EventSink,
        told: Told,
    ) -> Result<(), StoreError> {
        self.queue.push(Job::Change {
            change,
            place,
            sink,
            told,
        })
    }

    pub(super) async fn open(&self, channel: ChannelId) -> Result<Position, StoreError> {
        let (told, answer) = oneshot::channel();
        self.queue.push(Job::Open { channel, told })?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) async fn work<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (told, answer) = oneshot::channel();
        self.queue.push(Job::Work(Box::new(move |connection| {
            let result = match connection {
                Ok(connection) => in_savepoint(connection, work),
                Err(error) => Err(error.into()),
            };
            Box::new(move |committed| {
                // A caller that no longer waits needs no answer.
                let _ = told.send(committed.map_err(E::from).and(result));
            })
        })))?;
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    pub(super) fn close(&self) {
        self.queue.close();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// What `work` does is undone if it fails.
pub(super) fn in_savepoint<T, E: From<StoreError>>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let run = |sql| {
        connection
            .execute_batch(sql)
            .map_err(|error| E::from(error.into()))
    };
    run("SAVEPOINT work")?;
    let result = work(connection);
    if result.is_err() && !connection.is_autocommit() && run("ROLLBACK TO work").is_err() {
        // Half of it must not be committed with the rest.
        run("ROLLBACK")?;
    }
    // A full disk may have ended the whole transaction, and the savepoint with it.
    if !connection.is_autocommit()
        && let Err(error) = run("RELEASE work")
    {
        run("ROLLBACK")?;
        return Err(error);
    }
    result
}

struct WriterThread {
    connection: Connection,
    queue: Arc<Queue<Job>>,
    most: usize,
    keys: ChannelKeys,
    max_notifications: usize,
    lock: WriteLock,
    log: WriteAheadLog,
}

/// What came of a batch, to be told when it has been committed.
#[derive(Default)]
struct Results {
    /// By channel, each in the order of submission.
    messages: Vec<(CommitSink, Vec<Result<Outcome, StoreError>>)>,
    /// Where a sink stands in `messages`.
    sinks: HashMap<*const (), usize>,
    /// Of groups, in the order of submission.
    changes: Vec<DecidedChange>,
    completions: Vec<Completion>,
}

struct DecidedChange {
    sink: EventSink,
    told: Told,
    result: Result<Changed, GroupError>,
}

impl DecidedChange {
    fn tell(self, committed: &Result<(), StoreError>) {
        let result = committed.clone().map_err(GroupError::from);
        let (events, decision) = match result.and(self.result) {
            Ok(Changed {
                events,
                notifications,
            }) => (Ok(events), Ok(Decision { notifications })),
            Err(GroupError::Store(error)) => (Err(error.clone()), Err(error.into())),
            Err(refusal) => (Ok(Events::default()), Err(refusal)),
        };
        (self.sink)(events);
        // A caller that no longer waits needs no answer.
        let _ = self.told.send(decision);
    }
}

impl Results {
    /// Notes a failure as the outcome, to be replaced by the real one: should the write panic, its
    /// sender is told all the same.
    fn expect(
        &mut self,
        sink: CommitSink,
        failure: StoreError,
    ) -> &mut Result<Outcome, StoreError> {
        let at = *self
            .sinks
            .entry(Arc::as_ptr(&sink).cast())
            .or_insert_with(|| {
                self.messages.push((sink, Vec::new()));
                self.messages.len() - 1
            });
        let outcomes = &mut self.messages[at].1;
        let place = outcomes.len();
        outcomes.push(Err(failure));
        &mut outcomes[place]
    }

    /// As [`expect`](Self::expect), for a change.
    fn expect_change(
        &mut self,
        sink: EventSink,
        told: Told,
        failure: StoreError,
    ) -> &mut Result<Changed, GroupError> {
        let place = self.changes.len();
        self.changes.push(DecidedChange {
            sink,
            told,
            result: Err(failure.into()),
        });
        &mut self.changes[place].result
    }

    /// What is left of a batch that has failed.
    fn refuse(&mut self, jobs: impl Iterator<Item = Job>, error: &StoreError) {
        for job in jobs {
            match job {
                Job::Message { sink, .. } => {
                    self.expect(sink, error.clone());
                }
                Job::Change { sink, told, .. } => {
                    self.expect_change(sink, told, error.clone());
                }
                Job::Open { told, .. } => {
                    // A channel that no longer waits needs no answer.
                    let _ = told.send(Err(error.clone()));
                }
                Job::Work(work) => self.completions.push(work(Err(error.clone()))),
            }
        }
    }

    fn tell(self, committed: &Result<(), StoreError>) {
        for (sink, mut outcomes) in self.messages {
            if let Err(error) = committed {
                outcomes
                    .iter_mut()
                    .for_each(|outcome| *outcome = Err(error.clone()));
            }
            sink(BatchCommitted { outcomes });
        }
        for change in self.changes {
            change.tell(committed);
        }
        for completion in self.completions {
            completion(committed.clone());
        }
    }
}

impl WriterThread {
    fn run(mut self) {
        let sizes = metrics::COMMIT_WRITES.handle();
        let times = metrics::COMMIT_SECONDS.handle();
        let mut jobs = Vec::new();
        while self.queue.take(self.most, self.log.next_look(), &mut jobs) {
            if jobs.is_empty() {
                self.log.look_after(&self.connection);
                continue;
            }
            let (count, begun) = (jobs.len(), Instant::now());
            let mut results = Results::default();
            let mut left = jobs.drain(..);
            let committed = self.begin().and_then(|()| {
                catch_unwind(AssertUnwindSafe(|| self.commit(&mut left, &mut results)))
                    .unwrap_or_else(|_| Err(panicked()))
            });
            if let Err(error) = &committed {
                // Of what keeps every batch from being begun, the log is told once.
                if !matches!(error, StoreError::Busy) {
                    tracing::error!(%error, writes = count, "nothing of a batch was committed");
                    metrics::COMMITS_FAILED.increment(1);
                }
                self.undo();
                results.refuse(&mut left, error);
            }
            drop(left);
            results.tell(&committed);
            sizes.record(count as f64);
            times.record(begun.elapsed().as_secs_f64());
            self.log.look_after(&self.connection);
        }
        self.log.finish(&self.connection);
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        if !self.log.has_room() {
            return Err(StoreError::Busy);
        }
        self.lock.begin(&self.connection)
    }

    /// To be called in a transaction. Takes jobs until one ends the transaction; those are left to be refused.
    fn commit(
        &mut self,
        jobs: &mut impl Iterator<Item = Job>,
        results: &mut Results,
    ) -> Result<(), StoreError> {
        let mut messages =
            messages::Batch::new(&self.connection, &mut self.keys, self.max_notifications)?;
        for job in jobs {
            match job {
                Job::Message { write, sink } => {
                    let outcome = results.expect(sink, panicked());
                    *outcome = messages.write(&write);
                    if let Err(error) = outcome
                        && self.connection.is_autocommit()
                    {
                        return Err(error.clone());
                    }
                }
                Job::Change {
                    change,
                    place,
                    sink,
                    told,
                } => {
                    let result = results.expect_change(sink, told, panicked());
                    *result = messages.change(&change, &place);
                    if self.connection.is_autocommit() {
                        return Err(StoreError::Failed("a change ended the transaction".into()));
                    }
                }
                Job::Open { channel, told } => {
                    // Writes to the channel that are not yet committed are in this batch or before it; if
                    // it fails they leave a gap. Told after the commit, so that what the channel reads then
                    // holds them, too. A channel that no longer waits needs no answer.
                    let position = messages.open(&channel);
                    let tell = move |_| drop(told.send(position));
                    results.completions.push(Box::new(tell));
                    // A read that fails can end the transaction, too.
                    if self.connection.is_autocommit() {
                        return Err(StoreError::Failed("a read ended the transaction".into()));
                    }
                }
                Job::Work(work) => {
                    results.completions.push(work(Ok(&self.connection)));
                    if self.connection.is_autocommit() {
                        return Err(StoreError::Failed("a write ended the transaction".into()));
                    }
                }
            }
        }
        messages.finish()?;
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// Leaves no transaction behind, and forgets what the batch was thought to have done.
    fn undo(&mut self) {
        self.keys = ChannelKeys::default();
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "rollback failed");
        }
    }
}

fn panicked() -> StoreError {
    StoreError::Failed("a write panicked".into())
}
