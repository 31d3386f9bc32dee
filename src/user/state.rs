//! The rules of online status as values: no I/O, no actix, no clock.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use super::UserId;
use crate::channel::SessionId;

/// What a user says of themselves while online: at most 2048 bytes, may be empty. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status(Arc<str>);

impl Status {
    const BYTES: usize = 2048;

    /// # Errors
    /// When the text is too long.
    pub(crate) fn new(text: &str) -> Result<Self, StatusError> {
        if text.len() > Self::BYTES {
            return Err(StatusError::TooLong { max: Self::BYTES });
        }
        Ok(Self(text.into()))
    }

    /// Of who says nothing.
    pub(crate) fn empty() -> Self {
        Self("".into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a status is not shown, or not followed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum StatusError {
    #[error("status must have at most {max} bytes")]
    TooLong { max: usize },
    /// As many sessions of the user show one as may.
    #[error("at most {max} sessions of a user can show a status")]
    TooManySessions { max: usize },
    #[error("user_ids must be user ids")]
    UserId,
    #[error("usernames must not be empty")]
    EmptyName,
    #[error("at most {max} user_ids and usernames are allowed")]
    TooMany { max: usize },
    #[error("at most {max} users can be followed")]
    TooManyFollowed { max: usize },
    /// The user's actor has as many requests waiting as it may have.
    #[error("the user is busy, try again")]
    Busy,
}

/// A session that shows its user as online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusPresence {
    pub(crate) session: SessionId,
    pub(crate) user: UserId,
    /// The user's name when the session began.
    pub(crate) username: Arc<str>,
    pub(crate) status: Status,
}

/// What changed since the last news. A session is in both lists when one status took the place of
/// another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StatusNews {
    pub(crate) joins: Vec<Arc<StatusPresence>>,
    pub(crate) leaves: Vec<Arc<StatusPresence>>,
}

/// The statuses of one user: as they are, and as followers have been told.
///
/// Invariant: [`told`](Self::told), with all news taken later applied to it, is the truth. So a new follower
/// is given what was told and hears the rest like everybody else, and of several changes in a
/// row only the last is told.
#[derive(Debug, Default)]
pub(crate) struct Statuses {
    current: HashMap<SessionId, Arc<StatusPresence>>,
    told: HashMap<SessionId, Arc<StatusPresence>>,
    /// Sessions that were set or cleared since, each once.
    changed: Vec<SessionId>,
}

impl Statuses {
    /// Sessions of a user that show a status: what a follower is told at once has a bound.
    pub(crate) const MOST: usize = 64;
    /// Of these, told of in one piece of news: some 40 kB at most.
    const IN_ONE_NEWS: usize = 8;

    /// Shows a session, or shows it anew, which is news even if its status is the same.
    ///
    /// # Errors
    /// `TooManySessions`.
    pub(crate) fn set(&mut self, presence: StatusPresence) -> Result<(), StatusError> {
        let session = presence.session;
        let shown = self.current.len();
        match self.current.entry(session) {
            Entry::Vacant(_) if shown >= Self::MOST => {
                return Err(StatusError::TooManySessions { max: Self::MOST });
            }
            Entry::Vacant(place) => drop(place.insert(Arc::new(presence))),
            Entry::Occupied(mut place) => drop(place.insert(Arc::new(presence))),
        }
        self.note(session);
        Ok(())
    }

    /// Shows a session no more. Nothing happens when it was not shown.
    pub(crate) fn clear(&mut self, session: SessionId) {
        if self.current.remove(&session).is_some() {
            self.note(session);
        }
    }

    fn note(&mut self, session: SessionId) {
        if !self.changed.contains(&session) {
            self.changed.push(session);
        }
    }

    /// What is to be told now, in order; empty when nothing is. What came and went in between is nobody's
    /// business.
    pub(crate) fn take_news(&mut self) -> Vec<StatusNews> {
        let mut all = Vec::new();
        for sessions in std::mem::take(&mut self.changed).chunks(Self::IN_ONE_NEWS) {
            let mut news = StatusNews::default();
            for session in sessions {
                let now = self.current.get(session).cloned();
                news.leaves.extend(match &now {
                    Some(now) => self.told.insert(*session, now.clone()),
                    None => self.told.remove(session),
                });
                news.joins.extend(now);
            }
            if news != StatusNews::default() {
                all.push(news);
            }
        }
        all
    }

