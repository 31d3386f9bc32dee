//! The write-ahead log: when it is written back into the database, and by whom. A long log makes every read
//! slower and every start longer.
//!
//! Most of it is copied back by a thread of its own while the writer goes on. What is left is the writer's, between
//! two commits: what was added meanwhile, and the fsync of the database, after which the log starts anew. Nothing here
//! changes what is durable: a commit is in the log, with fsync, before anybody hears of it.
//!
//! Whoever reads the database needs the log as it was when they began, so it cannot start anew before they end. Our own
//! readers are brief. Another program that reads for long pins the log: it grows, and at [`utmost`] writes are refused
//! until that program ends.
//!
//! The log is looked at when something is written, and while a checkpoint is under way: what a burst leaves behind is
//! seen to with the next write, or at the end.

use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{
    DatabaseFiles,
    metrics::{CHECKPOINTS_BLOCKED, DATABASE_BYTES, LOG_BYTES},
};

/// Bytes of log from which a checkpoint is due, and to which the log is cut back after one: a quarter of
/// the limit, so that the log has room to grow meanwhile.
pub(super) fn checkpoint_due(limit: usize) -> usize {
    limit / 4
}

/// Bytes of log beyond which nothing is written while another program pins it.
fn utmost(limit: usize) -> u64 {
    limit.saturating_mul(16) as u64
}

/// The writer's view of the log.
pub(super) struct WriteAheadLog {
    files: DatabaseFiles,
    /// Bytes from which a checkpoint is due.
    due: u64,
    /// Bytes from which the writer waits for it.
    limit: u64,
    /// Bytes from which nothing more is written.
    utmost: u64,
    looked: Instant,
    size: metrics::Gauge,
    database_size: metrics::Gauge,
    blocked: metrics::Counter,
    checkpointer: Checkpointer,
    /// The checkpointer is at work.
    asked: bool,
    pin: Option<Pin>,
}

/// A reader that keeps the log from starting anew.
struct Pin {
    /// How much of the log has been copied back: up to where that reader needs it, and no further. As long as this stays
    /// the same, so does the reader.
    copied: i64,
    since: Instant,
    /// Whether the log of the program has been told that the limit is broken, and that writes are refused.
    told: bool,
    refusing: bool,
}

impl WriteAheadLog {
    /// How often the size is looked at: rarely enough to cost nothing.
    const PERIOD: Duration = Duration::from_millis(200);

    /// `connection` is the checkpointer's own.
    pub(super) fn new(
        files: DatabaseFiles,
        limit: usize,
        connection: Connection,
    ) -> io::Result<Self> {
        let log = Self {
            files,
            due: checkpoint_due(limit) as u64,
            limit: limit as u64,
            utmost: utmost(limit),
            looked: Instant::now(),
            size: LOG_BYTES.handle(),
            database_size: DATABASE_BYTES.handle(),
            blocked: CHECKPOINTS_BLOCKED.handle(),
            checkpointer: Checkpointer::start(connection)?,
            asked: false,
            pin: None,
        };
        log.measure();
        Ok(log)
    }

    /// When it has to be looked after, should nothing be written until then.
    pub(super) fn next_look(&self) -> Option<Duration> {
        (self.asked || self.pin.is_some()).then_some(Self::PERIOD)
    }

    /// Whether more may be written. To be called by the writer before each commit.
    pub(super) fn has_room(&mut self) -> bool {
        let Some(pin) = &mut self.pin else {
            return true;
        };
        let bytes = self.files.log_bytes();
        if bytes > self.limit && !pin.told {
            pin.told = true;
            tracing::warn!(
                bytes,
                since = ?pin.since.elapsed(),
                "another program has had a transaction on the database open for long: until it ends the write-ahead log \
                 grows beyond wal_bytes"
            );
        }
        if bytes < self.utmost {
            return true;
        }
        if !pin.refusing {
            pin.refusing = true;
            tracing::error!(
                bytes,
                since = ?pin.since.elapsed(),
                "another program still has a transaction open, and the write-ahead log has reached 16 times wal_bytes: \
                 writes are refused until it ends"
            );
        }
        false
    }

