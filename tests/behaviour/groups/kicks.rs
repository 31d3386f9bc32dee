//! Who is kicked, is banned or leaves: told last of all that they are out, and out when the call returns.

use serde_json::json;

use crate::harness::{
    BAD, Dice, Door, Server, codes, group_channel, join_request, settings, through_both_doors,
};

through_both_doors!(
    who_goes_is_told_and_hears_nothing_more_and_the_rest_see_every_session_leave,
    who_comes_back_joins_again_on_the_same_socket_at_once,
);

/// The ways out, and the codes of their events.
const WAYS_OUT: [(&str, i64); 3] = [("kick", 6), ("ban", 8), ("leave", 5)];

async fn who_goes_is_told_and_hears_nothing_more_and_the_rest_see_every_session_leave(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    for (verb, code) in WAYS_OUT {
        let group = server.create_group(&ana, verb, json!({})).await;
        server.done(&ana, "add", &group, &[&ben, &cleo]).await;
        let [mut a, mut b1, mut c, mut b2] =
            server.sockets_in([&ana, &ben, &cleo, &ben], &group).await;
        if verb == "leave" {
            server.done(&ben, verb, &group, &[]).await;
        } else {
            server.done(&ana, verb, &group, &[&ben]).await;
        }
        // At once, on all sessions.
        for client in [&mut b1, &mut b2] {
            client.is_shut_out(&group).await;
        }
        let log = server.try_log(&ben, &group_channel(&group)).await;
        assert_eq!(log.err(), Some(BAD), "{verb}");
        a.say(&group, r#"{"after":1}"#).await;

        let mut events = Vec::new();
        for client in [&mut a, &mut c] {
            let event = client.next().await;
            let event = &event["channel_message"];
            assert_eq!(codes(std::slice::from_ref(event)), [(code, "ben")]);
            assert_eq!(event["sender_id"], *ben.id);
            let mut gone = Vec::new();
            for _ in 0..2 {
                let news = client.next().await;
                let news = &news["channel_presence_event"];
                assert!(news.get("joins").is_none(), "{news}");
                assert_eq!(news["group_id"], *group);
                let [left] = news["leaves"].as_array().unwrap().as_slice() else {
                    panic!("{verb}: not an event for each session: {news}");
                };
                gone.push(left["session_id"].as_str().unwrap().to_owned());
            }
            gone.sort_unstable();
            let mut wanted = [b1.session.clone(), b2.session.clone()];
            wanted.sort_unstable();
            assert_eq!(gone, wanted, "{verb}");
            let chat = client.message().await;
            assert_eq!(chat["content"], r#"{"after":1}"#);
            assert!(client.everything().await.is_empty());
            events.push(event.clone());
        }
        for client in [&mut b1, &mut b2] {
            let all = client.everything().await;
            assert_eq!(all, [json!({"channel_message": events[0]})], "{verb}");
        }
        assert_eq!(events[0], events[1]);
        let joined = server.socket(&cleo).await.join_group(&group).await;
        assert_eq!(joined["presences"].as_array().unwrap().len(), 2, "{joined}");
    }
    server.stop().await;
}

async fn who_comes_back_joins_again_on_the_same_socket_at_once(door: Door) {
    const ROUNDS: usize = 10;
    let server = Server::through(door, settings()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    for (verb, code) in WAYS_OUT {
        let group = server.create_group(&ana, verb, json!({})).await;
        server.done(&ana, "add", &group, &[&ben]).await;
        let [mut a, mut b] = server.sockets_in([&ana, &ben], &group).await;
        let channel = group_channel(&group);
        for round in 0..ROUNDS {
            if verb == "leave" {
                server.done(&ben, verb, &group, &[]).await;
            } else {
                server.done(&ana, verb, &group, &[&ben]).await;
            }
            // Pipelined, and answered while the call that lets them in may not have been made.
            let refused = [
                b.post_to(&channel, "{}").await,
                b.post(join_request(&group, &json!({}))).await,
                b.post_to(&channel, "{}").await,
            ];
            for cid in refused {
                let answer = b.take("an answer", |v| v.get("cid").is_some()).await;
                assert_eq!(answer["cid"], *cid);
                assert_eq!(answer["error"]["code"], 3, "{verb}: {answer}");
            }
            if verb == "ban" {
                server.done(&ana, "kick", &group, &[&ben]).await;
            }
            server.done(&ana, "add", &group, &[&ben]).await;
            let admitted = [
                (b.post(join_request(&group, &json!({}))).await, "channel"),
                (
                    b.post_to(&channel, &json!({"round": round}).to_string())
                        .await,
                    "channel_message_ack",
                ),
                (b.post(join_request(&group, &json!({}))).await, "channel"),
                (
                    b.post_to(&channel, &json!({"again": round}).to_string())
                        .await,
                    "channel_message_ack",
                ),
            ];
            for (cid, kind) in admitted {
                let answer = b.take("an answer", |v| v.get("cid").is_some()).await;
                assert_eq!(answer["cid"], *cid);
                assert!(answer.get(kind).is_some(), "{verb}: {answer}");
            }
        }
        let mut heard = Vec::new();
        for _ in 0..4 * ROUNDS {
            heard.push(a.message().await);
        }
        let wanted = [(code, "ben"), (4, "ben"), (0, "ben"), (0, "ben")].repeat(ROUNDS);
        assert_eq!(codes(&heard), wanted);
        assert_eq!(server.log_of(&ana, &group).await[1..], heard);
        // Of its additions it hears nothing, as it was out.
        let mut own = Vec::new();
        for _ in 0..3 * ROUNDS {
            own.push(b.message().await);
        }
        heard.retain(|m| m["code"] != 4);
        assert_eq!(own, heard);
        // Out and in once per round, for all to see.
        for _ in 0..ROUNDS {
            for change in ["leaves", "joins"] {
                let news = a.presence().await;
                assert_eq!(news[change][0]["session_id"], *b.session, "{news}");
            }
        }
        let others = a.everything().await;
        assert!(others.is_empty(), "{others:?}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn in_a_large_channel_all_who_are_kicked_at_once_are_seen_to_leave() {
    const CROWD: usize = 40;
    let mut dice = Dice::new();
    let server = Server::start().await;
    let ana = server.person("ana").await;
    let crowd = server.crowd("user", CROWD).await;
    let group = server.create_group(&ana, "crowd", json!({})).await;
    let all: Vec<_> = crowd.iter().collect();
    server.done(&ana, "add", &group, &all).await;
    let mut clients = Vec::new();
    for person in &crowd {
        clients.push(server.socket_in(person, &group).await);
    }
    let mut a = server.socket(&ana).await;
    let mut roster = a.join_group_and_look(&group).await;
    let session = a.session.clone();
    a.watch(&mut roster, |r| r.has(&session) && r.len() == CROWD + 1)
        .await;
    let kicked: Vec<bool> = (0..CROWD).map(|_| dice.roll(2) == 0).collect();
    let chosen: Vec<_> = (0..CROWD)
        .filter(|n| kicked[*n])
        .map(|n| &crowd[n])
        .collect();
    server.done(&ana, "kick", &group, &chosen).await;
    let left = CROWD - chosen.len();
    a.watch(&mut roster, |r| r.len() == left + 1).await;
    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(roster.has(&client.session), !kicked[n]);
        if kicked[n] {
            client.is_shut_out(&group).await;
            let name = client.name.clone();
            let mut last = client.message().await;
            while last["username"] != *name {
                last = client.message().await;
            }
            let more = client.everything().await;
            let more = more.iter().find(|v| v.get("channel_message").is_some());
            assert_eq!(more, None, "after the own kick");
        } else {
            client.say(&group, "{}").await;
        }
    }
    server.stop().await;
}
