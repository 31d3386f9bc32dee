//! Who asks too often is refused, told when to come again, and closed when they go on; nobody else is.

use std::time::Duration;

use banter::{
    Settings,
    config::{Rate, RateLimits},
};
use serde_json::{Value, json};

use crate::harness::{Client, Close, Door, Raw, Server, settings, through_both_doors};

through_both_doors!(
    who_floods_a_room_is_refused_and_then_closed_and_nobody_else,
    sockets_cannot_be_opened_without_end,
);

/// Held to the rates, which are the default ones but for what a test needs.
fn limited(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = settings();
    settings.rate_limits = RateLimits::On;
    change(&mut settings);
    settings
}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

fn is_limited(reply: &Value) -> bool {
    reply["error"]["context"]["retry_after_ms"].is_string()
}

async fn who_floods_a_room_is_refused_and_then_closed_and_nobody_else(door: Door) {
    let rates = limited(|it| it.socket_rate = rate("1/min burst 30"));
    let server = Server::through(door, rates).await;
    let mut mallory = server.client("mallory").await;
    let mut ana = server.client("ana").await;
    let mut ben = server.client("ben").await;
    for client in [&mut mallory, &mut ana, &mut ben] {
        client.join("lobby").await;
    }

    let mut refused = 0;
    for n in 0..29 {
        mallory.send("lobby", &json!({"n": n}).to_string()).await;
    }
    // Those in the pipeline behind the last refusal are answered, too.
    for _ in 0..40 {
        mallory.post_send("lobby", "{}").await;
    }
    let closed = loop {
        match mallory
            .try_take("an answer", |reply| reply["cid"].is_string())
            .await
        {
            Ok(reply) => {
                assert_eq!(reply["error"]["code"], 3, "{reply}");
                assert!(is_limited(&reply), "{reply}");
                let message = reply["error"]["message"].as_str().unwrap();
                assert!(message.starts_with("too many requests on this socket"));
                refused += 1;
            }
            Err(closed) => break closed.0,
        }
    };
    let reason = "too many requests, which went on when they were refused";
    assert_eq!(closed, Close::Frame(1008, reason.into()));
    assert!((31..=40).contains(&refused), "{refused}");

    // Everything that was taken has come, and the room goes on.
    ana.send("lobby", r#"{"from": "ana"}"#).await;
    for client in [&mut ana, &mut ben] {
        assert_eq!(client.messages(30).await.len(), 30);
    }
    server.stop().await;
}

async fn sockets_cannot_be_opened_without_end(door: Door) {
    let rates = limited(|it| it.account_rate = rate("1/min burst 12"));
    let server = Server::through(door, rates).await;
    let tokens = server.sign_in("ana").await;
    let _two = [
        server.connect("ana", &tokens).await.unwrap(),
        server.connect("ana", &tokens).await.unwrap(),
    ];
    assert_eq!(server.connect("ana", &tokens).await.err(), Some(429));
    let _other = server.client("ben").await;
    server.stop().await;
}

#[actix_web::test]
async fn content_counts_by_its_size() {
    let rates = limited(|it| it.socket_rate = rate("1/min burst 20"));
    let server = Server::with(rates).await;
    let mut ana = server.client("ana").await;
    ana.join("lobby").await;
    let large = json!({"text": "x".repeat(2000)}).to_string();
    ana.send("lobby", &large).await;
    ana.send("lobby", &large).await;
    assert!(is_limited(&ana.try_send("lobby", &large).await));
    ana.send("lobby", "{}").await;
    server.stop().await;
}

#[actix_web::test]
async fn all_sockets_of_an_account_and_its_requests_share_one_rate() {
    let rates = limited(|it| it.account_rate = rate("1/min burst 20"));
    let server = Server::with(rates).await;
    let mut one = server.client("ana").await;
    let mut two = server.connect("ana", &one.tokens.clone()).await.unwrap();
    one.join("lobby").await;
    two.join("lobby").await;
    for client in [&mut one, &mut two] {
        for _ in 0..4 {
            client.send("lobby", "{}").await;
        }
    }
    assert!(is_limited(&one.try_send("lobby", "{}").await));
    assert!(is_limited(&two.try_send("lobby", "{}").await));
    let (status, body) = server
        .call("GET", "/v2/account", &one.tokens.token, Value::Null)
        .await;
    assert_eq!((status, &body["code"]), (429, &json!(8)), "{body}");
    let mut other = server.client("ben").await;
    other.join("lobby").await;
    other.send("lobby", "{}").await;
    server.stop().await;
}

#[actix_web::test]
async fn joins_and_changes_and_searches_have_rates_of_their_own() {
    let rates = limited(|it| {
        it.join_rate = rate("1/min burst 2");
        it.change_rate = rate("1/min burst 2");
        it.search_rate = rate("1/min burst 2");
    });
    let server = Server::with(rates).await;
    let mut ana = server.client("ana").await;
    for _ in 0..2 {
        ana.join("lobby").await;
        ana.leave("lobby").await;
        ana.request(json!({"status_follow": {"usernames": ["ben"]}}))
            .await;
        let reply = ana
            .request(json!({"status_update": {"status": "here"}}))
            .await;
        assert_eq!(reply["error"], Value::Null, "{reply}");
    }
    let cid = ana.post_join("lobby", json!({})).await;
    assert!(is_limited(&ana.reply(&cid).await));
    for request in [
        json!({"status_follow": {"usernames": ["ben"]}}),
        json!({"status_update": {"status": "here"}}),
    ] {
        let reply = ana.request(request).await;
        assert!(is_limited(&reply), "{reply}");
    }
    for (method, path) in [
        ("POST", "/v2/friend?usernames=ben"),
        ("GET", "/v2/group"),
        ("GET", "/v2/user?usernames=ben"),
    ] {
        let (status, body) = server
            .call(method, path, &ana.tokens.token, Value::Null)
            .await;
        assert_eq!((status, &body["code"]), (429, &json!(8)), "{path}: {body}");
    }
    // What is none of these goes on.
    let (status, _) = server
        .call("GET", "/v2/friend", &ana.tokens.token, Value::Null)
        .await;
    assert_eq!(status, 200);
    server.stop().await;
}

#[actix_web::test]
async fn a_refusal_by_rest_says_when_to_come_again() {
    let rates = limited(|it| it.address_sign_up_rate = rate("1/min burst 1"));
    let server = Server::with(rates).await;
    server.sign_in("ana").await;
    let body = json!({"id": "device-of-ben"}).to_string();
    let head = format!(
        "POST /v2/account/authenticate/device HTTP/1.1\nHost: banter\nAuthorization: {}\nContent-Length: {}\n",
        server.basic(),
        body.len()
    );
    let mut ben = Raw::connect(server.address).await;
    let answer = ben.ask(&head, body.as_bytes()).await;
    assert_eq!(answer.status, 429);
    let seconds: u32 = answer.header("Retry-After").unwrap().parse().unwrap();
    assert!((55..=60).contains(&seconds), "{seconds}");
    assert_eq!(answer.json()["code"], 8, "{}", answer.text());
    // Who has an account signs in.
    server.sign_in("ana").await;
    server.stop().await;
}

#[actix_web::test]
async fn many_wrong_passwords_end_the_guessing_and_nobody_elses_sign_in() {
    let rates = limited(|it| {
        it.wrong_password_rate = rate("1/h burst 2");
        it.sign_in_rate = rate("1/h burst 10");
    });
    let server = Server::with(rates).await;
    let sign_in = async |email: &str, password: &str| {
        let body = json!({"email": email, "password": password}).to_string();
        let path = "/v2/account/authenticate/email";
        server
            .http("POST", path, Some(&server.basic()), &body)
            .await
            .0
    };
    assert_eq!(sign_in("ana@example.com", "password-of-ana").await, 200);
    for _ in 0..5 {
        assert_eq!(sign_in("ana@example.com", "password-of-ana").await, 200);
    }
    for _ in 0..3 {
        assert_eq!(sign_in("ana@example.com", "guess-of-mallory").await, 401);
    }
    assert_eq!(sign_in("ana@example.com", "guess-of-mallory").await, 429);
    // Nobody's guesses use up the sign-ins of the owner, who is elsewhere.
    for _ in 0..20 {
        assert_eq!(sign_in("ana@example.com", "guess-of-mallory").await, 429);
    }
    let body = json!({"email": "ana@example.com", "password": "password-of-ana"}).to_string();
    let head = format!(
        "POST /v2/account/authenticate/email HTTP/1.1\nHost: banter\nAuthorization: {}\nContent-Length: {}\n",
        server.basic(),
        body.len()
    );
    let mut ana = Raw::connect_from([127, 0, 0, 2].into(), server.address).await;
    assert_eq!(ana.ask(&head, body.as_bytes()).await.status, 200);
    assert_eq!(sign_in("ben@example.com", "password-of-ben").await, 200);
    server.stop().await;
}

#[actix_web::test]
async fn a_channel_takes_its_rate_and_refuses_the_loudest() {
    let rates = limited(|it| it.channel_rate = 40);
    let server = Server::with(rates).await;
    let mut loud = server.client("loud").await;
    let mut calm = server.client("calm").await;
    loud.join("lobby").await;
    calm.join("lobby").await;
    // However the seconds fall: a whole one is among them.
    let flood = async {
        let mut refused = 0;
        while refused < 100 {
            let reply = loud.try_send("lobby", "{}").await;
            if is_limited(&reply) {
                let message = reply["error"]["message"].as_str().unwrap();
                assert!(message.starts_with("too many messages in this channel"));
                refused += 1;
            }
        }
    };
    let talk = async {
        for _ in 0..5 {
            calm.send("lobby", "{}").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::join!(flood, talk);
    server.stop().await;
}

#[actix_web::test]
async fn a_reader_who_cannot_follow_is_spared_by_refusing_who_sends_most() {
    const MESSAGE: usize = 16 << 10;
    const OUTBOX: usize = 16 << 20;
    /// Half of it, what the system may buffer for the slow one, and then some; less than a second's rate for one sender.
    const ENOUGH: usize = OUTBOX / 2 / MESSAGE + (12 << 20) / MESSAGE;
    let rates = limited(|it| {
        it.socket_rate = rate("1000000/s burst 1000000");
        it.account_rate = it.socket_rate;
        it.channel_rate = 200_000;
        it.outbox_bytes = OUTBOX;
        it.max_message_bytes = 2 * MESSAGE;
    });
    let server = Server::with(rates).await;
    let tokens = server.sign_in("slow").await;
    let slow = Client::open_with_buffer(server.address, "slow", &tokens, "", Some(4096)).await;
    let mut slow = slow.unwrap();
    slow.join("lobby").await;
    let mut loud = server.client("loud").await;
    loud.join("lobby").await;
    let large = json!({"text": "x".repeat(MESSAGE)}).to_string();
    let mut taken = 0;
    while !is_limited(&loud.try_send("lobby", &large).await) {
        taken += 1;
        assert!(taken < ENOUGH, "{taken} messages were taken");
    }
    // The slow one was not closed for it, and gets all that was taken.
    assert_eq!(slow.messages(taken).await.len(), taken);
    slow.send("lobby", "{}").await;
    server.stop().await;
}
