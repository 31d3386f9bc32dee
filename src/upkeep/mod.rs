//! What an operator does with a data directory beside the server: copy it, put the copy back, look for damage.
//!
//! A copy counts only once its database has the name by which it is looked for, and it gets that last, when everything
//! has been checked and has reached the disk. Before that neither a restore nor a start takes it for one.

mod backup;
mod check;
mod copy;
mod restore;

pub use self::{backup::backup, check::check, restore::restore};

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    account::KeyError,
    store::{DataDirError, list},
};

/// Why a data directory was not copied, put back or looked at.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The keys are missing or damaged, or cannot be written.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// There is nothing to copy or to look at.
    #[error("there is no database in {}", .0.display())]
    NoDatabase(PathBuf),
    /// A backup goes into a directory of its own.
    #[error(
        "{} is not empty: give a directory that is new or empty; if a backup was cut off there, remove what it left",
        .0.display()
    )]
    NotEmpty(PathBuf),
    /// A restore replaces nothing.
    #[error(
        "{} already holds {}: move that away first, all of it, or give another data directory",
        dir.display(), list(found)
    )]
    Occupied {
        /// The data directory.
        dir: PathBuf,
        /// What is in it.
        found: Vec<PathBuf>,
    },
    /// The copy is not whole, most likely since its source is not.
    #[error("the copy of {} is damaged and was removed; {}", database.display(), findings.join("; "))]
    Damaged {
        /// What was copied.
        database: PathBuf,
        /// What is wrong, a sentence each.
        findings: Vec<String>,
    },
    /// A database cannot be read or written.
    #[error("the database {} cannot be read or copied", database.display())]
    Database {
        /// The one that was to be copied or looked at.
        database: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A file or directory cannot be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl UpkeepError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    fn database(database: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Database {
            database: database.to_owned(),
            source,
        }
    }
}
