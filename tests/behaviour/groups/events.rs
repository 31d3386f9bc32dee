//! The records of what happened to members: what they look like, where they stand, and that nobody
//! rewrites them.

use std::cell::Cell;

use futures_util::future::join;
use serde_json::{Value, json};

use crate::harness::{Server, codes, group_channel, is_event, settings};

#[actix_web::test]
async fn every_event_is_a_message_of_the_user_concerned_live_and_later() {
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let group = server
        .create_group(&ana, "told", json!({"open": true}))
        .await;
    let mut a = server.socket_in(&ana, &group).await;
    let steps = [
        ("join", &ben, 3),
        ("promote", &ben, 7),
        ("promote", &ben, 7),
        ("demote", &ben, 9),
        ("kick", &ben, 6),
        ("add", &ben, 4),
        ("leave", &ben, 5),
        ("join", &cleo, 3),
        ("ban", &cleo, 8),
    ];
    let mut live = Vec::new();
    for (verb, who, code) in steps {
        if matches!(verb, "join" | "leave") {
            server.done(who, verb, &group, &[]).await;
        } else {
            server.done(&ana, verb, &group, &[who]).await;
        }
        let event = a.message().await;
        let time = event["create_time"].clone();
        let wanted = json!({
            "channel_id": group_channel(&group), "group_id": group, "code": code, "content": "{}",
            "message_id": event["message_id"], "sender_id": who.id, "username": who.name,
            "persistent": true, "create_time": time, "update_time": time,
        });
        assert_eq!(event, wanted, "{verb}");
        live.push(event);
    }
    assert_eq!(server.log_of(&ana, &group).await, live);
    server.stop().await;
}

#[actix_web::test]
async fn what_changes_nobodys_membership_makes_no_event() {
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let group = server.create_group(&ana, "silent", json!({})).await;
    let mut a = server.socket_in(&ana, &group).await;
    for _ in 0..2 {
        server.done(&ben, "join", &group, &[]).await;
        server.done(&ben, "join", &group, &[]).await;
        server.done(&ben, "leave", &group, &[]).await;
        server.done(&ben, "leave", &group, &[]).await;
        server.done(&ben, "join", &group, &[]).await;
        server.done(&ana, "kick", &group, &[&ben]).await;
        server.done(&ana, "kick", &group, &[&ben, &cleo]).await;
        server.done(&cleo, "join", &group, &[]).await;
        server.done(&ana, "ban", &group, &[&cleo]).await;
        server.done(&cleo, "leave", &group, &[]).await;
        server.done(&cleo, "join", &group, &[]).await;
        server.done(&ana, "add", &group, &[&cleo]).await;
        assert_eq!(
            server.role(&ana, &group, &cleo).await,
            Some(4),
            "stays banned"
        );
        server.done(&ana, "kick", &group, &[&cleo]).await;
        for fields in [json!({"description": "x"}), json!({"open": false})] {
            server.update_group(&ana, &group, fields).await;
        }
    }
    assert!(server.log_of(&ana, &group).await.is_empty());
    a.say(&group, "{}").await;
    assert_eq!(codes(&[a.message().await]), [(0, "ana")]);
    server.stop().await;
}

#[actix_web::test]
async fn nobody_changes_or_removes_an_event() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let group = server
        .create_group(&ana, "carved", json!({"open": true}))
        .await;
    let mut a = server.socket_in(&ana, &group).await;
    server.done(&ben, "join", &group, &[]).await;
    server.done(&ana, "promote", &group, &[&ben]).await;
    let mut b = server.socket_in(&ben, &group).await;
    let mut fleeting = server.socket(&ben).await;
    fleeting
        .join_group_as(&group, json!({"persistence": false}))
        .await;
    for client in [&mut a, &mut b, &mut fleeting] {
        client.join("lobby").await;
    }
    let log = server.log_of(&ana, &group).await;
    assert_eq!(codes(&log), [(3, "ben"), (7, "ben")]);
    for channel in [group_channel(&group), "2...lobby".to_owned()] {
        for event in &log {
            let id = &event["message_id"];
            for client in [&mut a, &mut b, &mut fleeting] {
                let update =
                    json!({"channel_id": channel, "message_id": id, "content": "{\"a\":1}"});
                let refused = client
                    .request(json!({"channel_message_update": update}))
                    .await;
                assert_eq!(refused["error"]["code"], 3, "{}: {refused}", client.name);
                let remove = json!({"channel_id": channel, "message_id": id});
                let refused = client
                    .request(json!({"channel_message_remove": remove}))
                    .await;
                assert_eq!(refused["error"]["code"], 3, "{}: {refused}", client.name);
            }
        }
    }
    assert_eq!(server.log_of(&ana, &group).await, log);
    // The kicked one neither, from a room.
    server.done(&ana, "kick", &group, &[&ben]).await;
    let log = server.log_of(&ana, &group).await;
    let id = &log[2]["message_id"];
    for channel in [group_channel(&group), "2...lobby".to_owned()] {
        let remove = json!({"channel_id": channel, "message_id": id});
        let refused = b.request(json!({"channel_message_remove": remove})).await;
        assert_eq!(refused["error"]["code"], 3, "{refused}");
    }
    assert_eq!(server.log_of(&ana, &group).await, log);
    server.stop().await;
}

#[actix_web::test]
async fn events_and_messages_share_one_order_with_growing_times() {
    const MESSAGES: usize = 300;
    let mut settings = settings();
    settings.writer_batch = 7;
    let server = Server::with(settings).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let crowd = server.crowd("user", 4).await;
    let group = server
        .create_group(&ana, "mixed", json!({"open": true}))
        .await;
    server.done(&ana, "add", &group, &[&ben]).await;
    let [mut a, mut b] = server.sockets_in([&ana, &ben], &group).await;
    let channel = group_channel(&group);
    let talking = Cell::new(true);
    let changes = async {
        let mut changes = 0;
        while talking.get() {
            let who = &crowd[changes / 2 % crowd.len()];
            let verb = ["join", "leave"][changes % 2];
            server.done(who, verb, &group, &[]).await;
            changes += 1;
        }
        changes
    };
    let talk = async {
        for n in 0..MESSAGES {
            let content = json!({ "n": n }).to_string();
            let client = if n % 2 == 0 { &mut a } else { &mut b };
            let cid = client.post_to(&channel, &content).await;
            if n % 10 > 7 {
                client.reply(&cid).await;
            }
        }
        a.everything().await;
        talking.set(false);
    };
    // What `everything` has taken is checked by the session of the other.
    let (changes, ()) = join(changes, talk).await;
    let log = server.log_of(&ana, &group).await;
    assert_eq!(log.len(), 1 + MESSAGES + changes);
    assert_eq!(log.iter().filter(|m| is_event(m)).count(), 1 + changes);
    let mut live: Vec<Value> = Vec::new();
    while live.len() < MESSAGES + changes {
        live.push(b.message().await);
    }
    assert_eq!(log[1..], live, "the history is what was delivered");
    let times = |m: &Value| m["create_time"].as_str().unwrap().to_owned();
    assert!(
        log.is_sorted_by(|a, b| times(a) < times(b)),
        "times grow strictly"
    );
    let newest_first = crate::harness::History {
        limit: Some(100),
        newest_first: true,
        cursor: None,
    };
    let (_, page) = server
        .try_history(&ana.tokens.token, &channel, newest_first)
        .await;
    let mut page = page["messages"].as_array().unwrap().clone();
    page.reverse();
    assert_eq!(page, log[log.len() - 100..]);
    server.stop().await;
}
