//! Where values come from: the defaults, below the TOML file, below the environment, below the flags.
//!
//! Invariants: every value of every layer goes through the parser of its setting, also one that a
//! higher layer replaces; a name that is no setting is refused, never skipped, but for variables that an orchestrator gives
//! to every container; the environment is what the caller hands in, so nothing of the process is read but the TOML file,
//! and the file of the server key where the server is to run.
//!
//! clap could read the environment by itself, but only that of the process, and could not say
//! afterwards where a refused value came from. So its `env` serves as the name alone.

use std::{
    any::TypeId,
    collections::HashMap,
    error::Error as _,
    ffi::{OsStr, OsString},
    fmt, fs, io,
    path::{Path, PathBuf},
};

use clap::{
    Arg, ArgMatches, Args, Command, FromArgMatches,
    builder::Resettable,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

use super::{Settings, injected::is_injected, server_key};

const SERVE: &str = "serve";
const EXAMPLE: &str = "example-config";
const BACKUP: &str = "backup";
const RESTORE: &str = "restore";
const CHECK: &str = "check";
/// The directory of the backup.
const DIR: &str = "dir";
const PREFIX: &str = "BANTER_";
const CONFIG: &str = "config";
const CONFIG_VARIABLE: &str = "BANTER_CONFIG";

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Run the server.
    Serve {
        /// How.
        settings: Box<Settings>,
        /// The TOML file that was read, if one was.
        file: Option<PathBuf>,
    },
    /// Print [`example_toml`](super::example_toml).
    ExampleConfig,
    /// Copy the data directory of a server that may be running.
    Backup {
        /// Where the server has its data.
        data_dir: PathBuf,
        /// A directory that is new or empty.
        to: PathBuf,
    },
    /// Make a data directory from a backup.
    Restore {
        /// Where the server is to have its data.
        data_dir: PathBuf,
        /// The backup.
        from: PathBuf,
    },
    /// Look for damage in a data directory.
    Check {
        /// Where the server has its data.
        data_dir: PathBuf,
    },
}

/// Why there are no settings to run with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The command line is wrong, or asks for help or the version: `clap::Error::exit` does the rest.
    #[error(transparent)]
    Usage(#[from] clap::Error),

    /// The TOML file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// The file asked for.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },

    /// The TOML file is not TOML.
    #[error("{}, line {line}: {why}", path.display())]
    Malformed {
        /// The file asked for.
        path: PathBuf,
        /// Line of the first mistake, from 1.
        line: usize,
        /// What the TOML parser says; never holds a value, which may be secret.
        why: String,
    },

    /// A name that is no setting.
    #[error("unknown setting `{name}` in {origin}")]
    Unknown {
        /// The TOML key or the environment variable.
        name: String,
        /// Where it stands.
        origin: Origin,
    },

    /// A value that its setting does not take.
    #[error("setting `{name}` in {origin}: {why}")]
    Refused {
        /// The TOML key or the environment variable.
        name: String,
        /// Where it stands.
        origin: Origin,
        /// What is wrong, with the bounds where there are any.
        why: String,
    },

    /// The file of the server key cannot be read.
    #[error("setting `server_key_file`: cannot read {}", path.display())]
    ServerKeyFile {
        /// The file asked for.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },

    /// A value that is good by itself, but not beside the others.
    #[error("setting `{setting}` {why}")]
    Invalid {
        /// The field of [`Settings`].
        setting: &'static str,
        /// The sentence that starts with the setting's name.
        why: String,
    },
}

impl ConfigError {
    /// A setting that does not fit the others; `why` continues the sentence "setting `x` …".
    pub fn invalid(setting: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid {
            setting,
            why: why.into(),
        }
    }
}

/// The layer a value stands in. Flags are missing: clap reports those itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This TOML file.
    File(PathBuf),
    /// The environment variables.
    Environment,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Environment => f.write_str("the environment"),
        }
    }
}

