//! Refresh tokens that are good once: which of a sign-in is the newest, and what an older one means.
//!
//! The refresh tokens of a family are numbered, and the store keeps the number of the newest. Each buys the next
//! one. The one before the newest buys the newest again for a short while, as the answer with it may have been
//! lost, or the client have asked twice at once: both times it gets tokens of the same number. Any other
//! has been used by somebody before, the client or a thief, and it cannot be told by whom: the family ends.
//!
//! Numbers decide, not clocks; a clock only bounds the while.

use std::time::{Duration, SystemTime};

use super::{revocation::Revocation, token::TokenId};

/// A refresh token that is presented.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presented {
    pub(crate) family: TokenId,
    pub(crate) generation: u64,
    pub(crate) now: SystemTime,
    /// How long the one before the newest is good.
    pub(crate) grace: Duration,
    /// What is kept if it is none of the two.
    pub(crate) end: Revocation,
}

/// The newest token of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Newest {
    pub(crate) generation: u64,
    /// When it was first bought.
    pub(crate) since: SystemTime,
}

/// What comes of a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// The next token has this number, and is the newest from now on.
    Next(u64),
    /// The newest, which has this number, is bought again.
    Again(u64),
    /// Used before: the family has ended.
    Reused,
}

/// The rule. Without a newest token none of the family has been used, or so long ago that all those have
/// expired.
pub(crate) fn rotate(newest: Option<Newest>, presented: &Presented) -> Rotation {
    let Presented {
        generation,
        now,
        grace,
        ..
    } = *presented;
    let next = generation.saturating_add(1);
    match newest {
        Some(newest) if next == newest.generation => {
            // Either way: a clock that was set back must not make the while a long one.
            let away = now.duration_since(newest.since);
            let away = away.unwrap_or_else(|error| error.duration());
            match away < grace {
                true => Rotation::Again(newest.generation),
                false => Rotation::Reused,
            }
        }
        Some(newest) if next < newest.generation => Rotation::Reused,
        // With a higher number than is known: bought while each was good for ever.
        Some(_) | None => Rotation::Next(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account::revocation::Ends, user::UserId};

    const GRACE: Duration = Duration::from_secs(10);

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    fn used(newest: Option<u64>, generation: u64, second: u64, grace: Duration) -> Rotation {
        let newest = newest.map(|generation| Newest {
            generation,
            since: at(100),
        });
        let presented = Presented {
            family: TokenId::MAX,
            generation,
            now: at(second),
            grace,
            end: Revocation {
                user: UserId::SERVER,
                ends: Ends::Family(TokenId::MAX),
                until: at(0),
            },
        };
        rotate(newest, &presented)
    }

    #[test]
    fn each_token_buys_the_next_one_and_the_one_before_the_newest_buys_that_again_for_a_while() {
        use Rotation::{Again, Next, Reused};
        for (newest, generation, second, rotation) in [
            (None, 0, 100, Next(1)),
            (None, 7, 100, Next(8)),
            (Some(3), 3, 100, Next(4)),
            (Some(3), 3, 0, Next(4)),
            (Some(3), 2, 100, Again(3)),
            (Some(3), 2, 109, Again(3)),
            (Some(3), 2, 110, Reused),
            (Some(3), 2, 91, Again(3)),
            (Some(3), 2, 90, Reused),
            (Some(3), 1, 100, Reused),
            (Some(3), 0, 100, Reused),
            (Some(3), 9, 100, Next(10)),
        ] {
            let what = format!("{generation} of {newest:?} at {second}");
            assert_eq!(used(newest, generation, second, GRACE), rotation, "{what}");
        }
        assert_eq!(used(Some(3), 2, 100, Duration::ZERO), Reused);
    }
}
