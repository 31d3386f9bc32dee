//! Every bound has an answer that can be read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_http::ws::Message;
use serde_json::{Value, json};

use crate::harness::{
    Deed, Disturbed, Door, Server, room_id, settings, soon, through_both_doors, until,
};

through_both_doors!(
    a_user_may_have_so_many_sockets,
    a_server_may_have_so_many_sockets,
    who_floods_and_never_reads_is_cut_off,
    no_more_requests_are_taken_than_may_be_unanswered,
);

async fn a_user_may_have_so_many_sockets(door: Door) {
    let mut few = settings();
    few.max_user_sessions = 2;
    let server = Server::through(door, few).await;
    let tokens = server.sign_in("ana").await;
    let one = server.connect("ana", &tokens).await.unwrap();
    let _two = server.connect("ana", &tokens).await.unwrap();
    assert_eq!(server.connect("ana", &tokens).await.err(), Some(503));
    let _other = server.client("ben").await;
    drop(one);
    until("a free place", async || {
        server.connect("ana", &tokens).await.ok()
    })
    .await;
    server.stop().await;
}

async fn a_server_may_have_so_many_sockets(door: Door) {
    let mut few = settings();
    few.max_sessions = 2;
    let server = Server::through(door, few).await;
    let one = server.client("ana").await;
    let _two = server.client("ben").await;
    let tokens = server.sign_in("cid").await;
    assert_eq!(server.connect("cid", &tokens).await.err(), Some(503));
    assert_eq!(server.chat.sessions(), 2);
    drop(one);
    until("a free place", async || {
        server.connect("cid", &tokens).await.ok()
    })
    .await;
    server.stop().await;
}

#[actix_web::test]
async fn a_session_may_be_in_so_many_channels() {
    let mut few = settings();
    few.max_session_channels = 2;
    let server = Server::with(few).await;
    let mut ana = server.client("ana").await;
    ana.join("one").await;
    ana.join("two").await;
    let cid = ana.post_join("three", json!({})).await;
    let refused = ana.reply(&cid).await;
    assert_eq!(refused["error"]["code"], 3);
    assert_eq!(refused["error"]["message"], "already in 2 channels");
    ana.join("two").await;
    ana.leave("one").await;
    ana.join("three").await;
    server.stop().await;
}

#[actix_web::test]
async fn a_channel_may_have_so_many_sessions() {
    let mut few = settings();
    few.max_channel_sessions = 2;
    let server = Server::with(few).await;
    let mut clients = server.clients_in("lobby", &["ana", "ben"]).await;
    let mut cid = server.client("cid").await;
    let ask = cid.post_join("lobby", json!({"hidden": true})).await;
    let refused = cid.reply(&ask).await;
    assert_eq!(
        refused["error"],
        json!({"code": 3, "message": "the channel is full"})
    );
    let refused = cid.try_send("lobby", "{}").await;
    assert_eq!(refused["error"]["code"], 3, "not in: {refused}");
    clients[0].leave("lobby").await;
    cid.join("lobby").await;
    server.stop().await;
}

