//! The embedded default: one SQLite file, a writer thread with a connection of its own, a few
//! read-only connections, and a thread that copies the log back.
//!
//! Invariants: what a caller was told is written has been committed (and, with `durability =
//! "power"`, has reached the disk); a caller who got an error left no trace; every queue is bounded.

mod accounts;
mod chat_requests;
mod copy;
mod damage;
mod files;
mod friends;
mod groups;
mod listing;
mod lock;
mod messages;
mod metrics;
mod notifications;
mod queue;
mod reader;
mod search;
mod wal;
mod writer;

use std::{path::Path, sync::Arc, time::Duration};

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use rusqlite_migration::{M, Migrations};
use tokio::sync::Semaphore;

pub(crate) use self::{copy::copy, damage::find_damage, files::DatabaseFiles, metrics::METRICS};
use self::{
    reader::Readers,
    search::Searches,
    wal::{WriteAheadLog, checkpoint_due},
    writer::Writer,
};
use super::StoreError;
use crate::config::{Durability, Settings};

/// Marks the file as banter's for programs that look at its head ("bntr").
const APPLICATION_ID: i32 = 0x626e_7472;

/// Older libraries can corrupt a file that several connections use (a race when the log is reset).
const OLDEST_SQLITE: i32 = 3_051_003;

/// Prepared statements kept by each connection; more than all there are.
const STATEMENTS: usize = 128;

/// The numbered files of schemas/sqlite, in order. Never changed once released, only added to.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../schemas/sqlite/0001_accounts.sql"),
    include_str!("../../../schemas/sqlite/0002_messages.sql"),
    include_str!("../../../schemas/sqlite/0003_groups.sql"),
    include_str!("../../../schemas/sqlite/0004_friends.sql"),
    include_str!("../../../schemas/sqlite/0005_tokens.sql"),
];

/// The database. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sqlite {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
    searches: Searches,
    /// Looks at who may enter a channel: many at once wait here, so that others find room in the queue.
    entrances: Arc<Semaphore>,
    max_friends: usize,
    max_notifications: usize,
    threads: Arc<Mutex<Vec<std::thread::JoinHandle<()>>>>,
}

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The SQLite library in this program is too old to be trusted with a file.
    #[error("SQLite {0} is too old, 3.51.3 or newer is needed")]
    OldLibrary(&'static str),
    /// The file was written by a newer banter.
    #[error("the database was made by a newer version of banter")]
    NewerFile,
    /// The files cannot be made, or cannot be kept from others.
    #[error("the files of the database cannot be made or kept from others")]
    Files(#[source] std::io::Error),
    /// The file cannot be opened, is damaged, or cannot be brought up to date.
    #[error("the database cannot be opened")]
    Sqlite(#[source] rusqlite::Error),
    /// The schema could not be brought up to date.
    #[error("the database cannot be migrated: {0}")]
    Migration(String),
    /// A thread could not be started.
    #[error("a database thread cannot be started")]
    Thread(#[source] std::io::Error),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            // Nothing but searches is interrupted.
            Some(ErrorCode::OperationInterrupted) => Self::TooLong,
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl Sqlite {
    /// Opens, and if need be creates or migrates, the database in a directory.
    pub(crate) fn open(dir: &Path, settings: &Settings) -> Result<Self, OpenError> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(OpenError::OldLibrary(rusqlite::version()));
        }
        let files = DatabaseFiles::of(dir);
        files.make_private().map_err(OpenError::Files)?;
        let file = &files.database;
        let mut connection = Connection::open(file)?;
        if files.database_bytes() == 0 {
            // Before anything else is written to it.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        }
        connection.busy_timeout(settings.busy_timeout)?;
        configure_read_write(&connection, settings)?;
        migrate(&mut connection)?;
        // From here on who may have to wait says how long.
        connection.busy_timeout(Duration::ZERO)?;
        let checkpointer = Connection::open(file)?;
        configure_read_write(&checkpointer, settings)?;
        let log = WriteAheadLog::new(files.clone(), settings.wal_bytes, checkpointer);
        let (writer, thread) = log
            .and_then(|log| Writer::start(connection, log, settings))
            .map_err(OpenError::Thread)?;
        let connections = (0..settings.readers)
            .map(|_| open_reader(file))
            .collect::<Result<Vec<_>, _>>()?;
        let (readers, mut threads) =
            Readers::start(connections, settings.reader_queue).map_err(OpenError::Thread)?;
        threads.push(thread);
        Ok(Self {
            writer: Arc::new(writer),
            readers: Arc::new(readers),
            searches: Searches::new(settings.readers, settings.search_timeout),
            entrances: Arc::new(Semaphore::new((settings.reader_queue / 4).max(1))),
            max_friends: settings.max_friends,
            max_notifications: settings.max_notifications,
            threads: Arc::new(Mutex::new(threads)),
        })
    }

    /// Runs `work` in a savepoint of its own within the writer's next transaction, and answers after
    /// the commit. An error of `work` undoes what it did, and nothing else.
    ///
    /// # Errors
    /// Those of `work`, and [`StoreError`] when there was no commit.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.work(work).await
    }

    /// Runs `work` on a read-only connection; it sees committed writes only.
    ///
    /// # Errors
    /// Those of `work`, and [`StoreError`] when it could not be run.
    pub(crate) async fn read<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.readers.read(work).await
    }

    /// Tries whether a write is committed, by one that changes nothing that is kept for anybody.
    pub(crate) async fn try_write(&self) -> Result<(), StoreError> {
        let mark = |connection: &Connection| -> Result<(), StoreError> {
            // Written whatever it was before.
            Ok(connection.pragma_update(None, "application_id", APPLICATION_ID)?)
        };
        self.write(mark).await
    }

    /// Tries whether a read is answered.
    pub(crate) async fn try_read(&self) -> Result<(), StoreError> {
        let count = |connection: &Connection| -> Result<(), StoreError> {
            let sql = "SELECT count(*) FROM (SELECT 1 FROM user LIMIT 1)";
            let mut select = connection.prepare_cached(sql)?;
            Ok(select.query_row([], |_| Ok(()))?)
        };
        self.read(count).await
    }

    /// A read about who may enter a channel, when its turn comes.
    async fn look_at_entrance<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.entrances.acquire().await;
        let _turn = turn.map_err(|_| StoreError::Closed)?;
        self.read(work).await
    }

    /// Takes nothing new, commits what is queued, and waits for the threads to end. Blocks.
    pub(crate) fn close(&self) {
        self.writer.close();
        self.readers.close();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.join().is_err() {
                tracing::error!("a database thread had panicked");
            }
        }
    }
}

