//! A part of a run, and what was counted in it.

use std::time::Duration;

use super::Latencies;

/// How often what can be counted has happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Messages sent.
    pub(crate) sent: u64,
    /// Messages that reached one receiver.
    pub(crate) delivered: u64,
    /// Sends that were confirmed.
    pub(crate) acked: u64,
    /// Requests the server refused.
    pub(crate) refused: u64,
    /// Requests without an answer.
    pub(crate) failed: u64,
}

/// A part of a run.
#[derive(Clone)]
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    /// When it began, since the beginning of the run.
    pub(crate) from: Duration,
    /// When it ended; the last one ends with the run.
    pub(crate) to: Duration,
    pub(crate) counts: Counts,
    pub(crate) deliveries: Latencies,
    pub(crate) acks: Latencies,
    pub(crate) joins: Latencies,
    pub(crate) catch_ups: Latencies,
}

impl Phase {
    /// Nothing was measured yet.
    pub(crate) fn new(name: &'static str, from: Duration) -> Self {
        Self {
            name,
            from,
            to: from,
            counts: Counts::default(),
            deliveries: Latencies::new(),
            acks: Latencies::new(),
            joins: Latencies::new(),
            catch_ups: Latencies::new(),
        }
    }

    /// How long it was.
    pub(crate) fn length(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }

    /// Adds what another one has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
        self.counts.sent += other.counts.sent;
        self.counts.delivered += other.counts.delivered;
        self.counts.acked += other.counts.acked;
        self.counts.refused += other.counts.refused;
        self.counts.failed += other.counts.failed;
        self.deliveries.add(&other.deliveries);
        self.acks.add(&other.acks);
        self.joins.add(&other.joins);
        self.catch_ups.add(&other.catch_ups);
    }

    /// Whether nothing was measured.
    pub(super) fn is_empty(&self) -> bool {
        self.counts == Counts::default()
            && self.joins.percentiles().is_none()
            && self.catch_ups.percentiles().is_none()
    }
}
