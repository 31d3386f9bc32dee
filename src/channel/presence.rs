use std::{collections::HashMap, fmt, sync::Arc};

use uuid::Uuid;

use crate::user::UserId;

/// One socket's login; a reconnect is a new session. Shown to clients as a lower case UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A session seen in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The user's name when the session began.
    pub username: Arc<str>,
    /// Whether what the session sends is kept in the history.
    pub persistence: bool,
}

/// Those whom everybody in the channel has been told of.
pub(crate) type Announced = Arc<[Arc<Presence>]>;

/// What changed between two announcements. A session is in `joins` or in `leaves`, or in both when
/// it came back different.
#[derive(Debug, Clone, Default)]
pub(crate) struct PresenceDelta {
    pub(crate) joins: Vec<Arc<Presence>>,
    pub(crate) leaves: Vec<Arc<Presence>>,
}

impl PresenceDelta {
    /// The same news in pieces of about `most` bytes at most, as JSON has them, to be told one after the other.
    pub(crate) fn parts(self, most: usize) -> Vec<Self> {
        if self
            .joins
            .iter()
            .chain(&self.leaves)
            .map(weight)
            .sum::<usize>()
            <= most
        {
            return vec![self];
        }
        // Leaves first: a session that came back different must not be taken out last.
        let leaves = pieces(self.leaves, most).into_iter().map(|leaves| Self {
            leaves,
            joins: Vec::new(),
        });
        let joins = pieces(self.joins, most).into_iter().map(|joins| Self {
            joins,
            leaves: Vec::new(),
        });
        leaves.chain(joins).collect()
    }
}

/// About the bytes that JSON takes for a presence.
fn weight(presence: &Arc<Presence>) -> usize {
    /// Two ids, and the names of all fields.
    const AROUND: usize = 140;
    AROUND + presence.username.len()
}

fn pieces(presences: Vec<Arc<Presence>>, most: usize) -> Vec<Vec<Arc<Presence>>> {
    let (mut pieces, mut full) = (Vec::<Vec<_>>::new(), most);
    for presence in presences {
        let weight = weight(&presence);
        if full + weight > most {
            pieces.push(Vec::new());
            full = 0;
        }
        full += weight;
        // There is one by now: the first presence begins it.
        if let Some(piece) = pieces.last_mut() {
            piece.push(presence);
        }
    }
    pieces
}

/// The visible presences of one channel: as they are, and as they have been announced.
///
/// Invariant: the announced list, with all deltas taken later applied to it, is the truth. So a
/// newcomer is given the announced list and hears the rest like everybody else, and a storm of
/// joins costs each member a few events instead of one per join.
#[derive(Debug, Default)]
pub(crate) struct PresenceBook {
    current: HashMap<SessionId, Arc<Presence>>,
    announced: HashMap<SessionId, Arc<Presence>>,
    /// Sessions whose two entries may differ, in the order of change; repeats do no harm.
    touched: Vec<SessionId>,
    /// `announced` as a list, made on first need after each change.
    list: Option<Announced>,
}

impl PresenceBook {
    /// A book in which `announced` have been announced, none of whom has yet shown up again.
    pub(crate) fn inherited(announced: Vec<Arc<Presence>>) -> Self {
        let touched = announced.iter().map(|p| p.session).collect();
        let announced = announced.into_iter().map(|p| (p.session, p)).collect();
        Self {
            announced,
            touched,
            ..Self::default()
        }
    }

    pub(crate) fn enter(&mut self, presence: Arc<Presence>) {
        self.touched.push(presence.session);
        self.current.insert(presence.session, presence);
    }

    /// No effect on a session that is not visible here.
    pub(crate) fn leave(&mut self, session: SessionId) {
        if self.current.remove(&session).is_some() {
            self.touched.push(session);
        }
    }

    pub(crate) fn has_news(&self) -> bool {
        !self.touched.is_empty()
    }

    /// How many are visible, or still shown to somebody.
    pub(crate) fn len(&self) -> usize {
        self.current.len().max(self.announced.len())
    }

