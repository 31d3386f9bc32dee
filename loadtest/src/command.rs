//! The command line.

use std::{path::PathBuf, time::Duration};

use banter_protocol::Format;
use clap::{Args, Parser, Subcommand};
use url::Url;

use crate::capacity::{fanout, idle, persist, storm};

/// Rehearses a tournament against a chat server that speaks the Nakama protocol, and checks what it is told.
///
/// Starts a server of its own unless told of one. Exits with 1 when a promise was broken.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, max_term_width = 100)]
pub(crate) struct Command {
    #[command(subcommand)]
    pub(crate) run: What,
}

/// What is run.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// A tournament, from the arrival of the players to the final
    ///
    /// One of the promises checked is that messages come to all in the order in which the channel's history has them.
    /// A stock Nakama does not give it: when several send at once, the order may differ, which is reported as
    /// violations.
    Tournament(Tournament),
    /// How fast one room is told what is said in it
    Fanout(fanout::Options),
    /// How fast messages are stored
    ///
    /// Messages that come in another order than the history has them are violations; a stock Nakama may do that.
    Persist(persist::Options),
    /// What connections cost that do nothing
    Idle(idle::Options),
    /// What it takes when many join a room at once
    Storm(storm::Options),
}

impl What {
    /// What it has in common with the others.
    pub(crate) fn common(&self) -> &Common {
        match self {
            Self::Tournament(options) => &options.common,
            Self::Fanout(options) => &options.common,
            Self::Persist(options) => &options.common,
            Self::Idle(options) => &options.common,
            Self::Storm(options) => &options.common,
        }
    }
}

/// A tournament.
#[derive(Debug, Args)]
pub(crate) struct Tournament {
    /// How many take part, up to about 20,000
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(8..=200_000))]
    pub(crate) players: u32,

    /// How long it lasts; a part of a minute will do
    #[arg(long, default_value = "2", value_parser = minutes)]
    pub(crate) minutes: Duration,

    /// How long it lasts, in seconds
    #[arg(long, conflicts_with = "minutes", value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,

    /// What all chance comes from; another one each time unless given
    #[arg(long)]
    pub(crate) seed: Option<u64>,

    #[command(flatten)]
    pub(crate) common: Common,
}

impl Tournament {
    /// How long it lasts.
    pub(crate) fn duration(&self) -> Duration {
        self.seconds.unwrap_or(self.minutes)
    }
}

/// What all have in common.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// A server to use instead of an own one
    #[arg(long, value_name = "URL", value_parser = url)]
    pub(crate) url: Option<Url>,

    /// Process id of that server, if it is on this machine, to tell what it uses
    #[arg(long, value_name = "PID", requires = "url")]
    pub(crate) server_pid: Option<u32>,

    /// What clients present to that server when they sign in
    #[arg(long, value_name = "KEY", default_value = "defaultkey")]
    pub(crate) server_key: String,

    /// How envelopes are written: json, protobuf or bincode
    #[arg(long, default_value_t)]
    pub(crate) format: Format,

    /// Where the own server keeps its data; a directory that is removed afterwards unless given
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Where to write report.html and figures.json
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
}

fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match (url.scheme(), url.has_host()) {
        ("http" | "https", true) => Ok(url),
        _ => Err("must begin with http:// or https://".to_owned()),
    }
}

fn minutes(text: &str) -> Result<Duration, String> {
    length(text, 60.0)
}

/// A length of time in seconds, more than none.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    length(text, 1.0)
}

fn length(text: &str, unit: f64) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "must be a number".to_owned())?;
    match Duration::try_from_secs_f64(number * unit) {
        Ok(length) if !length.is_zero() => Ok(length),
        _ => Err("must be more than zero".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn tournament(args: &str) -> Result<Tournament, clap::Error> {
        let args = ["loadtest", "tournament"]
            .into_iter()
            .chain(args.split_ascii_whitespace());
        Command::try_parse_from(args).map(|command| match command.run {
            What::Tournament(tournament) => tournament,
            other => panic!("not a tournament: {other:?}"),
        })
    }

    #[test]
    fn the_command_line_is_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn time_is_given_in_minutes_or_seconds() {
        let duration = |args| tournament(args).unwrap().duration();
        assert_eq!(duration(""), Duration::from_secs(120));
        assert_eq!(duration("--minutes 0.5"), Duration::from_secs(30));
        assert_eq!(duration("--seconds 20"), Duration::from_secs(20));
        for wrong in [
            "--minutes 1 --seconds 2",
            "--seconds 0",
            "--minutes -1",
            "--minutes NaN",
        ] {
            assert!(tournament(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_belongs_to_another_server_needs_one() {
        assert!(tournament("--server-pid 1").is_err());
        assert!(tournament("--url http://127.0.0.1:7350 --server-pid 1").is_ok());
        assert!(tournament("--url http://127.0.0.1:7350 --data-dir d").is_err());
        assert!(tournament("--url 127.0.0.1:7350").is_err());
        assert!(tournament("--format xml").is_err());
    }
}