    /// To be called by the writer between commits.
    pub(super) fn look_after(&mut self, connection: &Connection) {
        if self.asked
            && let Some(copied) = self.checkpointer.copied()
        {
            return self.go_on(copied, connection);
        }
        if self.looked.elapsed() < Self::PERIOD {
            return;
        }
        self.looked = Instant::now();
        let bytes = self.measure();
        if self.asked && self.pin.is_none() && bytes > self.limit {
            let copied = self.checkpointer.wait();
            self.go_on(copied, connection);
        } else if !self.asked && bytes > self.due {
            self.asked = self.checkpointer.ask();
            if !self.asked {
                // Better by the writer than by nobody.
                self.start_anew(connection);
            }
        }
    }

    fn measure(&self) -> u64 {
        let bytes = self.files.log_bytes();
        self.size.set(bytes as f64);
        self.database_size.set(self.files.database_bytes() as f64);
        bytes
    }

    /// The checkpointer has come to an end. When it has failed it is asked again later.
    fn go_on(&mut self, copied: Checkpoint, connection: &Connection) {
        self.asked = false;
        let pinned = self.pin.as_ref().map(|pin| Checkpoint::Blocked(pin.copied));
        if pinned == Some(copied) {
            // To wait for that reader again would only keep everybody waiting.
            self.blocked.increment(1);
        } else if copied != Checkpoint::Failed {
            self.start_anew(connection);
        }
        // The file is cut back by the next commit: its size means nothing until then.
        self.looked = Instant::now();
    }

    /// Moves what is left of the log into the database, and has the next commit start it anew and cut it back. When a
    /// reader is in the way it is tried again later, or with the next start.
    fn start_anew(&mut self, connection: &Connection) {
        match restart(connection) {
            Checkpoint::Done => {
                if let Some(pin) = self.pin.take().filter(|pin| pin.told || pin.refusing) {
                    let lasted = pin.since.elapsed();
                    tracing::info!(
                        ?lasted,
                        "the write-ahead log is no longer held up by a reader"
                    );
                }
            }
            Checkpoint::Blocked(copied) => {
                self.blocked.increment(1);
                let pin = self.pin.get_or_insert_with(|| Pin {
                    copied,
                    since: Instant::now(),
                    told: false,
                    refusing: false,
                });
                pin.copied = copied;
            }
            Checkpoint::Failed => {}
        }
    }

    /// To be called by the writer after the last commit.
    pub(super) fn finish(&mut self, connection: &Connection) {
        self.checkpointer.stop();
        self.start_anew(connection);
    }
}

/// Copies back what it can without being in anybody's way.
struct Checkpointer {
    /// Asks for it; `None` at the end, which ends the thread.
    ask: Option<SyncSender<()>>,
    /// Says what came of it.
    done: Receiver<Checkpoint>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    fn start(connection: Connection) -> io::Result<Self> {
        let (ask, asked) = sync_channel(1);
        let (tell, done) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("banter-checkpointer".into())
            .spawn(move || {
                while asked.recv().is_ok() {
                    // Nobody waits any more at the end.
                    let _ = tell.send(checkpoint(&connection, "PASSIVE"));
                }
            })?;
        Ok(Self {
            ask: Some(ask),
            done,
            thread: Some(thread),
        })
    }

    /// Whether there is a thread to do it.
    fn ask(&self) -> bool {
        let ask = self.ask.as_ref();
        ask.is_some_and(|ask| ask.try_send(()).is_ok())
    }

