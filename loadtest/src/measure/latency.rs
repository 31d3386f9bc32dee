//! Latencies, gathered in a histogram.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Longer ones count as this long.
const LONGEST: Duration = Duration::from_secs(3600);

/// Latencies, to three significant digits, of up to an hour.
#[derive(Clone)]
pub(crate) struct Latencies(Histogram<u64>);

/// The latency that this part of all does not exceed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Percentiles {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
    pub(crate) max: Duration,
}

impl Latencies {
    /// None yet.
    pub(crate) fn new() -> Self {
        let longest = u64::try_from(LONGEST.as_micros()).unwrap_or(u64::MAX);
        // Refuses only other bounds and digits than these.
        Self(Histogram::new_with_bounds(1, longest, 3).expect("the bounds are in order"))
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        // The same bounds, so each fits; a refusal would be a mistake in `new`.
        let added = self.0.add(&other.0);
        debug_assert!(added.is_ok());
    }

    pub(crate) fn clear(&mut self) {
        self.0.reset();
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// `None`: there are no latencies.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| Duration::from_micros(self.0.value_at_quantile(quantile));
        (!self.0.is_empty()).then(|| Percentiles {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: Duration::from_micros(self.0.max()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.percentiles(), None);
        for ms in 1..=1000 {
            latencies.record(Duration::from_millis(ms));
        }
        let percentiles = latencies.percentiles().unwrap();
        let near = |found: Duration, ms: f64| (found.as_secs_f64() * 1e3 / ms - 1.0).abs() < 2e-3;
        assert!(near(percentiles.p50, 500.0), "{percentiles:?}");
        assert!(near(percentiles.p99, 990.0), "{percentiles:?}");
        assert!(near(percentiles.p999, 999.0), "{percentiles:?}");
        assert!(near(percentiles.max, 1000.0), "{percentiles:?}");
    }

    #[test]
    fn what_is_longer_than_all_bounds_counts() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::from_secs(1_000_000));
        latencies.record(Duration::ZERO);
        assert!(latencies.percentiles().unwrap().max >= LONGEST);
    }
}
