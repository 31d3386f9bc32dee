//! The server key from a file of its own, which neither the process list nor the environment shows.

use std::{fs, path::Path};

use super::{ConfigError, DEFAULT_SERVER_KEY, OptionalFile, Settings};
use crate::private;

impl Settings {
    /// Takes the server key from its file, if there is one; from then on it is as if it had been set by itself.
    ///
    /// # Errors
    /// When there are two keys, or the file cannot be read, is open to others, or does not hold one line.
    pub(crate) fn read_server_key(&mut self) -> Result<(), ConfigError> {
        let OptionalFile::At(path) = &self.server_key_file else {
            return Ok(());
        };
        if self.server_key.reveal() != DEFAULT_SERVER_KEY {
            return Err(two_keys());
        }
        let key = read(path)?;
        self.server_key = key.as_str().into();
        self.server_key_file = OptionalFile::Off;
        Ok(())
    }
}

pub(super) fn two_keys() -> ConfigError {
    let why = "cannot be set beside server_key: only one of them can be the key";
    ConfigError::invalid("server_key_file", why)
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::ServerKeyFile {
        path: path.to_owned(),
        source,
    };
    let wrong = |why: String| ConfigError::invalid("server_key_file", why);
    let file = path.display();
    if let Some(mode) = private::others_may(path).map_err(unreadable)? {
        return Err(wrong(format!(
            "is {file}, which is open to others (mode {mode:04o}): run `chmod 600 {file}`, \
             or mount it with mode 0400"
        )));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let key = text.strip_suffix('\n').unwrap_or(&text);
    let key = key.strip_suffix('\r').unwrap_or(key);
    if key.is_empty() || key.contains('\n') {
        return Err(wrong(format!(
            "is {file}, which must hold one line, the key"
        )));
    }
    Ok(key.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn settings_with(text: &str, mode: u32) -> (tempfile::NamedTempFile, Settings) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        let server_key_file = OptionalFile::At(file.path().to_owned());
        let settings = Settings {
            server_key_file,
            ..Settings::default()
        };
        (file, settings)
    }

    #[test]
    fn the_key_is_the_line_in_the_file() {
        for text in ["a key", "a key\n", "a key\r\n"] {
            let (_file, mut settings) = settings_with(text, 0o400);
            settings.read_server_key().unwrap();
            assert_eq!(settings.server_key.reveal(), "a key");
            settings.read_server_key().unwrap();
        }
    }

    #[test]
    fn a_file_that_is_no_key_of_ours_alone_is_refused() {
        for (text, mode, why) in [
            ("a key", 0o644, "chmod 600"),
            ("a key", 0o440, "chmod 600"),
            ("", 0o600, "one line"),
            ("\n", 0o600, "one line"),
            ("two\nlines", 0o600, "one line"),
        ] {
            let (file, mut settings) = settings_with(text, mode);
            let error = settings.read_server_key().unwrap_err().to_string();
            let path = file.path().to_str().unwrap();
            assert!(error.contains(why) && error.contains(path), "{error}");
            assert!(
                error.contains("server_key_file") && !error.contains("a key"),
                "{error}"
            );
        }
        let (file, mut settings) = settings_with("a key", 0o600);
        drop(file);
        let error = settings.read_server_key().unwrap_err();
        assert!(matches!(error, ConfigError::ServerKeyFile { .. }));
    }

    #[test]
    fn two_keys_are_one_too_many() {
        let (_file, mut settings) = settings_with("a key", 0o600);
        settings.server_key = "another".into();
        let error = settings.read_server_key().unwrap_err().to_string();
        assert!(error.contains("beside server_key"), "{error}");
    }
}
