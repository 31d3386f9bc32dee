//! `banter.example.toml`, written off the declaration of the settings.
//!
//! Invariant: with every setting uncommented the file says what the defaults say; a test keeps the
//! stored file equal to what this module writes (`banter example-config > banter.example.toml`).

use super::layers::{Kind, declared};

const HEADER: &str = "\
# The settings of banter, each with its default. Use it with `banter serve --config FILE`.
#
# Each may also be an environment variable (`BANTER_OUTBOX_BYTES=1048576`) or a flag
# (`--outbox-bytes 1048576`). A flag wins over the environment, the environment over this file.
# Times carry their unit: \"250ms\", \"15s\", \"7days\". Relative paths start at the working directory.
";

/// The TOML file of all settings, each explained and commented out at its default.
pub fn example_toml() -> String {
    let mut toml = HEADER.to_owned();
    for setting in declared() {
        if let Some(help) = setting.get_help() {
            toml.push_str(&format!("\n# {help}\n"));
        }
        for default in setting.get_default_values() {
            let default = default.to_string_lossy();
            let value = match Kind::of(&setting) {
                Kind::Integer | Kind::Boolean => default.into_owned(),
                Kind::String => toml::Value::from(default.as_ref()).to_string(),
            };
            toml.push_str(&format!("# {} = {value}\n", setting.get_id()));
        }
    }
    toml
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{fs, io::Write};

    use super::*;
    use crate::config::{Invocation, Settings, load};

    #[test]
    fn the_stored_file_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/banter.example.toml");
        let stored = fs::read_to_string(path).unwrap();
        assert!(
            stored == example_toml(),
            "run `banter example-config > banter.example.toml`"
        );
    }

    #[test]
    fn uncommented_it_says_the_defaults() {
        let mut uncommented = 0;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for line in example_toml().lines() {
            let setting = line.strip_prefix("# ").filter(|rest| {
                let name = rest.split(" = ").next();
                declared().iter().any(|s| Some(s.get_id().as_str()) == name)
            });
            uncommented += usize::from(setting.is_some());
            writeln!(file, "{}", setting.unwrap_or(line)).unwrap();
        }
        assert_eq!(uncommented, declared().len());

        let args = ["banter".into(), "--config".into(), file.path().into()];
        match load(args, []) {
            Ok(Invocation::Serve { settings: read, .. }) => {
                assert_eq!(format!("{read:?}"), format!("{:?}", Settings::default()));
            }
            other => panic!("no settings: {other:?}"),
        }
    }
}
