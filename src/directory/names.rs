//! The names that open sockets carry. A socket keeps the name it came with, whatever its user is called by
//! now; until it ends, nobody else can take that name and be mistaken for its user, or the user for them.
//!
//! In the memory of this node only: it knows its own sockets, and those of before a restart are gone.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;

use crate::user::UserId;

/// Who carries which name, and on how many sockets.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<BTreeMap<(Arc<str>, UserId), usize>>);

impl Names {
    pub(super) fn carry(&self, name: Arc<str>, user: UserId) {
        *self.0.lock().entry((name, user)).or_default() += 1;
    }

    /// Gives back what [`carry`](Self::carry) has taken.
    pub(super) fn drop(&self, name: &Arc<str>, user: UserId) {
        let mut names = self.0.lock();
        let key = (name.clone(), user);
        if let Some(sockets) = names.get_mut(&key) {
            *sockets -= 1;
            if *sockets == 0 {
                names.remove(&key);
            }
        }
    }

    /// Whether anybody but `user` carries a name.
    pub(super) fn is_carried_by_others(&self, name: &str, user: UserId) -> bool {
        let names = self.0.lock();
        // No user has the server's id, which is the lowest.
        let first = (Arc::from(name), UserId::SERVER);
        let mut bearers = names
            .range(first..)
            .take_while(|((carried, _), _)| **carried == *name);
        bearers.any(|((_, bearer), _)| *bearer != user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_free_for_others_when_the_last_socket_that_carries_it_is_gone() {
        let names = Names::default();
        let (ana, ben) = (UserId::random(), UserId::random());
        let name = Arc::<str>::from("ana");
        let taken = || {
            let taken = |user| names.is_carried_by_others("ana", user);
            (taken(ana), taken(ben))
        };
        names.carry(name.clone(), ana);
        names.carry(name.clone(), ana);
        names.carry("anabel".into(), ben);
        names.carry("an".into(), ben);
        assert_eq!(taken(), (false, true));
        names.drop(&name, ana);
        assert_eq!(taken(), (false, true));
        names.drop(&name, ana);
        assert_eq!(taken(), (false, false));
        // By two, as a token from before a change of names may open a socket.
        names.carry(name.clone(), ana);
        names.carry(name.clone(), ben);
        assert_eq!(taken(), (true, true));
        assert!(names.is_carried_by_others("ana", UserId::random()));
    }
}
