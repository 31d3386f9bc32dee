//! Which tokens have been ended before their time.
//!
//! Kept in memory in full, so that checking a token costs two look-ups; the store holds the same
//! rows for the next start. An entry goes once every token it could concern has expired by itself.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use parking_lot::RwLock;

use super::token::TokenId;
use crate::user::UserId;

/// The end of some of a user's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Revocation {
    pub(crate) user: UserId,
    pub(crate) ends: Ends,
    /// From then on no token concerned could be good anyway.
    pub(crate) until: SystemTime,
}

/// How far a [`Revocation`] reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// The tokens of one family.
    Family(TokenId),
    /// Every token with this id or one before it.
    UpTo(TokenId),
    /// The same, but for those of one family.
    Others { up_to: TokenId, but: TokenId },
}

impl Ends {
    /// Whether a token ends.
    pub(crate) fn include(self, token: TokenId) -> bool {
        match self {
            Self::Family(family) => token == family,
            Self::UpTo(cut) => token <= cut,
            Self::Others { up_to, but } => token <= up_to && token != but,
        }
    }
}

/// How often entries past their time are swept out, at most.
const SWEEP: Duration = Duration::from_secs(600);

/// All revocations in force.
#[derive(Debug)]
pub(crate) struct Revocations(RwLock<Entries>);

#[derive(Debug)]
struct Entries {
    families: HashMap<TokenId, SystemTime>,
    cuts: HashMap<UserId, Cuts>,
    next_sweep: SystemTime,
}

/// What has ended of a user's tokens beside single families.
#[derive(Debug)]
struct Cuts {
    /// The highest [`Ends::UpTo`].
    all: Option<TokenId>,
    /// The highest [`Ends::Others`], and the family it spares. One that a lower one spares has ended with this one,
    /// unless it is the same: nobody else could have asked for it.
    others: Option<(TokenId, TokenId)>,
    until: SystemTime,
}

impl Revocations {
    pub(crate) fn new(stored: Vec<Revocation>, now: SystemTime) -> Self {
        let entries = Entries {
            families: HashMap::new(),
            cuts: HashMap::new(),
            next_sweep: now + SWEEP,
        };
        let revocations = Self(RwLock::new(entries));
        revocations.add(&stored, now);
        revocations
    }

    /// From the return on, [`is_ended`](Self::is_ended) is true for all tokens concerned.
    pub(crate) fn add(&self, revocations: &[Revocation], now: SystemTime) {
        let mut entries = self.0.write();
        if entries.next_sweep <= now {
            entries.sweep(now);
        }
        for revocation in revocations {
            match revocation.ends {
                Ends::Family(token) => {
                    let until = entries.families.entry(token).or_insert(revocation.until);
                    *until = revocation.until.max(*until);
                }
                Ends::UpTo(cut) => {
                    let cuts = entries.cuts(revocation);
                    cuts.all = cuts.all.max(Some(cut));
                }
                Ends::Others { up_to, but } => {
                    let cuts = entries.cuts(revocation);
                    cuts.others = cuts.others.max(Some((up_to, but)));
                }
            }
        }
    }

    pub(crate) fn is_ended(&self, user: UserId, token: TokenId) -> bool {
        let entries = self.0.read();
        entries.families.contains_key(&token)
            || entries
                .cuts
                .get(&user)
                .is_some_and(|cuts| cuts.include(token))
    }

    /// The highest cut of a logout, if any: ids made from now on must come after it.
    pub(crate) fn highest_cut(&self) -> Option<TokenId> {
        let entries = self.0.read();
        entries
            .cuts
            .values()
            .flat_map(|cuts| [cuts.all, cuts.others.map(|(up_to, _)| up_to)])
            .flatten()
            .filter(|&cut| cut != TokenId::MAX)
            .max()
    }
}

impl Cuts {
    fn include(&self, token: TokenId) -> bool {
        let others = self.others.map(|(up_to, but)| Ends::Others { up_to, but });
        let all = self.all.map(Ends::UpTo);
        [all, others]
            .into_iter()
            .flatten()
            .any(|ends| ends.include(token))
    }
}

