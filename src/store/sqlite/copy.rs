//! A copy of a database while others write to it, by SQLite's online backup.
//!
//! It is of one moment: all that was committed before it began is in it. For that it reads in one transaction, since a
//! copy that let go between its steps would begin anew with each commit, and under load never end. Nobody waits for it;
//! but until it ends the log cannot be cut back (see `wal`).

use std::{path::Path, thread, time::Duration};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

/// Pages in a step.
const STEP: i32 = 1024;

/// How long a lock of somebody else's is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Copies a database into a file that is empty, which reaches the disk.
pub(crate) fn copy(from: &Path, to: &Path) -> rusqlite::Result<()> {
    {
        let from = open_to_read(from)?;
        let mut to = Connection::open(to)?;
        let snapshot = from.unchecked_transaction()?;
        // A transaction begins with its first read.
        snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        let backup = Backup::new(&snapshot, &mut to)?;
        loop {
            match backup.step(STEP)? {
                StepResult::Done => break,
                // Of the copy, which is nobody else's, and so does not last.
                StepResult::Busy | StepResult::Locked => thread::sleep(Duration::from_millis(10)),
                _ => {}
            }
        }
    }
    // One file, whole by itself.
    let copy = Connection::open(to)?;
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    copy.close().map_err(|(_, error)| error)
}

/// A connection that changes nothing, beside others.
pub(super) fn open_to_read(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}
