//! When the parts of a tournament begin and end.

use std::time::Duration;

/// A round shorter than this is not played.
const SHORTEST_ROUND: Duration = Duration::from_secs(1);

/// A part of the tournament: from its beginning up to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) begins: Duration,
    pub(crate) ends: Duration,
}

impl Span {
    fn of(duration: Duration, from: f64, to: f64) -> Self {
        Self {
            begins: duration.mul_f64(from),
            ends: duration.mul_f64(to),
        }
    }

    /// The part of it from one share of its length to another.
    pub(crate) fn part(self, from: f64, to: f64) -> Self {
        let length = self.length();
        Self {
            begins: self.begins + length.mul_f64(from),
            ends: self.begins + length.mul_f64(to),
        }
    }

    pub(crate) fn length(self) -> Duration {
        self.ends.saturating_sub(self.begins)
    }

    pub(crate) fn contains(self, at: Duration) -> bool {
        self.begins <= at && at < self.ends
    }
}

/// The phases, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// Players arrive and join the lobby.
    pub(crate) arrival: Span,
    /// Teams are made and their channels joined.
    pub(crate) teams: Span,
    /// The matches.
    pub(crate) rounds: Vec<Span>,
    /// All watch the last match.
    pub(crate) last_match: Span,
    /// Nobody begins anything any more.
    pub(crate) closing: Span,
}

impl Timeline {
    /// Arrival takes 15 %, making teams 10 %, the rounds half of it, the final 20 %.
    pub(crate) fn new(duration: Duration, teams: usize) -> Self {
        let all = Span::of(duration, 0.25, 0.75);
        // Until two teams are left.
        let needed = teams.max(2).next_power_of_two().ilog2() - 1;
        let possible = all.length().as_millis() / SHORTEST_ROUND.as_millis();
        let rounds = needed.min(u32::try_from(possible).unwrap_or(u32::MAX));
        let share = |round: u32| f64::from(round) / f64::from(rounds);
        Self {
            arrival: Span::of(duration, 0.0, 0.15),
            teams: Span::of(duration, 0.15, 0.25),
            rounds: (0..rounds)
                .map(|round| all.part(share(round), share(round + 1)))
                .collect(),
            last_match: Span::of(duration, 0.75, 0.95),
            closing: Span::of(duration, 0.95, 1.0),
        }
    }

    /// The phases by name, in order.
    pub(crate) fn phases(&self) -> Vec<(&'static str, Span)> {
        const ROUNDS: [&str; 16] = [
            "round 1", "round 2", "round 3", "round 4", "round 5", "round 6", "round 7", "round 8",
            "round 9", "round 10", "round 11", "round 12", "round 13", "round 14", "round 15",
            "round 16",
        ];
        let mut phases = vec![("arrival", self.arrival), ("teams", self.teams)];
        let names = ROUNDS.into_iter().chain(std::iter::repeat("later rounds"));
        phases.extend(names.zip(self.rounds.iter().copied()));
        phases.push(("final", self.last_match));
        phases.push(("closing", self.closing));
        phases
    }
}
