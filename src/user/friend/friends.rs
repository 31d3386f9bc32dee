//! The friend service: what REST asks for.

use std::{collections::HashSet, sync::Arc};

use super::{
    Friend, FriendAction, FriendChange, FriendError, FriendOfFriend, FriendOfFriendPosition,
    FriendPosition, FriendState, FriendStore,
};
use crate::{
    channel::Micros,
    directory::Directory,
    page::{ListPage, PageLimit},
    user::{ChangeFriends, UserId},
};

/// Friends and blocks of users. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Friends {
    store: Arc<dyn FriendStore>,
    directory: Directory,
    max_list_items: usize,
}

impl Friends {
    /// `max_list_items` bounds the users of one change.
    pub(crate) fn new(
        store: Arc<dyn FriendStore>,
        directory: Directory,
        max_list_items: usize,
    ) -> Self {
        Self {
            store,
            directory,
            max_list_items,
        }
    }

    /// Acts on other users. When this returns the change is committed, and a block is in force: open
    /// direct channels have ended, and what was on its way to the caller's sessions has reached them.
    pub(crate) async fn change(
        &self,
        caller: UserId,
        ids: Vec<UserId>,
        usernames: Vec<String>,
        action: FriendAction,
    ) -> Result<(), FriendError> {
        if ids.is_empty() && usernames.is_empty() {
            return Ok(());
        }
        if ids.len() + usernames.len() > self.max_list_items {
            let max = self.max_list_items;
            return Err(FriendError::TooMany { max });
        }
        if usernames.iter().any(String::is_empty) {
            return Err(FriendError::EmptyName);
        }
        let change = FriendChange {
            caller,
            ids,
            usernames,
            action,
            now: Micros::now(),
        };
        let question = || ChangeFriends(change.clone());
        let answer = self.directory.ask_user(caller, question).await;
        answer.unwrap_or(Err(FriendError::Unavailable))
    }

    /// The list of a user. `limit` is 1 to 1000, by default 1000.
    pub(crate) async fn list(
        &self,
        user: UserId,
        state: Option<FriendState>,
        beyond: Option<FriendPosition>,
        limit: Option<i32>,
    ) -> Result<ListPage<Friend, FriendPosition>, FriendError> {
        let limit = PageLimit::new(1000, 1000).of(limit)?;
        let found = self.store.friends(user, state, beyond, limit).await?;
        Ok(found.page(|friend| FriendPosition {
            state: friend.state,
            since: friend.since,
            user: friend.user.id,
        }))
    }

    /// The friends of a user's friends. `limit` is 1 to 100, by default 10. A page may have fewer, or none,
    /// though it has a next one.
    pub(crate) async fn of_friends(
        &self,
        user: UserId,
        beyond: Option<FriendOfFriendPosition>,
        limit: Option<i32>,
    ) -> Result<ListPage<FriendOfFriend, FriendOfFriendPosition>, FriendError> {
        let limit = PageLimit::new(10, 100).of(limit)?;
        let page = self.store.friends_of_friends(user, beyond, limit).await?;
        Ok(page)
    }

    /// Who of some users has blocked one, who is to see them as offline.
    pub(crate) async fn who_blocked(
        &self,
        user: UserId,
        among: Vec<UserId>,
    ) -> Result<HashSet<UserId>, FriendError> {
        if among.is_empty() {
            return Ok(HashSet::new());
        }
        Ok(self.store.who_blocked(user, among).await?)
    }

    /// Who of some users shows as online to one of them or somebody else.
    pub(crate) async fn online(
        &self,
        seen_by: UserId,
        users: impl Iterator<Item = UserId>,
    ) -> Result<HashSet<UserId>, FriendError> {
        let mut online: HashSet<_> = users
            .filter(|user| self.directory.is_visible(*user))
            .collect();
        let others = online.iter().copied().filter(|user| *user != seen_by);
        for user in self.who_blocked(seen_by, others.collect()).await? {
            online.remove(&user);
        }
        Ok(online)
    }
}
