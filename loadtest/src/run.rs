//! A run that has ended: all that was measured and found, from which tables, plots and the verdict are made.

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use crate::{figure, measure::Phase, sampling::Sample, violations::Violations};

/// A second in which this program used more of its one thread is one in which it may have been late itself.
const BUSY_CORES: f64 = 0.9;
/// More lateness than this would show in the latencies.
const LATE: Duration = Duration::from_millis(50);
/// Part of the seconds that may be like that before the figures are worth less.
const TOLERATED_PART: f64 = 0.05;
/// CPUs that other programs may use.
const TOLERATED_OTHERS: f64 = 0.1;
/// Part of the machine's time that may be withheld by its host.
const TOLERATED_STEAL: f64 = 0.05;

/// Said of runs that compare what was delivered with the history of a server that may be a stock Nakama.
pub(crate) const NAKAMA_ORDER: &str = "A stock Nakama may deliver messages in another order than its history has \
     them when several send at once; that is reported as violations.";

/// A run that has ended.
pub(crate) struct Run {
    /// What was run.
    pub(crate) name: &'static str,
    /// How: names and values.
    pub(crate) setting: Vec<(&'static str, String)>,
    /// Its parts, one after the other.
    pub(crate) phases: Vec<Phase>,
    /// A look each second.
    pub(crate) samples: Vec<Sample>,
    /// Why requests were refused, and how often.
    pub(crate) refusals: BTreeMap<String, u64>,
    /// Why requests were not answered, and how often.
    pub(crate) failures: BTreeMap<String, u64>,
    /// What of the system's there may have been too little of.
    pub(crate) tight: Option<String>,
    /// What was found by what was run.
    pub(crate) findings: Findings,
    /// Every broken promise.
    pub(crate) violations: Rc<Violations>,
}

/// What a run has found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Figures of its own: names and values.
    pub(crate) figures: Vec<(String, String)>,
    /// What was done and checked.
    pub(crate) summary: Vec<String>,
}

impl Run {
    /// All phases as one.
    pub(crate) fn total(&self) -> Phase {
        let from = self
            .phases
            .first()
            .map_or(Duration::ZERO, |first| first.from);
        let mut total = Phase::new("all", from);
        for phase in &self.phases {
            total.add(phase);
        }
        total
    }

    /// Time on CPUs the server has used between these moments; `None` if that is not known. A second counts in
    /// proportion to how much of it lies between them.
    pub(crate) fn server_cpu(&self, from: Duration, to: Duration) -> Option<Duration> {
        let mut used = 0.0;
        for sample in &self.samples {
            used += sample.server_cores? * overlap(sample, from, to);
        }
        (!self.samples.is_empty()).then(|| Duration::from_secs_f64(used))
    }

    /// Time on CPUs this program has used.
    pub(crate) fn own_cpu(&self) -> Duration {
        let used = self.samples.iter().map(|sample| {
            let length = sample.second.length.as_secs_f64();
            sample.own_cores * length
        });
        Duration::from_secs_f64(used.sum())
    }

    /// Most memory the server has had in RAM; `None` if that is not known.
    pub(crate) fn server_peak_rss_bytes(&self) -> Option<u64> {
        let known = self.samples.iter().filter_map(|sample| sample.server);
        known.map(|usage| usage.peak_rss_bytes).max()
    }

    /// Why the figures may tell of this program or its machine rather than of the server.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let mut doubts: Vec<_> = self.tight.iter().cloned().collect();
        let part_of = |is: &dyn Fn(&Sample) -> bool| {
            let found = self.samples.iter().filter(|sample| is(sample)).count();
            found as f64 / self.samples.len().max(1) as f64
        };
        let busy = part_of(&|sample| sample.own_cores >= BUSY_CORES);
        if busy > TOLERATED_PART {
            doubts.push(format!(
                "this program used all of its one core in {} of the seconds: the figures measure it, not the \
                 server",
                figure::part(busy)
            ));
        }
        let late = part_of(&|sample| sample.late >= LATE);
        if late > TOLERATED_PART {
            let worst = self.samples.iter().map(|sample| sample.late).max();
            doubts.push(format!(
                "this program was late in {} of the seconds, by up to {}: latencies include that",
                figure::part(late),
                figure::time_or_none(worst)
            ));
        }
        let mean = |of: &dyn Fn(&Sample) -> f64| {
            self.samples.iter().map(of).sum::<f64>() / self.samples.len().max(1) as f64
        };
        let others = mean(&|sample| sample.other_cores.unwrap_or(0.0));
        if others > TOLERATED_OTHERS {
            doubts.push(format!(
                "other programs of this machine used {others:.2} cores: latencies include waiting for them"
            ));
        }
        let steal = mean(&|sample| sample.stolen);
        if steal > TOLERATED_STEAL {
            doubts.push(format!(
                "the host of this virtual machine withheld {} of its time",
                figure::part(steal)
            ));
        }
        doubts
    }

    /// Whether every promise was kept.
    pub(crate) fn passed(&self) -> bool {
        self.violations.count() == 0
    }

    /// What came of it, in one line.
    pub(crate) fn verdict(&self) -> String {
        let counts = self.total().counts;
        let mut verdict = match self.violations.count() {
            0 => format!("{}: passed, no violations", self.name),
            1 => format!("{}: FAILED, 1 violation", self.name),
            many => format!("{}: FAILED, {} violations", self.name, figure::count(many)),
        };
        for (number, of) in [(counts.delivered, "deliveries"), (counts.acked, "acks")] {
            if number > 0 {
                verdict += &format!(", {} {of}", figure::count(number));
            }
        }
        verdict
    }
}