    /// What came of it, when what was asked is done, or never will be.
    fn copied(&self) -> Option<Checkpoint> {
        match self.done.try_recv() {
            Ok(copied) => Some(copied),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Checkpoint::Failed),
        }
    }

    fn wait(&self) -> Checkpoint {
        self.done.recv().unwrap_or(Checkpoint::Failed)
    }

    fn stop(&mut self) {
        self.ask = None;
        let ended = self.thread.take().map(JoinHandle::join);
        if matches!(ended, Some(Err(_))) {
            tracing::error!("the checkpointer had panicked");
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What came of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checkpoint {
    Done,
    /// A reader is in the way; so many pages of the log have been copied.
    Blocked(i64),
    Failed,
}

/// Waits a moment for brief readers, and all writes with it.
fn restart(connection: &Connection) -> Checkpoint {
    const PATIENCE: Duration = Duration::from_millis(50);
    let waiting = |patience| connection.busy_timeout(patience);
    if let Err(error) = waiting(PATIENCE) {
        tracing::warn!(%error, "checkpoint failed");
        return Checkpoint::Failed;
    }
    let outcome = checkpoint(connection, "RESTART");
    // It can only fail where the line above has failed.
    let _ = waiting(Duration::ZERO);
    outcome
}

fn checkpoint(connection: &Connection, mode: &str) -> Checkpoint {
    let pragma = format!("PRAGMA wal_checkpoint({mode})");
    let pages = connection.query_row(&pragma, [], |row| {
        Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?, row.get(2)?))
    });
    match pages {
        Ok((false, logged, copied)) if copied == logged => Checkpoint::Done,
        Ok((_, _, copied)) => Checkpoint::Blocked(copied),
        Err(error) => {
            tracing::warn!(%error, mode, "checkpoint failed");
            Checkpoint::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LIMIT: usize = 1 << 20;

    struct Scene {
        dir: tempfile::TempDir,
        writer: Connection,
    }

    impl Scene {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let writer = Connection::open(dir.path().join("db")).unwrap();
            let due = checkpoint_due(LIMIT);
            let set_up = format!(
                "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
                PRAGMA journal_size_limit = {due}; CREATE TABLE filler (bytes BLOB)"
            );
            writer.execute_batch(&set_up).unwrap();
            Self { dir, writer }
        }

        fn fill(&self, bytes: usize) {
            let insert = "INSERT INTO filler VALUES (zeroblob(?1))";
            self.writer
                .execute(insert, [i64::try_from(bytes).unwrap()])
                .unwrap();
        }

        fn size(&self, name: &str) -> usize {
            let file = fs::metadata(self.dir.path().join(name)).unwrap();
            file.len().try_into().unwrap()
        }

        fn other_connection(&self) -> Connection {
            Connection::open(self.dir.path().join("db")).unwrap()
        }

        fn log(&self) -> WriteAheadLog {
            let database = DatabaseFiles::beside(self.dir.path().join("db"));
            let mut log = WriteAheadLog::new(database, LIMIT, self.other_connection()).unwrap();
            log.looked -= WriteAheadLog::PERIOD;
            log
        }

        fn is_cut_back(&self) -> bool {
            self.fill(1);
            self.size("db-wal") == checkpoint_due(LIMIT)
        }
    }

    #[test]
    fn the_checkpointer_copies_the_log_and_leaves_it_to_the_writer() {
        let scene = Scene::new();
        scene.fill(LIMIT);
        let (database, log) = (scene.size("db"), scene.size("db-wal"));
        assert!(database < LIMIT && log > LIMIT, "{database}, {log}");
        let checkpointer = Checkpointer::start(scene.other_connection()).unwrap();
        assert!(checkpointer.ask());
        assert_eq!(checkpointer.wait(), Checkpoint::Done);
        assert!(scene.size("db") > LIMIT);
        assert_eq!(scene.size("db-wal"), log);
    }

    #[test]
    fn a_log_that_has_grown_is_copied_by_the_checkpointer_and_cut_back_by_the_writer() {
        let scene = Scene::new();
        let mut log = scene.log();
        scene.fill(LIMIT / 2);
        log.look_after(&scene.writer);
        assert!(log.asked);
        while log.asked {
            thread::yield_now();
            log.look_after(&scene.writer);
        }
        assert!(scene.is_cut_back());
    }

    #[test]
    fn at_its_limit_the_writer_waits_for_the_checkpointer() {
        let scene = Scene::new();
        let mut log = scene.log();
        scene.fill(LIMIT * 2);
        log.look_after(&scene.writer);
        log.looked -= WriteAheadLog::PERIOD;
        log.look_after(&scene.writer);
        assert!(!log.asked);
        assert!(scene.is_cut_back());
    }

    #[test]
    fn without_a_checkpointer_the_writer_does_it_all() {
        let scene = Scene::new();
        let mut log = scene.log();
        log.checkpointer.stop();
        scene.fill(LIMIT / 2);
        log.look_after(&scene.writer);
        assert!(!log.asked);
        assert!(scene.is_cut_back());
    }

    /// Another program that reads, until it is dropped.
    fn reader(scene: &Scene) -> Connection {
        let reader = scene.other_connection();
        reader
            .execute_batch("BEGIN; SELECT count(*) FROM filler")
            .unwrap();
        reader
    }

    /// What happens between two commits, until the checkpointer has come to an end.
    fn look(log: &mut WriteAheadLog, scene: &Scene) {
        log.looked -= WriteAheadLog::PERIOD;
        log.look_after(&scene.writer);
        while log.asked {
            thread::yield_now();
            log.look_after(&scene.writer);
        }
    }

    #[test]
    fn a_reader_that_stays_is_waited_for_once_and_noticed_when_it_goes() {
        let scene = Scene::new();
        let mut log = scene.log();
        scene.fill(LIMIT / 2);
        let reader = reader(&scene);
        look(&mut log, &scene);
        assert!(log.pin.is_some());
        let begun = Instant::now();
        for _ in 0..100 {
            scene.fill(1000);
            look(&mut log, &scene);
        }
        // Each wait would be 50 ms.
        assert!(begun.elapsed() < Duration::from_secs(3));
        assert!(log.next_look().is_some(), "it goes on by itself");
        drop(reader);
        look(&mut log, &scene);
        assert!(log.pin.is_none() && scene.is_cut_back());
    }

    #[test]
    fn a_reader_that_began_before_the_log_was_copied_is_noticed_as_well() {
        let scene = Scene::new();
        let mut log = scene.log();
        scene.fill(1000);
        let reader = reader(&scene);
        scene.fill(LIMIT / 2);
        look(&mut log, &scene);
        scene.fill(LIMIT);
        assert!(log.has_room());
        assert!(log.pin.as_ref().is_some_and(|pin| pin.told));
        look(&mut log, &scene);
        assert!(log.pin.is_some());
        drop(reader);
        look(&mut log, &scene);
        assert!(log.pin.is_none() && scene.is_cut_back());
    }

    #[test]
    fn nothing_is_written_at_the_utmost_until_the_reader_has_gone() {
        let scene = Scene::new();
        let mut log = scene.log();
        scene.fill(1000);
        let reader = reader(&scene);
        scene.fill(LIMIT / 2);
        look(&mut log, &scene);
        while scene.size("db-wal") < LIMIT * 16 {
            assert!(log.has_room());
            scene.fill(LIMIT);
        }
        assert!(!log.has_room());
        look(&mut log, &scene);
        assert!(!log.has_room());
        drop(reader);
        look(&mut log, &scene);
        assert!(log.has_room() && scene.is_cut_back());
    }

    #[test]
    fn in_the_end_all_is_in_the_database() {
        let scene = Scene::new();
        let mut log = scene.log();
        scene.fill(LIMIT);
        log.look_after(&scene.writer);
        log.finish(&scene.writer);
        assert!(scene.size("db") > LIMIT);
        assert!(scene.is_cut_back());
    }
}
