//! A copy of keys and database from one directory into another.

use std::{
    fs::{self, File},
    path::Path,
};

use super::UpkeepError;
use crate::{
    account::Keys,
    private,
    store::{DatabaseFiles, copy, find_damage},
};

/// Copies keys and database into a directory that has neither. What has failed leaves nothing behind. The size of the
/// database.
pub(super) fn copy_into(
    dir: &Path,
    keys: &Keys,
    source: &DatabaseFiles,
) -> Result<u64, UpkeepError> {
    let target = DatabaseFiles::of(dir);
    let draft = DatabaseFiles::beside(target.database.with_extension("partial"));
    let copied = (|| {
        keys.save(dir)?;
        copy_database(source, &draft)?;
        fs::rename(&draft.database, &target.database).map_err(UpkeepError::io(dir))?;
        private::sync_dir(dir).map_err(UpkeepError::io(dir))?;
        Ok(target.database_bytes())
    })();
    if copied.is_err() {
        let made = [Keys::found(dir), draft.found(), target.found()];
        for path in made.iter().flatten() {
            // What has gone wrong is told; that something could not be removed would only hide it.
            let _ = fs::remove_file(path);
        }
    }
    copied
}

fn copy_database(source: &DatabaseFiles, draft: &DatabaseFiles) -> Result<(), UpkeepError> {
    let failed = || UpkeepError::database(&source.database);
    private::create_file(&draft.database).map_err(UpkeepError::io(&draft.database))?;
    copy(&source.database, &draft.database).map_err(failed())?;
    let findings = find_damage(&draft.database).map_err(failed())?;
    if !findings.is_empty() {
        return Err(UpkeepError::Damaged {
            database: source.database.clone(),
            findings,
        });
    }
    let file = File::open(&draft.database).and_then(|file| file.sync_all());
    file.map_err(UpkeepError::io(&draft.database))
}
