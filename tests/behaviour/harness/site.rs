use std::{net::SocketAddr, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Client;

/// A server as clients see it: an address and its key.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    key: String,
    http: awc::Client,
}

/// What a sign-in gives.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) token: String,
    pub(crate) refresh: String,
}

impl Tokens {
    /// The user, as the token says.
    pub(crate) fn user(&self) -> String {
        let claims = self.token.split('.').nth(1).unwrap();
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        claims["uid"].as_str().unwrap().to_owned()
    }
}

/// Which page of a history to ask for.
#[derive(Debug, Clone, Default)]
pub(crate) struct History<'a> {
    pub(crate) limit: Option<u32>,
    pub(crate) newest_first: bool,
    pub(crate) cursor: Option<&'a str>,
}

/// A page of history.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) messages: Vec<Value>,
    pub(crate) next: Option<String>,
    pub(crate) previous: Option<String>,
    pub(crate) cacheable: Option<String>,
}

pub(crate) fn room_id(room: &str) -> String {
    format!("2...{room}")
}

/// For a path segment or a query value.
pub(crate) fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

impl Site {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let http = awc::Client::builder()
            .timeout(Duration::from_secs(30))
            .finish();
        let key = "defaultkey".to_owned();
        Self { address, key, http }
    }

    /// Any request. `auth` is the whole `Authorization` header. An empty body is not sent.
    pub(crate) async fn http(
        &self,
        method: &str,
        path: &str,
        auth: Option<&str>,
        body: &str,
    ) -> (u16, Vec<u8>) {
        let answer = self.try_http(method, path, auth, body).await;
        answer.expect("the server answers")
    }

    /// As [`http`](Self::http), where the server may die before it answers.
    pub(crate) async fn try_http(
        &self,
        method: &str,
        path: &str,
        auth: Option<&str>,
        body: &str,
    ) -> Option<(u16, Vec<u8>)> {
        let method = method.parse().unwrap();
        let mut request = self
            .http
            .request(method, format!("http://{}{path}", self.address));
        if let Some(auth) = auth {
            request = request.insert_header(("authorization", auth));
        }
        let mut answer = request.send_body(body.to_owned()).await.ok()?;
        let bytes = answer.body().limit(64 << 20).await.ok()?;
        Some((answer.status().as_u16(), bytes.to_vec()))
    }

    /// A REST call with a session token.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Value,
    ) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (status, bytes) = self
            .http(method, path, Some(&format!("Bearer {token}")), &body)
            .await;
        (
            status,
            serde_json::from_slice(&bytes).expect("answers are JSON"),
        )
    }

    /// The server key, if it is not the default one.
    pub(crate) fn set_key(&mut self, key: &str) {
        key.clone_into(&mut self.key);
    }

    /// The header for signing in.
    pub(crate) fn basic(&self) -> String {
        format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(format!("{}:", self.key))
        )
    }

    /// Signs in by device: the same name is the same user.
    pub(crate) async fn sign_in(&self, name: &str) -> Tokens {
        let path = format!("/v2/account/authenticate/device?username={}", escape(name));
        let body = json!({"id": format!("device-of-{name}")}).to_string();
        let (status, answer) = self.http("POST", &path, Some(&self.basic()), &body).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let text = |key: &str| answer[key].as_str().unwrap().to_owned();
        Tokens {
            token: text("token"),
            refresh: text("refresh_token"),
        }
    }

    /// Signs in and connects. The same name again is another session of the same user.
    pub(crate) async fn client(&self, name: &str) -> Client {
        let tokens = self.sign_in(name).await;
        self.connect(name, &tokens).await.expect("the socket opens")
    }

    pub(crate) async fn connect(&self, name: &str, tokens: &Tokens) -> Result<Client, u16> {
        Client::open(self.address, name, tokens, "").await
    }

    /// Clients of different users, all in a room.
    pub(crate) async fn clients_in(&self, room: &str, names: &[&str]) -> Vec<Client> {
        let mut clients = Vec::new();
        for name in names {
            let mut client = self.client(name).await;
            client.join(room).await;
            clients.push(client);
        }
        clients
    }

    pub(crate) async fn try_history(
        &self,
        token: &str,
        channel: &str,
        ask: History<'_>,
    ) -> (u16, Value) {
        let mut path = format!(
            "/v2/channel/{}?forward={}",
            escape(channel),
            !ask.newest_first
        );
        if let Some(limit) = ask.limit {
            path.push_str(&format!("&limit={limit}"));
        }
        if let Some(cursor) = ask.cursor {
            path.push_str(&format!("&cursor={}", escape(cursor)));
        }
        self.call("GET", &path, token, Value::Null).await
    }

    /// One page of a room's history.
    pub(crate) async fn history(&self, token: &str, room: &str, ask: History<'_>) -> Page {
        let (status, mut answer) = self.try_history(token, &room_id(room), ask).await;
        assert_eq!(status, 200, "{answer}");
        let mut text = |key: &str| answer[key].take().as_str().map(str::to_owned);
        let (next, previous, cacheable) = (
            text("next_cursor"),
            text("prev_cursor"),
            text("cacheable_cursor"),
        );
        let messages = answer["messages"]
            .take()
            .as_array()
            .cloned()
            .unwrap_or_default();
        Page {
            messages,
            next,
            previous,
            cacheable,
        }
    }

    /// The whole history of a room, oldest first.
    pub(crate) async fn whole_history(&self, token: &str, room: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let ask = History {
                limit: Some(100),
                cursor: cursor.as_deref(),
                ..History::default()
            };
            let page = self.history(token, room, ask).await;
            all.extend(page.messages);
            cursor = page.next;
            if cursor.is_none() {
                return all;
            }
        }
    }
}
