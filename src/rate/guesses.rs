use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use governor::{DefaultKeyedRateLimiter, RateLimiter};
use parking_lot::Mutex;

use super::{
    Limited,
    buckets::quota,
    metrics::{LIMITED, RateName},
};
use crate::config::Rate;

/// Buckets from which only failures take, and which are asked before something is tried: a right password costs nothing.
pub(crate) struct Guesses<K: Hash + Eq + Clone> {
    /// `None` where nobody is held to the rate.
    limiter: Option<DefaultKeyedRateLimiter<K>>,
    /// How long a bucket needs to have one more.
    refill: Duration,
    /// Empty buckets, and until when.
    empty: Mutex<HashMap<K, Instant>>,
    limited: metrics::Counter,
}

impl<K: Hash + Eq + Clone> Guesses<K> {
    pub(super) fn new(name: RateName, rate: Option<Rate>) -> Self {
        Self {
            limiter: rate.map(|rate| RateLimiter::keyed(quota(rate))),
            refill: rate.map_or(Duration::ZERO, |rate| rate.period / rate.count.get()),
            empty: Mutex::default(),
            limited: LIMITED.of(name),
        }
    }

    /// Whether something may be tried.
    ///
    /// # Errors
    /// When a bucket is empty.
    pub(crate) fn may_try(&self, key: &K) -> Result<(), Limited> {
        let mut empty = self.empty.lock();
        let Some(until) = empty.get(key) else {
            return Ok(());
        };
        let wait = until.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            empty.remove(key);
            return Ok(());
        }
        self.limited.increment(1);
        let what = "wrong passwords";
        Err(Limited { what, wait })
    }

    /// Something was tried and failed.
    pub(crate) fn failed(&self, key: &K) {
        if let Some(limiter) = &self.limiter
            && limiter.check_key(key).is_err()
        {
            let until = Instant::now() + self.refill;
            self.empty.lock().insert(key.clone(), until);
        }
    }

    pub(super) fn sweep(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
            let now = Instant::now();
            self.empty.lock().retain(|_, until| *until > now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_beyond_the_burst_end_the_guessing_for_a_while() {
        let guesses = Guesses::new(
            RateName::WrongPassword,
            Some("10/s burst 2".parse().unwrap()),
        );
        guesses.failed(&1);
        guesses.failed(&1);
        assert_eq!(guesses.may_try(&1), Ok(()));
        guesses.failed(&1);
        let limited = guesses.may_try(&1).unwrap_err();
        assert_eq!(guesses.may_try(&2), Ok(()), "others are not concerned");
        std::thread::sleep(limited.wait);
        assert_eq!(guesses.may_try(&1), Ok(()));
    }
}
