//! Who searches at this moment: everybody one search at a time, as searches take turns and may be long.

use std::{collections::HashSet, sync::Arc};

use parking_lot::Mutex;

use super::{
    GroupError,
    metrics::{SEARCHES_REFUSED, SearchRefusal},
};
use crate::user::UserId;

#[derive(Debug, Clone, Default)]
pub(super) struct Searches(Arc<Mutex<HashSet<UserId>>>);

/// Held while a user's search lasts.
#[derive(Debug)]
pub(super) struct Search {
    searches: Searches,
    user: UserId,
}

impl Searches {
    /// # Errors
    /// `Searching`.
    pub(super) fn begin(&self, user: UserId) -> Result<Search, GroupError> {
        if !self.0.lock().insert(user) {
            SEARCHES_REFUSED.of(SearchRefusal::OneAtATime).increment(1);
            return Err(GroupError::Searching);
        }
        Ok(Search {
            searches: self.clone(),
            user,
        })
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.searches.0.lock().remove(&self.user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_one_search() {
        let (searches, ana, ben) = (Searches::default(), UserId::random(), UserId::random());
        let search = searches.begin(ana).unwrap();
        assert!(matches!(searches.begin(ana), Err(GroupError::Searching)));
        assert!(matches!(searches.begin(ana), Err(GroupError::Searching)));
        assert!(searches.begin(ben).is_ok());
        drop(search);
        assert!(searches.begin(ana).is_ok());
    }
}