async fn who_floods_and_never_reads_is_cut_off(door: Door) {
    let mut small = settings();
    small.outbox_bytes = 16 << 10;
    let server = Server::through(door, small).await;
    let mut ana = server.client("ana").await;
    let mut ben = server.client("ben").await;
    let flood = async {
        loop {
            ana.frame(Message::Text(r#"{"ping":{}}"#.into())).await;
        }
    };
    let cut = until("the end of the flood", async || {
        (server.chat.sessions() == 1).then_some(())
    });
    tokio::select! {
        () = flood => {}
        () = cut => {}
    }
    assert_eq!(ben.request(json!({"ping": {}})).await, json!({"pong": {}}));
    server.stop().await;
}

async fn no_more_requests_are_taken_than_may_be_unanswered(door: Door) {
    const PIPELINE: usize = 4;
    const SENDS: usize = 200;
    let most = Arc::new(AtomicUsize::new(0));
    let now = Arc::new(AtomicUsize::new(0));
    let mut narrow = settings();
    narrow.pipeline = PIPELINE;
    let (seen, open) = (most.clone(), now.clone());
    let server = Server::build(door, narrow, move |builder| {
        builder.wrap_message_store(move |store| {
            let submitted = open.clone();
            let disturbed = Disturbed::new(store, move |_| {
                let unanswered = submitted.fetch_add(1, Ordering::SeqCst) + 1;
                seen.fetch_max(unanswered, Ordering::SeqCst);
                Deed::Pass
            });
            Arc::new(disturbed.when_told(move || {
                open.fetch_sub(1, Ordering::SeqCst);
            }))
        })
    })
    .await;
    let mut ana = server.client("ana").await;
    ana.join("lobby").await;
    let mut cids = Vec::new();
    for n in 0..SENDS {
        cids.push(ana.post_send("lobby", &format!(r#"{{"n":{n}}}"#)).await);
    }
    for cid in cids {
        let answer = ana.take("an answer", |v| v.get("cid").is_some()).await;
        assert_eq!(answer["cid"], cid.as_str(), "{answer}");
        assert!(answer.get("channel_message_ack").is_some(), "{answer}");
    }
    let most = most.load(Ordering::SeqCst);
    assert!(
        (2..=PIPELINE).contains(&most),
        "{most} writes were under way at once"
    );
    assert_eq!(now.load(Ordering::SeqCst), 0);
    server.stop().await;
}

#[actix_web::test]
async fn a_request_may_name_so_many_things() {
    let mut few = settings();
    few.max_list_items = 3;
    let server = Server::with(few).await;
    let ana = server.sign_in("ana").await;
    let get = async |path: &str| server.call("GET", path, &ana.token, Value::Null).await;
    let (status, found) = get("/v2/user?usernames=ana&usernames=b&usernames=c").await;
    assert_eq!(
        (status, &found["users"][0]["username"]),
        (200, &json!("ana"))
    );
    let (status, answer) = get("/v2/user?usernames=a&usernames=b&usernames=c&usernames=d").await;
    assert_eq!((status, &answer["code"]), (400, &json!(3)), "{answer}");
    assert!(
        answer["message"].as_str().unwrap().contains('3'),
        "names the limit: {answer}"
    );
    let vars = json!({"id": "device-of-ben", "vars": {"a": "1", "b": "2", "c": "3", "d": "4"}});
    let (status, answer) = server
        .http(
            "POST",
            "/v2/account/authenticate/device",
            Some(&server.basic()),
            &vars.to_string(),
        )
        .await;
    assert_eq!(status, 400, "{}", String::from_utf8_lossy(&answer));
    server.stop().await;
}

#[actix_web::test]
async fn a_body_may_be_so_long() {
    let mut small = settings();
    small.max_body_bytes = 1024;
    let server = Server::with(small).await;
    let body = |bytes: usize| {
        let body = json!({"id": "device-of-ana"}).to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    let path = "/v2/account/authenticate/device";
    let (status, _) = server
        .http("POST", path, Some(&server.basic()), &body(1024))
        .await;
    assert_eq!(status, 200);
    let (status, answer) = server
        .http("POST", path, Some(&server.basic()), &body(1025))
        .await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((status, &answer["code"]), (400, &json!(3)), "{answer}");
    assert!(
        answer["message"].as_str().unwrap().contains("1024"),
        "{answer}"
    );
    server.stop().await;
}

#[actix_web::test]
async fn an_ephemeral_message_is_forgotten_after_so_many_others() {
    let mut short = settings();
    short.ephemeral_memory = 2;
    let server = Server::with(short).await;
    let mut ana = server.client("ana").await;
    ana.join_as("lobby", json!({"persistence": false})).await;
    let first = ana.send("lobby", r#"{"n":1}"#).await;
    let second = ana.send("lobby", r#"{"n":2}"#).await;
    ana.update("lobby", &first["message_id"], r#"{"n":"one"}"#)
        .await;
    ana.send("lobby", r#"{"n":3}"#).await;
    let refused = ana.try_update("lobby", &first["message_id"], "{}").await;
    assert_eq!(refused["error"]["code"], 3, "{refused}");
    ana.update("lobby", &second["message_id"], r#"{"n":"two"}"#)
        .await;
    server.stop().await;
}

#[actix_web::test]
async fn a_full_writer_queue_is_an_error_to_the_sender_and_nothing_is_lost() {
    let mut narrow = settings();
    narrow.writer_queue = 64;
    narrow.writer_batch = 1;
    narrow.pipeline = 1024;
    let server = Server::with(narrow).await;
    let mut ana = server.client("ana").await;
    ana.join("lobby").await;
    let mut flood = Vec::new();
    for n in 0..2000 {
        let content = format!(r#"{{"n":{n}}}"#);
        let send = json!({"channel_id": room_id("lobby"), "content": content});
        flood.push(json!({"cid": content, "channel_message_send": send}).to_string());
    }
    let mut acked = Vec::new();
    for part in flood.chunks(500) {
        for frame in part {
            ana.text(frame).await;
        }
        for _ in part {
            let answer = ana.take("an answer", |v| v.get("cid").is_some()).await;
            if answer.get("channel_message_ack").is_some() {
                acked.push(answer["cid"].clone());
            } else {
                let message = answer["error"]["message"].as_str().unwrap();
                assert_eq!(message, "the message could not be stored");
                assert!(
                    answer["error"].get("code").is_none(),
                    "the same may succeed later"
                );
            }
        }
    }
    let heard: Vec<_> = ana
        .messages(acked.len())
        .await
        .into_iter()
        .map(|m| m["content"].clone())
        .collect();
    assert_eq!(heard, acked);
    let history = server.whole_history(&ana.tokens.token, "lobby").await;
    assert_eq!(
        history
            .into_iter()
            .map(|m| m["content"].clone())
            .collect::<Vec<_>>(),
        acked
    );
    soon(
        "a send when the queue is empty again",
        ana.send("lobby", "{}"),
    )
    .await;
    tokio::time::timeout(Duration::from_secs(5), server.stop())
        .await
        .unwrap();
}

#[actix_web::test]
async fn a_busy_channel_is_an_error_to_the_sender_and_nothing_is_lost() {
    const SENDS: usize = 1000;
    let mut narrow = settings();
    narrow.channel_mailbox = 16;
    narrow.pipeline = 2048;
    let server = Server::with(narrow).await;
    let mut clients = server.clients_in("lobby", &["ana", "ben"]).await;
    let (mut ben, mut ana) = (clients.pop().unwrap(), clients.pop().unwrap());
    let mut cids = Vec::new();
    for n in 0..SENDS {
        cids.push(ana.post_send("lobby", &format!(r#"{{"n":{n}}}"#)).await);
    }
    let mut acked = Vec::new();
    for cid in cids {
        let mut answer = ana.take("an answer", |v| v.get("cid").is_some()).await;
        assert_eq!(answer["cid"], cid.as_str(), "in order");
        if answer.get("channel_message_ack").is_some() {
            acked.push(answer["channel_message_ack"]["message_id"].take());
        } else {
            assert_eq!(
                answer["error"],
                json!({"message": "the channel is busy, try again"})
            );
        }
    }
    let heard = ben.messages(acked.len()).await;
    assert_eq!(
        heard
            .iter()
            .map(|m| m["message_id"].clone())
            .collect::<Vec<_>>(),
        acked
    );
    assert_eq!(
        server.whole_history(&ben.tokens.token, "lobby").await,
        heard
    );
    ana.send("lobby", "{}").await;
    server.stop().await;
}

#[actix_web::test]
async fn a_server_may_have_so_many_live_channels() {
    let mut few = settings();
    few.max_live_channels = 2;
    few.channel_linger = Duration::from_millis(10);
    let server = Server::with(few).await;
    let mut ana = server.client("ana").await;
    let mut ben = server.client("ben").await;
    let mut cid = server.client("cid").await;
    ana.join("one").await;
    ben.join("two").await;
    let join = json!({"channel_join": {"target": "three", "type": 1}});
    let refused = cid.request(join.clone()).await;
    assert_eq!(
        refused["error"]["code"],
        Value::Null,
        "code 0, try again: {refused}"
    );
    assert!(refused["error"]["message"].is_string(), "{refused}");
    // Those that are live can be joined all the same.
    cid.join("one").await;
    ben.leave("two").await;
    cid.leave("one").await;
    until("the end of the empty room", async || {
        let answer = cid.request(join.clone()).await;
        answer.get("channel").map(|_| ())
    })
    .await;
    server.stop().await;
}

#[actix_web::test]
async fn nobody_can_take_all_live_channels() {
    let mut few = settings();
    few.max_live_channels = 40;
    let server = Server::with(few).await;
    let mut one = server.client("mallory").await;
    let mut two = server
        .connect("mallory", &one.tokens.clone())
        .await
        .unwrap();
    let mut taken = 0;
    let refused = loop {
        let socket = if taken % 2 == 0 { &mut one } else { &mut two };
        let join = json!({"channel_join": {"target": format!("room-{taken}"), "type": 1}});
        let answer = socket.request(join).await;
        if answer.get("channel").is_none() {
            break answer;
        }
        taken += 1;
    };
    assert_eq!(refused["error"]["code"], 3, "{refused}");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("you are in as many channels"),
        "{message}"
    );
    // A quarter of the 32 that are left; the two sockets may join at the same moment.
    assert!((8..=9).contains(&taken), "{taken}");
    let mut ana = server.client("ana").await;
    ana.join("elsewhere").await;
    // What is live already can be joined, and whoever leaves may start another one.
    one.join("elsewhere").await;
    one.leave("elsewhere").await;
    one.leave("room-0").await;
    one.join("room-1").await;
    server.stop().await;
}
