//! A data directory made from a backup.

use std::path::Path;

use super::{UpkeepError, copy::copy_into};
use crate::{
    account::Keys,
    store::{DataDir, DatabaseFiles},
};

/// Copies a backup into a data directory that holds neither database nor keys, checks the copy, and returns the bytes of
/// its database.
///
/// # Errors
/// When there is no backup, a server runs on the directory, something is in it that would be replaced, or the copy is
/// damaged: then the directory is as it was.
pub fn restore(from: &Path, data_dir: &Path) -> Result<u64, UpkeepError> {
    let source = DatabaseFiles::of(from);
    if source.database_bytes() == 0 {
        return Err(UpkeepError::NoDatabase(from.to_owned()));
    }
    // Media that keep no modes show their files as open to all.
    let keys = Keys::load_whatever_its_mode(from)?;
    // No server starts meanwhile.
    let data_dir = DataDir::open(data_dir)?;
    let dir = data_dir.path();
    let mut found = Keys::found(dir);
    found.extend(DatabaseFiles::of(dir).found());
    if !found.is_empty() {
        let dir = dir.to_owned();
        return Err(UpkeepError::Occupied { dir, found });
    }
    copy_into(dir, &keys, &source)
}
