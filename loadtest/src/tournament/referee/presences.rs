//! Who somebody sees in a channel.
//!
//! Sessions have numbers, counted from 0 through the run. A few are a sorted list; many are a bit each, so that
//! thousands of players may each see thousands of others.

/// More are kept as bits.
const FEW: usize = 64;

/// A set of sessions.
#[derive(Debug, Clone)]
pub(crate) enum Presences {
    Few(Vec<u32>),
    Many(Vec<u64>),
}

impl Default for Presences {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Presences {
    /// Adds one; whether it was missing.
    pub(crate) fn insert(&mut self, session: u32) -> bool {
        match self {
            Self::Few(sessions) => {
                let Err(place) = sessions.binary_search(&session) else {
                    return false;
                };
                sessions.insert(place, session);
                if sessions.len() > FEW {
                    let mut many = Self::Many(Vec::new());
                    for session in sessions {
                        many.insert(*session);
                    }
                    *self = many;
                }
                true
            }
            Self::Many(bits) => {
                let (word, bit) = (session as usize / 64, 1 << (session % 64));
                if bits.len() <= word {
                    bits.resize(word + 1, 0);
                }
                let missing = bits[word] & bit == 0;
                bits[word] |= bit;
                missing
            }
        }
    }

    /// Takes one out; whether it was there.
    pub(crate) fn remove(&mut self, session: u32) -> bool {
        match self {
            Self::Few(sessions) => match sessions.binary_search(&session) {
                Ok(place) => {
                    sessions.remove(place);
                    true
                }
                Err(_) => false,
            },
            Self::Many(bits) => {
                let (word, bit) = (session as usize / 64, 1 << (session % 64));
                let Some(word) = bits.get_mut(word) else {
                    return false;
                };
                let there = *word & bit != 0;
                *word &= !bit;
                there
            }
        }
    }

    /// All, in order.
    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        match self {
            Self::Few(sessions) => Box::new(sessions.iter().copied()),
            Self::Many(bits) => Box::new(bits.iter().enumerate().flat_map(|(word, bits)| {
                (0..64)
                    .filter(move |bit| bits & (1 << bit) != 0)
                    .map(move |bit| word as u32 * 64 + bit)
            })),
        }
    }

    /// Whether both hold the same.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Few(one), Self::Few(two)) => one == two,
            (Self::Many(one), Self::Many(two)) => {
                let shared = one.len().min(two.len());
                let rest = one[shared..].iter().chain(&two[shared..]);
                one[..shared] == two[..shared] && rest.into_iter().all(|word| *word == 0)
            }
            _ => self.iter().eq(other.iter()),
        }
    }

    /// What this has and the other does not.
    pub(crate) fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = u32> + 'a {
        let mut others = other.iter().peekable();
        self.iter().filter(move |session| {
            while others.next_if(|other| other < session).is_some() {}
            others.peek() != Some(session)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(
            steps in prop::collection::vec((any::<bool>(), 0_u32..300), 0..600),
            other in prop::collection::btree_set(0_u32..300, 0..300),
        ) {
            let (mut presences, mut model) = (Presences::default(), BTreeSet::new());
            for (comes, session) in steps {
                if comes {
                    prop_assert_eq!(presences.insert(session), model.insert(session));
                } else {
                    prop_assert_eq!(presences.remove(session), model.remove(&session));
                }
            }
            prop_assert!(presences.iter().eq(model.iter().copied()));
            let mut others = Presences::default();
            for session in &other {
                others.insert(*session);
            }
            prop_assert_eq!(presences.same(&others), model == other);
            prop_assert!(presences.without(&others).eq(model.difference(&other).copied()));
        }
    }
}