fn configure_read_write(connection: &Connection, settings: &Settings) -> rusqlite::Result<()> {
    prepare_once(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(
        None,
        "synchronous",
        match settings.durability {
            Durability::Power => "FULL",
            Durability::Process => "NORMAL",
        },
    )?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(
        None,
        "journal_size_limit",
        checkpoint_due(settings.wal_bytes) as i64,
    )?;
    // Checkpoints are the business of `wal`.
    connection.pragma_update(None, "wal_autocheckpoint", 0)
}

/// Statements are kept, and never planned anew for other values: SQLite would do so with each page of history.
fn prepare_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    prepare_once(&connection)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    use rusqlite_migration::{Error, MigrationDefinitionError};
    match migrations().to_latest(connection) {
        Ok(()) => Ok(()),
        Err(Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead)) => {
            Err(OpenError::NewerFile)
        }
        Err(error) => Err(OpenError::Migration(error.to_string())),
    }
}

fn migrations() -> Migrations<'static> {
    Migrations::new(MIGRATIONS.iter().map(|sql| M::up(sql)).collect())
}

/// The steps of a statement's plan, whatever its parameters.
#[cfg(test)]
fn query_plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut explain = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    let unset = vec![None::<i64>; explain.parameter_count()];
    let steps = explain.query_map(rusqlite::params_from_iter(unset), |row| row.get(3));
    steps.unwrap().map(Result::unwrap).collect()
}

/// An account that nothing leads to.
#[cfg(test)]
fn sign_up(connection: &Connection, name: &str) -> crate::user::UserId {
    let user = crate::user::UserId::random();
    let sql = "INSERT INTO user (id, username, create_time, update_time) VALUES (?1, ?2, 0, 0)";
    let values = rusqlite::params![user.0, name];
    connection.execute(sql, values).unwrap();
    user
}
