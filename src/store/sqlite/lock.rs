//! The lock that lets one connection write. Within banter nobody else wants it; another program that has the file open
//! may. A transaction takes it with its first step, when nothing has been written yet: to wait and to try again applies
//! nothing twice.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::{StoreError, metrics::LOCK_WAITS};

/// The writer's way to the lock.
pub(super) struct WriteLock {
    /// How long another program may keep writes waiting; from then on they are refused until it lets go.
    patience: Duration,
    /// Since when it has been in another's hands.
    held: Option<Instant>,
    refusing: bool,
    /// When the log was last told of waiting, and how often there was any since.
    told: Option<Instant>,
    untold: usize,
    waits: metrics::Counter,
}

impl WriteLock {
    /// Between two lines in the log about writes that had to wait.
    const QUIET: Duration = Duration::from_secs(10);

    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            held: None,
            refusing: false,
            told: None,
            untold: 0,
            waits: LOCK_WAITS.handle(),
        }
    }

    /// Begins a transaction that holds the lock.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another program keeps it too long.
    pub(super) fn begin(&mut self, connection: &Connection) -> Result<(), StoreError> {
        if begin(connection)? {
            self.came_free();
            return Ok(());
        }
        self.waits.increment(1);
        let held = *self.held.get_or_insert_with(Instant::now);
        let patience = self.patience.saturating_sub(held.elapsed());
        if !patience.is_zero() {
            connection.busy_timeout(patience)?;
            let begun = begin(connection);
            connection.busy_timeout(Duration::ZERO)?;
            if begun? {
                self.came_free();
                return Ok(());
            }
        }
        if !self.refusing {
            self.refusing = true;
            tracing::error!(
                busy_timeout = ?self.patience,
                "another program has locked the database: writes are refused until it lets go"
            );
        }
        Err(StoreError::Busy)
    }

    fn came_free(&mut self) {
        let Some(held) = self.held.take() else {
            return;
        };
        self.untold += 1;
        let quiet = self.told.is_some_and(|told| told.elapsed() < Self::QUIET);
        if quiet && !self.refusing {
            return;
        }
        let (waited, times) = (held.elapsed(), self.untold);
        tracing::warn!(
            ?waited,
            times,
            "another program had locked the database, writes had to wait"
        );
        self.refusing = false;
        self.told = Some(Instant::now());
        self.untold = 0;
    }
}

/// `false` when another connection has the lock.
fn begin(connection: &Connection) -> Result<bool, StoreError> {
    match connection.execute_batch("BEGIN IMMEDIATE") {
        Ok(()) => Ok(true),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Instant};

    use super::*;

    struct Scene {
        ours: Connection,
        other: Connection,
        _dir: tempfile::TempDir,
    }

    fn scene() -> Scene {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("db");
        let ours = Connection::open(&file).unwrap();
        ours.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER)")
            .unwrap();
        ours.busy_timeout(Duration::ZERO).unwrap();
        let other = Connection::open(&file).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        Scene {
            ours,
            other,
            _dir: dir,
        }
    }

    #[test]
    fn a_transaction_waits_for_the_lock_and_has_it_then() {
        let scene = scene();
        let mut lock = WriteLock::new(Duration::from_secs(60));
        let letting_go = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            scene.other.execute_batch("COMMIT").unwrap();
            scene.other
        });
        lock.begin(&scene.ours).unwrap();
        scene
            .ours
            .execute_batch("INSERT INTO t VALUES (1); COMMIT")
            .unwrap();
        letting_go.join().unwrap();
    }

    #[test]
    fn a_lock_that_is_kept_too_long_has_writes_refused_at_once_until_it_is_free() {
        let scene = scene();
        let mut lock = WriteLock::new(Duration::from_millis(50));
        assert!(matches!(lock.begin(&scene.ours), Err(StoreError::Busy)));
        assert!(scene.ours.is_autocommit(), "no transaction is left behind");
        let begun = Instant::now();
        for _ in 0..100 {
            assert!(matches!(lock.begin(&scene.ours), Err(StoreError::Busy)));
        }
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "none of them waits"
        );
        scene.other.execute_batch("COMMIT").unwrap();
        lock.begin(&scene.ours).unwrap();
        assert!(!lock.refusing && lock.held.is_none());
    }
}
