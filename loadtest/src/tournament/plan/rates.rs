//! How often, how long, how much: the distributions a plan is drawn from.

use std::{fmt, time::Duration};

use rand::{RngExt, rngs::StdRng};
use rand_distr::{Distribution, Exp, LogNormal};

use super::{Span, Timeline};

/// Deliveries per second for each player that all channels together aim at.
const DELIVERIES_PER_PLAYER: f64 = 10.0;

/// Deliveries per second that are not exceeded however many players there are.
const MOST_DELIVERIES: f64 = 20_000.0;

/// Presences per second that players may be shown while rooms are joined. In a room of n that is n times n.
const PRESENCES: f64 = 50_000.0;

/// Share of a room that is shown at most. The others are hidden.
const SHOWN: f64 = 0.95;

/// Joins per second of those who watch matches, at most, and their share of those who do not play.
const WATCHERS: f64 = 1500.0;
const WATCHING: f64 = 0.6;

/// Messages per second that a player says at most, on average, in any one channel.
const TALKATIVE: f64 = 0.5;

/// Shortest time between a drop and the return.
const SHORTEST_AWAY: Duration = Duration::from_millis(300);

/// Sizes of texts in bytes.
const MEDIAN_TEXT: f64 = 60.0;
const LONGEST_TEXT: f64 = 3000.0;

/// How the budget of deliveries is shared. In a channel of n, one message is n deliveries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rates {
    /// Deliveries per second of all channels together, on average.
    pub(crate) budget: f64,
    /// Mean time between a drop and the return.
    pub(crate) away: Duration,
    /// Longest such time.
    pub(crate) longest_away: Duration,
}

impl Rates {
    pub(crate) fn new(players: usize, timeline: &Timeline) -> Self {
        let count = players.max(1) as f64;
        let duration = timeline.closing.ends;
        Self {
            budget: (DELIVERIES_PER_PLAYER * count).min(MOST_DELIVERIES),
            away: duration / 30,
            longest_away: (duration / 10).max(SHORTEST_AWAY),
        }
    }

    /// Messages per second in a channel of so many that has this share of the budget.
    pub(crate) fn of_channel(&self, share: f64, audience: usize) -> f64 {
        let audience = audience.max(1) as f64;
        (self.budget * share / audience).min(TALKATIVE * audience)
    }

    /// Share of those in equally large rooms who are not hidden, when all join within such a time.
    pub(crate) fn shown(joining: Span, rooms: usize, audience: f64) -> f64 {
        let all = rooms.max(1) as f64 * audience.max(1.0).powi(2);
        (PRESENCES * joining.length().as_secs_f64() / all).min(SHOWN)
    }

    /// Share of so many players who watch a match, when all join within such a time.
    pub(crate) fn watching(joining: Span, players: usize) -> f64 {
        (WATCHERS * joining.length().as_secs_f64() / players.max(1) as f64).min(WATCHING)
    }

    /// Time of an absence.
    pub(crate) fn away(&self, rng: &mut StdRng) -> Duration {
        exponential(rng, self.away).clamp(SHORTEST_AWAY, self.longest_away)
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "messages: Poisson, {:.0} deliveries/s in all; texts: log-normal, median {MEDIAN_TEXT} bytes; away: \
             exponential, mean {:.1?}",
            self.budget, self.away
        )
    }
}

/// Size of a text in bytes.
pub(crate) fn text_bytes(rng: &mut StdRng) -> u16 {
    // The parameters are fine: sigma is finite and positive.
    let sizes = LogNormal::new(MEDIAN_TEXT.ln(), 0.7);
    let drawn = sizes.map_or(MEDIAN_TEXT, |sizes| sizes.sample(rng));
    drawn.clamp(1.0, LONGEST_TEXT) as u16
}

/// A time from an exponential distribution.
pub(crate) fn exponential(rng: &mut StdRng, mean: Duration) -> Duration {
    let rate = 1.0 / mean.as_secs_f64().max(1e-6);
    let drawn = Exp::new(rate).map_or(0.0, |times| times.sample(rng));
    Duration::from_secs_f64(drawn.min(1e6))
}

/// The times of a Poisson process with so many events per second.
pub(crate) fn poisson(rng: &mut StdRng, span: Span, per_second: f64) -> Vec<Duration> {
    if per_second <= 0.0 {
        return Vec::new();
    }
    let mean = Duration::from_secs_f64((1.0 / per_second).min(1e6));
    let mut times = Vec::new();
    let mut at = span.begins + exponential(rng, mean);
    while at < span.ends {
        times.push(at);
        at += exponential(rng, mean);
    }
    times
}

/// Some time in it, all equally likely.
pub(crate) fn uniform(rng: &mut StdRng, span: Span) -> Duration {
    span.begins + span.length().mul_f64(rng.random::<f64>())
}
