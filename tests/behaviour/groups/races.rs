//! Changes at the same time, and people who go on sending while they are put out.

use std::{cell::Cell, collections::VecDeque, slice, sync::Arc};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::ledger::replay;
use crate::harness::{
    BAD, Client, DONE, Deed, Dice, Disturbed, Door, NOT_FOUND, Server, codes, group_channel,
    is_event, join_request, settings, through_both_doors, until,
};

through_both_doors!(who_floods_a_channel_is_silent_from_the_event_on);

#[actix_web::test]
async fn of_a_crowd_as_many_get_in_as_there_are_places() {
    const CROWD: usize = 200;
    const PLACES: usize = 50;
    let server = Server::start().await;
    let ana = server.person("ana").await;
    let crowd = server.crowd("user", CROWD).await;
    let fields = json!({"open": true, "max_count": PLACES});
    let group = server.create_group(&ana, "crowded", fields).await;
    let mut watcher = server.socket_in(&ana, &group).await;
    let joins = crowd
        .iter()
        .map(|user| server.change(user, "join", &group, &[]));
    let verdicts = join_all(joins).await;
    let mut winners = Vec::new();
    for (user, verdict) in crowd.iter().zip(&verdicts) {
        assert!([DONE, BAD].contains(verdict), "{}: {verdict:?}", user.name);
        if *verdict == DONE {
            winners.push(user.name.as_str());
        }
    }
    assert_eq!(winners.len() + 1, PLACES, "with the creator");
    let log = server.log_of(&ana, &group).await;
    assert_eq!(log.len(), winners.len());
    let roles = server.roles(&ana, &group).await;
    assert_eq!(replay("ana", PLACES, &log), roles);
    assert!(winners.iter().all(|name| roles[*name] == 2));
    let told = server.group_named(&ana, "crowded").await.unwrap();
    assert_eq!(told["edge_count"], PLACES);
    let mut live = Vec::new();
    for _ in 0..log.len() {
        live.push(watcher.message().await);
    }
    assert_eq!(live, log);
    server.stop().await;
}

#[actix_web::test]
async fn who_joins_and_is_added_at_once_is_in_once() {
    const CROWD: usize = 60;
    const PLACES: usize = 20;
    let server = Server::start().await;
    let ana = server.person("ana").await;
    let crowd = server.crowd("user", CROWD).await;
    for open in [true, false] {
        let name = format!("open {open}");
        let fields = json!({"open": open, "max_count": PLACES});
        let group = server.create_group(&ana, &name, fields).await;
        join_all(crowd.iter().map(async |user| {
            let added = [user];
            let joining = server.change(user, "join", &group, &[]);
            let adding = server.change(&ana, "add", &group, &added);
            let (joined, added) = join(joining, adding).await;
            assert!([DONE, BAD].contains(&joined), "{joined:?}");
            assert!([DONE, BAD].contains(&added), "{added:?}");
        }))
        .await;
        let log = server.log_of(&ana, &group).await;
        let mut roles = server.roles(&ana, &group).await;
        roles.retain(|_, role| *role <= 2);
        assert_eq!(replay("ana", PLACES, &log), roles);
        assert_eq!(roles.len(), PLACES);
        let mut notes = 0;
        for user in &crowd {
            let told = server.notifications(user).await;
            let told = told
                .iter()
                .filter(|n| n["content"].as_str().unwrap().contains(&group));
            notes += told.count();
        }
        let added = log.iter().filter(|m| m["code"] == 4).count();
        assert_eq!(notes, added, "told as often as added");
    }
    server.stop().await;
}