/// The command line of banter, as `--help` describes it.
pub fn command() -> Command {
    let serve = Settings::augment_args(Command::new(SERVE).arg(config()))
        .about("Run the server")
        .long_about(None)
        .after_help(
            "A flag wins over the environment, the environment over the TOML file. \
             The file's keys are the flags with underscores: `outbox_bytes = 1048576`.",
        )
        .mut_args(show_variable);
    let example = Command::new(EXAMPLE)
        .about("Print banter.example.toml")
        .hide(true);
    let dir = |help: &'static str| {
        Arg::new(DIR)
            .value_name("DIR")
            .required(true)
            .value_parser(clap::value_parser!(PathBuf))
            .help(help)
    };
    let backup = beside_the_server(BACKUP)
        .about("Copy database and keys into a directory, also while the server runs")
        .arg(dir(
            "Where the backup goes: a directory that is new or empty",
        ));
    let restore = beside_the_server(RESTORE)
        .about("Put a backup in place of a data directory that is gone")
        .arg(dir("The backup"));
    let check = beside_the_server(CHECK)
        .about("Look for damage in database and keys, also while the server runs");
    Command::new("banter")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Realtime chat server for games")
        .after_help("Without a command, `banter` is `banter serve`.")
        .subcommand(serve)
        .subcommand(backup)
        .subcommand(restore)
        .subcommand(check)
        .subcommand(example)
}

fn config() -> Arg {
    Arg::new(CONFIG)
        .long(CONFIG)
        .env(CONFIG_VARIABLE)
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help("TOML file of settings; a relative path starts at the working directory")
}

/// A command about the data directory, which it finds where the server finds it.
fn beside_the_server(name: &'static str) -> Command {
    let data_dir = declared()
        .into_iter()
        .filter(|setting| setting.get_id() == "data_dir");
    Command::new(name)
        .arg(config())
        .args(data_dir)
        .mut_args(show_variable)
}

/// Reads every layer into settings that fit each other.
///
/// `args` starts with the program's name; `env` holds all environment variables, of which those
/// with the prefix `BANTER_` are looked at.
///
/// # Errors
/// The first thing that is wrong, by name and place. A wish for help or the version is
/// [`ConfigError::Usage`] too.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Invocation, ConfigError> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(with_subcommand(args))?;
    let dir = |flags: &ArgMatches| flags.get_one::<PathBuf>(DIR).cloned().unwrap_or_default();
    match matches.subcommand() {
        Some((SERVE, flags)) => {
            let (mut settings, file) = settle(flags, env)?;
            settings.read_server_key()?;
            settings.check()?;
            let settings = Box::new(settings);
            Ok(Invocation::Serve { settings, file })
        }
        Some((BACKUP, flags)) => Ok(Invocation::Backup {
            data_dir: settle(flags, env)?.0.data_dir,
            to: dir(flags),
        }),
        Some((RESTORE, flags)) => Ok(Invocation::Restore {
            data_dir: settle(flags, env)?.0.data_dir,
            from: dir(flags),
        }),
        Some((CHECK, flags)) => Ok(Invocation::Check {
            data_dir: settle(flags, env)?.0.data_dir,
        }),
        Some((EXAMPLE, _)) => Ok(Invocation::ExampleConfig),
        _ => Err(command
            .error(ErrorKind::MissingSubcommand, "a command is missing")
            .into()),
    }
}

/// The documented defaults, whatever the environment of this process says.
pub(super) fn defaults() -> Settings {
    parse(Vec::new()).expect("the defaults of the settings are valid values of them")
}

/// The settings as clap arguments, in the order of their declaration.
pub(super) fn declared() -> Vec<Arg> {
    let command = Settings::augment_args(Command::new(SERVE));
    command.get_arguments().cloned().collect()
}

/// What a setting is in TOML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Boolean,
    String,
}

impl Kind {
    pub(super) fn of(setting: &Arg) -> Self {
        let value = setting.get_value_parser().type_id();
        if value == TypeId::of::<usize>() {
            Self::Integer
        } else if value == TypeId::of::<bool>() {
            Self::Boolean
        } else {
            Self::String
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "an integer",
            Self::Boolean => "a boolean",
            Self::String => "a string",
        })
    }
}

/// Values by the name of their setting. Inserting a higher layer replaces the lower one's.
type Layered = HashMap<String, OsString>;

