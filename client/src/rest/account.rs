//! Signing in and out.

use std::{collections::BTreeMap, fmt};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{answer, done};
use crate::{ApiError, Client, Session};

/// How somebody shows who they are.
#[derive(Clone)]
#[non_exhaustive]
pub enum Credentials {
    /// The id of a device: 10 to 128 bytes. Whoever knows it is its user.
    Device(String),
    /// An id from another system: 6 to 128 bytes. Whoever knows it is its user.
    Custom(String),
    /// With a password.
    Email {
        /// 10 to 255 bytes.
        email: String,
        /// 8 bytes or more.
        password: String,
    },
    /// An account made with an email, by its name. Makes no account.
    Username {
        /// The name.
        username: String,
        /// 8 bytes or more.
        password: String,
    },
}

/// How to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Whether an account is made for a credential that is not known; `true` unless changed. Without it an
    /// unknown one is refused with status 404.
    pub create: bool,
    /// The name of an account that is made, of up to 128 bytes. The server makes one up if there is none; an
    /// account that exists keeps its own.
    pub username: Option<String>,
    /// What the token is to carry beside the user; see [`Session::vars`].
    pub vars: BTreeMap<String, String>,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            create: true,
            username: None,
            vars: BTreeMap::new(),
        }
    }
}

impl Client {
    /// Signs in with the id of a device (10 to 128 bytes), and makes an account with a name if there is none.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused): 400 for an id or name the server does not take, 401 for a wrong server key,
    /// 409 for a name that is taken.
    pub async fn authenticate_device(
        &self,
        id: &str,
        username: Option<&str>,
    ) -> Result<Session, ApiError> {
        self.authenticate(&Credentials::Device(id.to_owned()), &named(username))
            .await
    }

    /// Signs in with an id from another system (6 to 128 bytes), and makes an account with a name if there is
    /// none.
    ///
    /// # Errors
    ///
    /// As [`authenticate_device`](Self::authenticate_device).
    pub async fn authenticate_custom(
        &self,
        id: &str,
        username: Option<&str>,
    ) -> Result<Session, ApiError> {
        self.authenticate(&Credentials::Custom(id.to_owned()), &named(username))
            .await
    }

    /// Signs in with an email and a password (8 bytes or more), and makes an account with a name if there is none.
    ///
    /// # Errors
    ///
    /// As [`authenticate_device`](Self::authenticate_device); 401 also for a wrong password.
    pub async fn authenticate_email(
        &self,
        email: &str,
        password: &str,
        username: Option<&str>,
    ) -> Result<Session, ApiError> {
        let credentials = Credentials::Email {
            email: email.to_owned(),
            password: password.to_owned(),
        };
        self.authenticate(&credentials, &named(username)).await
    }

    /// Signs in with all there is to choose.
    ///
    /// # Errors
    ///
    /// As [`authenticate_device`](Self::authenticate_device); 404 for an unknown credential without
    /// [`SignIn::create`].
    ///
    /// ```no_run
    /// # use banter_client::{Client, Credentials, SignIn};
    /// # async fn example(client: Client) -> Result<(), banter_client::ApiError> {
    /// let returning = SignIn { create: false, ..SignIn::default() };
    /// let session = client.authenticate(&Credentials::Device("my-first-device".into()), &returning).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn authenticate(
        &self,
        credentials: &Credentials,
        sign_in: &SignIn,
    ) -> Result<Session, ApiError> {
        let (how, mut body) = match credentials {
            Credentials::Device(id) => ("device", json!({ "id": id })),
            Credentials::Custom(id) => ("custom", json!({ "id": id })),
            Credentials::Email { email, password } => {
                ("email", json!({ "email": email, "password": password }))
            }
            Credentials::Username { password, .. } => ("email", json!({ "password": password })),
        };
        if !sign_in.vars.is_empty() {
            body["vars"] = json!(sign_in.vars);
        }
        let username = match credentials {
            Credentials::Username { username, .. } => Some(username),
            _ => sign_in.username.as_ref(),
        };
        let request = self
            .call_with_key(&["v2", "account", "authenticate", how])?
            .query(&[("create", sign_in.create)])
            .query(&username.map(|name| [("username", name)]))
            .json(&body);
        answer::<Tokens>(request).await?.session()
    }

    /// A new session for the refresh token of one, which stays good. Sockets stay open; only new ones, and calls,
    /// need the new session.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused) with 401 when the refresh token is no good any more: sign in again.
    pub async fn refresh(&self, session: &Session) -> Result<Session, ApiError> {
        let request = self
            .call_with_key(&["v2", "account", "session", "refresh"])?
            .json(&json!({ "token": session.refresh_token }));
        answer::<Tokens>(request).await?.session()
    }

    /// Ends the tokens of a session. banter also closes its sockets.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused) with 401 when they are no good already.
    pub async fn logout(&self, session: &Session) -> Result<(), ApiError> {
        let mut body = json!({ "token": session.token });
        if !session.refresh_token.is_empty() {
            body["refresh_token"] = Value::from(session.refresh_token.as_str());
        }
        let request = self.call(Method::POST, &["v2", "session", "logout"], session)?;
        done(request.json(&body)).await
    }
}

fn named(username: Option<&str>) -> SignIn {
    SignIn {
        username: username.map(str::to_owned),
        ..SignIn::default()
    }
}

#[derive(Deserialize)]
struct Tokens {
    token: String,
    #[serde(default)]
    refresh_token: String,
    #[serde(default)]
    created: bool,
}

impl Tokens {
    fn session(self) -> Result<Session, ApiError> {
        match Session::restore(self.token, self.refresh_token) {
            Ok(session) => Ok(Session {
                created: self.created,
                ..session
            }),
            Err(error) => Err(ApiError::Unexpected {
                why: error.to_string(),
            }),
        }
    }
}

/// Without what is secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Device(_) => "Device",
            Self::Custom(_) => "Custom",
            Self::Email { .. } => "Email",
            Self::Username { .. } => "Username",
        };
        f.debug_struct(kind).finish_non_exhaustive()
    }
}