impl Entries {
    /// The cuts of a user, to be kept until this one's time is up, too.
    fn cuts(&mut self, revocation: &Revocation) -> &mut Cuts {
        let cuts = self.cuts.entry(revocation.user).or_insert(Cuts {
            all: None,
            others: None,
            until: revocation.until,
        });
        cuts.until = cuts.until.max(revocation.until);
        cuts
    }

    fn sweep(&mut self, now: SystemTime) {
        self.families.retain(|_, until| *until > now);
        self.cuts.retain(|_, cuts| cuts.until > now);
        self.next_sweep = now + SWEEP;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::token::TokenIds;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(hours: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + HOUR * hours
    }

    #[test]
    fn a_family_ends_alone() {
        let (ids, user) = (TokenIds::default(), UserId::random());
        let (a, b) = (ids.next(), ids.next());
        let revocations = Revocations::new(vec![], at(0));
        revocations.add(
            &[Revocation {
                user,
                ends: Ends::Family(b),
                until: at(1),
            }],
            at(0),
        );
        assert!(!revocations.is_ended(user, a));
        assert!(revocations.is_ended(user, b));
    }

    #[test]
    fn a_cut_ends_what_came_before_it_and_of_that_user_only() {
        let (ids, user) = (TokenIds::default(), UserId::random());
        let (before, cut, after) = (ids.next(), ids.next(), ids.next());
        let revocations = Revocations::new(
            vec![Revocation {
                user,
                ends: Ends::UpTo(cut),
                until: at(1),
            }],
            at(0),
        );
        assert!(revocations.is_ended(user, before));
        assert!(revocations.is_ended(user, cut));
        assert!(!revocations.is_ended(user, after));
        assert!(!revocations.is_ended(UserId::random(), before));
        assert_eq!(revocations.highest_cut(), Some(cut));
    }

    #[test]
    fn a_cut_that_spares_a_family_spares_it_only_until_the_next_one() {
        let (ids, user) = (TokenIds::default(), UserId::random());
        let (a, b, first, c, second, d) = (
            ids.next(),
            ids.next(),
            ids.next(),
            ids.next(),
            ids.next(),
            ids.next(),
        );
        let others = |up_to, but| Revocation {
            user,
            ends: Ends::Others { up_to, but },
            until: at(1),
        };
        let ended =
            |revocations: &Revocations| [a, b, c, d].map(|token| revocations.is_ended(user, token));
        let revocations = Revocations::new(vec![others(first, a)], at(0));
        assert_eq!(ended(&revocations), [false, true, false, false]);
        assert_eq!(revocations.highest_cut(), Some(first));
        revocations.add(&[others(second, c)], at(0));
        assert_eq!(ended(&revocations), [true, true, false, false]);
        // In any order, as the store has none.
        let loaded = Revocations::new(vec![others(second, c), others(first, a)], at(0));
        assert_eq!(ended(&loaded), [true, true, false, false]);
        let everything = Revocation {
            ends: Ends::UpTo(second),
            ..others(second, c)
        };
        revocations.add(&[everything], at(0));
        assert_eq!(ended(&revocations), [true, true, true, false]);
    }

    #[test]
    fn an_older_cut_takes_nothing_back() {
        let (ids, user) = (TokenIds::default(), UserId::random());
        let (old, token) = (ids.next(), ids.next());
        let ends_all = Revocation {
            user,
            ends: Ends::UpTo(TokenId::MAX),
            until: at(2),
        };
        let older = Revocation {
            user,
            ends: Ends::UpTo(old),
            until: at(1),
        };
        let revocations = Revocations::new(vec![ends_all, older], at(0));
        assert!(revocations.is_ended(user, token));
        assert_eq!(revocations.highest_cut(), None);
        revocations.add(&[], at(1));
        assert!(revocations.is_ended(user, token));
    }

    #[test]
    fn entries_go_when_their_time_has_passed() {
        let (ids, user) = (TokenIds::default(), UserId::random());
        let token = ids.next();
        let revocations = Revocations::new(
            vec![Revocation {
                user,
                ends: Ends::Family(token),
                until: at(5),
            }],
            at(0),
        );
        revocations.add(&[], at(4));
        assert!(revocations.is_ended(user, token));
        revocations.add(&[], at(5));
        assert!(!revocations.is_ended(user, token));
    }
}