    /// What to announce now, if anything; joins and leaves that cancel out are gone.
    pub(crate) fn take_delta(&mut self) -> Option<PresenceDelta> {
        let mut delta = PresenceDelta::default();
        for session in std::mem::take(&mut self.touched) {
            let now = self.current.get(&session);
            let told = self.announced.get(&session);
            if now == told {
                continue;
            }
            delta.leaves.extend(told.cloned());
            delta.joins.extend(now.cloned());
            match now {
                Some(presence) => self.announced.insert(session, presence.clone()),
                None => self.announced.remove(&session),
            };
        }
        if delta.joins.is_empty() && delta.leaves.is_empty() {
            return None;
        }
        self.list = None;
        Some(delta)
    }

    pub(crate) fn announced(&mut self) -> Announced {
        self.list
            .get_or_insert_with(|| self.announced.values().cloned().collect())
            .clone()
    }

    pub(crate) fn current(&self) -> impl Iterator<Item = &Arc<Presence>> {
        self.current.values()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn presence(n: u8, persistence: bool) -> Arc<Presence> {
        let session = SessionId(Uuid::from_u128(u128::from(n)));
        Arc::new(Presence {
            session,
            user: UserId::SERVER,
            username: "ana".into(),
            persistence,
        })
    }

    #[derive(Debug, Clone)]
    enum Step {
        Enter(u8, bool),
        Leave(u8),
        Announce,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..6u8, any::<bool>()).prop_map(|(n, p)| Step::Enter(n, p)),
            3 => (0..6u8).prop_map(Step::Leave),
            1 => Just(Step::Announce),
        ]
    }

    proptest! {
        /// Whoever starts from the announced list and applies every later delta ends with the truth.
        #[test]
        fn list_and_deltas_lead_to_the_truth(steps in prop::collection::vec(step(), 0..60), arrive in 0..60usize) {
            let mut book = PresenceBook::default();
            let mut watcher: Option<BTreeMap<SessionId, Arc<Presence>>> = None;
            let apply = |watcher: &mut Option<BTreeMap<_, _>>, delta: Option<PresenceDelta>| {
                if let (Some(seen), Some(delta)) = (watcher, delta) {
                    for gone in delta.leaves {
                        assert!(seen.remove(&gone.session).is_some(), "left without having been there");
                    }
                    for new in delta.joins {
                        assert!(seen.insert(new.session, new).is_none(), "joined twice");
                    }
                }
            };
            for (i, step) in steps.into_iter().enumerate() {
                if i == arrive {
                    watcher = Some(book.announced().iter().map(|p| (p.session, p.clone())).collect());
                }
                match step {
                    Step::Enter(n, p) => book.enter(presence(n, p)),
                    Step::Leave(n) => book.leave(presence(n, true).session),
                    Step::Announce => { let delta = book.take_delta(); apply(&mut watcher, delta); }
                }
            }
            let last = book.take_delta();
            apply(&mut watcher, last);
            prop_assert!(!book.has_news());
            if let Some(seen) = watcher {
                let truth: BTreeMap<_, _> = book.current().map(|p| (p.session, p.clone())).collect();
                prop_assert_eq!(seen, truth);
            }
        }
    }

    #[test]
    fn a_join_and_leave_between_announcements_is_nobodys_business() {
        let mut book = PresenceBook::default();
        book.enter(presence(1, true));
        book.leave(presence(1, true).session);
        assert!(book.take_delta().is_none());
    }

    #[test]
    fn much_news_is_told_in_parts_with_the_leaves_first() {
        let delta = PresenceDelta {
            joins: (0..5).map(|n| presence(n, true)).collect(),
            leaves: (0..3).map(|n| presence(n, false)).collect(),
        };
        let two = 2 * weight(&delta.joins[0]);
        let parts = delta.parts(two);
        let sizes: Vec<_> = parts
            .iter()
            .map(|p| (p.leaves.len(), p.joins.len()))
            .collect();
        assert_eq!(sizes, [(2, 0), (1, 0), (0, 2), (0, 2), (0, 1)]);
    }

    #[test]
    fn of_the_inherited_only_those_who_stay_away_are_announced_as_gone() {
        let mut book = PresenceBook::inherited(vec![presence(1, true), presence(2, true)]);
        book.enter(presence(1, true));
        let delta = book.take_delta().unwrap();
        assert!(delta.joins.is_empty());
        assert_eq!(delta.leaves, [presence(2, true)]);
    }
}