fn settle(
    flags: &ArgMatches,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(Settings, Option<PathBuf>), ConfigError> {
    let declared = declared();
    let mut from_env = Layered::new();
    let mut path = None;
    for (name, value) in env {
        if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let setting = declared
            .iter()
            .find(|setting| setting.get_env() == Some(&name));
        if name == CONFIG_VARIABLE {
            path = Some(PathBuf::from(value));
        } else if setting.is_none() && is_injected(&unprefixed(&name), &value.to_string_lossy()) {
            continue;
        } else {
            let setting = setting.ok_or_else(|| ConfigError::Unknown {
                name: name.to_string_lossy().into_owned(),
                origin: Origin::Environment,
            })?;
            accept(setting, &value).map_err(|why| ConfigError::Refused {
                name: name.to_string_lossy().into_owned(),
                origin: Origin::Environment,
                why,
            })?;
            from_env.insert(setting.get_id().to_string(), value);
        }
    }

    let path = flags.get_one::<PathBuf>(CONFIG).cloned().or(path);
    let mut layered = match &path {
        Some(path) => read_file(&declared, path)?,
        None => Layered::new(),
    };
    layered.extend(from_env);
    for setting in &declared {
        let id = setting.get_id().as_str();
        // Not every command takes every setting.
        if flags.try_contains_id(id).is_ok()
            && flags.value_source(id) == Some(ValueSource::CommandLine)
            && let Some(value) = flags.get_raw(id).and_then(|mut values| values.next())
        {
            layered.insert(id.to_owned(), value.to_owned());
        }
    }

    let key_file = layered.get("server_key_file");
    if layered.contains_key("server_key") && key_file.is_some_and(|file| file != "off") {
        return Err(server_key::two_keys());
    }
    let chosen = declared
        .iter()
        .filter_map(|setting| Some(flag(setting, layered.get(setting.get_id().as_str())?)))
        .collect();
    Ok((parse(chosen)?, path))
}

/// What follows the prefix of a variable that has it.
fn unprefixed(name: &OsStr) -> String {
    let name = name.to_string_lossy();
    name.strip_prefix(PREFIX).unwrap_or_default().to_owned()
}

fn read_file(declared: &[Arg], path: &Path) -> Result<Layered, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    // The error's own text would quote the line, and with it perhaps the server key.
    let table: toml::Table = toml::from_str(&text).map_err(|error| ConfigError::Malformed {
        path: path.to_owned(),
        line: error.span().map_or(1, |span| {
            let before = text.as_bytes().get(..span.start).unwrap_or_default();
            before.iter().filter(|byte| **byte == b'\n').count() + 1
        }),
        why: error.message().to_owned(),
    })?;

    let origin = || Origin::File(path.to_owned());
    let mut layer = Layered::new();
    for (name, value) in table {
        let Some(setting) = declared
            .iter()
            .find(|setting| setting.get_id().as_str() == name)
        else {
            return Err(ConfigError::Unknown {
                name,
                origin: origin(),
            });
        };
        let read = toml_text(Kind::of(setting), value)
            .and_then(|value| accept(setting, &value).map(|()| value));
        match read {
            Ok(value) => layer.insert(name, value),
            Err(why) => {
                return Err(ConfigError::Refused {
                    name,
                    origin: origin(),
                    why,
                });
            }
        };
    }
    Ok(layer)
}

/// The text that means the same on the command line.
fn toml_text(kind: Kind, value: toml::Value) -> Result<OsString, String> {
    match (kind, value) {
        (Kind::Integer, toml::Value::Integer(number)) => Ok(number.to_string().into()),
        (Kind::Boolean, toml::Value::Boolean(switch)) => Ok(switch.to_string().into()),
        (Kind::String, toml::Value::String(text)) => Ok(text.into()),
        (kind, other) => Err(format!("must be {kind}, not {}", other.type_str())),
    }
}