    /// What takes all that was told away from somebody who is to hear no more.
    pub(crate) fn farewell(&self) -> Vec<StatusNews> {
        let told = self.told();
        let parts = told.chunks(Self::IN_ONE_NEWS).map(<[_]>::to_vec);
        let news = |leaves| StatusNews {
            joins: Vec::new(),
            leaves,
        };
        parts.map(news).collect()
    }

    /// The sessions that followers know to be shown, in no order.
    pub(crate) fn told(&self) -> Vec<Arc<StatusPresence>> {
        self.told.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn shown(session: u8, status: u8) -> StatusPresence {
        StatusPresence {
            session: SessionId(Uuid::from_u128(session.into())),
            user: UserId::SERVER,
            username: "ana".into(),
            status: Status::new(&status.to_string()).unwrap(),
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Set(u8, u8),
        Clear(u8),
        Tell,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..20u8, 0..3u8).prop_map(|(session, status)| Step::Set(session, status)),
            2 => (0..20u8).prop_map(Step::Clear),
            1 => Just(Step::Tell),
        ]
    }

    proptest! {
        /// Whoever starts from what was told at any time and applies every later piece of news ends with the
        /// truth.
        #[test]
        fn what_was_told_and_news_lead_to_the_truth(
            steps in prop::collection::vec(step(), 0..80),
            arrive in 0..80usize,
        ) {
            let mut statuses = Statuses::default();
            let mut truth = BTreeMap::new();
            let mut seen = None;
            let apply = |seen: &mut Option<BTreeMap<_, _>>, news: Vec<StatusNews>| {
                let Some(seen) = seen else { return };
                for news in news {
                    for left in news.leaves {
                        assert_eq!(seen.remove(&left.session), Some(left));
                    }
                    for joined in news.joins {
                        assert_eq!(seen.insert(joined.session, joined), None);
                    }
                }
            };
            for (at, step) in steps.into_iter().enumerate() {
                if at == arrive {
                    seen = Some(statuses.told().into_iter().map(|it| (it.session, it)).collect());
                }
                match step {
                    Step::Set(session, status) => {
                        let presence = shown(session, status);
                        statuses.set(presence.clone()).unwrap();
                        truth.insert(presence.session, Arc::new(presence));
                    }
                    Step::Clear(session) => {
                        let session = shown(session, 0).session;
                        statuses.clear(session);
                        truth.remove(&session);
                    }
                    Step::Tell => apply(&mut seen, statuses.take_news()),
                }
            }
            apply(&mut seen, statuses.take_news());
            prop_assert!(statuses.take_news().is_empty());
            if let Some(seen) = seen {
                prop_assert_eq!(seen, truth);
            }
        }
    }

    #[test]
    fn a_status_that_stays_the_same_is_news_and_one_that_came_and_went_is_not() {
        let mut statuses = Statuses::default();
        for _ in 0..2 {
            statuses.set(shown(1, 1)).unwrap();
            statuses.set(shown(1, 2)).unwrap();
            statuses.set(shown(1, 1)).unwrap();
            let [news] = &statuses.take_news()[..] else {
                panic!("not one piece of news")
            };
            assert_eq!(news.joins, [Arc::new(shown(1, 1))]);
        }
        statuses.set(shown(2, 1)).unwrap();
        statuses.clear(shown(2, 1).session);
        assert!(statuses.take_news().is_empty());
    }

    #[test]
    fn so_many_sessions_show_a_status_and_one_of_them_another() {
        let mut statuses = Statuses::default();
        for session in 0..Statuses::MOST {
            statuses.set(shown(session as u8, 0)).unwrap();
        }
        let refused = statuses.set(shown(255, 0));
        assert!(matches!(refused, Err(StatusError::TooManySessions { .. })));
        statuses.set(shown(0, 1)).unwrap();
        statuses.clear(shown(0, 1).session);
        statuses.set(shown(255, 0)).unwrap();
        assert!(statuses.take_news().len() >= Statuses::MOST / Statuses::IN_ONE_NEWS);
        assert!(Status::new(&"x".repeat(2048)).is_ok());
        assert!(Status::new(&"x".repeat(2049)).is_err());
    }
}
