//! The files of a database: what they are called, who may read them, and whether there is anything in them.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::private;

/// Name of the database in the data directory.
const NAME: &str = "banter.sqlite";

/// The database, and what SQLite keeps beside it while it is in use.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseFiles {
    pub(crate) database: PathBuf,
    /// The write-ahead log. What was committed last is in here and nowhere else.
    pub(crate) log: PathBuf,
    /// The index of the log, which is made anew from it.
    index: PathBuf,
}

impl DatabaseFiles {
    /// Those of a data directory, or of a backup.
    pub(crate) fn of(dir: &Path) -> Self {
        Self::beside(dir.join(NAME))
    }

    /// Those that belong to this database.
    pub(crate) fn beside(database: PathBuf) -> Self {
        // SQLite keeps the others beside the file that a link leads to.
        let database = fs::canonicalize(&database).unwrap_or(database);
        let with = |suffix| {
            let mut name = database.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        Self {
            log: with("-wal"),
            index: with("-shm"),
            database,
        }
    }

    /// Those that are there.
    pub(crate) fn found(&self) -> Vec<PathBuf> {
        let all = [&self.database, &self.log, &self.index];
        all.into_iter()
            .filter(|path| path.exists())
            .cloned()
            .collect()
    }

    /// Whether a database is there, with tables in it.
    ///
    /// Not to be asked while this process has the database open: closing the file here would end the locks that SQLite
    /// has on it.
    pub(crate) fn hold_a_database(&self) -> io::Result<bool> {
        // In the file's head stands the version of the schema, unless a newer head is in the log.
        const HEAD: usize = 64;
        let mut head = Vec::with_capacity(HEAD);
        match File::open(&self.database) {
            Ok(file) => file.take(HEAD as u64).read_to_end(&mut head)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if head.is_empty() {
            return Ok(false);
        }
        // A head that is too short is damage, for SQLite to tell of.
        let without_version = head.len() == HEAD && head[60..] == [0; 4];
        Ok(!without_version || self.log_bytes() > 0)
    }

    pub(crate) fn log_bytes(&self) -> u64 {
        size(&self.log)
    }

    pub(crate) fn database_bytes(&self) -> u64 {
        size(&self.database)
    }

    /// Makes the database file if it is missing, before SQLite opens it, and sees to it that only the owner may read what there is. SQLite gives
    /// the files that it makes beside it the same mode.
    pub(crate) fn make_private(&self) -> io::Result<()> {
        private::open_file(&self.database)?;
        for path in [&self.log, &self.index] {
            match private::take_from_others(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}
