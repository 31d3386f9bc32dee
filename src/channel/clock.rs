//! The time that messages carry: the machine's clock, without its steps.
//!
//! A clock that is set forward by mistake would pin every room in which somebody then speaks to the future, because the
//! times of a room never go back. So time is what the clock said at the start and what has passed since; from then on it
//! follows the clock at no more than half as fast again, and says so when the clock was set.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use parking_lot::Mutex;

use super::Micros;

/// How often the machine's clock is looked at, at most, in microseconds.
const LOOK: i64 = 100_000;

/// Differences beyond this are told of: what the network's time corrects is less.
const STEP: i64 = 1_000_000;

struct Clock {
    started: Instant,
    /// Those of `state`, for all threads that only ask for the time.
    base: AtomicI64,
    looked: AtomicI64,
    state: Mutex<State>,
}

/// All in microseconds.
#[derive(Debug, Clone, Copy)]
struct State {
    /// Time at the start, as far as it is known by now.
    base: i64,
    /// When the clock was last looked at, since the start.
    looked: i64,
    /// A step has been told of, and is still being followed.
    stepped: bool,
}

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// The clock was set by so many microseconds.
    Set(i64),
    /// Time agrees with the clock again.
    Agrees,
}

impl State {
    /// Follows the clock, which says `wall` when so much has `passed` since the start.
    fn look(&mut self, passed: i64, wall: i64) -> Option<Told> {
        let most = (passed - self.looked).max(0) / 2;
        self.looked = passed;
        let off = wall.saturating_sub(self.base + passed);
        self.base += off.clamp(-most, most);
        if off.abs() >= STEP && !self.stepped {
            self.stepped = true;
            return Some(Told::Set(off));
        }
        if off.abs() < STEP / 2 && self.stepped {
            self.stepped = false;
            return Some(Told::Agrees);
        }
        None
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 4)
}

fn wall() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    micros(since.unwrap_or_default())
}

impl Clock {
    fn start() -> Self {
        let base = wall();
        Self {
            started: Instant::now(),
            base: AtomicI64::new(base),
            looked: AtomicI64::new(0),
            state: Mutex::new(State {
                base,
                looked: 0,
                stepped: false,
            }),
        }
    }

    /// Looks at the machine's clock, unless another thread does.
    fn look(&self, passed: i64) {
        let Some(mut state) = self.state.try_lock() else {
            return;
        };
        let told = state.look(passed, wall());
        self.base.store(state.base, Ordering::Relaxed);
        self.looked.store(state.looked, Ordering::Relaxed);
        drop(state);
        tell(told);
    }
}

pub(super) fn now() -> Micros {
    static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::start);
    let passed = micros(CLOCK.started.elapsed());
    if passed - CLOCK.looked.load(Ordering::Relaxed) >= LOOK {
        CLOCK.look(passed);
    }
    Micros(CLOCK.base.load(Ordering::Relaxed) + passed)
}

fn tell(told: Option<Told>) {
    match told {
        Some(Told::Set(off)) => tracing::warn!(
            seconds = off / 1_000_000,
            "the machine's clock was set; the times of messages follow it slowly"
        ),
        Some(Told::Agrees) => tracing::info!("the times of messages agree with the clock again"),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000_000_000;
    const YEAR: i64 = 365 * 86_400 * 1_000_000;

    fn state() -> State {
        State {
            base: START,
            looked: 0,
            stepped: false,
        }
    }

    /// How far time is ahead every tenth of a second, and all that is told, while the clock is off by this much.
    fn run(state: &mut State, tenths: std::ops::Range<i64>, off: i64) -> (Vec<i64>, Vec<Told>) {
        let (mut ahead, mut told) = (Vec::new(), Vec::new());
        for passed in tenths.map(|tenth| tenth * LOOK) {
            told.extend(state.look(passed, START + passed + off));
            ahead.push(state.base - START);
        }
        (ahead, told)
    }

    #[test]
    fn a_clock_that_was_set_wrong_for_a_minute_costs_half_a_minute() {
        let mut state = state();
        let (ahead, told) = run(&mut state, 1..600, YEAR);
        assert_eq!(told, [Told::Set(YEAR)], "once");
        assert!(ahead.is_sorted());
        assert!(*ahead.last().unwrap() <= 30_000_000);
        let (ahead, told) = run(&mut state, 600..1300, 0);
        assert_eq!(ahead.last(), Some(&0), "and is made up for as fast");
        assert_eq!(told, [Told::Agrees]);
    }

    #[test]
    fn what_the_network_corrects_is_followed_in_silence() {
        let mut state = state();
        let (ahead, told) = run(&mut state, 1..20, 40_000);
        assert_eq!(ahead.last(), Some(&40_000));
        assert_eq!(told, []);
    }

    #[test]
    fn a_clock_set_back_is_followed_and_time_still_goes_on() {
        let mut state = state();
        let (ahead, told) = run(&mut state, 1..100, -3_600_000_000);
        assert_eq!(told, [Told::Set(-3_600_000_000)]);
        // Each tenth of a second is worth half of it.
        assert!(ahead.windows(2).all(|pair| pair[1] - pair[0] == -50_000));
    }
}
