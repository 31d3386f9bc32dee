//! Talks between opponents, some of which end with a block.

use rand::{RngExt, rngs::StdRng};

use super::{
    Channel, Manner, PlayerId, Span, Timeline,
    bracket::Bracket,
    crowd::{Block, Crowd},
    rates::uniform,
};

/// Share of the matches whose captains talk, and of the talks that end with a block.
const TALKS: f64 = 0.25;
const BLOCKS: f64 = 1.0 / 3.0;

/// Adds them to the crowd: one comes, the other follows, and both go; or one blocks the other, who does not
/// notice and goes on talking.
pub(crate) fn plan_direct_channels(
    rng: &mut StdRng,
    crowd: &mut Crowd,
    teams: &[Vec<PlayerId>],
    bracket: &Bracket,
    timeline: &Timeline,
) {
    for (matches, round) in bracket.rounds.iter().zip(&timeline.rounds) {
        for played in matches {
            // Drawn for each match, whether its captains are there or not.
            let (talk, block) = (rng.random_bool(TALKS), rng.random_bool(BLOCKS));
            let [opens, follows, blocks, goes, ends] = [
                (0.2, 0.25),
                (0.25, 0.3),
                (0.65, 0.7),
                (0.8, 0.85),
                (0.85, 0.9),
            ]
            .map(|(from, to)| uniform(rng, round.part(from, to)));
            let (one, two) = (teams[played.winner][0], teams[played.loser][0]);
            let there = |player: PlayerId| crowd.players[player.index()].stays(*round);
            if !talk || !there(one) || !there(two) {
                continue;
            }
            let channel = crowd.open(Channel::Direct(one, two));
            let first = Span {
                begins: opens,
                ends: goes,
            };
            crowd.stay(channel, one, first, Manner::Seen);
            crowd.stay(
                channel,
                two,
                Span {
                    begins: follows,
                    ends,
                },
                Manner::Seen,
            );
            if block {
                crowd.blocks.push(Block {
                    channel,
                    by: one,
                    at: blocks,
                });
            }
        }
    }
}
