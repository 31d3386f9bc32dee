//! Pings, and what becomes of those who do not answer them.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Close, Door, Server, settings, through_both_doors};

through_both_doors!(
    who_gives_no_sign_of_life_is_closed_and_who_answers_pings_stays,
    who_is_gone_without_a_word_has_left,
);

async fn who_gives_no_sign_of_life_is_closed_and_who_answers_pings_stays(door: Door) {
    let mut quick = settings();
    quick.ping_period = Duration::from_millis(100);
    quick.pong_wait = Duration::from_millis(600);
    let server = Server::through(door, quick).await;
    let mut ana = server.client("ana").await;
    let mut roster = ana.join_and_look("lobby").await;
    let mut silent = server.client("silent").await;
    silent.answers_pings = false;
    silent.join("lobby").await;
    ana.watch(&mut roster, |r| r.names() == ["ana", "silent"])
        .await;
    let since = std::time::Instant::now();
    let silence = async { (silent.closed().await, silent.pings) };
    let (_, (close, pings)) =
        futures_util::future::join(ana.watch(&mut roster, |r| r.names() == ["ana"]), silence).await;
    assert_eq!(close, Close::Frame(1000, "no sign of life".to_owned()));
    assert!(
        since.elapsed() >= Duration::from_millis(500),
        "closed after {:?}",
        since.elapsed()
    );
    // As many as there was time for, on a busy machine.
    assert!(pings >= 1, "no ping before the end");
    assert!(ana.pings >= 1);
    assert_eq!(ana.request(json!({"ping": {}})).await, json!({"pong": {}}));
    server.stop().await;
}

async fn who_is_gone_without_a_word_has_left(door: Door) {
    let mut quick = settings();
    quick.ping_period = Duration::from_millis(100);
    quick.pong_wait = Duration::from_millis(600);
    let server = Server::through(door, quick).await;
    let mut ana = server.client("ana").await;
    let mut roster = ana.join_and_look("lobby").await;
    // Neither reads nor writes from here on, but holds the connection.
    let mut frozen = server.client("frozen").await;
    frozen.join("lobby").await;
    ana.watch(&mut roster, |r| r.len() == 2).await;
    ana.watch(&mut roster, |r| r.names() == ["ana"]).await;
    server.sessions_become(1).await;
    drop(frozen);
    server.stop().await;
}
