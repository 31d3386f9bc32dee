//! How much a channel takes in a second, and who may still send when that is much.
//!
//! Everybody in a channel has to read all of it, so a channel takes no more than its rate. Of that the first half is for
//! whoever comes; the second is divided evenly among those who send, so that the loudest are refused and the others
//! do not notice them. While members cannot read as fast as it comes, the rate is an eighth.
//!
//! Invariant: in no second more is taken than the rate. Who sends less than an even share of its half is not refused, but
//! in the first second of a flood from many.

use std::time::Duration;

use super::Micros;
use crate::rate::{self, Limited};

/// One second after another.
const WINDOW: u64 = 1_000_000;

/// The part of the rate that a channel takes whose members cannot read as fast.
const CROWDED: u32 = 8;

/// What a channel has taken in the present second.
#[derive(Debug)]
pub(super) struct Traffic {
    /// Messages in a second; `None` where nobody is held to it.
    rate: Option<u32>,
    crowded_until: Micros,
    window: u64,
    taken: u32,
    /// Who has sent something in this second, and in the one before.
    senders: u32,
    senders_before: u32,
}

/// What one sender has had of it.
#[derive(Debug, Default)]
pub(super) struct SenderTraffic {
    window: u64,
    taken: u32,
}

impl Traffic {
    pub(super) fn new(rate: Option<u32>) -> Self {
        Self {
            rate,
            crowded_until: Micros(0),
            window: 0,
            taken: 0,
            senders: 0,
            senders_before: 0,
        }
    }

    /// Members cannot read as fast as it comes: for the next second there shall be less.
    pub(super) fn crowded(&mut self, now: Micros) {
        self.crowded_until = Micros(now.0.saturating_add(WINDOW as i64));
    }

    /// Takes a message that counts as `cost`.
    ///
    /// # Errors
    /// When it is too much, and the sender has had an even share.
    pub(super) fn take(
        &mut self,
        sender: &mut SenderTraffic,
        cost: u32,
        now: Micros,
    ) -> Result<(), Limited> {
        let Some(rate) = self.rate else {
            return Ok(());
        };
        let window = now.0.max(0) as u64 / WINDOW;
        if window != self.window {
            self.senders_before = match window == self.window + 1 {
                true => self.senders,
                false => 0,
            };
            (self.window, self.taken, self.senders) = (window, 0, 0);
        }
        let first = sender.window != window;
        let had = if first { 0 } else { sender.taken };
        let shared = match now < self.crowded_until {
            true => (rate / CROWDED).max(2) / 2,
            false => rate / 2,
        };
        let senders = (self.senders + u32::from(first)).max(self.senders_before);
        // Nothing is too much for a second in which nothing else is taken.
        let cost = cost.min(rate);
        let (all, own) = (self.taken.saturating_add(cost), had.saturating_add(cost));
        // With very many senders each has its first message.
        let share = (shared / senders.max(1)).max(cost);
        if all > rate || (all > shared && own > share) {
            let left = WINDOW - now.0.max(0) as u64 % WINDOW;
            rate::channel_limited();
            return Err(Limited {
                what: "messages in this channel",
                wait: Duration::from_micros(left),
            });
        }
        self.taken = all;
        self.senders += u32::from(first);
        (sender.window, sender.taken) = (window, own);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_700_000_000_000_000;

    /// Who sends `each` times in turn, and how many of each one's are taken.
    fn taken(
        traffic: &mut Traffic,
        senders: &mut [SenderTraffic],
        each: &[u32],
        at: i64,
    ) -> Vec<u32> {
        let mut taken = vec![0; each.len()];
        for turn in 0..*each.iter().max().unwrap() {
            for (who, sender) in senders.iter_mut().enumerate() {
                if turn < each[who] && traffic.take(sender, 1, Micros(at)).is_ok() {
                    taken[who] += 1;
                }
            }
        }
        taken
    }

    fn senders(count: usize) -> Vec<SenderTraffic> {
        (0..count).map(|_| SenderTraffic::default()).collect()
    }

    #[test]
    fn the_loudest_are_refused_and_the_others_do_not_notice() {
        let mut traffic = Traffic::new(Some(1000));
        let taken = taken(&mut traffic, &mut senders(4), &[5000, 50, 50, 50], NOW);
        assert_eq!(taken[1..], [50, 50, 50]);
        assert!((350..=500).contains(&taken[0]), "{taken:?}");
    }

    #[test]
    fn a_crowded_channel_takes_an_eighth_for_a_second() {
        let mut traffic = Traffic::new(Some(800));
        let mut one = senders(1);
        traffic.crowded(Micros(NOW));
        assert_eq!(taken(&mut traffic, &mut one, &[1000], NOW), [50]);
        assert_eq!(
            taken(&mut traffic, &mut one, &[1000], NOW + 1_000_000),
            [400]
        );
    }

    #[test]
    fn a_refusal_tells_when_the_next_second_begins() {
        let mut traffic = Traffic::new(Some(10));
        let mut one = SenderTraffic::default();
        while traffic.take(&mut one, 1, Micros(NOW + 250_000)).is_ok() {}
        let limited = traffic
            .take(&mut one, 1, Micros(NOW + 250_000))
            .unwrap_err();
        assert_eq!(limited.wait, Duration::from_millis(750));
        assert!(traffic.take(&mut one, 1, Micros(NOW + 1_000_000)).is_ok());
    }

    #[test]
    fn of_very_many_senders_each_has_a_message() {
        let mut traffic = Traffic::new(Some(1000));
        let each = [1; 900];
        let taken = taken(&mut traffic, &mut senders(900), &each, NOW);
        assert_eq!(taken, each);
    }

    #[test]
    fn a_message_that_counts_as_more_than_the_rate_is_taken_by_itself() {
        let mut traffic = Traffic::new(Some(10));
        let mut one = SenderTraffic::default();
        assert!(traffic.take(&mut one, 17, Micros(NOW)).is_ok());
        assert!(traffic.take(&mut one, 1, Micros(NOW)).is_err());
    }

    #[test]
    fn without_a_rate_all_is_taken() {
        let mut traffic = Traffic::new(None);
        assert_eq!(
            taken(&mut traffic, &mut senders(1), &[100_000], NOW),
            [100_000]
        );
    }

    proptest! {
        #[test]
        fn no_second_takes_more_than_the_rate(
            rate in 10_u32..2000,
            sends in prop::collection::vec((0_usize..20, 1_u32..20), 0..500),
        ) {
            let mut traffic = Traffic::new(Some(rate));
            let mut senders = senders(20);
            for (who, cost) in sends {
                let _ = traffic.take(&mut senders[who], cost, Micros(NOW));
            }
            prop_assert!(traffic.taken <= rate, "{} of {rate}", traffic.taken);
        }
    }
}
