//! A server of the run's own: this very program again, as a process whose CPU and memory are its own.

mod child;

use std::{
    env, fs,
    io::{self, Seek, SeekFrom},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use url::Url;

pub(crate) use self::child::{SUBCOMMAND, serve};

/// What the server says before its address.
const LISTENING: &str = "listening on ";
/// A cold start on a busy machine makes keys and a database.
const START_WAIT: Duration = Duration::from_secs(30);
/// Longer than any `shutdown_grace`.
const STOP_WAIT: Duration = Duration::from_secs(20);
/// How much of its log is told when it fails.
const LOG_TAIL_BYTES: u64 = 4096;

/// A running server. Killed when dropped, and its data removed.
pub(crate) struct Server {
    process: Child,
    pid: u32,
    url: Url,
    // Open, so that what it writes there later does not fail.
    _stdout: Lines<BufReader<ChildStdout>>,
    scratch: TempDir,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// It could not be started, or waited for.
    #[error("cannot run a server")]
    Io(#[from] io::Error),
    /// It has not said where it listens.
    #[error("the server did not start:\n{log}")]
    NotStarted {
        /// The end of its log.
        log: String,
    },
    /// It ended while it was needed, or not as it should.
    #[error("the server ended with {status}:\n{log}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },
    /// It was told to end, and did not.
    #[error("the server did not end within {} s:\n{log}", STOP_WAIT.as_secs())]
    NotStopped {
        /// The end of its log.
        log: String,
    },
}

impl Server {
    /// Starts one on a free port of the loopback, with these settings (`--name value`). Its data are in this
    /// directory, or else in one that is removed with it.
    pub(crate) async fn start(
        settings: &[String],
        data_dir: Option<PathBuf>,
    ) -> Result<Self, ServerError> {
        let scratch = TempDir::with_prefix("banter-loadtest.")?;
        let log = fs::File::create(scratch.path().join("log"))?;
        let mut process = Command::new(env::current_exe()?)
            .arg(SUBCOMMAND)
            .args(["--listen", "127.0.0.1:0", "--metrics-listen", "off"])
            // Its players are all on one machine, and in more of a hurry than people.
            .args(["--rate-limits", "off"])
            .arg("--data-dir")
            .arg(data_dir.unwrap_or_else(|| scratch.path().join("data")))
            .args(settings)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let stdout = process.stdout.take().ok_or_else(gone)?;
        let pid = process.id().ok_or_else(gone)?;
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(START_WAIT, lines.next_line()).await;
        let url = line.ok().and_then(Result::ok).flatten();
        let url = url.and_then(|line| Url::parse(line.strip_prefix(LISTENING)?).ok());
        let Some(url) = url else {
            let log = tail(&scratch);
            return Err(ServerError::NotStarted { log });
        };
        Ok(Self {
            process,
            pid,
            url,
            _stdout: lines,
            scratch,
        })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until it has ended by itself, and tells how.
    pub(crate) async fn ended(&mut self) -> ServerError {
        match self.process.wait().await {
            Ok(status) => ServerError::Ended {
                status,
                log: tail(&self.scratch),
            },
            Err(error) => error.into(),
        }
    }

    /// Tells it to end, and waits until it has done so as it should.
    pub(crate) async fn stop(mut self) -> Result<(), ServerError> {
        // If it has ended before, its status tells.
        if let Some(pid) = self
            .process
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
        {
            kill_process(pid, Signal::TERM).map_err(io::Error::from)?;
        }
        let log = || tail(&self.scratch);
        match timeout(STOP_WAIT, self.process.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(ServerError::Ended { status, log: log() }),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(ServerError::NotStopped { log: log() }),
        }
    }
}

/// The end of the server's log.
fn tail(scratch: &TempDir) -> String {
    let read = || -> io::Result<String> {
        let mut file = fs::File::open(scratch.path().join("log"))?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut file, &mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_else(|error| format!("(its log cannot be read: {error})"))
}
