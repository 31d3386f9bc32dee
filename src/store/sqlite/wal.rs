//! The write-ahead log: when it is written back into the database, and by whom. A long log makes every read
//! slower and every start longer.
//!
//! Most of it is copied back by a thread of its own while the writer goes on. What is left is the writer's, between
//! two commits: what was added meanwhile, and the fsync of the database, after which the log starts anew. Nothing here
//! changes what is durable: a commit is in the log, with fsync, before anybody hears of it.
//!
//! The log is looked at when something is written: what a burst leaves behind is seen to with the next write, or at
//! the end.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::metrics::LOG_BYTES;

/// Bytes of log from which a checkpoint is due, and to which the log is cut back after one: a quarter of
/// the limit, so that the log has room to grow meanwhile.
pub(super) fn checkpoint_due(limit: usize) -> usize {
    limit / 4
}

/// The writer's view of the log.
pub(super) struct WriteAheadLog {
    file: PathBuf,
    /// Bytes from which a checkpoint is due.
    due: u64,
    /// Bytes from which the writer waits for it.
    limit: u64,
    looked: Instant,
    size: metrics::Gauge,
    checkpointer: Checkpointer,
    /// The checkpointer is at work.
    asked: bool,
}

impl WriteAheadLog {
    /// How often the size is looked at: rarely enough to cost nothing.
    const PERIOD: Duration = Duration::from_millis(200);

    /// `connection` is the checkpointer's own.
    pub(super) fn new(database: &Path, limit: usize, connection: Connection) -> io::Result<Self> {
        let mut file = database.as_os_str().to_owned();
        file.push("-wal");
        Ok(Self {
            file: file.into(),
            due: checkpoint_due(limit) as u64,
            limit: limit as u64,
            looked: Instant::now(),
            size: LOG_BYTES.handle(),
            checkpointer: Checkpointer::start(connection)?,
            asked: false,
        })
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
        let bytes = fs::metadata(&self.file).map_or(0, |file| file.len());
        self.size.set(bytes as f64);
        if self.asked && bytes > self.limit {
            let copied = self.checkpointer.wait();
            self.go_on(copied, connection);
        } else if !self.asked && bytes > self.due {
            self.asked = self.checkpointer.ask();
            if !self.asked {
                // Better by the writer than by nobody.
                start_anew(connection);
            }
        }
    }

    /// The checkpointer has come to an end. When it has failed it is asked again later.
    fn go_on(&mut self, copied: bool, connection: &Connection) {
        self.asked = false;
        if copied {
            start_anew(connection);
        }
        // The file is cut back by the next commit: its size means nothing until then.
        self.looked = Instant::now();
    }

    /// To be called by the writer after the last commit.
    pub(super) fn finish(&mut self, connection: &Connection) {
        self.checkpointer.stop();
        start_anew(connection);
    }
}

/// Moves what is left of the log into the database, and has the next commit start it anew and cut it back. When
/// readers are in the way it is tried again later, or with the next start.
fn start_anew(connection: &Connection) {
    checkpoint(connection, "RESTART");
}

/// Copies back what it can without being in anybody's way.
struct Checkpointer {
    /// Asks for it; `None` at the end, which ends the thread.
    ask: Option<SyncSender<()>>,
    /// Says when that is done, and whether it went well.
    done: Receiver<bool>,
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

    /// Whether it went well, when what was asked is done, or never will be.
    fn copied(&self) -> Option<bool> {
        match self.done.try_recv() {
            Ok(copied) => Some(copied),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(false),
        }
    }

    fn wait(&self) -> bool {
        self.done.recv().unwrap_or(false)
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

/// Whether it went well; what is in the way of it is no failure.
fn checkpoint(connection: &Connection, mode: &str) -> bool {
    let pragma = format!("PRAGMA wal_checkpoint({mode})");
    let result = connection.query_row(&pragma, [], |_| Ok(()));
    if let Err(error) = &result {
        tracing::warn!(%error, mode, "checkpoint failed");
    }
    result.is_ok()
}

#[cfg(test)]
mod tests {
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
            let database = self.dir.path().join("db");
            let mut log = WriteAheadLog::new(&database, LIMIT, self.other_connection()).unwrap();
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
        assert!(checkpointer.wait());
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
