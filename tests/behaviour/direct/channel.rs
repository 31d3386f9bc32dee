//! The channel of two: one whatever its spelling, and theirs alone.

use futures_util::future::join;
use serde_json::{Value, json};

use crate::harness::{
    BAD, Door, Server, direct_channel, direct_request, list, settings, through_both_doors,
};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000001";

through_both_doors!(
    whoever_opens_it_and_however_it_is_spelled_it_is_one_channel,
    only_those_who_joined_hear_it_and_only_the_two_read_it,
    targets_that_are_nobody_are_refused_and_the_session_goes_on,
);

async fn whoever_opens_it_and_however_it_is_spelled_it_is_one_channel(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let id = direct_channel(&ana, &ben);
    let (low, high) = ((&ana.id).min(&ben.id), (&ana.id).max(&ben.id));
    let (mut a, mut b) = (server.socket(&ana).await, server.socket(&ben).await);
    let first = a.join_direct(&ben).await;
    let target = ana.id.to_uppercase();
    let second = b.request(direct_request(&target, &json!({}))).await;
    let second = &second["channel"];
    for channel in [&first, second] {
        assert_eq!(channel["id"], *id);
        assert_eq!(channel["user_id_one"], *low.as_str());
        assert_eq!(channel["user_id_two"], *high.as_str());
        assert!(channel.get("room_name").is_none() && channel.get("group_id").is_none());
    }
    assert!(list(&first["presences"]).is_empty());
    let [there] = list(&second["presences"]) else {
        panic!("not ana alone: {second}")
    };
    assert_eq!(there["session_id"], *a.session);
    for name in ["ana", "ben"] {
        let news = a.presence().await;
        assert_eq!(news["channel_id"], *id);
        assert_eq!(news["user_id_one"], *low.as_str());
        assert_eq!(news["user_id_two"], *high.as_str());
        assert_eq!(news["joins"][0]["username"], *name);
    }
    let spellings = [
        id.clone(),
        id.to_uppercase(),
        format!("4.{high}.{low}."),
        format!("4.{}.{low}.", high.to_uppercase()),
    ];
    let mut acked = Vec::new();
    for (n, spelling) in spellings.iter().enumerate() {
        let speaker = if n % 2 == 0 { &mut a } else { &mut b };
        let ack = speaker
            .send_to(spelling, &json!({ "n": n }).to_string())
            .await;
        assert_eq!(ack["channel_id"], **spelling, "as the client wrote it");
        assert_eq!(ack["user_id_one"], *low.as_str());
        acked.push(ack["message_id"].clone());
    }
    for client in [&mut a, &mut b] {
        let heard = client.messages(spellings.len()).await;
        let ids: Vec<&Value> = heard.iter().map(|m| &m["message_id"]).collect();
        assert_eq!(ids, acked.iter().collect::<Vec<_>>());
    }
    for spelling in &spellings {
        for person in [&ana, &ben] {
            let log = server.try_log(person, spelling).await.unwrap();
            let ids: Vec<&Value> = log.iter().map(|m| &m["message_id"]).collect();
            assert_eq!(ids, acked.iter().collect::<Vec<_>>(), "{spelling}");
            assert!(log.iter().all(|m| m["user_id_two"] == *high.as_str()));
        }
    }
    // What is in it is changed and removed by its sender.
    let update =
        json!({"channel_id": spellings[2], "message_id": acked[0], "content": r#"{"new":1}"#});
    let foreign = b.request(json!({"channel_message_update": update})).await;
    assert_eq!(foreign["error"]["code"], 3, "{foreign}");
    let own = a.request(json!({"channel_message_update": update})).await;
    assert_eq!(own["channel_message_ack"]["code"], 1, "{own}");
    assert_eq!(b.message().await["content"], r#"{"new":1}"#);
    b.leave_channel(&spellings[3]).await;
    assert_eq!(a.presence().await["leaves"][0]["username"], "ben");
    let outside = b.try_send_to(&id, "{}").await;
    assert_eq!(outside["error"]["code"], 3, "{outside}");
    server.stop().await;
}

async fn only_those_who_joined_hear_it_and_only_the_two_read_it(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let id = direct_channel(&ana, &ben);
    let (mut a, mut b) = (
        server.socket_with(&ana, &ben).await,
        server.socket_with(&ben, &ana).await,
    );
    let mut others = [
        server.socket(&ana).await,
        server.socket(&ben).await,
        server.socket_with(&cleo, &ben).await,
    ];
    let ack = a.send_to(&id, r#"{"for":"ben"}"#).await;
    assert_eq!(b.message().await["message_id"], ack["message_id"]);
    for client in &mut others {
        let all = client.everything().await;
        let heard = all
            .iter()
            .find(|v| v["channel_message"]["channel_id"] == *id);
        assert_eq!(heard, None, "{}", client.name);
        let sent = client.try_send_to(&id, "{}").await;
        assert_eq!(sent["error"]["code"], 3, "{} sends: {sent}", client.name);
    }
    for spelling in [id.clone(), id.to_uppercase()] {
        assert_eq!(server.try_log(&cleo, &spelling).await.err(), Some(BAD));
        for person in [&ana, &ben] {
            assert_eq!(server.try_log(person, &spelling).await.unwrap().len(), 1);
        }
    }
    // Nor that of two others with nothing in it.
    let empty = format!("4.{UNKNOWN}.{UNKNOWN}.");
    assert_eq!(server.try_log(&cleo, &empty).await.err(), Some(BAD));
    server.stop().await;
}

async fn targets_that_are_nobody_are_refused_and_the_session_goes_on(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben, gone] = server.people(["ana", "ben", "gone"]).await;
    let (status, _) = server
        .ask(&gone, "DELETE", "/v2/account", Value::Null)
        .await;
    assert_eq!(status, 200);
    let mut a = server.socket(&ana).await;
    let nil = "00000000-0000-0000-0000-000000000000";
    let longer = format!("{}.", ben.id);
    let shorter = &ben.id[1..];
    for target in [
        UNKNOWN, nil, &gone.id, &longer, shorter, "ben", "", " ", ".", "☃",
    ] {
        let answer = a.request(direct_request(target, &json!({}))).await;
        assert_eq!(answer["error"]["code"], 3, "{target:?}: {answer}");
    }
    let nobody = format!("4.{}.{}.", (&*ana.id).min(UNKNOWN), (&*ana.id).max(UNKNOWN));
    let sent = a.try_send_to(&nobody, "{}").await;
    assert_eq!(sent["error"]["code"], 3, "{sent}");
    a.join_direct(&ben).await;
    a.send_to(&direct_channel(&ana, &ben), "{}").await;
    server.stop().await;
}

#[actix_web::test]
async fn with_oneself_it_works_and_notifies_nobody() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let id = direct_channel(&ana, &ana);
    let (mut one, mut two) = (
        server.socket_with(&ana, &ana).await,
        server.socket_with(&ana, &ana).await,
    );
    one.send_to(&id, r#"{"note":1}"#).await;
    assert_eq!(two.message().await["content"], r#"{"note":1}"#);
    assert_eq!(server.try_log(&ana, &id).await.unwrap().len(), 1);
    assert_eq!(server.try_log(&ben, &id).await.err(), Some(BAD));
    assert!(server.notifications(&ana).await.is_empty());
    assert_eq!(server.unread(&ana).await, 0);
    server.stop().await;
}

#[actix_web::test]
async fn who_is_there_hidden_counts_as_present() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let mut b = server.socket(&ben).await;
    b.join_direct_as(&ana, json!({"hidden": true})).await;
    let asked = server.notifications(&ana).await.len();
    let mut a = server.socket(&ana).await;
    let channel = a.join_direct(&ben).await;
    assert!(list(&channel["presences"]).is_empty(), "{channel}");
    assert!(server.notifications(&ben).await.is_empty());
    assert_eq!(server.notifications(&ana).await.len(), asked);
    a.send_to(&direct_channel(&ana, &ben), "{}").await;
    b.message().await;
    server.stop().await;
}

#[actix_web::test]
async fn two_who_open_it_at_once_owe_each_other_no_answer() {
    const ROUNDS: usize = 60;
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let id = direct_channel(&ana, &ben);
    let (mut a, mut b) = (server.socket(&ana).await, server.socket(&ben).await);
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            join(a.join_direct(&ben), b.join_direct(&ana)).await;
        } else {
            join(b.join_direct(&ana), a.join_direct(&ben)).await;
        }
        for person in [&ana, &ben] {
            assert_eq!(server.unread(person).await, 0, "{} in {round}", person.name);
        }
        for client in [&mut a, &mut b] {
            client
                .send_to(&id, &json!({ "round": round }).to_string())
                .await;
            client.leave_channel(&id).await;
        }
    }
    let log = server.try_log(&ana, &id).await.unwrap();
    assert_eq!(log.len(), 2 * ROUNDS);
    server.stop().await;
}
