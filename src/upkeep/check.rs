//! A look for damage.

use std::path::Path;

use super::UpkeepError;
use crate::{
    account::{KeyError, Keys},
    store::{DatabaseFiles, find_damage},
};

/// Reads all of the database, and the keys, and says what is wrong, a sentence each; nothing when all is well. A server
/// may be running meanwhile.
///
/// # Errors
/// When there is no database, or it cannot be looked at.
pub fn check(data_dir: &Path) -> Result<Vec<String>, UpkeepError> {
    let files = DatabaseFiles::of(data_dir);
    if files.database_bytes() == 0 {
        return Err(UpkeepError::NoDatabase(data_dir.to_owned()));
    }
    let database = &files.database;
    let damage = find_damage(database).map_err(UpkeepError::database(database))?;
    let mut findings: Vec<_> = damage
        .into_iter()
        .map(|finding| format!("{}: {finding}", database.display()))
        .collect();
    match Keys::load(data_dir) {
        Ok(_) => {}
        Err(error @ KeyError::Io { .. }) => {
            let missing = Keys::missing(data_dir);
            if missing.is_empty() {
                return Err(error.into());
            }
            let missing = missing
                .iter()
                .map(|key| format!("{}: missing, and with it all sessions", key.display()));
            findings.extend(missing);
        }
        Err(error) => findings.push(error.to_string()),
    }
    Ok(findings)
}
