use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

use super::{Site, until};

/// The real program, as a child that ends with the test.
pub(crate) struct Process {
    site: Site,
    child: Child,
    /// Of the address it says it listens on.
    pub(crate) scheme: String,
    /// What it said before it listened, and the line that names the metrics, if any.
    pub(crate) metrics: Option<String>,
    log: PathBuf,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    /// The program with a data directory, not yet started: port 0, no metrics, nothing inherited.
    pub(crate) fn command(data: &Path) -> Command {
        let mut command = Self::bare();
        command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
        command.arg("--data-dir").arg(data);
        command
    }

    /// The program without any argument or setting.
    pub(crate) fn bare() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_banter"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BANTER_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command
    }

    pub(crate) async fn start(data: &Path) -> Self {
        Self::spawn(Self::command(data), data, false).await
    }

    /// The program with metrics on a free port, and the way to them.
    pub(crate) async fn with_metrics(data: &Path) -> (Self, Site) {
        let mut command = Self::bare();
        command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(data);
        let process = Self::spawn(command, data, true).await;
        let url = process.metrics.clone().unwrap();
        let address = url
            .strip_prefix("http://")
            .and_then(|url| url.strip_suffix("/metrics"));
        let metrics = Site::new(address.unwrap().parse().unwrap());
        (process, metrics)
    }

    /// Starts a command and waits until it listens. Its log goes to a file beside the data.
    pub(crate) async fn spawn(mut command: Command, data: &Path, metrics: bool) -> Self {
        let file = File::options()
            .create(true)
            .append(true)
            .open(Self::log_beside(data))
            .unwrap();
        command.stdout(Stdio::piped()).stderr(file);
        Self::spawn_as_it_is(command, data, metrics).await
    }

    fn log_beside(data: &Path) -> PathBuf {
        data.join("log-of-the-test")
    }

    /// As [`spawn`](Self::spawn), with the log wherever the command has it.
    pub(crate) async fn spawn_as_it_is(mut command: Command, data: &Path, metrics: bool) -> Self {
        let log = Self::log_beside(data);
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        // The program writes its lines at once or ends: this does not wait for long.
        let mut line = || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let first = line();
        let url = first.strip_prefix("listening on ");
        let Some((scheme, address)) = url.and_then(|url| url.split_once("://")) else {
            let _ = child.wait();
            panic!("said {first:?}; log: {}", fs::read_to_string(&log).unwrap());
        };
        let address: SocketAddr = address.parse().unwrap();
        let metrics = metrics.then(|| {
            let line = line();
            let url = line
                .strip_prefix("metrics on ")
                .expect("the address of the metrics");
            url.to_owned()
        });
        Self {
            site: Site::new(address),
            child,
            scheme: scheme.to_owned(),
            metrics,
            log,
            stdout,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Closes the other end of a log that went into a pipe.
    pub(crate) fn stop_reading_log(&mut self) {
        drop(self.child.stderr.take().expect("the log goes into a pipe"));
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Ends it without a chance to say goodbye.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for it to end by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        until("the end of the process", async || child.try_wait().unwrap()).await
    }

    /// What it said after it had started. To be called when it has ended.
    pub(crate) fn rest_of_output(&mut self) -> String {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        rest
    }

    /// What it has written to its log so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Deref for Process {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl DerefMut for Process {
    fn deref_mut(&mut self) -> &mut Site {
        &mut self.site
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
