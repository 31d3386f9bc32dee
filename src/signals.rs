//! The signals that end a server.

use std::{fs, io};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM, Ctrl-C, and SIGHUP: a terminal that is closed ends its server as gracefully as an operator does.
pub(crate) struct StopSignals {
    terminated: Signal,
    interrupted: Signal,
    hung_up: Option<Signal>,
}

impl StopSignals {
    /// From now on none of them kills the process.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            terminated: signal(SignalKind::terminate())?,
            interrupted: signal(SignalKind::interrupt())?,
            // Who starts a server with `nohup` wants it to outlive the terminal.
            hung_up: match is_ignored(SignalKind::hangup()) {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
        })
    }

    /// Waits for the first of them.
    pub(crate) async fn recv(&mut self) {
        let hung_up = async {
            match &mut self.hung_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminated.recv() => {}
            _ = self.interrupted.recv() => {}
            _ = hung_up => {}
        }
    }
}

/// Whether the process was started with this signal ignored; where the system does not tell, it was not.
fn is_ignored(kind: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}
