//! Friends, invitations and blocks.

use std::time::SystemTime;

use reqwest::Method;
use serde::Deserialize;

use super::{User, answer, cursor, done, repeated, time};
use crate::{ApiError, Client, Session};

/// Somebody in the caller's list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Friend {
    /// The other user.
    pub user: User,
    /// What they are to the caller.
    pub state: FriendState,
    /// Since when, in whole seconds.
    #[serde(default, deserialize_with = "time")]
    pub update_time: Option<SystemTime>,
}

/// What somebody is to the owner of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "i32")]
#[non_exhaustive]
pub enum FriendState {
    /// 0: they are friends.
    Friend,
    /// 1: the owner has invited them.
    InvitationSent,
    /// 2: they have invited the owner.
    InvitationReceived,
    /// 3: the owner has blocked them.
    Blocked,
    /// A number that this crate has no name for.
    Other(i32),
}

impl From<i32> for FriendState {
    fn from(number: i32) -> Self {
        match number {
            0 => Self::Friend,
            1 => Self::InvitationSent,
            2 => Self::InvitationReceived,
            3 => Self::Blocked,
            other => Self::Other(other),
        }
    }
}

impl FriendState {
    fn number(self) -> i32 {
        match self {
            Self::Friend => 0,
            Self::InvitationSent => 1,
            Self::InvitationReceived => 2,
            Self::Blocked => 3,
            Self::Other(number) => number,
        }
    }
}

/// Which page of the caller's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FriendQuery {
    /// Entries on a page, 1 to 1000; 100 unless changed.
    pub limit: u32,
    /// Only those who are this; `None` for all.
    pub state: Option<FriendState>,
    /// From the page before; `None` for the first one.
    pub cursor: Option<String>,
}

impl Default for FriendQuery {
    fn default() -> Self {
        Self {
            limit: 100,
            state: None,
            cursor: None,
        }
    }
}

/// A page of the caller's list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct FriendPage {
    /// By state, then by age.
    #[serde(default)]
    pub friends: Vec<Friend>,
    /// For the next page; `None` at the end.
    #[serde(default, deserialize_with = "cursor")]
    pub cursor: Option<String>,
}

impl Client {
    /// Invites users (up to 100), or accepts their invitations. Without effect for friends, those already
    /// invited, and across a block.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused) with 400 for oneself, a malformed id, or too many.
    pub async fn add_friends(&self, session: &Session, user_ids: &[&str]) -> Result<(), ApiError> {
        self.befriend(Method::POST, &["v2", "friend"], session, user_ids)
            .await
    }

    /// Ends friendships, withdraws or rejects invitations, or lifts blocks, of up to 100 users.
    ///
    /// # Errors
    ///
    /// As [`add_friends`](Self::add_friends).
    pub async fn delete_friends(
        &self,
        session: &Session,
        user_ids: &[&str],
    ) -> Result<(), ApiError> {
        self.befriend(Method::DELETE, &["v2", "friend"], session, user_ids)
            .await
    }

    /// Blocks users (up to 100): ends friendships and direct channels with them. Nobody is told.
    ///
    /// # Errors
    ///
    /// As [`add_friends`](Self::add_friends).
    pub async fn block_users(&self, session: &Session, user_ids: &[&str]) -> Result<(), ApiError> {
        self.befriend(Method::POST, &["v2", "friend", "block"], session, user_ids)
            .await
    }

    /// A page of the caller's friends, invitations and blocks.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused) with 400 for a limit out of range, or a cursor from elsewhere.
    pub async fn friends(
        &self,
        session: &Session,
        query: &FriendQuery,
    ) -> Result<FriendPage, ApiError> {
        let request = self
            .call(Method::GET, &["v2", "friend"], session)?
            .query(&[("limit", query.limit)])
            .query(&query.state.map(|state| [("state", state.number())]))
            .query(&query.cursor.as_ref().map(|cursor| [("cursor", cursor)]));
        answer(request).await
    }

    async fn befriend(
        &self,
        method: Method,
        path: &[&str],
        session: &Session,
        user_ids: &[&str],
    ) -> Result<(), ApiError> {
        let request = self.call(method, path, session)?;
        done(request.query(&repeated("ids", user_ids))).await
    }
}
