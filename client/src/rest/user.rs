//! People.

use std::time::SystemTime;

use reqwest::Method;
use serde::Deserialize;

use super::{answer, repeated, time};
use crate::{ApiError, Client, Session};

/// What everybody can know of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct User {
    /// The user.
    pub id: String,
    /// Unique, 1 to 128 bytes.
    pub username: String,
    /// May be empty, as all texts that follow.
    pub display_name: String,
    /// Of a picture.
    pub avatar_url: String,
    /// Of a language, as in BCP 47.
    pub lang_tag: String,
    /// As the user says.
    pub location: String,
    /// As the user says.
    pub timezone: String,
    /// The text of a JSON object, from the server.
    pub metadata: String,
    /// Whether a session of the user has a status now.
    pub online: bool,
    /// When the account was made, in whole seconds.
    #[serde(deserialize_with = "time")]
    pub create_time: Option<SystemTime>,
    /// When it was changed last, in whole seconds.
    #[serde(deserialize_with = "time")]
    pub update_time: Option<SystemTime>,
}

impl Client {
    /// Users by their ids (up to 100), in no order. Unknown ones are left out.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused): 400 for a malformed id or too many, 401 for a session that has ended.
    pub async fn users(&self, session: &Session, ids: &[&str]) -> Result<Vec<User>, ApiError> {
        self.users_by("ids", session, ids).await
    }

    /// Users by their names (up to 100), in no order. Unknown ones are left out.
    ///
    /// # Errors
    ///
    /// As [`users`](Self::users).
    pub async fn users_by_name(
        &self,
        session: &Session,
        usernames: &[&str],
    ) -> Result<Vec<User>, ApiError> {
        self.users_by("usernames", session, usernames).await
    }

    async fn users_by(
        &self,
        key: &str,
        session: &Session,
        values: &[&str],
    ) -> Result<Vec<User>, ApiError> {
        #[derive(Deserialize)]
        struct Users {
            #[serde(default)]
            users: Vec<User>,
        }
        let request = self
            .call(Method::GET, &["v2", "user"], session)?
            .query(&repeated(key, values));
        Ok(answer::<Users>(request).await?.users)
    }
}
