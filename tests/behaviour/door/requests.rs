//! HTTP connections that are held: a time limit ends each, and a newcomer always finds a place.

use std::time::{Duration, Instant};

use banter::Settings;
use serde_json::Value;

use crate::harness::{Raw, Server, room_id, settings};

const HEALTH: &str = "GET /healthcheck HTTP/1.1\nHost: x\n";

/// Times that a test can wait for.
fn hasty() -> Settings {
    Settings {
        request_timeout: Duration::from_secs(1),
        write_timeout: Duration::from_millis(500),
        discard_timeout: Duration::from_millis(100),
        ..settings()
    }
}

async fn is_served(server: &Server) -> bool {
    Raw::connect(server.address)
        .await
        .ask(HEALTH, b"")
        .await
        .status
        == 200
}

#[actix_web::test]
async fn a_request_that_is_begun_and_never_finished_ends_its_connection() {
    let server = Server::with(hasty()).await;
    let cases: [(&str, &[u8]); 4] = [
        ("one byte of a second head", b"G"),
        ("half of a second head", b"GET /healthcheck HTTP/1.1\r\nHost: x\r\nX-"),
        (
            "a body of which nothing comes",
            b"POST /v2/account/authenticate/device HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
        ),
        (
            "chunks without an end",
            b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ),
    ];
    let mut held = Vec::new();
    for (what, bytes) in cases {
        let mut client = Raw::connect(server.address).await;
        assert_eq!(client.ask(HEALTH, b"").await.status, 200);
        assert!(client.send(bytes).await);
        held.push((what, client));
    }
    let begun = Instant::now();
    for (what, client) in &mut held {
        client.ended().await;
        assert!(begun.elapsed() < Duration::from_secs(8), "{what}");
    }
    assert!(is_served(&server).await);
    server.stop().await;
}

