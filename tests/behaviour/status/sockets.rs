//! A user's own sessions: what each says, and what all of them hear.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Client, Door, Online, Server, list, settings, through_both_doors};

through_both_doors!(
    each_session_has_a_status_of_its_own_and_hears_of_the_others,
    a_status_may_be_anything_that_is_not_too_long,
);

async fn each_session_has_a_status_of_its_own_and_hears_of_the_others(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let mut plain = server.socket(&ana).await;
    let mut stranger = server.shown_socket(&ben).await;
    let mut shown = server.shown_socket(&ana).await;
    let came = plain.status_event().await;
    assert!(came.get("leaves").is_none(), "{came}");
    let [presence] = list(&came["joins"]) else {
        panic!("not one: {came}")
    };
    assert_eq!(
        presence,
        &json!({"user_id": ana.id, "session_id": shown.session, "username": "ana", "status": ""})
    );
    let mut before = "";
    for status in ["busy", "", "busy", "busy"] {
        shown.set_status(Some(status)).await;
        for client in [&mut shown, &mut plain] {
            let event = client.status_event().await;
            assert_eq!(event["leaves"][0]["status"], before, "{event}");
            assert_eq!(event["joins"][0]["status"], status, "{event}");
        }
        before = status;
    }
    // The other session shows itself, and is named by that.
    plain.set_status(Some("here")).await;
    let mut first = String::new();
    for client in [&mut plain, &mut shown] {
        let event = client.status_event().await;
        assert!(event.get("leaves").is_none(), "{event}");
        first = event["joins"][0]["session_id"].as_str().unwrap().to_owned();
    }
    assert_ne!(first, shown.session);
    // Gone once, however often it is said.
    for _ in 0..2 {
        plain.set_status(None).await;
    }
    let absent = plain.request(json!({"status_update": {}})).await;
    assert_eq!(absent, json!({}));
    for client in [&mut plain, &mut shown] {
        let event = client.status_event().await;
        assert!(event.get("joins").is_none(), "{event}");
        assert_eq!(event["leaves"][0]["session_id"], *first);
        assert_eq!(event["leaves"][0]["status"], "here");
        assert!(client.everything().await.is_empty());
    }
    let session = shown.session.clone();
    drop(shown);
    let event = plain.status_event().await;
    assert!(event.get("joins").is_none(), "{event}");
    assert_eq!(event["leaves"][0]["session_id"], *session);
    assert!(stranger.everything().await.is_empty(), "follows nobody");
    server.stop().await;
}

async fn a_status_may_be_anything_that_is_not_too_long(door: Door) {
    let server = Server::through(door, settings()).await;
    let ana = server.person("ana").await;
    let mut a = server.shown_socket(&ana).await;
    let longest = "x".repeat(2048);
    for status in ["☃", "\"quotes\" and \\", "\u{0}\u{1f}\n", " ", &longest] {
        a.set_status(Some(status)).await;
        let event = a.status_event().await;
        assert_eq!(event["joins"][0]["status"], status);
    }
    for long in ["x".repeat(2049), "☃".repeat(683)] {
        let cid = a.post_status(Some(&long)).await;
        let answer = a.reply(&cid).await;
        assert_eq!(answer["error"]["code"], 3, "{answer}");
    }
    assert!(
        a.everything().await.is_empty(),
        "what was refused is not told"
    );
    server.stop().await;
}

#[actix_web::test]
async fn bursts_of_several_sessions_are_seen_alike_by_all() {
    const SESSIONS: usize = 5;
    const UPDATES: usize = 200;
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let mut watchers = [server.socket(&ben).await, server.socket(&ben).await];
    let mut views = [Online::default(), Online::default()];
    for (client, view) in watchers.iter_mut().zip(&mut views) {
        view.enter(&client.follow(&[&ana]).await);
    }
    let mut sessions: Vec<Client> = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(server.shown_socket(&ana).await);
    }
    for (n, client) in sessions.iter_mut().enumerate() {
        for _ in n + 1..SESSIONS {
            client.status_event().await;
        }
    }
    let bursts = sessions.iter_mut().enumerate().map(async |(n, client)| {
        let mut cids = Vec::new();
        for k in 0..UPDATES {
            let status = format!("{n} {k}");
            // Some vanish in between.
            let status = (k % 10 != 3).then_some(status.as_str());
            cids.push(client.post_status(status).await);
        }
        let mut answered = Vec::new();
        let mut own = Vec::new();
        while answered.len() < UPDATES {
            let next = client.next().await;
            match next.get("cid") {
                Some(cid) => {
                    assert!(next.get("error").is_none(), "{next}");
                    answered.push(cid.as_str().unwrap().to_owned());
                }
                None => own.push(next["status_presence_event"].clone()),
            }
        }
        assert_eq!(answered, cids);
        own
    });
    let mut heard: Vec<Vec<Value>> = join_all(bursts).await;
    let last: Vec<String> = (0..SESSIONS)
        .map(|n| format!("{n} {}", UPDATES - 1))
        .collect();
    let all_there = |o: &Online| o.of(&ana) == last;
    let mut orders = Vec::new();
    for (client, view) in watchers.iter_mut().zip(&mut views) {
        let mut order = Vec::new();
        while !all_there(view) {
            let event = client.status_event().await;
            view.apply(&event);
            order.push(event);
        }
        assert!(client.everything().await.is_empty());
        assert_eq!(view.len(), SESSIONS);
        orders.push(order);
    }
    assert_eq!(orders[0], orders[1], "one order for all");
    let arrivals = SESSIONS;
    for (client, own) in sessions.iter_mut().zip(&mut heard) {
        while own.len() < orders[0].len() - arrivals {
            own.push(client.status_event().await);
        }
        assert_eq!(*own, orders[0][arrivals..], "for one's own sessions, too");
    }
    server.stop().await;
}
