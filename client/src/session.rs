//! What one has after signing in.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// A sign-in: a token for calls and sockets, and one to get new ones with.
///
/// What it tells of the user is read from the token, whose signature only the server can check.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// For calls and sockets, until `expires_at`. Keep it secret.
    pub token: String,
    /// For [`Client::refresh`](crate::Client::refresh), until `refresh_expires_at`. Keep it secret. Empty if the
    /// server gave none.
    pub refresh_token: String,
    /// The user.
    pub user_id: String,
    /// The user's name at the time of signing in.
    pub username: String,
    /// Whether an account was made. `false` after a refresh and in a restored session.
    pub created: bool,
    /// When `token` ends, by the server's clock, in whole seconds.
    pub expires_at: SystemTime,
    /// When `refresh_token` ends; `None` without one.
    pub refresh_expires_at: Option<SystemTime>,
    /// What was given as variables at the sign-in.
    pub vars: BTreeMap<String, String>,
}

/// A token from which nothing can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a session token")]
pub struct TokenError;

impl Session {
    /// Of tokens that were kept: those of [`token`](Self::token) and [`refresh_token`](Self::refresh_token), which
    /// may be empty.
    ///
    /// # Errors
    ///
    /// If they are not session tokens. Whether they are still good only the server knows.
    pub fn restore(
        token: impl Into<String>,
        refresh_token: impl Into<String>,
    ) -> Result<Self, TokenError> {
        let (token, refresh_token) = (token.into(), refresh_token.into());
        let claims = Claims::read(&token)?;
        let refresh_expires_at = match refresh_token.is_empty() {
            true => None,
            false => Some(Claims::read(&refresh_token)?.expires_at()?),
        };
        Ok(Self {
            expires_at: claims.expires_at()?,
            user_id: claims.uid,
            username: claims.usn,
            vars: claims.vrs.unwrap_or_default(),
            created: false,
            refresh_expires_at,
            token,
            refresh_token,
        })
    }

    /// Whether the token has ended at a time. Ask with a time a little ahead of now, as sockets and calls need the
    /// token when they begin: `session.is_expired(SystemTime::now() + Duration::from_secs(60))`.
    pub fn is_expired(&self, at: SystemTime) -> bool {
        self.expires_at <= at
    }
}

/// Without the tokens.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user_id", &self.user_id)
            .field("username", &self.username)
            .field("created", &self.created)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What a token says.
#[derive(Deserialize)]
struct Claims {
    uid: String,
    #[serde(default)]
    usn: String,
    exp: u64,
    #[serde(default)]
    vrs: Option<BTreeMap<String, String>>,
}

impl Claims {
    fn read(token: &str) -> Result<Self, TokenError> {
        let payload = token.split('.').nth(1).ok_or(TokenError)?;
        let json = URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenError)?;
        serde_json::from_slice(&json).map_err(|_| TokenError)
    }

    fn expires_at(&self) -> Result<SystemTime, TokenError> {
        SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(self.exp))
            .ok_or(TokenError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_session_is_read_from_its_tokens_and_does_not_print_them() {
        let short = token(r#"{"tid":"t","uid":"u-1","usn":"ana","vrs":{"build":"7"},"exp":100}"#);
        let long = token(r#"{"uid":"u-1","usn":"ana","exp":200}"#);
        let session = Session::restore(short.clone(), long).unwrap();
        assert_eq!(
            (session.user_id.as_str(), session.username.as_str()),
            ("u-1", "ana")
        );
        assert_eq!(session.vars["build"], "7");
        let second = |s| SystemTime::UNIX_EPOCH + Duration::from_secs(s);
        assert!(!session.is_expired(second(99)) && session.is_expired(second(100)));
        assert_eq!(session.refresh_expires_at, Some(second(200)));
        assert!(!format!("{session:?}").contains(&short));
    }

    #[test]
    fn what_is_no_token_makes_no_session() {
        let endless = token(&format!(r#"{{"uid":"u","exp":{}}}"#, u64::MAX));
        for bad in [
            "",
            "a",
            "a.b",
            "a.!.c",
            &token("{}"),
            &token("[]"),
            &endless,
        ] {
            assert_eq!(Session::restore(bad, ""), Err(TokenError), "{bad}");
        }
    }
}
