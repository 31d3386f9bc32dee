//! Groups when something is in the way: a channel that panics, a short queue, ids that lead nowhere,
//! somebody who will not let go.

use std::{cell::Cell, sync::Arc};

use futures_util::future::join;
use serde_json::{Value, json};

use crate::harness::{
    BAD, DONE, Deed, Disturbed, Door, NOT_FOUND, Process, Server, group_channel, join_request,
    settings,
};

/// A session that had to go while its channel was being lost is told so, one way or the other, and stays
/// connected.
#[actix_web::test]
async fn who_is_kicked_while_the_channel_panics_is_out_and_knows_it() {
    const MARKER: &str = "panic, please";
    let gate = Arc::new(tokio::sync::Mutex::new(()));
    let behind = gate.clone();
    let server = Server::build(Door::Own, settings(), |builder| {
        builder.wrap_message_store(move |store| {
            let fragile = Disturbed::marked(store, MARKER, Deed::Panic);
            Arc::new(fragile.behind(behind.clone()))
        })
    })
    .await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let group = server.create_group(&ana, "fragile", json!({})).await;
    let mut c = {
        server.done(&ana, "add", &group, &[&cleo]).await;
        server.socket_in(&cleo, &group).await
    };
    for round in 0..10 {
        server.done(&ana, "add", &group, &[&ben]).await;
        let mut b = server.socket_in(&ben, &group).await;
        // Every other time those who come back are held up until the kick waits for them.
        let held = match round % 2 {
            0 => None,
            _ => Some(gate.lock().await),
        };
        let (channel, marker) = (group_channel(&group), json!({"text": MARKER}).to_string());
        let kick = async {
            let let_back = async {
                tokio::task::yield_now().await;
                drop(held);
            };
            let users = [&ben];
            let kick = server.change(&ana, "kick", &group, &users);
            join(kick, let_back).await.0
        };
        let (panic, verdict) = join(c.post_to(&channel, &marker), kick).await;
        assert_eq!(verdict, DONE);
        assert!(c.reply(&panic).await["error"].is_object());

        let session = b.session.clone();
        let end = b
            .take("the kick, or its own leave", |v| {
                let left = v["channel_presence_event"]["leaves"].as_array();
                v["channel_message"]["code"] == 6
                    || left.is_some_and(|l| l.iter().any(|p| p["session_id"] == *session))
            })
            .await;
        assert!(end.is_object());
        b.is_shut_out(&group).await;
        // Whoever was not concerned is still in.
        let text = json!({ "round": round }).to_string();
        while c.try_say(&group, &text).await["channel_message_ack"].is_null() {}
        c.take("their own words", |v| {
            v["channel_message"]["content"] == *text
        })
        .await;
        c.everything().await;
    }
    server.stop().await;
}

#[actix_web::test]
async fn more_can_join_a_channel_at_once_than_may_wait_for_the_database() {
    const CROWD: usize = 120;
    let mut short = settings();
    short.readers = 1;
    short.reader_queue = 4;
    let server = Server::with(short).await;
    let ana = server.person("ana").await;
    let fields = json!({"open": true, "max_count": CROWD + 1});
    let group = server.create_group(&ana, "crowded", fields).await;
    let mut waiting = Vec::new();
    for user in server.crowd("user", CROWD).await {
        server.done(&user, "join", &group, &[]).await;
        waiting.push(server.socket(&user).await);
    }
    let mut cids = Vec::new();
    for client in &mut waiting {
        cids.push(client.post(join_request(&group, &json!({}))).await);
    }
    for (client, cid) in waiting.iter_mut().zip(cids) {
        let reply = client.reply(&cid).await;
        assert!(reply["channel"].is_object(), "{}: {reply}", client.name);
    }
    server.stop().await;
}

#[actix_web::test]
async fn ids_of_no_group_start_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (process, metrics) = Process::with_metrics(data.path()).await;
    let ana = process.person("ana").await;
    for n in 0..50 {
        let group = format!("00000000-0000-4000-8000-0000000000{n:02}");
        assert_eq!(process.change(&ana, "join", &group, &[]).await, NOT_FOUND);
        assert_eq!(
            process.change(&ana, "kick", &group, &[&ana]).await,
            NOT_FOUND
        );
        assert_eq!(process.change(&ana, "leave", &group, &[]).await, DONE);
        assert_eq!(process.delete_group(&ana, &group).await, BAD);
    }
    let (_, text) = metrics.http("GET", "/metrics", None, "").await;
    let text = String::from_utf8(text).unwrap();
    let started = |line: &&str| {
        let counted = ["banter_live_channels ", "banter_group_changes_total{"];
        counted.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0")
    };
    assert_eq!(text.lines().find(started), None);
}

#[actix_web::test]
async fn nobody_keeps_an_account_from_ending_by_adding_its_user_again_and_again() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let mut groups = Vec::new();
    for n in 0..4 {
        let name = format!("sticky {n}");
        groups.push(server.create_group(&ana, &name, json!({})).await);
    }
    let over = Cell::new(false);
    let add = async |group: &String| {
        let mut added = 0;
        while !over.get() {
            match server.change(&ana, "add", group, &[&ben]).await {
                DONE => added += 1,
                // The account has ended, or is about to.
                verdict => assert_eq!(verdict, BAD),
            }
        }
        added
    };
    let delete = async {
        while server.role(&ana, &groups[3], &ben).await.is_none() {}
        let deleted = server.ask(&ben, "DELETE", "/v2/account", Value::Null).await;
        over.set(true);
        deleted
    };
    let adding = join(join(add(&groups[0]), add(&groups[1])), add(&groups[3]));
    let (added, deleted) = join(adding, delete).await;
    assert_eq!(deleted, (200, json!({})), "{added:?}");
    for group in &groups {
        assert_eq!(server.role(&ana, group, &ben).await, None);
        assert_eq!(server.change(&ana, "add", group, &[&ben]).await, BAD);
    }
    server.stop().await;
}
