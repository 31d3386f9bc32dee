//! Sockets that are held: without a sign of life, or without reading.

use std::time::{Duration, Instant};

use actix_http::ws::Message;
use bytes::Bytes;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::harness::{Client, Door, Server, Tokens, settings, through_both_doors};

through_both_doors!(
    a_peer_that_falls_silent_in_the_middle_of_a_frame_is_noticed,
    a_peer_that_answers_pings_and_reads_nothing_is_closed,
);

async fn a_peer_that_falls_silent_in_the_middle_of_a_frame_is_noticed(door: Door) {
    let mut settings = settings();
    settings.ping_period = Duration::from_millis(100);
    settings.pong_wait = Duration::from_millis(600);
    let server = Server::through(door, settings).await;
    let mut ana = server.client("ana").await;
    let mut roster = ana.join_and_look("lobby").await;
    let mut silent = server.clients_in("lobby", &["silent"]).await.pop().unwrap();
    // The beginning of a frame, of which nothing else ever comes.
    silent.stream().write_all(&[0x81]).await.unwrap();
    ana.watch(&mut roster, |roster| roster.names() == ["ana", "silent"])
        .await;
    // Reading, ana answers pings; the other one does not.
    ana.watch(&mut roster, |roster| roster.names() == ["ana"])
        .await;
    server.stop().await;
}

async fn a_peer_that_answers_pings_and_reads_nothing_is_closed(door: Door) {
    let mut settings = settings();
    settings.write_timeout = Duration::from_millis(500);
    // Large enough for all that is said: it is not the amount that ends the socket.
    settings.outbox_bytes = 256 << 20;
    let server = Server::through(door, settings).await;
    let mut ana = server.client("ana").await;
    ana.join_as("lobby", json!({"persistence": false, "hidden": true}))
        .await;
    let tokens: Tokens = server.sign_in("lazy").await;
    let lazy = Client::open_with_buffer(server.address, "lazy", &tokens, "", Some(4096)).await;
    let mut lazy = lazy.unwrap();
    lazy.join("lobby").await;
    let content = format!(r#"{{"x":"{}"}}"#, "y".repeat(3500));
    let begun = Instant::now();
    let gone = loop {
        for _ in 0..50 {
            ana.send("lobby", &content).await;
        }
        ana.everything().await;
        // A sign of life, and not a byte read.
        lazy.frame(Message::Pong(Bytes::new())).await;
        if server.chat.sessions() == 1 {
            break begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it stays");
    };
    assert!(gone > Duration::from_millis(400), "{gone:?}");
    ana.send("lobby", r#"{"all":"well"}"#).await;
    server.stop().await;
}
