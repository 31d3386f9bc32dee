//! Bad input of all kinds: an error to whoever sent it, and nothing to anybody else.

use actix_http::ws::Message;
use serde_json::{Value, json};

use crate::harness::{Client, Dice, Server, escape, room_id};

const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "null",
    "true",
    "1e999",
    "-1",
    "18446744073709551616",
    "\"cid\"",
    "\"channel_join\"",
    "\"channel_message_send\"",
    "\"target\"",
    "\"type\"",
    "\"content\"",
    "\"ping\"",
    "{}",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\u{0}",
    "\u{feff}",
    " ",
    "é",
    "\"2...lobby\"",
    "\"{}\"",
    "\"persistence\"",
    "0.5",
    "\\",
    "//",
    "\u{202e}",
];

/// A good envelope with some of it spoilt, or no envelope at all.
fn envelope(dice: &mut Dice) -> String {
    let id = "0b9d0a59-9ef6-4f0c-9ea1-3d86d2a2f3f1";
    let good = [
        json!({"cid": "1", "ping": {}}).to_string(),
        json!({"cid": "2", "channel_join": {"target": "lobby", "type": 1, "hidden": true}}).to_string(),
        json!({"cid": "3", "channel_leave": {"channel_id": room_id("lobby")}}).to_string(),
        json!({"channel_message_send": {"channel_id": room_id("lobby"), "content": "{\"a\":1}"}}).to_string(),
        json!({"channel_message_update": {"channel_id": room_id("lobby"), "message_id": id, "content": "{}"}})
            .to_string(),
        json!({"channel_message_remove": {"channel_id": "4.x.y.", "message_id": id}}).to_string(),
        json!({"status_update": {"status": "x"}}).to_string(),
        String::new(),
    ];
    let good: Vec<&str> = good.iter().map(String::as_str).collect();
    let good = dice.pick(&good);
    spoil(dice, good)
}

fn spoil(dice: &mut Dice, text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for _ in 0..dice.roll(4) {
        let at = dice.roll(letters.len() + 1);
        match dice.roll(3) {
            0 => drop(letters.splice(at..at, dice.pick(WORDS).chars())),
            1 => drop(letters.drain(at..(at + dice.roll(6)).min(letters.len()))),
            _ => {
                let from = dice.roll(letters.len() + 1);
                let part: Vec<char> = letters[from.min(at)..from.max(at)].to_vec();
                letters.splice(at..at, part);
            }
        }
    }
    letters.into_iter().collect()
}

#[actix_web::test]
async fn no_envelope_harms_the_server_or_anybody_else() {
    const TRIES: usize = 1500;
    let server = Server::start().await;
    let mut dice = Dice::new();
    let tokens = server.sign_in("mallory").await;
    let mut ana = server.clients_in("solid", &["ana"]).await.pop().unwrap();
    let mut mallory: Option<Client> = None;
    let mut refused = 0;
    for n in 0..TRIES {
        if mallory.is_none() {
            mallory = Some(server.connect("mallory", &tokens).await.unwrap());
        }
        let client = mallory.as_mut().unwrap();
        let text = envelope(&mut dice);
        match dice.roll(20) {
            0 => client.frame(Message::Binary(text.clone().into())).await,
            1 => client.fragments(&text).await,
            _ => client.text(text.clone()).await,
        }
        client.text(r#"{"cid":"end","ping":{}}"#).await;
        // Either the ping is answered, or the connection has ended with a reason.
        match client
            .try_take("an end", |v| v["cid"] == "end" || v.get("error").is_some())
            .await
        {
            Ok(value) => {
                if let Some(error) = value.get("error") {
                    assert!(
                        error.get("code").is_some(),
                        "an internal error for {text:?}: {value}"
                    );
                    refused += 1;
                    mallory = None;
                }
            }
            Err(_) => mallory = None,
        }
        if n % 100 == 0 {
            ana.send("solid", &json!({"n": n}).to_string()).await;
            ana.messages(1).await;
        }
    }
    assert!(refused > TRIES / 10, "{refused} of {TRIES} were refused");
    assert!(server.whole_history(&ana.tokens.token, "solid").await.len() == TRIES / 100);
    server.stop().await;
}

#[actix_web::test]
async fn no_request_is_an_internal_error() {
    const TRIES: usize = 1500;
    let server = Server::start().await;
    let mut dice = Dice::new();
    let ana = server.sign_in("ana").await;
    let bodies = [
        json!({"id": "device-of-ben"}).to_string(),
        json!({"email": "a@b.c", "password": "x"}).to_string(),
        json!({"username": "anna", "display_name": "é", "lang_tag": null}).to_string(),
        json!({"token": ana.refresh, "vars": {"a": "b"}}).to_string(),
        "[]".to_owned(),
        String::new(),
    ];
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let calls = [
        ("POST", "/v2/account/authenticate/device"),
        ("POST", "/v2/account/authenticate/custom"),
        ("POST", "/v2/account/session/refresh"),
        ("PUT", "/v2/account"),
        ("GET", "/v2/account"),
        ("GET", "/v2/user"),
        ("GET", "/v2/channel/2...lobby"),
        ("POST", "/v2/account/link/custom"),
        ("POST", "/v2/account/unlink/email"),
        ("GET", "/ws"),
    ];
    let parameters = [
        "limit",
        "cursor",
        "forward",
        "ids",
        "usernames",
        "create",
        "username",
        "token",
        "format",
        "status",
    ];
    let (mut good, mut bad) = (0, 0);
    for _ in 0..TRIES {
        let (method, path) = calls[dice.roll(calls.len())];
        let mut url = path.to_owned();
        if dice.roll(4) == 0 {
            url.push_str(&escape(dice.pick(WORDS)));
        }
        for n in 0..dice.roll(4) {
            url.push(if n == 0 { '?' } else { '&' });
            url.push_str(dice.pick(&parameters));
            url.push('=');
            let value = spoil(&mut dice, "1");
            url.push_str(&escape(&value));
        }
        let body = dice.pick(&bodies);
        let body = if method == "GET" {
            String::new()
        } else {
            spoil(&mut dice, body)
        };
        let auth = match dice.roll(10) {
            0 => None,
            1 => Some(format!(
                "Bearer {}",
                spoil(&mut dice, &ana.token).replace(char::is_control, "")
            )),
            _ if path.contains("authenticate") || path.contains("refresh") => Some(server.basic()),
            _ => Some(format!("Bearer {}", ana.token)),
        };
        let auth = auth.filter(|value| value.is_ascii());
        let (status, answer) = server.http(method, &url, auth.as_deref(), &body).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(status < 500, "{method} {url} {body:?}: {status} {answer}");
        match status {
            200 => good += 1,
            _ => bad += 1,
        }
        if status != 200 && path != "/ws" {
            let error: Value = serde_json::from_str(&answer).unwrap();
            assert!(
                error["code"].is_u64() && error["message"].is_string(),
                "{answer}"
            );
        }
    }
    assert!(
        good > TRIES / 20 && bad > TRIES / 20,
        "{good} good, {bad} bad"
    );
    let (status, _) = server.http("GET", "/healthcheck", None, "").await;
    assert_eq!(status, 200);
    server.stop().await;
}
