//! Lasting communities.

use std::time::SystemTime;

use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{User, answer, cursor, done, repeated, time};
use crate::{ApiError, Client, Session};

/// A group to make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewGroup {
    /// Unique, 1 to 255 characters.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    /// Of a language, as in BCP 47; the server's default is `en`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lang_tag: Option<String>,
    /// Whether everybody may join; otherwise they ask to.
    pub open: bool,
    /// The most members; the server's default is 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_count: Option<u32>,
}

impl NewGroup {
    /// A group that everybody may join.
    pub fn open(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            open: true,
            ..Self::default()
        }
    }

    /// A group that one has to ask to join.
    pub fn closed(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// A group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Group {
    /// The group; joins its channel with [`Socket::join_group`](crate::Socket::join_group).
    pub id: String,
    /// Who made it.
    pub creator_id: String,
    /// Unique.
    pub name: String,
    /// For people; may be empty.
    pub description: String,
    /// Of a picture; may be empty.
    pub avatar_url: String,
    /// Of a language, as in BCP 47.
    pub lang_tag: String,
    /// The text of a JSON object, from the server.
    pub metadata: String,
    /// Whether everybody may join; otherwise they ask to.
    pub open: bool,
    /// Members now, admins included.
    pub edge_count: u32,
    /// The most members.
    pub max_count: u32,
    /// When it was made, in whole seconds.
    #[serde(deserialize_with = "time")]
    pub create_time: Option<SystemTime>,
    /// When it was changed last, in whole seconds.
    #[serde(deserialize_with = "time")]
    pub update_time: Option<SystemTime>,
}

/// What somebody is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "i32")]
#[non_exhaustive]
pub enum GroupRole {
    /// 0: may do everything.
    Superadmin,
    /// 1: may add members, and kick and ban them.
    Admin,
    /// 2: may chat.
    Member,
    /// 3: asks to join.
    JoinRequest,
    /// 4: kept out. Listed only when asked for.
    Banned,
    /// A number that this crate has no name for.
    Other(i32),
}

impl From<i32> for GroupRole {
    fn from(number: i32) -> Self {
        match number {
            0 => Self::Superadmin,
            1 => Self::Admin,
            2 => Self::Member,
            3 => Self::JoinRequest,
            4 => Self::Banned,
            other => Self::Other(other),
        }
    }
}

impl GroupRole {
    fn number(self) -> i32 {
        match self {
            Self::Superadmin => 0,
            Self::Admin => 1,
            Self::Member => 2,
            Self::JoinRequest => 3,
            Self::Banned => 4,
            Self::Other(number) => number,
        }
    }
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct GroupUser {
    /// The user.
    pub user: User,
    /// What they are in the group.
    #[serde(rename = "state")]
    pub role: GroupRole,
}

/// Which page of a group's users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupUserQuery {
    /// Users on a page, 1 to 100; 100 unless changed.
    pub limit: u32,
    /// Only those who are this; `None` for all but the banned.
    pub role: Option<GroupRole>,
    /// From the page before; `None` for the first one.
    pub cursor: Option<String>,
}

impl Default for GroupUserQuery {
    fn default() -> Self {
        Self {
            limit: 100,
            role: None,
            cursor: None,
        }
    }
}

/// A page of a group's users.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct GroupUserPage {
    /// By role, then by the time they got into it.
    #[serde(default, rename = "group_users")]
    pub users: Vec<GroupUser>,
    /// For the next page; `None` at the end.
    #[serde(default, deserialize_with = "cursor")]
    pub cursor: Option<String>,
}

impl Client {
    /// Makes a group, with the caller as its superadmin.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused): 400 for texts the server does not take, 409 for a name that is taken.
    pub async fn create_group(
        &self,
        session: &Session,
        group: &NewGroup,
    ) -> Result<Group, ApiError> {
        let request = self.call(Method::POST, &["v2", "group"], session)?;
        answer(request.json(group)).await
    }

    /// Ends a group. For its superadmins.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused) with 400 for others, and when there is no such group.
    pub async fn delete_group(&self, session: &Session, group_id: &str) -> Result<(), ApiError> {
        done(self.call(Method::DELETE, &["v2", "group", group_id], session)?).await
    }

    /// Becomes a member of an open group, and asks to be one of a closed one. No effect for those who are in it,
    /// have asked, or are banned.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused): 400 for a full group, 404 for an unknown one.
    pub async fn join_group(&self, session: &Session, group_id: &str) -> Result<(), ApiError> {
        self.change_group(session, group_id, "join", &[]).await
    }

    /// Leaves a group, or withdraws the request to join it. The last one takes it along.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused) with 400 for the last superadmin, who cannot leave other members behind.
    pub async fn leave_group(&self, session: &Session, group_id: &str) -> Result<(), ApiError> {
        self.change_group(session, group_id, "leave", &[]).await
    }

    /// Makes users (up to 100) members, or accepts their requests. For superadmins and admins.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused), and nobody is added: 400 for an unknown user or too many, 404 for others than
    /// superadmins and admins.
    pub async fn add_group_users(
        &self,
        session: &Session,
        group_id: &str,
        user_ids: &[&str],
    ) -> Result<(), ApiError> {
        self.change_group(session, group_id, "add", user_ids).await
    }

    /// Takes users (up to 100) out, rejects their requests, or lifts their bans. For superadmins and admins; those
    /// whom they may not kick stay as they are.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused): 400 for a malformed id, 404 for others than superadmins and admins.
    pub async fn kick_group_users(
        &self,
        session: &Session,
        group_id: &str,
        user_ids: &[&str],
    ) -> Result<(), ApiError> {
        self.change_group(session, group_id, "kick", user_ids).await
    }

    /// Takes users (up to 100) out for good. For superadmins and admins; those whom they may not ban stay as they
    /// are.
    ///
    /// # Errors
    ///
    /// As [`kick_group_users`](Self::kick_group_users).
    pub async fn ban_group_users(
        &self,
        session: &Session,
        group_id: &str,
        user_ids: &[&str],
    ) -> Result<(), ApiError> {
        self.change_group(session, group_id, "ban", user_ids).await
    }

    /// A page of who is in a group. A group that does not exist has nobody in it.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused) with 400 for a malformed id, a limit out of range, or a cursor from elsewhere.
    pub async fn group_users(
        &self,
        session: &Session,
        group_id: &str,
        query: &GroupUserQuery,
    ) -> Result<GroupUserPage, ApiError> {
        let request = self
            .call(Method::GET, &["v2", "group", group_id, "user"], session)?
            .query(&[("limit", query.limit)])
            .query(&query.role.map(|role| [("state", role.number())]))
            .query(&query.cursor.as_ref().map(|cursor| [("cursor", cursor)]));
        answer(request).await
    }

    async fn change_group(
        &self,
        session: &Session,
        group_id: &str,
        verb: &str,
        user_ids: &[&str],
    ) -> Result<(), ApiError> {
        let request = self
            .call(Method::POST, &["v2", "group", group_id, verb], session)?
            .query(&repeated("user_ids", user_ids));
        done(request).await
    }
}
