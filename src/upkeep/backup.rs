//! A backup of a data directory, made while its server may be running.

use std::{fs, path::Path};

use super::{UpkeepError, copy::copy_into};
use crate::{account::Keys, private, store::DatabaseFiles};

/// Copies database and keys into a directory that is new or empty, checks the copy, and returns the bytes of its database.
/// All that was acknowledged before this began is in it.
///
/// # Errors
/// When there is nothing to copy, or no room, or the copy is damaged: then no backup is left in the directory.
pub fn backup(data_dir: &Path, to: &Path) -> Result<u64, UpkeepError> {
    let source = DatabaseFiles::of(data_dir);
    if source.database_bytes() == 0 {
        return Err(UpkeepError::NoDatabase(data_dir.to_owned()));
    }
    let keys = Keys::load(data_dir)?;
    let is_new = !to.exists();
    private::create_dir(to).map_err(UpkeepError::io(to))?;
    let mut entries = fs::read_dir(to).map_err(UpkeepError::io(to))?;
    if entries.next().is_some() {
        return Err(UpkeepError::NotEmpty(to.to_owned()));
    }
    let copied = copy_into(to, &keys, &source);
    if is_new && copied.is_err() {
        // As it was.
        let _ = fs::remove_dir(to);
    }
    copied
}
