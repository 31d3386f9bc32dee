//! A panic in the middle of a channel's work costs one request, and nobody their place.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::{Client, Deed, Disturbed, Door, Server, settings, through_both_doors};

through_both_doors!(the_members_of_a_channel_that_panicked_stay_in_it);

const MARKER: &str = "panic, please";

async fn fragile(door: Door) -> Server {
    Server::build(door, settings(), |builder| {
        builder.wrap_message_store(|store| Arc::new(Disturbed::marked(store, MARKER, Deed::Panic)))
    })
    .await
}

async fn provoke(client: &mut Client, room: &str) -> Value {
    client
        .try_send(room, &json!({"text": MARKER}).to_string())
        .await
}

/// Sends until it is acked: a member may be on its way back.
async fn speak(client: &mut Client, room: &str, content: &str) -> Value {
    for _ in 0..1000 {
        let mut reply = client.try_send(room, content).await;
        if reply.get("channel_message_ack").is_some() {
            return reply["channel_message_ack"].take();
        }
        assert!(
            reply["error"].get("code").is_none(),
            "neither sent nor temporary: {reply}"
        );
    }
    panic!("{} cannot speak any more", client.name);
}

async fn the_members_of_a_channel_that_panicked_stay_in_it(door: Door) {
    let server = fragile(door).await;
    let mut clients = server.clients_in("fragile", &["ana", "ben", "cid"]).await;
    let mut others = server.clients_in("solid", &["dan", "eva"]).await;
    clients[0].send("fragile", r#"{"n":0}"#).await;
    for client in &mut clients {
        client.messages(1).await;
    }
    let mut contents = vec![r#"{"n":0}"#.to_owned()];
    for round in 0..3 {
        let refused = provoke(&mut clients[round % 3], "fragile").await;
        assert!(
            refused["error"].is_object(),
            "the sender is told: {refused}"
        );
        assert!(
            refused["error"].get("code").is_none(),
            "an internal error: {refused}"
        );

        others[0].send("solid", "{}").await;
        others[1].messages(1).await;

        // Everybody can speak again, and is heard by all, without joining again.
        let mut round_contents = Vec::new();
        for client in &mut clients {
            let content = format!(r#"{{"back":"{}","round":{round}}}"#, client.name);
            speak(client, "fragile", &content).await;
            round_contents.push(content);
        }
        let last = format!(r#"{{"all":{round}}}"#);
        speak(&mut clients[0], "fragile", &last).await;
        round_contents.push(last.clone());
        for client in &mut clients {
            client
                .take("the last message", |v| {
                    v["channel_message"]["content"] == last.as_str()
                })
                .await;
            client.everything().await;
        }
        contents.extend(round_contents);
    }
    let history = server
        .whole_history(&clients[0].tokens.token, "fragile")
        .await;
    let kept: Vec<_> = history
        .iter()
        .map(|m| m["content"].as_str().unwrap())
        .collect();
    assert_eq!(kept, contents);
    assert!(history.is_sorted_by(|a, b| a["create_time"].as_str() < b["create_time"].as_str()));

    // The places are still one each: one leave is one leave.
    let mut newcomer = server.client("fay").await;
    assert_eq!(
        newcomer.join_and_look("fragile").await.names(),
        ["ana", "ben", "cid"]
    );
    server.stop().await;
}

#[actix_web::test]
async fn nobody_misses_what_is_said_right_after_a_panic() {
    let server = fragile(Door::Own).await;
    let names: Vec<String> = (0..8).map(|n| format!("user{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut clients = server.clients_in("fragile", &names).await;
    for round in 0..5 {
        provoke(&mut clients[0], "fragile").await;
        let content = format!(r#"{{"round":{round}}}"#);
        speak(&mut clients[0], "fragile", &content).await;
        for client in &mut clients {
            client
                .take("the message", |v| {
                    v["channel_message"]["content"] == content.as_str()
                })
                .await;
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn who_left_while_the_channel_was_lost_is_announced() {
    let server = fragile(Door::Own).await;
    let mut ana = server.client("ana").await;
    let mut roster = ana.join_and_look("fragile").await;
    server.clients_in("fragile", &["ben"]).await;
    ana.watch(&mut roster, |r| r.names() == ["ana"]).await;
    let mut ben = server.client("ben").await;
    ben.join("fragile").await;
    // The news of a leave and the panic meet in any order.
    for leave_first in [true, false, true, false] {
        let mut cid = server.client("cid").await;
        cid.join("fragile").await;
        ana.watch(&mut roster, |r| r.names() == ["ana", "ben", "cid"])
            .await;
        if leave_first {
            drop(cid);
            provoke(&mut ana, "fragile").await;
        } else {
            provoke(&mut ana, "fragile").await;
            drop(cid);
        }
        ana.watch(&mut roster, |r| r.names() == ["ana", "ben"])
            .await;
    }
    let mut dan = server.client("dan").await;
    assert_eq!(dan.join_and_look("fragile").await.names(), ["ana", "ben"]);
    server.stop().await;
}

#[actix_web::test]
async fn who_joins_again_in_the_same_breath_as_the_panic_can_still_speak_and_leave() {
    let server = fragile(Door::Own).await;
    let mut clients = server.clients_in("fragile", &["ana", "ben"]).await;
    let (mut ben, mut ana) = (clients.pop().unwrap(), clients.pop().unwrap());
    for round in 0..5 {
        let bad = ana
            .post_send("fragile", &json!({"text": MARKER}).to_string())
            .await;
        let join = ana.post_join("fragile", json!({})).await;
        assert!(ana.reply(&bad).await["error"].is_object());
        assert!(ana.reply(&join).await["channel"].is_object());
        let content = format!(r#"{{"round":{round}}}"#);
        speak(&mut ana, "fragile", &content).await;
        speak(&mut ben, "fragile", &content).await;
        ana.take("ben's message", |v| {
            let message = &v["channel_message"];
            message["content"] == content.as_str() && message["username"] == "ben"
        })
        .await;
    }
    ana.leave("fragile").await;
    let refused = ana.try_send("fragile", "{}").await;
    assert_eq!(refused["error"]["code"], 3, "{refused}");
    server.stop().await;
}

#[actix_web::test]
async fn who_joined_just_before_the_panic_is_announced_after_it() {
    let mut gathering = settings();
    gathering.presence_immediate = 0;
    gathering.presence_window = std::time::Duration::from_secs(10);
    let server = Server::build(Door::Own, gathering, |builder| {
        builder.wrap_message_store(|store| Arc::new(Disturbed::marked(store, MARKER, Deed::Panic)))
    })
    .await;
    let mut ana = server.client("ana").await;
    let mut roster = ana.join_and_look("fragile").await;
    ana.watch(&mut roster, |r| r.names() == ["ana"]).await;
    // In one go: the join has not been announced when the channel is lost.
    let mut ben = server.client("ben").await;
    ben.post_join("fragile", json!({})).await;
    provoke(&mut ben, "fragile").await;
    ana.watch(&mut roster, |r| r.names() == ["ana", "ben"])
        .await;
    server.stop().await;
}
