use banter_client::{ApiError, HistoryQuery};
use serde_json::json;

use crate::server::{Person, Server};

/// A room with messages numbered from 0.
async fn talk(person: &Person, room: &str, count: usize) -> String {
    let (socket, _events) = person.online().await;
    let room = socket.join_room(room).await.unwrap().id;
    for number in 0..count {
        socket
            .send(&room, &json!({ "number": number }))
            .await
            .unwrap();
    }
    room
}

async fn page(
    person: &Person,
    room: &str,
    query: &HistoryQuery,
) -> (Vec<i64>, banter_client::HistoryPage) {
    let page = person
        .client
        .history(&person.session, room, query)
        .await
        .unwrap();
    let number = |message: &banter_client::ChatMessage| {
        message.content_as::<serde_json::Value>().unwrap()["number"]
            .as_i64()
            .unwrap()
    };
    (page.messages.iter().map(number).collect(), page)
}

#[tokio::test]
async fn a_history_is_read_in_pages_both_ways() {
    let server = Server::start();
    let ana = server.person("ana").await;
    // What a path cannot hold as it is.
    let room = talk(&ana, "a/b?c%20 #ü", 7).await;
    for (from, expected) in [
        (
            HistoryQuery::oldest(),
            [vec![0, 1, 2], vec![3, 4, 5], vec![6]],
        ),
        (
            HistoryQuery::newest(),
            [vec![6, 5, 4], vec![3, 2, 1], vec![0]],
        ),
    ] {
        let mut query = HistoryQuery { limit: 3, ..from };
        for expected in expected {
            let (numbers, page) = page(&ana, &room, &query).await;
            assert_eq!(numbers, expected);
            assert_eq!(page.next_cursor.is_some(), expected.len() == 3);
            query.cursor = page.next_cursor;
        }
    }
    let (all, _) = page(&ana, &room, &HistoryQuery::default()).await;
    assert_eq!(all, Vec::from_iter(0..7));
}

#[tokio::test]
async fn what_was_missed_follows_a_cacheable_cursor() {
    let server = Server::start();
    let ana = server.person("ana").await;
    let (numbers, empty) = page(&ana, "2...lobby", &HistoryQuery::oldest()).await;
    assert_eq!((numbers, empty.cacheable_cursor), (vec![], None));
    let room = talk(&ana, "lobby", 2).await;
    let newest = HistoryQuery {
        limit: 1,
        ..HistoryQuery::newest()
    };
    let (_, last) = page(&ana, &room, &newest).await;
    let since = HistoryQuery::since(last.cacheable_cursor.unwrap());
    assert!(page(&ana, &room, &since).await.0.is_empty());
    talk(&ana, "lobby", 3).await;
    assert_eq!(page(&ana, &room, &since).await.0, [0, 1, 2]);
}

#[tokio::test]
async fn what_the_history_shows_is_what_was_heard() {
    let server = Server::start();
    let ana = server.person("ana").await;
    let (socket, mut events) = ana.online().await;
    let room = socket.join_room("lobby").await.unwrap().id;
    socket
        .send_text(&room, r#"{ "odd":  "spaces" }"#)
        .await
        .unwrap();
    let heard = crate::next_message(&mut events).await;
    let page = ana
        .client
        .history(&ana.session, &room, &HistoryQuery::newest())
        .await;
    assert_eq!(page.unwrap().messages, [heard]);
}

#[tokio::test]
async fn refused_pages_say_why() {
    let server = Server::start();
    let ana = server.person("ana").await;
    let bad_limit = HistoryQuery {
        limit: 101,
        ..HistoryQuery::default()
    };
    for (room, query) in [
        ("2...lobby", &bad_limit),
        ("2...lobby", &HistoryQuery::since("garbage")),
        ("nonsense", &HistoryQuery::default()),
    ] {
        let error = ana
            .client
            .history(&ana.session, room, query)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, ApiError::Refused { status: 400, code: 3, message } if !message.is_empty()),
            "{error:?}"
        );
        assert!(!error.is_temporary() && !error.is_unauthenticated());
    }
}
