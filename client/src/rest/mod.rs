//! Calls over HTTP, by resource.

mod account;
mod friend;
mod group;
mod history;
mod notification;
mod user;

use std::time::SystemTime;

use banter_protocol::Timestamp;
use reqwest::{Method, RequestBuilder, Response};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use url::Url;

pub use self::{
    account::{Credentials, SignIn},
    friend::{Friend, FriendPage, FriendQuery, FriendState},
    group::{Group, GroupRole, GroupUser, GroupUserPage, GroupUserQuery, NewGroup},
    history::{Direction, HistoryPage, HistoryQuery},
    notification::{NotificationPage, NotificationQuery},
    user::User,
};
use crate::{ApiError, Client, Session};

/// The longest answer that is read, in bytes. The longest of a chat server is a page of 100 messages.
const MAX_ANSWER_BYTES: usize = 16 << 20;

impl Client {
    /// A call as a user. Segments of the path may hold any text.
    fn call(
        &self,
        method: Method,
        path: &[&str],
        session: &Session,
    ) -> Result<RequestBuilder, ApiError> {
        Ok(self.begin(method, path)?.bearer_auth(&session.token))
    }

    /// A call with the server key.
    fn call_with_key(&self, path: &[&str]) -> Result<RequestBuilder, ApiError> {
        let request = self.begin(Method::POST, path)?;
        Ok(request.basic_auth(&self.place.server_key, Some("")))
    }

    fn begin(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, ApiError> {
        // Paths like these mean others, in whatever way they are written.
        if let Some(id) = path.iter().find(|id| matches!(**id, "" | "." | "..")) {
            let id = (*id).to_owned();
            return Err(ApiError::Id { id });
        }
        let request = self.http()?.request(method, self.url_of(path));
        Ok(request.timeout(self.place.timeout))
    }

    /// With segments that are neither empty nor `.` or `..`.
    pub(crate) fn url_of(&self, path: &[&str]) -> Url {
        let mut url = self.place.url.clone();
        let mut whole = url.path().trim_end_matches('/').to_owned();
        for segment in path {
            whole.push('/');
            percent_encode(segment, &mut whole);
        }
        url.set_path(&whole);
        url
    }
}

/// All but letters, digits, `-`, `.`, `_` and `~`. (`PathSegmentsMut` of url drops tabs and ends of lines.)
fn percent_encode(text: &str, to: &mut String) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            to.push('%');
            to.push(DIGITS[usize::from(byte >> 4)]);
            to.push(DIGITS[usize::from(byte & 15)]);
        }
    }
}

/// The answer to a call.
async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ApiError> {
    let response = request.send().await?;
    let status = response.status();
    let body = read(response).await?;
    if !status.is_success() {
        return Err(refused(status.as_u16(), &body));
    }
    serde_json::from_slice(&body).map_err(|error| ApiError::Unexpected {
        why: error.to_string(),
    })
}

/// The answer to a call that has nothing to say.
async fn done(request: RequestBuilder) -> Result<(), ApiError> {
    let serde::de::IgnoredAny = answer(request).await?;
    Ok(())
}

async fn read(mut response: Response) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(ApiError::Unexpected {
                why: format!("it is longer than {MAX_ANSWER_BYTES} bytes"),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What servers say when they refuse. What stands between may refuse in other words.
fn refused(status: u16, body: &[u8]) -> ApiError {
    #[derive(Deserialize)]
    struct Refused {
        code: i32,
        #[serde(default)]
        message: String,
    }
    const UNKNOWN: i32 = 2;
    match serde_json::from_slice(body) {
        Ok(Refused { code, message }) => ApiError::Refused {
            status,
            code,
            message,
        },
        Err(_) => ApiError::Refused {
            status,
            code: UNKNOWN,
            message: excerpt(body),
        },
    }
}

/// The beginning of a text that somebody sent, for people.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.trim().chars().take(200).collect()
}

/// As a parameter that is repeated.
fn repeated<'a>(name: &'a str, values: &'a [&'a str]) -> Vec<(&'a str, &'a str)> {
    values.iter().map(|value| (name, *value)).collect()
}

/// An empty cursor is none.
fn cursor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let cursor = Option::<String>::deserialize(deserializer)?;
    Ok(cursor.filter(|cursor| !cursor.is_empty()))
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
    let time = Option::<Timestamp>::deserialize(deserializer)?;
    Ok(time.map(SystemTime::from))
}