/// How many seconds of this sample lie between these moments.
fn overlap(sample: &Sample, from: Duration, to: Duration) -> f64 {
    let begin = sample
        .second
        .to
        .saturating_sub(sample.second.length)
        .max(from);
    let end = sample.second.to.min(to);
    end.saturating_sub(begin).as_secs_f64()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        measure::{Counts, Measure, Percentiles, Second},
        process::Usage,
    };

    /// Ten seconds in two phases, made up.
    pub(crate) fn made_up() -> Run {
        let measure = Measure::default();
        measure.begin_phase("lobby <all>");
        measure.sent();
        for ms in 1..=100 {
            measure.delivered(Duration::from_millis(ms));
        }
        measure.acked(Duration::from_millis(3));
        measure.begin_phase("final");
        measure.delivered(Duration::from_millis(7));
        measure.refused("busy & late");
        measure.failed("no answer");
        measure.failed("no answer");
        let mut phases = measure.phases();
        let seconds = Duration::from_secs;
        (phases[0].from, phases[0].to) = (seconds(0), seconds(6));
        (phases[1].from, phases[1].to) = (seconds(6), seconds(10));
        Run {
            name: "tournament",
            setting: vec![("seed", "42".into()), ("players", "2,000".into())],
            phases,
            samples: (1..=10).map(sample).collect(),
            refusals: measure.refusals(),
            failures: measure.failures(),
            tight: None,
            findings: Findings {
                figures: Vec::new(),
                summary: vec!["played & checked".into()],
            },
            violations: Rc::default(),
        }
    }

    pub(crate) fn sample(second: u64) -> Sample {
        let latency = Duration::from_millis(second);
        let percentiles = Percentiles {
            p50: latency,
            p99: latency * 5,
            p999: latency * 8,
            max: latency * 20,
        };
        Sample {
            second: Second {
                to: Duration::from_secs(second),
                length: Duration::from_secs(1),
                counts: Counts {
                    sent: 10,
                    delivered: 1000 * second,
                    acked: 10,
                    refused: u64::from(second == 7),
                    failed: 2 * u64::from(second == 7),
                },
                connections: 100 * second,
                // One second in which nothing arrives.
                deliveries: (second != 4).then_some(percentiles),
                acks: Some(percentiles),
            },
            server: Some(Usage {
                cpu: Duration::from_millis(500 * second),
                rss_bytes: 1_000_000 * second,
                peak_rss_bytes: 1_000_000 * second,
            }),
            server_cores: Some(0.5),
            own: Usage::default(),
            own_cores: 0.25,
            other_cores: Some(0.05),
            late: Duration::ZERO,
            stolen: 0.0,
        }
    }

    #[test]
    fn all_is_the_sum_of_the_phases() {
        let total = made_up().total();
        assert_eq!((total.counts.delivered, total.counts.refused), (101, 1));
        assert_eq!(total.length(), Duration::from_secs(10));
    }

    #[test]
    fn cpu_is_shared_out_to_the_phases() {
        let run = made_up();
        let cpu = |from, to| {
            let (from, to) = (Duration::from_millis(from), Duration::from_millis(to));
            run.server_cpu(from, to).unwrap().as_millis()
        };
        assert_eq!(cpu(0, 10_000), 5000);
        assert_eq!(cpu(2500, 4000), 750);
        assert_eq!(run.own_cpu(), Duration::from_millis(2500));
    }

    #[test]
    fn cpu_of_a_server_elsewhere_is_unknown() {
        let mut run = made_up();
        run.samples[3].server_cores = None;
        assert_eq!(run.server_cpu(Duration::ZERO, Duration::MAX), None);
    }

    #[test]
    fn violations_fail_a_run() {
        let run = made_up();
        assert!(run.passed() && run.verdict().contains("passed"));
        run.violations.add("lost: message 7".into());
        assert!(!run.passed());
        assert!(
            run.verdict()
                .starts_with("tournament: FAILED, 1 violation,")
        );
        run.violations.add_untold(4999);
        assert!(run.verdict().contains("FAILED, 5,000 violations,"));
    }

    #[test]
    fn a_busy_client_casts_doubt() {
        let mut run = made_up();
        assert_eq!(run.doubts(), Vec::<String>::new());
        run.samples[0].own_cores = 0.97;
        run.samples[1].late = Duration::from_millis(80);
        run.samples[2].other_cores = Some(1.55);
        run.samples[2].stolen = 0.9;
        let doubts = run.doubts();
        assert!(doubts[0].contains("10.0 % of the seconds"), "{doubts:?}");
        assert!(doubts[1].contains("80.0 ms"), "{doubts:?}");
        assert!(doubts[2].contains("0.20 cores"), "{doubts:?}");
        assert!(doubts[3].contains("9.00 %"), "{doubts:?}");
    }
}