#[actix_web::test]
async fn chunks_that_go_on_and_on_behind_their_answer_end_the_connection() {
    let server = Server::with(hasty()).await;
    let mut client = Raw::connect(server.address).await;
    client
        .send_head("POST /nowhere HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n")
        .await;
    let begun = Instant::now();
    while client.send(b"5\r\nhello\r\n").await {
        assert!(begun.elapsed() < Duration::from_secs(8), "it goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await;
}

#[actix_web::test]
async fn an_answer_that_nobody_reads_ends_its_connection() {
    /// More than the system's buffers hold.
    const PAGES: usize = 60;
    let server = Server::with(hasty()).await;
    let mut ana = server.clients_in("long", &["ana"]).await.pop().unwrap();
    let content = format!(r#"{{"x":"{}"}}"#, "y".repeat(3500));
    for _ in 0..100 {
        ana.send("long", &content).await;
    }
    let mut lazy = Raw::connect_with_buffer(server.address, Some(4096)).await;
    let asked = format!(
        "GET /v2/channel/{}?limit=100 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        room_id("long"),
        ana.tokens.token
    );
    assert!(lazy.send(asked.repeat(PAGES).as_bytes()).await);
    tokio::time::sleep(Duration::from_secs(3)).await;
    // What is in the system's buffers still comes, and then the end.
    let mut whole = 0;
    while lazy.try_answer(false).await.is_some() {
        whole += 1;
    }
    assert!(whole < PAGES, "all were sent to somebody who did not read");
    ana.send("long", "{}").await;
    server.stop().await;
}

#[actix_web::test]
async fn a_newcomer_finds_a_place_when_all_are_taken_and_the_oldest_idle_connection_makes_way() {
    const PLACES: usize = 16;
    let mut settings = settings();
    settings.workers = 1;
    settings.max_http_connections = PLACES;
    let server = Server::with(settings).await;
    let mut pair = server.clients_in("lobby", &["ana", "ben"]).await;
    let mut idle = Vec::new();
    for _ in 0..PLACES {
        let mut client = Raw::connect(server.address).await;
        assert_eq!(client.ask(HEALTH, b"").await.status, 200);
        idle.push(client);
    }
    let mut newcomers = Vec::new();
    for oldest in idle.iter_mut().take(3) {
        let mut newcomer = Raw::connect(server.address).await;
        assert_eq!(newcomer.ask(HEALTH, b"").await.status, 200);
        newcomers.push(newcomer);
        oldest.ended().await;
    }
    // The last ones are still there.
    let last = idle.last_mut().unwrap();
    assert_eq!(last.ask(HEALTH, b"").await.status, 200);
    // Places that are held by halves of heads are given to newcomers as well.
    let mut held = Vec::new();
    for _ in 0..3 * PLACES {
        let mut client = Raw::connect(server.address).await;
        assert!(client.send(b"GET /healthcheck HTTP/1.1\r\n").await);
        held.push(client);
    }
    assert!(is_served(&server).await);
    pair[0].send("lobby", r#"{"all":"well"}"#).await;
    assert_eq!(pair[1].messages(1).await[0]["content"], r#"{"all":"well"}"#);
    server.stop().await;
}

#[actix_web::test]
async fn when_all_places_are_taken_those_who_hold_most_make_way_and_not_who_has_just_come() {
    const PLACES: usize = 16;
    let mut settings = settings();
    settings.workers = 1;
    settings.max_http_connections = PLACES;
    let server = Server::with(settings).await;
    // Connected, and not a word yet.
    let mut silent = Raw::connect_from([127, 0, 0, 2].into(), server.address).await;
    let mut held = Vec::new();
    for _ in 0..3 * PLACES {
        let mut client = Raw::connect(server.address).await;
        assert!(client.send(b"GET /healthcheck HTTP/1.1\r\n").await);
        held.push(client);
    }
    held[0].ended().await;
    assert_eq!(silent.ask(HEALTH, b"").await.status, 200);
    server.stop().await;
}

#[actix_web::test]
async fn an_address_that_has_its_share_makes_way_for_itself_only() {
    const SHARE: usize = 8;
    let mut settings = settings();
    settings.workers = 1;
    settings.max_address_connections = SHARE;
    let server = Server::with(settings).await;
    let mut other = Raw::connect_from([127, 0, 0, 2].into(), server.address).await;
    assert_eq!(other.ask(HEALTH, b"").await.status, 200);
    let mut greedy = Vec::new();
    for _ in 0..3 * SHARE {
        let mut client = Raw::connect(server.address).await;
        assert_eq!(client.ask(HEALTH, b"").await.status, 200);
        greedy.push(client);
    }
    for client in greedy.iter_mut().take(2 * SHARE) {
        client.ended().await;
    }
    for client in greedy.iter_mut().skip(2 * SHARE) {
        assert_eq!(client.ask(HEALTH, b"").await.status, 200);
    }
    // It has idled longest of all.
    assert_eq!(other.ask(HEALTH, b"").await.status, 200);
    // Sockets do not count.
    let mut sockets = Vec::new();
    for n in 0..2 * SHARE {
        sockets.push(server.client(&format!("user{n}")).await);
    }
    server.sessions_become(2 * SHARE).await;
    let first = &mut sockets[0];
    first.join("lobby").await;
    server.stop().await;
}

#[actix_web::test]
async fn who_reads_more_pages_than_a_user_may_waits_and_nobody_else_does() {
    let mut settings = settings();
    settings.workers = 1;
    settings.max_user_reads = 1;
    let server = Server::with(settings).await;
    let mut pair = server.clients_in("long", &["ana", "ben"]).await;
    let content = format!(r#"{{"x":"{}"}}"#, "y".repeat(3500));
    for _ in 0..100 {
        pair[0].send("long", &content).await;
    }
    let page = |n: usize| {
        format!(
            "GET /v2/channel/{}?limit=100 HTTP/1.1\nHost: x\nAuthorization: Bearer {}\n",
            room_id("long"),
            pair[n].tokens.token
        )
    };
    // Reads nothing, so that one of its pages stays under way.
    let mut lazy = Raw::connect_with_buffer(server.address, Some(4096)).await;
    for _ in 0..60 {
        lazy.send_head(&page(0)).await;
    }
    let mut ana = Raw::connect(server.address).await;
    loop {
        ana.send_head(&page(0)).await;
        let answer = tokio::time::timeout(Duration::from_millis(300), ana.answer(false));
        match answer.await {
            Ok(answer) => assert_eq!(answer.status, 200),
            Err(_) => break,
        }
    }
    let mut ben = Raw::connect(server.address).await;
    assert_eq!(ben.ask(&page(1), b"").await.status, 200);
    drop(lazy);
    assert_eq!(ana.answer(false).await.status, 200);
    server.stop().await;
}

#[actix_web::test]
async fn a_slow_upload_that_ends_in_time_is_taken() {
    let server = Server::with(hasty()).await;
    let body = br#"{"id":"a-device-on-a-slow-line"}"#;
    let mut client = Raw::connect(server.address).await;
    let head = format!(
        "POST /v2/account/authenticate/device HTTP/1.1\nHost: x\nAuthorization: {}\nContent-Length: {}\n",
        server.basic(),
        body.len()
    );
    client.send_head(&head).await;
    for byte in body {
        client.send(&[*byte]).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let answer = client.answer(false).await;
    let tokens: Value = answer.json();
    assert_eq!(
        (answer.status, tokens["created"].as_bool()),
        (200, Some(true))
    );
    server.stop().await;
}
