//! The secrets the server signs with, made at its first start and kept in its data directory.
//!
//! Each key has a file of its own that only the owner may read: 64 hex digits, a dot, and 8 hex digits
//! of their SHA-256. A file that does not check out stops the start. A fresh key in its place would
//! end every session and hide that the disk lost data. A file that others may read stops it, too: whoever has read it
//! can sign in as anybody.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::private;

const SESSION: &str = "session.key";
const REFRESH: &str = "refresh.key";
const CURSOR: &str = "cursor.key";

const FILES: [&str; 3] = [SESSION, REFRESH, CURSOR];

/// The three signing keys. No two are ever the same, so nothing signed for one purpose serves another.
#[derive(Clone)]
pub(crate) struct Keys {
    /// Signs session tokens.
    pub(crate) session: [u8; 32],
    /// Signs refresh tokens.
    pub(crate) refresh: [u8; 32],
    /// Signs cursors of listings.
    pub(crate) cursor: [u8; 32],
}

/// Why there are no keys to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file can be neither read nor made.
    #[error("cannot use the key file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is there but holds no key.
    #[error("the key file {} is damaged; put the file back from a backup, or remove it to end all sessions", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner may read the file, or write to it.
    #[error(
        "the key file {} is open to others (mode {mode:04o}): make sure that nobody has read it, and run \
         `chmod 600 {}`; to be safe, remove it, which ends all sessions",
        path.display(), path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

impl Keys {
    /// The key files that are in `dir`.
    pub(crate) fn found(dir: &Path) -> Vec<PathBuf> {
        let all = FILES.map(|name| dir.join(name));
        all.into_iter().filter(|path| path.exists()).collect()
    }

    /// The key files that are not in `dir`.
    pub(crate) fn missing(dir: &Path) -> Vec<PathBuf> {
        let all = FILES.map(|name| dir.join(name));
        all.into_iter().filter(|path| !path.exists()).collect()
    }

    /// Reads the keys in `dir`, all of which must be there.
    ///
    /// # Errors
    /// A file that is missing, cannot be read, is damaged, or is open to others.
    pub(crate) fn load(dir: &Path) -> Result<Self, KeyError> {
        Self::from_files(dir, load)
    }

    /// As [`load`](Self::load), also where files do not have modes of their own.
    pub(crate) fn load_whatever_its_mode(dir: &Path) -> Result<Self, KeyError> {
        Self::from_files(dir, |path| {
            let bytes = fs::read(path).map_err(failed(path))?;
            decode(&bytes).ok_or_else(|| damaged(path))
        })
    }

    /// Writes the keys into `dir`, where there must be none.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), KeyError> {
        let keys = [&self.session, &self.refresh, &self.cursor];
        for (name, key) in FILES.iter().zip(keys) {
            let path = dir.join(name);
            create(&path, &encode(key)).map_err(failed(&path))?;
        }
        Ok(())
    }

    /// Reads the keys in `dir`, which must exist, and makes those that are missing.
    ///
    /// Must not run twice at the same time for one directory.
    ///
    /// # Errors
    /// A file that cannot be read or made, is damaged, or is open to others.
    pub(crate) fn load_or_create(dir: &Path) -> Result<Self, KeyError> {
        Self::from_files(dir, |path| match load(path) {
            Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let key = rand::random();
                create(path, &encode(&key)).map_err(failed(path))?;
                Ok(key)
            }
            loaded => loaded,
        })
    }

    fn from_files(
        dir: &Path,
        key: impl Fn(&Path) -> Result<[u8; 32], KeyError>,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            session: key(&dir.join(SESSION))?,
            refresh: key(&dir.join(REFRESH))?,
            cursor: key(&dir.join(CURSOR))?,
        })
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> KeyError {
    move |source| KeyError::Io {
        path: path.to_owned(),
        source,
    }
}

fn damaged(path: &Path) -> KeyError {
    let path = path.to_owned();
    KeyError::Damaged { path }
}

fn load(path: &Path) -> Result<[u8; 32], KeyError> {
    let bytes = fs::read(path).map_err(failed(path))?;
    if let Some(mode) = private::others_may(path).map_err(failed(path))? {
        let path = path.to_owned();
        return Err(KeyError::Open { path, mode });
    }
    decode(&bytes).ok_or_else(|| damaged(path))
}

/// Whole or not at all, also across a power cut.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("key.new");
    // Left by a start that was cut off; nothing was ever signed with it.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private::create_file(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    path.parent().map_or(Ok(()), private::sync_dir)
}

fn encode(key: &[u8; 32]) -> String {
    let check = Sha256::digest(key);
    let mut text = String::with_capacity(74);
    for (i, byte) in key.iter().chain(&check[..4]).enumerate() {
        if i == key.len() {
            text.push('.');
        }
        write!(text, "{byte:02x}").expect("a String takes whatever is written");
    }
    text.push('\n');
    text
}

fn decode(bytes: &[u8]) -> Option<[u8; 32]> {
    let text = std::str::from_utf8(bytes).ok()?.trim_end();
    let (digits, _) = text.split_once('.')?;
    let digits = digits.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    // Compared as a whole, so the check digits and every odd spelling are covered too.
    (encode(&key).trim_end() == text).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_differ() {
        let dir = tempfile::tempdir().unwrap();
        let first = Keys::load_or_create(dir.path()).unwrap();
        let second = Keys::load_or_create(dir.path()).unwrap();
        assert_eq!(first.session, second.session);
        assert_eq!(first.refresh, second.refresh);
        assert_eq!(first.cursor, second.cursor);
        assert_ne!(first.session, first.refresh);
        assert_ne!(first.refresh, first.cursor);
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            3,
            "no draft is left"
        );
    }

    #[test]
    fn a_key_that_others_may_read_stops_the_start() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        Keys::load_or_create(dir.path()).unwrap();
        let path = dir.path().join(CURSOR);
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = Keys::load_or_create(dir.path()).err().unwrap().to_string();
            let (file, mode) = (path.display(), format!("{mode:04o}"));
            assert!(refused.contains(&format!("chmod 600 {file}")), "{refused}");
            assert!(refused.contains(&mode), "{refused}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(Keys::load_or_create(dir.path()).is_ok());
    }

    #[test]
    fn only_the_owner_may_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        Keys::load_or_create(dir.path()).unwrap();
        let mode = fs::metadata(dir.path().join("refresh.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn damage_stops_the_start() {
        let dir = tempfile::tempdir().unwrap();
        Keys::load_or_create(dir.path()).unwrap();
        let path = dir.path().join("session.key");
        let good = fs::read(&path).unwrap();
        let mut flipped = good.clone();
        flipped[10] = if flipped[10] == b'0' { b'1' } else { b'0' };
        for bad in [&b""[..], &good[..40], &good[..64], &flipped, &[0; 74]] {
            fs::write(&path, bad).unwrap();
            assert!(matches!(
                Keys::load_or_create(dir.path()),
                Err(KeyError::Damaged { .. })
            ));
        }
        fs::write(&path, &good).unwrap();
        assert!(Keys::load_or_create(dir.path()).is_ok());
    }

    #[test]
    fn a_draft_left_behind_does_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("session.key.new"), "half").unwrap();
        assert!(Keys::load_or_create(dir.path()).is_ok());
    }
}
