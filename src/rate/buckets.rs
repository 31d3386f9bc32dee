use std::{hash::Hash, num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock, QuantaInstant},
};

use super::metrics::{LIMITED, RateName};
use crate::config::Rate;

/// A rate has been exceeded. The same request would be taken after `wait`, if nothing else came meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many {what}, try again in {} ms", self.wait_ms())]
pub struct Limited {
    /// Of what there were too many; continues "too many …".
    pub(crate) what: &'static str,
    pub(crate) wait: Duration,
}

impl Limited {
    /// Rounded up: who comes after it is not too early.
    pub(crate) fn wait_ms(&self) -> u128 {
        self.wait.as_nanos().div_ceil(1_000_000).max(1)
    }
}

/// One bucket for each key.
pub(crate) struct Buckets<K: Hash + Eq + Clone> {
    what: &'static str,
    /// `None` where nobody is held to the rate.
    limiter: Option<DefaultKeyedRateLimiter<K>>,
    burst: NonZeroU32,
    limited: metrics::Counter,
}

pub(super) fn quota(rate: Rate) -> Quota {
    let replenish_one = rate.period / rate.count.get();
    Quota::with_period(replenish_one)
        .unwrap_or(Quota::per_second(rate.count))
        .allow_burst(rate.burst)
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    pub(super) fn new(what: &'static str, name: RateName, rate: Option<Rate>) -> Self {
        Self {
            what,
            limiter: rate.map(|rate| RateLimiter::keyed(quota(rate))),
            burst: rate.map_or(NonZeroU32::MAX, |rate| rate.burst),
            limited: LIMITED.of(name),
        }
    }

    /// Takes one out of a bucket.
    ///
    /// # Errors
    /// When it is empty; then nothing is taken.
    pub(crate) fn take(&self, key: &K) -> Result<(), Limited> {
        self.take_many(key, 1)
    }

    /// As [`take`](Self::take), for what counts as many. It is never too much for a full bucket.
    pub(crate) fn take_many(&self, key: &K, cost: u32) -> Result<(), Limited> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        let cost = NonZeroU32::new(cost).map_or(NonZeroU32::MIN, |cost| cost.min(self.burst));
        match limiter.check_key_n(key, cost) {
            Ok(Err(until)) => {
                self.limited.increment(1);
                Err(self.limited_until(&until))
            }
            // It fits, see above.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    fn limited_until(&self, until: &NotUntil<QuantaInstant>) -> Limited {
        Limited {
            what: self.what,
            wait: until.wait_time_from(DefaultClock::default().now()),
        }
    }

    pub(super) fn sweep(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.limiter.as_ref().map_or(0, |limiter| limiter.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(rate: &str) -> Buckets<u8> {
        Buckets::new("things", RateName::Search, Some(rate.parse().unwrap()))
    }

    #[test]
    fn each_key_has_its_burst_and_then_waits() {
        let buckets = buckets("1/h burst 2");
        for key in [1, 2] {
            assert_eq!(buckets.take(&key), Ok(()));
            assert_eq!(buckets.take(&key), Ok(()));
            let limited = buckets.take(&key).unwrap_err();
            assert!(limited.wait > Duration::from_secs(3500), "{limited}");
            assert!(
                limited
                    .to_string()
                    .starts_with("too many things, try again in 3")
            );
        }
    }

    #[test]
    fn what_counts_as_more_than_a_bucket_holds_takes_all_of_it() {
        let buckets = buckets("1/h burst 10");
        assert_eq!(buckets.take_many(&1, 1000), Ok(()));
        assert!(buckets.take(&1).is_err());
    }

    #[test]
    fn a_bucket_fills_again_and_is_forgotten_then() {
        let buckets = buckets("100/s burst 1");
        assert_eq!(buckets.take(&1), Ok(()));
        assert_eq!(buckets.len(), 1);
        let limited = buckets.take(&1).unwrap_err();
        std::thread::sleep(limited.wait);
        assert_eq!(buckets.take(&1), Ok(()));
        std::thread::sleep(Duration::from_millis(20));
        buckets.sweep();
        assert_eq!(buckets.len(), 0);
    }

    #[test]
    fn without_a_rate_nobody_waits() {
        let buckets = Buckets::new("things", RateName::Search, None);
        assert!((0..100_000).all(|_| buckets.take(&1).is_ok()));
    }

    #[test]
    fn a_wait_is_told_in_whole_milliseconds_that_are_enough() {
        let told = |nanos| {
            let wait = Duration::from_nanos(nanos);
            Limited { what: "", wait }.wait_ms()
        };
        assert_eq!([0, 1, 1_000_000, 1_000_001].map(told), [1, 1, 1, 2]);
    }
}
