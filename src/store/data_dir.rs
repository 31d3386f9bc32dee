//! The directory of the database and the keys: who may use it, and whether what belongs together is there.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::sqlite::DatabaseFiles;
use crate::{account::Keys, private};

/// The directory of the database and the keys, held by this process alone for as long as this lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Locked; the lock ends with the process, however it ends.
    _lock: File,
}

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It can be neither found nor made, or not be written to.
    #[error("data_dir: {path} cannot be used")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another server uses it.
    #[error("data_dir: {0} is in use by another server")]
    InUse(PathBuf),
    /// The database is not where its keys or its log are.
    #[error(
        "data_dir: {} is missing or empty, but beside it there is {}: the database has probably been moved, deleted \
         or cut off, or its disk is not there; a start would make an empty one, without any account or message; put \
         the database back as it was; or move away {} and then restore a backup with `banter restore`, or start anew",
        database.display(), list(remains), list(to_move)
    )]
    DatabaseLost {
        /// Where it should be.
        database: PathBuf,
        /// What tells that there was one.
        remains: Vec<PathBuf>,
        /// What must go before a new start.
        to_move: Vec<PathBuf>,
    },
}

impl DataDir {
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |source| DataDirError::Unusable {
            path: path.to_owned(),
            source,
        };
        private::create_dir(path).map_err(unusable)?;
        let lock = private::open_file(&path.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a directory that has lost its database: nothing may be made in its place. Lost keys are made anew, with
    /// a warning: they hold nothing but the sessions, and removing them is how an operator ends these.
    ///
    /// # Errors
    /// [`DataDirError::DatabaseLost`], or what the system says.
    pub(crate) fn check(&self) -> Result<(), DataDirError> {
        let files = DatabaseFiles::of(&self.path);
        let keys = Keys::found(&self.path);
        let held = files.hold_a_database();
        let held = held.map_err(|source| DataDirError::Unusable {
            path: self.path.clone(),
            source,
        })?;
        if held {
            let missing = Keys::missing(&self.path);
            if !missing.is_empty() {
                tracing::warn!(
                    keys = %list(&missing),
                    "keys are missing beside the database and are made anew: what was signed with them, sessions and \
                     cursors of listings, ends; a backup has them"
                );
            }
            return Ok(());
        }
        let mut remains = keys;
        if files.log_bytes() > 0 {
            remains.push(files.log.clone());
        }
        if remains.is_empty() {
            return Ok(());
        }
        let mut to_move = Keys::found(&self.path);
        to_move.extend(files.found());
        Err(DataDirError::DatabaseLost {
            database: files.database,
            remains,
            to_move,
        })
    }
}

/// Paths in a sentence.
pub(crate) fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}