/// Tries one value on its setting, and says what is wrong with it.
fn accept(setting: &Arg, value: &OsStr) -> Result<(), String> {
    let alone = Command::new(SERVE)
        .no_binary_name(true)
        .arg(without_variable(setting.clone()));
    let Err(error) = alone.try_get_matches_from([flag(setting, value)]) else {
        return Ok(());
    };
    let why = match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(words))) if !words.is_empty() => {
            format!("must be {}", words.join(" or "))
        }
        _ if value.is_empty() => "must not be empty".to_owned(),
        _ if error.kind() == ErrorKind::InvalidUtf8 => "must be UTF-8".to_owned(),
        _ => "not a value of this setting".to_owned(),
    };
    // The key is the one setting whose value is nobody's business; clap hides it in `--help` too.
    if setting.is_hide_env_values_set() {
        Err(why)
    } else {
        Err(format!(
            "invalid value `{}`: {why}",
            value.to_string_lossy()
        ))
    }
}

fn parse(flags: Vec<OsString>) -> Result<Settings, clap::Error> {
    let matches = Settings::augment_args(Command::new(SERVE))
        .no_binary_name(true)
        .mut_args(without_variable)
        .try_get_matches_from(flags)?;
    Settings::from_arg_matches(&matches)
}

/// `--name=value` as one argument, so that a value may be empty or start with a hyphen.
fn flag(setting: &Arg, value: impl AsRef<OsStr>) -> OsString {
    let mut flag = OsString::from("--");
    flag.push(setting.get_long().unwrap_or_default());
    flag.push("=");
    flag.push(value);
    flag
}

fn without_variable(setting: Arg) -> Arg {
    setting.env(Resettable::Reset)
}

/// Names the variable in the help text, where clap would also read it.
fn show_variable(setting: Arg) -> Arg {
    let (Some(help), Some(variable)) = (setting.get_help(), setting.get_env()) else {
        return setting;
    };
    let help = format!("{help} [env: {}]", variable.to_string_lossy());
    without_variable(setting.help(help))
}

