//! What a run measures: counts and latencies, for each of its phases and for each second.
//!
//! Latencies count from the moment a thing was planned, so that a server that keeps clients waiting is not spared
//! what they could not send meanwhile. Where the next thing is planned only when one before it is done, as in a
//! closed loop, the server is spared that; the setting of such a run says so. Each phase keeps histograms of three significant digits; a second
//! keeps one while it lasts and a few percentiles after. What arrives counts to the phase it arrives in.
//!
//! Not here: what the processes use (`sampling`), and whether what arrived was right.

mod latency;
mod phase;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::{Duration, Instant},
};

pub(crate) use self::{
    latency::{Latencies, Percentiles},
    phase::{Counts, Phase},
};

/// Reasons told apart; what comes after these counts as `OTHER_REASONS`. Servers may put names into reasons.
const MOST_REASONS: usize = 32;
const OTHER_REASONS: &str = "other reasons";

/// What a run measures. One thread's: methods take `&self` and never wait.
pub(crate) struct Measure {
    began: Instant,
    phases: RefCell<Vec<Phase>>,
    second: RefCell<OpenSecond>,
    refusals: Reasons,
    failures: Reasons,
    connections: Cell<u64>,
}

/// Why something happened, and how often.
#[derive(Default)]
struct Reasons(RefCell<BTreeMap<String, u64>>);

/// About a second of a run: from one look at the clock to the next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Second {
    /// When it ended, since the beginning of the run.
    pub(crate) to: Duration,
    /// How long it was.
    pub(crate) length: Duration,
    pub(crate) counts: Counts,
    /// Connections that stood at its end.
    pub(crate) connections: u64,
    /// `None`: nothing was delivered.
    pub(crate) deliveries: Option<Percentiles>,
    /// `None`: nothing was confirmed.
    pub(crate) acks: Option<Percentiles>,
}

struct OpenSecond {
    from: Duration,
    counts: Counts,
    deliveries: Latencies,
    acks: Latencies,
}

impl Default for Measure {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            phases: RefCell::new(vec![Phase::new("start", Duration::ZERO)]),
            second: RefCell::new(OpenSecond {
                from: Duration::ZERO,
                counts: Counts::default(),
                deliveries: Latencies::new(),
                acks: Latencies::new(),
            }),
            refusals: Reasons::default(),
            failures: Reasons::default(),
            connections: Cell::new(0),
        }
    }
}

impl Measure {
    /// What follows belongs to this part of the run.
    pub(crate) fn begin_phase(&self, name: &'static str) {
        let now = self.began.elapsed();
        let mut phases = self.phases.borrow_mut();
        if let Some(ended) = phases.last_mut() {
            ended.to = now;
        }
        phases.push(Phase::new(name, now));
    }

    /// A request to send a message leaves.
    pub(crate) fn sent(&self) {
        self.count(|counts| counts.sent += 1);
    }

    /// A message has reached one receiver, this long after it was planned to be sent.
    pub(crate) fn delivered(&self, since_planned: Duration) {
        self.count(|counts| counts.delivered += 1);
        self.second.borrow_mut().deliveries.record(since_planned);
        self.in_phase(|phase| phase.deliveries.record(since_planned));
    }

    /// A send was confirmed, this long after it was planned.
    pub(crate) fn acked(&self, since_planned: Duration) {
        self.count(|counts| counts.acked += 1);
        self.second.borrow_mut().acks.record(since_planned);
        self.in_phase(|phase| phase.acks.record(since_planned));
    }

    /// A join was answered, this long after it was planned.
    pub(crate) fn joined(&self, since_planned: Duration) {
        self.in_phase(|phase| phase.joins.record(since_planned));
    }

    /// A player who had dropped has all they missed, this long after they were to come back.
    pub(crate) fn caught_up(&self, since_planned: Duration) {
        self.in_phase(|phase| phase.catch_ups.record(since_planned));
    }

    /// The server refused something it might have taken, and said so.
    pub(crate) fn refused(&self, why: &str) {
        self.count(|counts| counts.refused += 1);
        self.refusals.add(why);
    }

    /// Something was asked of the server and not answered: it took too long, or the connection broke.
    pub(crate) fn failed(&self, why: &str) {
        self.count(|counts| counts.failed += 1);
        self.failures.add(why);
    }

    /// A connection stands.
    pub(crate) fn connected(&self) {
        self.connections.set(self.connections.get() + 1);
    }

    /// A connection has ended.
    pub(crate) fn disconnected(&self) {
        self.connections
            .set(self.connections.get().saturating_sub(1));
    }

