//! An orderly end.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::harness::{
    Close, Door, Process, Raw, Server, check_histories, pour, room_id, settings, until,
};

#[actix_web::test]
async fn sigterm_under_load_ends_in_good_order_and_loses_nothing() {
    const CLIENTS: usize = 6;
    let rooms = ["red", "green"];
    let data = tempfile::tempdir().unwrap();
    let mut process = Process::start(data.path()).await;
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        let mut client = process.client(&format!("user{n}")).await;
        client.join_as(rooms[n % 2], json!({"hidden": true})).await;
        clients.push(client);
    }
    // Does not read, and so holds the shutdown up.
    let mut idle = process.client("idle").await;
    let tokens = process.sign_in("late").await;
    let acks = Cell::new(0);
    let pouring = join_all(
        clients
            .iter_mut()
            .enumerate()
            .map(|(n, client)| pour(client, rooms[n % 2], "load", &acks)),
    );
    let ending = async {
        until("acks", async || (acks.get() >= 200).then_some(())).await;
        process.signal("TERM");
    };
    let (poured, ()) = join(pouring, ending).await;
    let begun = Instant::now();
    for poured in &poured {
        assert_eq!(
            poured.close,
            Close::Frame(1001, "server shutting down".to_owned())
        );
    }
    assert!(
        process.has_ended().is_none(),
        "still waits for the idle one"
    );
    assert!(
        process.connect("late", &tokens).await.is_err(),
        "nobody gets in any more"
    );
    assert_eq!(process.ended().await.code(), Some(0), "{}", process.log());
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(matches!(idle.closed().await, Close::Frame(1001, _)));
    assert!(!process.log().contains("ERROR"), "{}", process.log());

    let process = Process::start(data.path()).await;
    let before = rooms.map(|room| (room.to_owned(), 0));
    check_histories(&process, &tokens.token, &before, &poured).await;
}

#[actix_web::test]
async fn ctrl_c_without_anybody_there_ends_at_once() {
    let data = tempfile::tempdir().unwrap();
    let mut process = Process::start(data.path()).await;
    let begun = Instant::now();
    process.signal("INT");
    assert_eq!(process.ended().await.code(), Some(0), "{}", process.log());
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    assert!(!process.log().contains("ERROR"), "{}", process.log());
}

#[actix_web::test]
async fn connections_that_are_held_do_not_delay_the_end() {
    let mut settings = settings();
    settings.max_user_reads = 100;
    let server = Server::with(settings).await;
    let mut ana = server.clients_in("long", &["ana"]).await.pop().unwrap();
    let content = format!(r#"{{"x":"{}"}}"#, "y".repeat(3500));
    for _ in 0..100 {
        ana.send("long", &content).await;
    }
    let page = format!(
        "GET /v2/channel/{}?limit=100 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        room_id("long"),
        ana.tokens.token
    );
    let device = format!(
        "POST /v2/account/authenticate/device HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n",
        server.basic()
    );
    let mut held = Vec::new();
    for bytes in [
        String::new(),
        "GET /healthcheck HTTP/1.1\r\nHo".to_owned(),
        format!("{device}Content-Length: 30\r\n\r\n{{"),
        format!("{device}Expect: 100-continue\r\nContent-Length: 30\r\n\r\n{{"),
        format!("{device}Transfer-Encoding: chunked\r\n\r\n5\r\n{{"),
        // More answers than the system's buffers hold, and nobody reads them.
        page.repeat(60),
    ] {
        for first in ["", "GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n"] {
            let mut client = Raw::connect_with_buffer(server.address, Some(4096)).await;
            assert!(client.send(format!("{first}{bytes}").as_bytes()).await);
            held.push(client);
        }
    }
    // Those that came before this one have been read.
    let mut last = Raw::connect(server.address).await;
    let health = "GET /healthcheck HTTP/1.1\nHost: x\n";
    assert_eq!(last.ask(health, b"").await.status, 200);
    drop(ana);
    let begun = Instant::now();
    server.stop().await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[actix_web::test]
async fn a_server_can_be_started_again_at_once_on_the_data_of_one_that_was_shut_down() {
    let mut server = Server::through(Door::Own, settings()).await;
    for n in 0..10 {
        let mut ana = server.client("ana").await;
        ana.join("lobby").await;
        ana.send("lobby", &format!(r#"{{"n":{n}}}"#)).await;
        server = server.restart(settings()).await;
        let history = server.whole_history(&ana.tokens.token, "lobby").await;
        assert_eq!(history.len(), n + 1);
    }
    server.stop().await;
}
