//! What a client may conclude from the answer to a join: the list in it, plus all that comes after it, is the truth.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::{
    Client, Deed, Disturbed, Door, Doorkeeper, Hold, Roster, Server, room_id, settings,
    through_both_doors,
};

through_both_doors!(
    nothing_of_a_channel_comes_before_the_answer_to_its_join,
    nothing_comes_between_the_list_of_a_second_join_and_what_is_newer,
);

/// A server whose writer a test can hold back: an ack waits for it.
async fn held(door: Door) -> (Server, Arc<Hold>) {
    let hold = Arc::new(Hold::default());
    let passing = hold.clone();
    let server = Server::build(door, settings(), |builder| {
        builder.wrap_message_store(move |store| {
            let store = Disturbed::new(store, |_| Deed::Pass);
            Arc::new(store.when_told(move || passing.pass()))
        })
    })
    .await;
    (server, hold)
}

/// Everything up to and with the answer to `cid`, in the order of arrival.
async fn up_to(client: &mut Client, cid: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let next = client.next().await;
        let last = next["cid"] == cid;
        all.push(next);
        if last {
            return all;
        }
    }
}

async fn hears_a_leave(witness: &mut Client) {
    let left = |event: &Value| event["channel_presence_event"]["leaves"].is_array();
    witness.take("the leave", left).await;
}

fn is_of(event: &Value, room: &str) -> bool {
    let id = room_id(room);
    ["channel_presence_event", "channel_message"]
        .iter()
        .any(|kind| event[kind]["channel_id"] == id.as_str())
}

async fn nothing_of_a_channel_comes_before_the_answer_to_its_join(door: Door) {
    let (server, hold) = held(door).await;
    let mut ana = server.clients_in("home", &["ana"]).await.pop().unwrap();
    let mut leaver = server.client("leaver").await;
    leaver.join_as("match", json!({"persistence": false})).await;
    let mut witness = server
        .clients_in("match", &["witness"])
        .await
        .pop()
        .unwrap();

    hold.begin();
    let sent = ana.post_send("home", "{}").await;
    let join = ana.post_join("match", json!({})).await;
    // Once the witness has heard of the join, the channel has answered it.
    let arrived = |event: &Value| {
        let joins = event["channel_presence_event"]["joins"].as_array();
        joins.is_some_and(|joins| joins.iter().any(|presence| presence["username"] == "ana"))
    };
    witness.take("the join", arrived).await;
    leaver.send("match", r#"{"last":"words"}"#).await;
    leaver.leave("match").await;
    hears_a_leave(&mut witness).await;
    hold.end();

    let before = up_to(&mut ana, &join).await;
    assert!(before.iter().any(|event| event["cid"] == sent.as_str()));
    let early: Vec<_> = before
        .iter()
        .filter(|event| is_of(event, "match"))
        .collect();
    assert!(early.is_empty(), "before the answer to the join: {early:?}");
    let answer = before.last().unwrap();
    let mut roster = Roster::from_join(&answer["channel"]);
    ana.watch(&mut roster, |roster| roster.names() == ["ana", "witness"])
        .await;
    assert_eq!(ana.messages(1).await[0]["content"], r#"{"last":"words"}"#);
    server.stop().await;
}

async fn nothing_comes_between_the_list_of_a_second_join_and_what_is_newer(door: Door) {
    let (server, hold) = held(door).await;
    let mut ana = server.clients_in("home", &["ana"]).await.pop().unwrap();
    let mut leaver = server.clients_in("match", &["leaver"]).await.pop().unwrap();
    let mut witness = server
        .clients_in("match", &["witness"])
        .await
        .pop()
        .unwrap();
    witness.join("other").await;
    ana.join("match").await;
    ana.join("other").await;
    ana.everything().await;
    witness.everything().await;

    hold.begin();
    ana.post_send("home", "{}").await;
    let again = ana.post_join("match", json!({})).await;
    // A session's requests are taken one after the other: when the witness hears of this one, the join is done.
    let leave = json!({"channel_leave": {"channel_id": room_id("other")}});
    let quick = ana.post(leave).await;
    witness.take("a leave", |event| is_of(event, "other")).await;
    leaver.leave("match").await;
    hears_a_leave(&mut witness).await;
    hold.end();

    let all = up_to(&mut ana, &quick).await;
    let answered = all
        .iter()
        .position(|event| event["cid"] == again.as_str())
        .unwrap();
    let left = all
        .iter()
        .position(|event| event["channel_presence_event"]["leaves"].is_array());
    // With the answer to the last join, or right behind it.
    assert!(left.is_none_or(|left| left > answered), "{all:?}");
    let answer = &all[answered]["channel"];
    let listed = &answer["presences"];
    assert!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .any(|p| p["username"] == "leaver")
    );
    let mut roster = Roster::from_join(answer);
    if left.is_none() {
        ana.watch(&mut roster, |roster| roster.names() == ["ana", "witness"])
            .await;
    }
    server.stop().await;
}

#[actix_web::test]
async fn who_may_enter_is_asked_of_what_a_host_has_put_in_front_of_the_store() {
    for at_once in [true, false] {
        let server = Server::build(Door::Own, settings(), |builder| {
            builder.wrap_message_store(move |store| Arc::new(Doorkeeper::new(store, at_once)))
        })
        .await;
        let mut ana = server.client("ana").await;
        let mut ben = server.client("ben").await;
        ana.join("open").await;
        let room = json!({"channel_join": {"target": "closed", "type": 1}});
        let ben_id = ben.tokens.user();
        let direct = json!({"channel_join": {"target": ben_id, "type": 2}});
        for join in [room, direct] {
            let refused = ana.request(join.clone()).await;
            assert_eq!(refused["error"]["code"], 3, "{join}: {refused}");
            assert_eq!(refused["error"]["message"], "channel not found");
        }
        // Nobody has been asked for a chat that may not be.
        assert_eq!(ben.everything().await, Vec::<Value>::new());
        ana.send("open", "{}").await;
        server.stop().await;
    }
}