    /// Name of the phase the run is in.
    pub(crate) fn phase(&self) -> &'static str {
        self.phases.borrow().last().map_or("", |phase| phase.name)
    }

    /// Ends the second that has lasted since the last call, and begins the next.
    pub(crate) fn end_second(&self) -> Second {
        let to = self.began.elapsed();
        let mut open = self.second.borrow_mut();
        let second = Second {
            to,
            length: to.saturating_sub(open.from),
            counts: open.counts,
            connections: self.connections.get(),
            deliveries: open.deliveries.percentiles(),
            acks: open.acks.percentiles(),
        };
        open.from = to;
        open.counts = Counts::default();
        open.deliveries.clear();
        open.acks.clear();
        second
    }

    /// The phases so far, the last one up to now, without a first one in which nothing was counted.
    pub(crate) fn phases(&self) -> Vec<Phase> {
        let now = self.began.elapsed();
        let mut phases = self.phases.borrow().clone();
        if let Some(last) = phases.last_mut() {
            last.to = now;
        }
        if phases.len() > 1 && phases[0].is_empty() {
            phases.remove(0);
        }
        phases
    }

    /// Why requests were refused, and how often.
    pub(crate) fn refusals(&self) -> BTreeMap<String, u64> {
        self.refusals.0.borrow().clone()
    }

    /// Why requests were not answered, and how often.
    pub(crate) fn failures(&self) -> BTreeMap<String, u64> {
        self.failures.0.borrow().clone()
    }

    fn count(&self, change: impl Fn(&mut Counts)) {
        change(&mut self.second.borrow_mut().counts);
        self.in_phase(|phase| change(&mut phase.counts));
    }

    fn in_phase(&self, change: impl FnOnce(&mut Phase)) {
        if let Some(phase) = self.phases.borrow_mut().last_mut() {
            change(phase);
        }
    }
}

impl Reasons {
    fn add(&self, why: &str) {
        let mut reasons = self.0.borrow_mut();
        if let Some(times) = reasons.get_mut(why) {
            *times += 1;
        } else {
            let full = reasons.len() >= MOST_REASONS;
            let why = if full { OTHER_REASONS } else { why };
            *reasons.entry(why.to_owned()).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_arrives_counts_to_the_phase_it_arrives_in() {
        let measure = Measure::default();
        measure.begin_phase("lobby");
        measure.sent();
        measure.acked(ms(3));
        measure.delivered(ms(4));
        measure.begin_phase("final");
        measure.delivered(ms(8));
        measure.failed("no answer");
        let phases = measure.phases();
        let names: Vec<_> = phases.iter().map(|phase| phase.name).collect();
        assert_eq!(names, ["lobby", "final"]);
        assert_eq!(
            phases[0].counts,
            Counts {
                sent: 1,
                delivered: 1,
                acked: 1,
                refused: 0,
                failed: 0,
            }
        );
        assert_eq!(phases[0].to, phases[1].from);
        let late = phases[1].deliveries.percentiles().unwrap();
        assert_eq!((late.p50.as_millis(), phases[1].counts.delivered), (8, 1));
        assert_eq!((phases[1].counts.failed, phases[1].counts.refused), (1, 0));
        assert_eq!(
            (measure.failures()["no answer"], measure.refusals().len()),
            (1, 0)
        );
    }

    #[test]
    fn a_second_begins_empty() {
        let measure = Measure::default();
        measure.connected();
        measure.connected();
        measure.disconnected();
        measure.delivered(ms(2));
        let (first, second) = (measure.end_second(), measure.end_second());
        assert_eq!((first.counts.delivered, first.connections), (1, 1));
        assert!(first.deliveries.is_some());
        assert_eq!((second.counts.delivered, second.connections), (0, 1));
        assert_eq!(second.deliveries, None);
    }

    #[test]
    fn phases_add_up() {
        let measure = Measure::default();
        measure.joined(ms(1));
        measure.begin_phase("next");
        measure.joined(ms(100));
        let phases = measure.phases();
        let mut total = phases[0].clone();
        total.add(&phases[1]);
        let joins = total.joins.percentiles().unwrap();
        assert_eq!((joins.p50.as_millis(), joins.max.as_millis()), (1, 100));
    }

    #[test]
    fn reasons_are_bounded() {
        let measure = Measure::default();
        for number in 0..100 {
            measure.refused(&format!("no such thing: {number}"));
        }
        let reasons = measure.refusals();
        assert_eq!(reasons.len(), MOST_REASONS + 1);
        assert_eq!(reasons[OTHER_REASONS], 100 - MOST_REASONS as u64);
    }
}
