//! What is wrong with a database, in words.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::copy::open_to_read;

/// Findings that are told at most; where there is one there are often thousands.
const MOST: usize = 100;

/// Reads all of a database and says what is wrong with it, a sentence each; nothing when it is whole. Changes nothing, and
/// keeps nobody waiting.
///
/// # Errors
/// When it cannot be looked at.
pub(crate) fn find_damage(file: &Path) -> rusqlite::Result<Vec<String>> {
    let mut findings = Vec::new();
    let looked = open_to_read(file).and_then(|connection| look(&connection, &mut findings));
    match looked {
        Ok(()) => Ok(findings),
        Err(error) => {
            findings.push(match error.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => "the file is no SQLite database".to_owned(),
                Some(ErrorCode::DatabaseCorrupt) => {
                    format!("the damage is such that it cannot be read on: {error}")
                }
                _ => return Err(error),
            });
            Ok(findings)
        }
    }
}

fn look(connection: &Connection, findings: &mut Vec<String>) -> rusqlite::Result<()> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        findings.push("there are no tables of banter in it".to_owned());
    }
    let mut check = connection.prepare(&format!("PRAGMA integrity_check({MOST})"))?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        // One row may hold several lines, the first of which names the database.
        let text: String = row.get(0)?;
        let lines = text.lines().filter(|line| !line.starts_with("***"));
        findings.extend(
            lines
                .filter(|line| *line != "ok")
                .map(|line| format!("damaged page, row or index: {line}")),
        );
    }
    let mut check = connection.prepare(
        "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2 ORDER BY 1, 2",
    )?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        let (table, parent, count): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        findings.push(format!(
            "rows of the table {table} that belong to a row of {parent} that does not exist: {count}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::unix::fs::FileExt as _,
    };

    use super::*;
    use crate::{
        config::Settings,
        store::{DatabaseFiles, Sqlite},
    };

    fn database() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path(), &Settings::default()).unwrap();
        store.close();
        drop(store);
        let file = DatabaseFiles::of(dir.path()).database;
        (dir, file)
    }

    #[test]
    fn in_a_new_database_there_is_nothing_to_find() {
        let (_dir, file) = database();
        assert_eq!(find_damage(&file).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_row_whose_user_is_missing_is_found() {
        let (_dir, file) = database();
        let connection = Connection::open(&file).unwrap();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = OFF;
                INSERT INTO user_device SELECT value, x'00000000000000000000000000000001', 0
                    FROM json_each('[\"one\", \"two\"]')",
            )
            .unwrap();
        let found = find_damage(&file).unwrap();
        assert_eq!(
            found,
            ["rows of the table user_device that belong to a row of user that does not exist: 2"]
        );
    }

    #[test]
    fn a_page_that_was_overwritten_is_found() {
        let (_dir, file) = database();
        let pages = fs::metadata(&file).unwrap().len() / 4096;
        for page in 1..pages {
            let spoilt = file.with_extension("spoilt");
            fs::copy(&file, &spoilt).unwrap();
            let bytes = File::options().write(true).open(&spoilt).unwrap();
            bytes.write_all_at(&[0xa5; 4096], page * 4096).unwrap();
            assert!(!find_damage(&spoilt).unwrap().is_empty(), "page {page}");
        }
    }

    #[test]
    fn what_is_no_database_is_told_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("db");
        fs::write(&file, "x".repeat(8192)).unwrap();
        assert_eq!(
            find_damage(&file).unwrap(),
            ["the file is no SQLite database"]
        );
    }
}