/// Puts `serve` in front of flags that stand alone.
fn with_subcommand(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    if args.is_empty() {
        args.push("banter".into());
    }
    let alone = args.get(1).is_none_or(|first| {
        let of_banter = ["-h", "--help", "-V", "--version"];
        first.as_encoded_bytes().starts_with(b"-") && !of_banter.iter().any(|flag| first == flag)
    });
    if alone {
        args.insert(1, SERVE.into());
    }
    args
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{io::Write, time::Duration};

    use super::*;
    use crate::config::{Durability, LogFormat, MetricsListen};

    fn read(args: &[&str], env: &[(&str, &str)]) -> Result<Invocation, ConfigError> {
        let args = ["banter"].iter().chain(args).map(OsString::from);
        load(
            args,
            env.iter().map(|(name, value)| (name.into(), value.into())),
        )
    }

    fn settings(args: &[&str], env: &[(&str, &str)]) -> Settings {
        match read(args, env) {
            Ok(Invocation::Serve { settings, .. }) => *settings,
            other => panic!("no settings: {other:?}"),
        }
    }

    fn refusal(args: &[&str], env: &[(&str, &str)]) -> String {
        read(args, env).unwrap_err().to_string()
    }

    /// A TOML file, and its path as text.
    fn file(toml: &str) -> (tempfile::NamedTempFile, String) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(toml.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        (file, path)
    }

    #[test]
    fn clap_finds_nothing_wrong_with_the_command() {
        command().debug_assert();
    }

    #[test]
    fn nothing_given_means_the_defaults() {
        let read = settings(&[], &[("PATH", "/bin"), ("RUST_LOG", "debug")]);
        assert_eq!(format!("{read:?}"), format!("{:?}", Settings::default()));
        assert_eq!(read.listen.to_string(), "127.0.0.1:7350");
        assert_eq!(read.durability, Durability::Power);
        assert_eq!(read.log_format, LogFormat::Text);
    }

    #[test]
    fn serve_may_be_left_out() {
        assert_eq!(settings(&["serve", "--workers", "3"], &[]).workers, 3);
        assert_eq!(settings(&["--workers=3"], &[]).workers, 3);
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let (_file, path) = file("workers = 1\nreaders = 1\npipeline = 1\nping_period = \"1s\"\n");
        let env = [("BANTER_WORKERS", "2"), ("BANTER_READERS", "3")];
        let read = settings(&["--config", &path, "--workers", "4"], &env);
        assert_eq!((read.workers, read.readers, read.pipeline), (4, 3, 1));
        assert_eq!(read.ping_period, Duration::from_secs(1));
        assert_eq!(read.max_list_items, Settings::default().max_list_items);
    }

    #[test]
    fn a_flag_back_to_the_default_wins_too() {
        assert_eq!(
            settings(&["--workers", "0"], &[("BANTER_WORKERS", "2")]).workers,
            0
        );
    }

    #[test]
    fn the_flag_for_the_file_wins_over_the_variable() {
        let (_one, one) = file("workers = 1");
        let (_two, two) = file("workers = 2");
        assert_eq!(settings(&[], &[("BANTER_CONFIG", &one)]).workers, 1);
        let read = settings(&["--config", &two], &[("BANTER_CONFIG", &one)]);
        assert_eq!(read.workers, 2);
    }

    #[test]
    fn each_type_is_read_from_each_layer() {
        let (_file, path) = file(
            "metrics_listen = \"off\"\nallow_default_key = true\nlisten = \"0.0.0.0:1\"\n\
             server_key = \"-a=b\"\ndurability = \"process\"",
        );
        let read = settings(&["--config", &path], &[("BANTER_LOG_FORMAT", "json")]);
        assert_eq!(read.metrics_listen, MetricsListen::Off);
        assert!(read.allow_default_key);
        assert_eq!(read.server_key.reveal(), "-a=b");
        assert_eq!(read.durability, Durability::Process);
        assert_eq!(read.log_format, LogFormat::Json);
        assert!(settings(&["--allow-default-key"], &[]).allow_default_key);
        assert!(settings(&[], &[("BANTER_ALLOW_DEFAULT_KEY", "true")]).allow_default_key);
        assert!(
            !settings(
                &["--allow-default-key=false"],
                &[("BANTER_ALLOW_DEFAULT_KEY", "true")]
            )
            .allow_default_key
        );
    }

    #[test]
    fn a_refused_variable_is_named_with_its_bounds() {
        assert_eq!(
            refusal(&[], &[("BANTER_WORKERS", "257")]),
            "setting `BANTER_WORKERS` in the environment: \
             invalid value `257`: must be a whole number from 0 to 256"
        );
        assert_eq!(
            refusal(&[], &[("BANTER_ALLOW_DEFAULT_KEY", "yes")]),
            "setting `BANTER_ALLOW_DEFAULT_KEY` in the environment: \
             invalid value `yes`: must be true or false"
        );
        assert_eq!(
            refusal(&[], &[("BANTER_OUTBOX", "1")]),
            "unknown setting `BANTER_OUTBOX` in the environment"
        );
    }

    #[test]
    fn variables_that_an_orchestrator_gives_to_every_container_are_no_settings() {
        for (name, value) in [
            ("BANTER_PORT", "tcp://10.0.0.1:7350"),
            ("BANTER_SERVICE_HOST", "10.0.0.1"),
            ("BANTER_SERVICE_PORT", "7350"),
            ("BANTER_SERVICE_PORT_HTTP", "7350"),
            ("BANTER_PORT_7350_TCP", "tcp://10.0.0.1:7350"),
            ("BANTER_PORT_7350_TCP_PROTO", "tcp"),
            ("BANTER_PORT_7350_TCP_PORT", "7350"),
            ("BANTER_PORT_7350_TCP_ADDR", "10.0.0.1"),
            ("BANTER_METRICS_SERVICE_HOST", "10.0.0.1"),
            ("BANTER_METRICS_PORT", "tcp://10.0.0.1:9350"),
            ("BANTER_METRICS_PORT_9350_TCP_ADDR", "10.0.0.1"),
            ("BANTER_NAME", "/web/banter"),
            ("BANTER_ENV_LANG", "C"),
        ] {
            settings(&[], &[(name, value)]);
        }
        for (name, value) in [
            ("BANTER_PORT", "8080"),
            ("BANTER_METRICS_PORT", "9000"),
            ("BANTER_LISTEN_PORT", "9000"),
            ("BANTER_SERVER_NAME", "x"),
            ("BANTER_NAME", "x"),
            ("BANTER_PORTS", "tcp://10.0.0.1:1"),
            ("BANTER_PORT_7350", "tcp://10.0.0.1:1"),
            ("BANTER_SERVICE", "1"),
        ] {
            let refused = refusal(&[], &[(name, value)]);
            assert!(refused.contains("unknown setting"), "{name}={value}");
        }
        for setting in declared() {
            let variable = setting.get_env().unwrap().to_str().unwrap();
            for value in ["1", "tcp://10.0.0.1:1", "/x"] {
                let name = unprefixed(variable.as_ref());
                assert!(!is_injected(&name, value), "{variable} would be skipped");
            }
        }
    }

    #[test]
    fn an_empty_variable_is_a_wrong_value_of_every_setting() {
        for setting in declared() {
            let variable = setting.get_env().unwrap().to_str().unwrap().to_owned();
            let error = refusal(&[], &[(&variable, "")]);
            let id = setting.get_id().as_str();
            assert!(error.contains(&variable) || error.contains(id), "{error}");
        }
        assert!(refusal(&[], &[("BANTER_CONFIG", "")]).contains("configuration file"));
    }

    #[test]
    fn a_lower_layer_is_checked_though_a_higher_one_replaces_it() {
        let error = refusal(&["--workers", "1"], &[("BANTER_WORKERS", "many")]);
        assert!(error.contains("BANTER_WORKERS"), "{error}");
    }

    #[test]
    fn a_refused_line_of_the_file_is_named() {
        for (toml, why) in [
            ("outbox_byte = 1", "unknown setting `outbox_byte` in "),
            ("config = \"x\"", "unknown setting `config` in "),
            ("[writer]\nqueue = 1", "unknown setting `writer` in "),
            ("workers = \"4\"", "must be an integer, not string"),
            ("ping_period = 15", "must be a string, not integer"),
            ("allow_default_key = 1", "must be a boolean, not integer"),
            ("[workers]\ncount = 1", "must be an integer, not table"),
            ("workers = -1", "`-1`: must be a whole number from 0 to 256"),
            ("ping_period = \"2h\"", "from 20ms to 1h"),
            ("listen = \"here\"", "`here`: invalid socket address syntax"),
            ("data_dir = \"\"", "must not be empty"),
            ("\nworkers = 1\nworkers = 2", ", line 3: duplicate key"),
        ] {
            let (_file, path) = file(toml);
            let error = refusal(&["--config", &path], &[]);
            assert!(
                error.contains(why) && error.contains(&path),
                "{toml}: {error}"
            );
        }
        let error = refusal(&["--config", "/nowhere.toml"], &[]);
        assert_eq!(error, "cannot read the configuration file /nowhere.toml");
    }

    #[test]
    fn a_malformed_file_does_not_spill_the_key() {
        let (_file, path) = file("server_key = \"secret");
        let error = refusal(&["--config", &path], &[]);
        assert!(
            error.contains("line 1") && !error.contains("secret"),
            "{error}"
        );
    }

    #[test]
    fn settings_must_fit_each_other() {
        let error = refusal(&["--pong-wait", "1s"], &[("BANTER_PING_PERIOD", "1s")]);
        assert_eq!(error, "setting `pong_wait` must be longer than ping_period");
        let error = refusal(&["--listen", "0.0.0.0:7350"], &[]);
        assert!(error.contains("server_key"), "{error}");
        settings(&["--listen", "0.0.0.0:7350", "--server-key", "own"], &[]);
        let (_file, path) = file("own");
        let of_file = [("BANTER_SERVER_KEY_FILE", path.as_str())];
        let read = settings(&["--listen", "0.0.0.0:7350"], &of_file);
        assert_eq!(read.server_key.reveal(), "own");
        for key in ["own", "defaultkey"] {
            let error = refusal(&["--server-key", key], &of_file);
            assert!(error.contains("beside server_key"), "{error}");
        }
        settings(
            &["--server-key", "own", "--server-key-file", "off"],
            &of_file,
        );
    }

    #[test]
    fn commands_beside_the_server_find_its_data_where_it_does() {
        let (_file, path) = file("data_dir = \"from-file\"\nserver_key_file = \"nowhere\"");
        let data_dir = |args: &[&str], env: &[(&str, &str)]| match read(args, env).unwrap() {
            Invocation::Backup { data_dir, to } => {
                assert_eq!(to, PathBuf::from("copy"));
                data_dir
            }
            Invocation::Restore { data_dir, from } => {
                assert_eq!(from, PathBuf::from("copy"));
                data_dir
            }
            Invocation::Check { data_dir } => data_dir,
            other => panic!("{other:?}"),
        };
        let variable = [("BANTER_DATA_DIR", "from-env")];
        for command in [&["backup", "copy"][..], &["restore", "copy"], &["check"]] {
            let with = |more: &[&'static str]| [command, more].concat();
            assert_eq!(data_dir(command, &[]), Settings::default().data_dir);
            let config = [("BANTER_CONFIG", path.as_str())];
            assert_eq!(data_dir(command, &config), PathBuf::from("from-file"));
            assert_eq!(data_dir(command, &variable), PathBuf::from("from-env"));
            let flags = with(&["--data-dir", "from-flag"]);
            assert_eq!(data_dir(&flags, &variable), PathBuf::from("from-flag"));
            assert!(matches!(
                read(&with(&["--workers", "1"]), &[]),
                Err(ConfigError::Usage(_))
            ));
        }
        for command in ["backup", "restore"] {
            assert!(matches!(read(&[command], &[]), Err(ConfigError::Usage(_))));
        }
    }

    #[test]
    fn clap_answers_for_the_command_line() {
        for (args, kind) in [
            (&["--help"][..], ErrorKind::DisplayHelp),
            (&["serve", "--help"], ErrorKind::DisplayHelp),
            (&["--version"], ErrorKind::DisplayVersion),
            (&["swerve"], ErrorKind::InvalidSubcommand),
            (&["--workers", "257"], ErrorKind::ValueValidation),
            (&["--wrkers", "1"], ErrorKind::UnknownArgument),
        ] {
            match read(args, &[]) {
                Err(ConfigError::Usage(error)) => assert_eq!(error.kind(), kind, "{args:?}"),
                other => panic!("{args:?}: {other:?}"),
            }
        }
        let example = read(&["example-config"], &[]);
        assert!(matches!(example, Ok(Invocation::ExampleConfig)));
    }

    #[test]
    fn help_shows_default_and_variable_of_each_setting() {
        let help = refusal(&["serve", "--help"], &[]);
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for setting in declared() {
            let variable = setting.get_env().unwrap().to_string_lossy();
            let default = setting.get_default_values()[0].to_string_lossy();
            // clap puts a default with blanks in quotes.
            let default = match default.contains(' ') {
                true => format!("\"{default}\""),
                false => default.into_owned(),
            };
            let shown = format!("[env: {variable}] [default: {default}]");
            assert!(words.contains(&shown), "{shown}");
        }
        assert!(words.contains("[env: BANTER_CONFIG]"));
    }

    #[test]
    fn names_follow_from_the_field() {
        for setting in declared() {
            let id = setting.get_id().as_str();
            assert_eq!(setting.get_long(), Some(id.replace('_', "-").as_str()));
            let variable = format!("BANTER_{}", id.to_uppercase());
            assert_eq!(setting.get_env(), Some(OsStr::new(&variable)));
        }
    }

    #[test]
    fn documented_bounds_are_those_of_the_parser() {
        let mut bounded = 0;
        for setting in declared() {
            let help = setting.get_help().unwrap().to_string();
            let Some((_, bounds)) = help.rsplit_once(" [") else {
                continue;
            };
            let bounds = bounds.trim_end_matches(']').trim_end_matches(" bytes");
            let (min, max) = bounds.split_once('-').unwrap();
            for inside in [min, max] {
                assert_eq!(accept(&setting, inside.as_ref()), Ok(()), "{help}");
            }
            let why = accept(&setting, "none".as_ref()).unwrap_err();
            assert!(
                why.ends_with(&format!(" from {min} to {max}")),
                "{help}: {why}"
            );
            bounded += 1;
        }
        assert!(bounded > 20, "only {bounded} settings with bounds");
    }
}