#[actix_web::test]
async fn two_superadmins_who_turn_on_each_other_leave_one() {
    const ROUNDS: usize = 25;
    let pairs = [
        ("demote", "demote"),
        ("leave", "leave"),
        ("kick", "kick"),
        ("ban", "ban"),
        ("demote", "leave"),
        ("kick", "leave"),
        ("ban", "demote"),
    ];
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    for (first, second) in pairs {
        for round in 0..ROUNDS {
            let what = format!("{first} against {second}, {round}");
            let group = server.create_group(&ana, &what, json!({})).await;
            server.done(&ana, "add", &group, &[&ben, &cleo]).await;
            server.done(&ana, "promote", &group, &[&ben]).await;
            server.done(&ana, "promote", &group, &[&ben]).await;
            let (ana_s, bens) = ([&ana], [&ben]);
            let other = |verb, users| if verb == "leave" { &[][..] } else { users };
            let (one, two) = (
                server.change(&ana, first, &group, other(first, &bens)),
                server.change(&ben, second, &group, other(second, &ana_s)),
            );
            let (one, two) = join(one, two).await;
            for verdict in [one, two] {
                assert!(
                    [DONE, BAD, NOT_FOUND].contains(&verdict),
                    "{what}: {verdict:?}"
                );
            }
            if (first, second) == ("leave", "leave") {
                assert!(
                    [(DONE, BAD), (BAD, DONE)].contains(&(one, two)),
                    "{what}: {one:?} {two:?}"
                );
            }
            let log = server.log_of(&cleo, &group).await;
            let mut roles = server.roles(&cleo, &group).await;
            roles.retain(|_, role| *role <= 2);
            assert_eq!(replay("ana", 100, &log), roles, "{what}");
            let superadmins = roles.values().filter(|role| **role == 0).count();
            assert_eq!(superadmins, 1, "{what}: {roles:?}");
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn the_last_two_who_leave_at_once_end_the_group() {
    const ROUNDS: usize = 25;
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    for round in 0..ROUNDS {
        let name = format!("group {round}");
        let group = server.create_group(&ana, &name, json!({})).await;
        server
            .bring(&ana, &group, &ben, Some(round as u8 % 3))
            .await;
        let leaves = join(
            server.change(&ana, "leave", &group, &[]),
            server.change(&ben, "leave", &group, &[]),
        );
        let (first, second) = leaves.await;
        assert_eq!(second, DONE);
        let roles = server.roles(&ana, &group).await;
        let left = first == DONE;
        assert_eq!(roles.len(), usize::from(!left), "{first:?}");
        assert_eq!(server.group_named(&ana, &name).await.is_none(), left);
        if !left {
            assert_eq!(
                (first, roles["ana"]),
                (BAD, 0),
                "came before the other left"
            );
        }
    }
    server.stop().await;
}

/// What a flooder was answered and has heard.
struct Flood {
    /// Whether it was asked after the flooder had been put out, and the answer.
    answers: Vec<(bool, Value)>,
    heard: Vec<Value>,
}

/// Sends as fast as it can until it is out, and a little longer.
async fn flood(client: &mut Client, channel: &str, out: &Cell<bool>, acks: &Cell<usize>) -> Flood {
    const WINDOW: usize = 24;
    let (mut answers, mut heard, mut after) = (Vec::new(), Vec::new(), 0);
    let mut asked = VecDeque::new();
    loop {
        while asked.len() < WINDOW && after < WINDOW {
            let is_out = out.get();
            after += usize::from(is_out);
            let content = format!(r#"{{"by":"{}"}}"#, client.session);
            asked.push_back((client.post_to(channel, &content).await, is_out));
        }
        let Some((cid, is_out)) = asked.front() else {
            break;
        };
        let mut next = client.next().await;
        if next.get("cid").is_some() {
            assert_eq!(next["cid"], **cid, "each is answered once and in order");
            acks.set(acks.get() + usize::from(next.get("channel_message_ack").is_some()));
            answers.push((*is_out, next));
            asked.pop_front();
        } else if next.get("channel_message").is_some() {
            heard.push(next["channel_message"].take());
        }
    }
    let name = client.name.clone();
    while !heard.iter().any(|m| is_event(m) && m["username"] == *name) {
        heard.push(client.message().await);
    }
    for mut more in client.everything().await {
        assert!(more.get("cid").is_none(), "answered twice: {more}");
        if more.get("channel_message").is_some() {
            heard.push(more["channel_message"].take());
        }
    }
    Flood { answers, heard }
}

async fn who_floods_a_channel_is_silent_from_the_event_on(door: Door) {
    const ROUNDS: usize = 4;
    const LAST: &str = r#"{"the":"last"}"#;
    let mut dice = Dice::new();
    let server = Server::through(door, settings()).await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let group = server.create_group(&ana, "flooded", json!({})).await;
    let channel = group_channel(&group);
    server.done(&ana, "add", &group, &[&cleo]).await;
    let [mut a, mut c] = server.sockets_in([&ana, &cleo], &group).await;
    let (mut kept, mut fleeting) = (server.socket(&ben).await, server.socket(&ben).await);
    for (verb, code) in [("kick", 6), ("ban", 8), ("leave", 5)].repeat(ROUNDS) {
        let before = server.log_of(&ana, &group).await.len();
        server.done(&ana, "add", &group, &[&ben]).await;
        kept.join_group(&group).await;
        let flags = json!({"persistence": false});
        fleeting.join_group_as(&group, flags).await;
        let (out, acks) = (Cell::new(false), Cell::new(0));
        let enough = 10 + dice.roll(200);
        let put_out = async {
            until("acks", async || (acks.get() >= enough).then_some(())).await;
            if verb == "leave" {
                server.done(&ben, verb, &group, &[]).await;
            } else {
                server.done(&ana, verb, &group, &[&ben]).await;
            }
            out.set(true);
        };
        let floods = join(
            flood(&mut kept, &channel, &out, &acks),
            flood(&mut fleeting, &channel, &out, &acks),
        );
        let (floods, ()) = join(floods, put_out).await;
        c.say(&group, LAST).await;
        let mut streams = Vec::new();
        for client in [&mut a, &mut c] {
            let mut stream = vec![client.message().await];
            while stream.last().is_some_and(|m| m["content"] != LAST) {
                stream.push(client.message().await);
            }
            streams.push(stream);
        }
        let stream = &streams[0];
        assert_eq!(streams[1], *stream, "all hear the same");
        let end = stream.len() - 2;
        assert_eq!(
            codes(slice::from_ref(&stream[end])),
            [(code, "ben")],
            "is the last of ben"
        );
        let events = stream.iter().filter(|m| is_event(m)).count();
        assert_eq!((events, &stream[0]["code"]), (2, &json!(4)));

        let mut acked = 0;
        for flood in [&floods.0, &floods.1] {
            assert_eq!(
                flood.heard,
                stream[1..=end],
                "up to the own event, and nothing more"
            );
            let is_ack = |answer: &Value| answer.get("channel_message_ack").is_some();
            let good = flood.answers.iter().take_while(|(_, a)| is_ack(a)).count();
            acked += good;
            assert!(flood.answers[..good].iter().all(|(is_out, _)| !is_out));
            for (_, answer) in &flood.answers[good..] {
                assert_eq!(answer["error"]["code"], 3, "{verb}: {answer}");
            }
        }
        assert_eq!(
            acked,
            end - 1,
            "what is heard is acked, and what is acked is heard"
        );
        let mut stored = stream.clone();
        stored.retain(|m| m["persistent"] == true);
        let log = server.log_of(&ana, &group).await;
        assert_eq!(log[before..], stored);
        if verb == "ban" {
            server.done(&ana, "kick", &group, &[&ben]).await;
        }
        for client in [&mut a, &mut c] {
            client.everything().await;
        }
    }
    let log = server.log_of(&ana, &group).await;
    replay("ana", 100, &log);
    server.stop().await;
}

#[actix_web::test]
async fn who_is_kicked_and_added_again_and_again_is_answered_in_order_and_heard_only_as_a_member() {
    const ROUNDS: usize = 60;
    const WINDOW: usize = 16;
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let group = server.create_group(&ana, "revolving", json!({})).await;
    let channel = group_channel(&group);
    let mut a = server.socket(&ana).await;
    let mut roster = a.join_group_and_look(&group).await;
    let mut b = server.socket(&ben).await;
    let over = Cell::new(false);
    let door = async {
        for _ in 0..ROUNDS {
            server.done(&ana, "add", &group, &[&ben]).await;
            server.done(&ana, "kick", &group, &[&ben]).await;
        }
        server.done(&ana, "add", &group, &[&ben]).await;
        over.set(true);
    };
    let knock = async {
        let (mut asked, mut admitted, mut heard) = (VecDeque::new(), 0, Vec::new());
        for n in 0usize.. {
            if n % 2 == 0 {
                asked.push_back((b.post(join_request(&group, &json!({}))).await, "channel"));
            } else {
                let cid = b.post_to(&channel, "{}").await;
                asked.push_back((cid, "channel_message_ack"));
            }
            // In the end until all is answered.
            while asked.len() >= if over.get() { 1 } else { WINDOW } {
                let mut next = b.next().await;
                if next.get("cid").is_none() {
                    let message = next["channel_message"].take();
                    heard.extend(message.is_object().then_some(message));
                    continue;
                }
                let (cid, kind) = asked.pop_front().unwrap();
                assert_eq!(next["cid"], *cid, "each is answered once and in order");
                if next.get(kind).is_some() {
                    admitted += usize::from(kind == "channel");
                } else {
                    assert_eq!(next["error"]["code"], 3, "{next}");
                }
            }
            if over.get() {
                break;
            }
        }
        (admitted, heard)
    };
    let ((), (admitted, heard)) = join(door, knock).await;
    b.join_group(&group).await;
    b.say(&group, r#"{"the":"last"}"#).await;
    let log = server.log_of(&ana, &group).await;
    assert_eq!(replay("ana", 100, &log)["ben"], 2);
    let mut live = Vec::new();
    for _ in 0..log.len() {
        live.push(a.message().await);
    }
    assert_eq!(live, log);
    let mut rest = log.iter();
    for message in &heard {
        assert!(
            rest.any(|m| m == message),
            "heard once and in order: {message}"
        );
    }
    let (a_s, b_s) = (a.session.clone(), b.session.clone());
    a.watch(&mut roster, |r| r.len() == 2 && r.has(&a_s) && r.has(&b_s))
        .await;
    assert!(admitted > 0, "never let in while it was a member");
    server.stop().await;
}

#[actix_web::test]
async fn who_joins_the_channel_while_being_kicked_is_out_in_the_end() {
    const ROUNDS: usize = 30;
    const SESSIONS: usize = 6;
    /// Joins of a session on the way at once.
    const JOINS: usize = 4;
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let group = server.create_group(&ana, "pushing", json!({})).await;
    let channel = group_channel(&group);
    let mut a = server.socket(&ana).await;
    let mut roster = a.join_group_and_look(&group).await;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(server.socket(&ben).await);
    }
    for round in 0..ROUNDS {
        server.done(&ana, "add", &group, &[&ben]).await;
        let pushing = join_all(sessions.iter_mut().enumerate().map(async |(n, session)| {
            // The store refuses what it would have to keep; the others must be out by themselves.
            let flags = json!({"persistence": n % 2 == 0});
            let mut cids = Vec::new();
            for _ in 0..JOINS {
                let leave = json!({"channel_leave": {"channel_id": channel}});
                session.post(leave).await;
                cids.push(session.post(join_request(&group, &flags)).await);
            }
            for cid in cids {
                session.reply(&cid).await;
            }
        }));
        join(pushing, server.done(&ana, "kick", &group, &[&ben])).await;
        for session in &mut sessions {
            session.is_shut_out(&group).await;
            session.everything().await;
        }
        a.say(&group, &json!({ "round": round }).to_string()).await;
        let session = a.session.clone();
        a.watch(&mut roster, |r| r.len() == 1 && r.has(&session))
            .await;
    }
    server.stop().await;
}

#[actix_web::test]
async fn who_was_a_member_when_asking_to_join_and_is_none_when_let_in_stays_out() {
    let gate = Arc::new(tokio::sync::Mutex::new(()));
    let behind = gate.clone();
    let server = Server::build(Door::Own, settings(), |builder| {
        builder.wrap_message_store(move |store| {
            Arc::new(Disturbed::new(store, |_| Deed::Pass).behind(behind.clone()))
        })
    })
    .await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let group = server.create_group(&ana, "late", json!({})).await;
    let mut a = server.socket_in(&ana, &group).await;
    for persistence in [true, false] {
        server.done(&ana, "add", &group, &[&ben]).await;
        let mut b = server.socket(&ben).await;
        let held = gate.lock().await;
        let flags = json!({"persistence": persistence});
        let cid = b.post(join_request(&group, &flags)).await;
        // The answer of the store is on its way when somebody else is served by the same channel.
        a.say(&group, "{}").await;
        server.done(&ana, "kick", &group, &[&ben]).await;
        drop(held);
        let refused = b.reply(&cid).await;
        assert_eq!(refused["error"]["code"], 3, "{refused}");
        b.is_shut_out(&group).await;
    }
    server.stop().await;
}
