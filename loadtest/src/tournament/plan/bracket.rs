//! Who plays whom, round after round, until two teams are left.

use rand::{RngExt, rngs::StdRng, seq::SliceRandom};

use super::{PlayerId, Timeline};

/// Two teams and who won.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) winner: usize,
    pub(crate) loser: usize,
}

/// All matches but the final.
#[derive(Debug)]
pub(crate) struct Bracket {
    pub(crate) rounds: Vec<Vec<Match>>,
}

impl Bracket {
    /// As many teams begin as the rounds can bring down to two; an odd one goes on without a match.
    pub(crate) fn new(rng: &mut StdRng, teams: &[Vec<PlayerId>], timeline: &Timeline) -> Self {
        let rounds = timeline.rounds.len() as u32;
        let begin = 2_usize.saturating_pow(rounds + 1).min(teams.len());
        let mut left: Vec<usize> = (0..teams.len()).collect();
        left.shuffle(rng);
        left.truncate(begin);
        let rounds = (0..rounds)
            .map(|_| {
                let pairs = left.chunks_exact(2);
                let mut next = pairs.remainder().to_vec();
                let matches: Vec<_> = pairs
                    .map(|pair| match rng.random_bool(0.5) {
                        true => Match {
                            winner: pair[0],
                            loser: pair[1],
                        },
                        false => Match {
                            winner: pair[1],
                            loser: pair[0],
                        },
                    })
                    .collect();
                next.extend(matches.iter().map(|played| played.winner));
                left = next;
                matches
            })
            .collect();
        Self { rounds }
    }
}
