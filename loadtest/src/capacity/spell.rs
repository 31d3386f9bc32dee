//! A spell of work, and what it has cost the server.

use std::time::{Duration, Instant};

use crate::{figure, process::Usage, stage::Stage};

/// A spell that has begun.
pub(super) struct Spell {
    began: Instant,
    server: Option<Usage>,
}

/// A spell that has ended.
pub(super) struct Spent {
    pub(super) time: Duration,
    /// Of the server; `None` if that is not known.
    pub(super) cpu: Option<Duration>,
}

impl Spell {
    /// Begins one.
    pub(super) fn begin(stage: &Stage) -> Self {
        Self {
            began: Instant::now(),
            server: stage.server_usage(),
        }
    }

    /// Ends it.
    pub(super) fn end(&self, stage: &Stage) -> Spent {
        let cpu = stage.server_usage().zip(self.server);
        Spent {
            time: self.began.elapsed(),
            cpu: cpu.map(|(now, before)| now.cpu.saturating_sub(before.cpu)),
        }
    }
}

impl Spent {
    /// The server's CPU for each of so many, in words.
    pub(super) fn cpu_each(&self, number: u64) -> String {
        self.cpu.map_or_else(
            || "unknown".to_owned(),
            |cpu| figure::time_each(cpu, number),
        )
    }
}
