//! Pages of the past.

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::harness::{Client, History, Page, Server, room_id, settings};

async fn fill(client: &mut Client, room: &str, count: usize) -> Vec<Value> {
    let mut acks = Vec::new();
    for n in 0..count {
        acks.push(client.send(room, &format!(r#"{{"n":{n}}}"#)).await);
    }
    acks
}

fn numbers(page: &Page) -> Vec<i64> {
    let number = |m: &Value| -> i64 {
        let content: Value = serde_json::from_str(m["content"].as_str().unwrap()).unwrap();
        content["n"].as_i64().unwrap()
    };
    page.messages.iter().map(number).collect()
}

#[actix_web::test]
async fn a_history_is_walked_forward_backward_and_back_again() {
    let server = Server::start().await;
    let mut ana = server.clients_in("lobby", &["ana"]).await.pop().unwrap();
    fill(&mut ana, "lobby", 7).await;
    let token = ana.tokens.token.clone();
    let page = async |newest_first, cursor: Option<&str>| {
        let ask = History {
            limit: Some(3),
            newest_first,
            cursor,
        };
        server.history(&token, "lobby", ask).await
    };
    for newest_first in [false, true] {
        let turn = |list: &[i64]| -> Vec<i64> {
            list.iter()
                .map(|n| if newest_first { 6 - n } else { *n })
                .collect()
        };
        let first = page(newest_first, None).await;
        assert_eq!(numbers(&first), turn(&[0, 1, 2]));
        assert_eq!(first.previous, None);
        let second = page(newest_first, first.next.as_deref()).await;
        assert_eq!(numbers(&second), turn(&[3, 4, 5]));
        let third = page(newest_first, second.next.as_deref()).await;
        assert_eq!(numbers(&third), turn(&[6]));
        assert_eq!(third.next, None, "nothing follows");
        let back = page(newest_first, third.previous.as_deref()).await;
        assert_eq!(numbers(&back), turn(&[3, 4, 5]), "in the same order");
        let back = page(newest_first, back.previous.as_deref()).await;
        assert_eq!(numbers(&back), turn(&[0, 1, 2]));
        assert_eq!(back.previous, None, "walked back to the start");
        let newest = if newest_first { &first } else { &third };
        assert!(newest.cacheable.is_some());
    }
    let default = server.history(&token, "lobby", History::default()).await;
    assert_eq!(numbers(&default), [0], "one message by default, the oldest");
    server.stop().await;
}

#[actix_web::test]
async fn what_comes_later_is_found_with_the_cacheable_cursor() {
    let server = Server::start().await;
    let mut ana = server.clients_in("lobby", &["ana"]).await.pop().unwrap();
    let token = ana.tokens.token.clone();
    fill(&mut ana, "lobby", 2).await;
    let ask = |cursor| History {
        limit: Some(10),
        newest_first: false,
        cursor,
    };
    let page = server.history(&token, "lobby", ask(None)).await;
    let cursor = page.cacheable.unwrap();
    let nothing = server.history(&token, "lobby", ask(Some(&cursor))).await;
    assert!(nothing.messages.is_empty());
    assert_eq!(
        nothing.cacheable.as_deref(),
        Some(&*cursor),
        "so it can be polled"
    );
    ana.send("lobby", r#"{"n":2}"#).await;
    assert_eq!(
        numbers(&server.history(&token, "lobby", ask(Some(&cursor))).await),
        [2]
    );
    // Also when it came from a page read backward.
    let backward = History {
        limit: Some(10),
        newest_first: true,
        cursor: None,
    };
    let cursor = server
        .history(&token, "lobby", backward)
        .await
        .cacheable
        .unwrap();
    assert_eq!(
        numbers(&server.history(&token, "lobby", ask(Some(&cursor))).await),
        [1, 2]
    );
    server.stop().await;
}

#[actix_web::test]
async fn a_cursor_is_good_unchanged_in_its_channel_and_direction_only() {
    let server = Server::start().await;
    let mut ana = server.client("ana").await;
    ana.join("one").await;
    ana.join("two").await;
    fill(&mut ana, "one", 3).await;
    fill(&mut ana, "two", 3).await;
    let token = ana.tokens.token.clone();
    let cursor = server
        .history(&token, "one", History::default())
        .await
        .next
        .unwrap();
    let status = async |room: &str, newest_first, cursor: &str| {
        let ask = History {
            limit: Some(2),
            newest_first,
            cursor: Some(cursor),
        };
        let (status, answer) = server.try_history(&token, &room_id(room), ask).await;
        if status != 200 {
            assert_eq!(
                (status, &answer["code"]),
                (400, &Value::from(3)),
                "{answer}"
            );
        }
        status
    };
    assert_eq!(status("one", false, &cursor).await, 200);
    assert_eq!(
        status("one", false, "").await,
        200,
        "an empty one counts as none"
    );
    assert_eq!(status("two", false, &cursor).await, 400, "another channel");
    assert_eq!(status("one", true, &cursor).await, 400, "another direction");
    assert_eq!(status("one", false, "rubbish").await, 400);
    assert_eq!(status("one", false, &cursor[1..]).await, 400);
    let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] = changed[at].wrapping_add(1);
        let changed = URL_SAFE_NO_PAD.encode(changed);
        assert_eq!(
            status("one", false, &changed).await,
            400,
            "byte {at} changed"
        );
    }
    server.stop().await;
}

#[actix_web::test]
async fn limits_and_channel_ids_that_cannot_be_are_refused() {
    let server = Server::start().await;
    let ana = server.sign_in("ana").await;
    for limit in ["0", "101", "-1", "", "x", "4294967297", "1.5"] {
        let path = format!("/v2/channel/2...lobby?limit={limit}");
        let (status, answer) = server.call("GET", &path, &ana.token, Value::Null).await;
        assert_eq!(
            (status, &answer["code"]),
            (400, &Value::from(3)),
            "limit {limit:?}: {answer}"
        );
    }
    for channel in ["", "lobby", "2...", "9...x", "3.x..", "%ff"] {
        let path = format!("/v2/channel/{channel}");
        let (status, answer) = server.call("GET", &path, &ana.token, Value::Null).await;
        assert_eq!(
            (status, &answer["code"]),
            (400, &Value::from(3)),
            "{channel:?}: {answer}"
        );
    }
    let (status, answer) = server
        .call("GET", "/v2/channel/2...lobby", &ana.token, Value::Null)
        .await;
    assert_eq!(
        (status, answer),
        (200, serde_json::json!({})),
        "nobody ever spoke there"
    );
    server.stop().await;
}

#[actix_web::test]
async fn paging_misses_and_repeats_nothing_while_messages_come_and_go() {
    const SEED: u64 = 20;
    let server = Server::start().await;
    let mut clients = server.clients_in("busy", &["ana", "ben"]).await;
    let token = clients[0].tokens.token.clone();
    let stable = fill(&mut clients[0], "busy", 60).await;
    let mut doomed = fill(&mut clients[1], "busy", 60).await;
    let id = |m: &Value| m["message_id"].as_str().unwrap().to_owned();
    let wanted: Vec<String> = stable.iter().map(id).collect();

    for newest_first in [false, true] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        for step in 0.. {
            let limit = 1 + (SEED + step * 7) as u32 % 12;
            let ask = History {
                limit: Some(limit),
                newest_first,
                cursor: cursor.as_deref(),
            };
            let page = server.history(&token, "busy", ask).await;
            // What lies next to the cursor goes away, and new messages arrive.
            for message in page.messages.iter().filter(|m| m["username"] == "ben") {
                if let Some(at) = doomed
                    .iter()
                    .position(|d| d["message_id"] == message["message_id"])
                {
                    let gone = doomed.remove(at);
                    clients[1].remove("busy", &gone["message_id"]).await;
                }
            }
            clients[1].send("busy", r#"{"n":0}"#).await;
            seen.extend(page.messages);
            cursor = page.next;
            if cursor.is_none() || step > 200 {
                break;
            }
        }
        let ids: Vec<String> = seen.iter().map(id).collect();
        assert_eq!(
            ids.iter().collect::<HashSet<_>>().len(),
            ids.len(),
            "a message came twice"
        );
        let times: Vec<_> = seen
            .iter()
            .map(|m| m["create_time"].as_str().unwrap())
            .collect();
        assert!(
            times.is_sorted_by(|a, b| (a < b) != newest_first),
            "out of order"
        );
        let mut kept: Vec<_> = ids.into_iter().filter(|id| wanted.contains(id)).collect();
        if newest_first {
            kept.reverse();
        }
        assert_eq!(kept, wanted, "those that were there all the time");
    }
    server.stop().await;
}

#[actix_web::test]
async fn every_room_name_can_be_written_in_the_url() {
    let server = Server::start().await;
    let mut ana = server.client("ana").await;
    let token = ana.tokens.token.clone();
    let names = [
        "a/b",
        "50%",
        "%2F",
        "two words",
        "a.b..c.",
        "..",
        "'\"?#&=+;",
        "日本語",
        "\\",
    ];
    for name in names {
        ana.join(name).await;
        let content = serde_json::json!({"n": 1, "room": name}).to_string();
        ana.send(name, &content).await;
        let history = server.whole_history(&token, name).await;
        assert_eq!(history.len(), 1, "{name}");
        assert_eq!(history[0]["content"], content);
        assert_eq!(history[0]["room_name"], name);
        assert_eq!(history[0]["channel_id"], room_id(name));
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_cursor_is_good_after_a_restart() {
    let server = Server::start().await;
    let mut ana = server.clients_in("lobby", &["ana"]).await.pop().unwrap();
    fill(&mut ana, "lobby", 3).await;
    let token = ana.tokens.token.clone();
    let cursor = server
        .history(&token, "lobby", History::default())
        .await
        .next
        .unwrap();
    let server = server.restart(settings()).await;
    let ask = History {
        limit: Some(10),
        cursor: Some(&cursor),
        ..History::default()
    };
    assert_eq!(numbers(&server.history(&token, "lobby", ask).await), [1, 2]);
    server.stop().await;
}
