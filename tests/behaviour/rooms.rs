//! Joining, leaving, and what a session is told about it.

use serde_json::json;

use crate::harness::{Client, Door, Roster, Server, settings, through_both_doors};

through_both_doors!(
    a_newcomer_is_told_who_is_there_and_the_others_are_told_of_the_newcomer,
    who_disconnects_has_left,
    a_session_that_has_left_hears_nothing_more,
);

async fn a_newcomer_is_told_who_is_there_and_the_others_are_told_of_the_newcomer(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut ana = server.client("ana").await;
    let channel = ana.join("lobby").await;
    assert_eq!(channel["id"], "2...lobby");
    assert_eq!(channel["room_name"], "lobby");
    assert!(
        channel.get("presences").is_none(),
        "an empty room has nobody in it: {channel}"
    );
    let me = json!({"user_id": ana.tokens.user(), "session_id": ana.session, "username": "ana",
                    "persistence": true});
    assert_eq!(channel["self"], me);
    let joined = ana.event("channel_presence_event").await;
    assert_eq!(
        joined,
        json!({"channel_id": "2...lobby", "room_name": "lobby", "joins": [me]}),
        "the joiner gets its own join"
    );

    let mut ben = server.client("ben").await;
    let channel = ben.join_as("lobby", json!({"persistence": false})).await;
    assert_eq!(channel["presences"], json!([me]));
    let ben_seen =
        json!({"user_id": ben.tokens.user(), "session_id": ben.session, "username": "ben"});
    assert_eq!(channel["self"], ben_seen);
    assert_eq!(
        ana.event("channel_presence_event").await["joins"],
        json!([ben_seen])
    );

    ben.leave("lobby").await;
    assert_eq!(
        ana.event("channel_presence_event").await,
        json!({"channel_id": "2...lobby", "room_name": "lobby", "leaves": [ben_seen]})
    );
    server.stop().await;
}

async fn who_disconnects_has_left(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut ana = server.client("ana").await;
    let mut roster = ana.join_and_look("lobby").await;
    let mut ben = server.client("ben").await;
    ben.join("lobby").await;
    ana.watch(&mut roster, |r| r.names() == ["ana", "ben"])
        .await;
    drop(ben);
    ana.watch(&mut roster, |r| r.names() == ["ana"]).await;
    server.stop().await;
}

async fn a_session_that_has_left_hears_nothing_more(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut clients = server.clients_in("lobby", &["ana", "ben"]).await;
    let (mut ben, mut ana) = (clients.pop().unwrap(), clients.pop().unwrap());
    ben.leave("lobby").await;
    ben.everything().await;
    ana.send("lobby", r#"{"n":1}"#).await;
    assert_eq!(ben.everything().await, Vec::<serde_json::Value>::new());
    let refused = ben.try_send("lobby", "{}").await;
    assert_eq!(refused["error"]["code"], 3, "{refused}");
    // Leaving what one is not in is no error, a malformed id is.
    ben.leave("lobby").await;
    let refused = ben
        .request(json!({"channel_leave": {"channel_id": "lobby"}}))
        .await;
    assert_eq!(refused["error"]["code"], 3, "{refused}");
    server.stop().await;
}

#[actix_web::test]
async fn several_sessions_of_one_user_are_in_a_room_each_for_itself() {
    let server = Server::start().await;
    let mut phone = server.client("ana").await;
    let mut roster = phone.join_and_look("lobby").await;
    let mut desk = server.client("ana").await;
    let at_desk = desk.join_and_look("lobby").await;
    assert_eq!(phone.tokens.user(), desk.tokens.user());
    assert!(
        at_desk.has(&phone.session),
        "the other session of the same user is listed"
    );
    phone
        .watch(&mut roster, |r| r.names() == ["ana", "ana"])
        .await;

    phone.send("lobby", r#"{"from":"phone"}"#).await;
    assert_eq!(desk.messages(1).await[0]["content"], r#"{"from":"phone"}"#);
    desk.leave("lobby").await;
    phone.watch(&mut roster, |r| r.len() == 1).await;
    assert!(roster.has(&phone.session));
    let refused = desk.try_send("lobby", "{}").await;
    assert_eq!(
        refused["error"]["code"], 3,
        "another session's join does not count: {refused}"
    );
    server.stop().await;
}

#[actix_web::test]
async fn who_joins_hidden_is_not_seen_but_hears_and_speaks() {
    let server = Server::start().await;
    let mut ana = server.client("ana").await;
    let mut roster = ana.join_and_look("lobby").await;
    ana.watch(&mut roster, |r| r.len() == 1).await;
    let mut spy = server.client("spy").await;
    let channel = spy.join_as("lobby", json!({"hidden": true})).await;
    assert_eq!(Roster::from_join(&channel).names(), ["ana"]);

    ana.send("lobby", r#"{"n":1}"#).await;
    spy.send("lobby", r#"{"n":2}"#).await;
    assert_eq!(spy.messages(2).await[1]["content"], r#"{"n":2}"#);
    let mut ben = server.client("ben").await;
    assert_eq!(ben.join_and_look("lobby").await.names(), ["ana"]);
    drop(spy);
    ana.watch(&mut roster, |r| r.names() == ["ana", "ben"])
        .await;
    // Everything that happened before the next message has been told by now: no word of the spy.
    ben.send("lobby", r#"{"n":3}"#).await;
    ana.take("the third message", |v| {
        v["channel_message"]["content"] == r#"{"n":3}"#
    })
    .await;
    let told = ana.everything().await;
    assert!(
        told.iter()
            .all(|v| v.get("channel_presence_event").is_none()),
        "{told:?}"
    );
    server.stop().await;
}

#[actix_web::test]
async fn joining_twice_keeps_the_first_flags_and_says_so() {
    let server = Server::start().await;
    let mut ana = server.client("ana").await;
    let mut roster = ana.join_and_look("lobby").await;
    ana.watch(&mut roster, |r| r.len() == 1).await;
    let again = ana
        .join_as("lobby", json!({"persistence": false, "hidden": true}))
        .await;
    assert_eq!(
        again["self"]["persistence"], true,
        "the flags in force: {again}"
    );
    assert_eq!(
        Roster::from_join(&again).names(),
        ["ana"],
        "the session itself is listed now"
    );
    let ack = ana.send("lobby", r#"{"kept":true}"#).await;
    assert_eq!(ack["persistent"], true);
    let told = ana.everything().await;
    assert!(
        told.iter()
            .all(|v| v.get("channel_presence_event").is_none()),
        "no event: {told:?}"
    );

    let mut ben = server.client("ben").await;
    assert_eq!(
        ben.join_and_look("lobby").await.names(),
        ["ana"],
        "still visible"
    );
    assert_eq!(
        ana.event("channel_presence_event").await["joins"][0]["username"],
        "ben"
    );
    ana.leave("lobby").await;
    let refused = ana.try_send("lobby", "{}").await;
    assert_eq!(
        refused["error"]["code"], 3,
        "one leave is enough: {refused}"
    );
    server.stop().await;
}

#[actix_web::test]
async fn rooms_do_not_hear_each_other() {
    let server = Server::start().await;
    let mut ana = server.client("ana").await;
    ana.join("one").await;
    ana.join("two").await;
    let mut ben = server.client("ben").await;
    ben.join("two").await;
    ana.send("one", r#"{"in":"one"}"#).await;
    ana.send("two", r#"{"in":"two"}"#).await;
    let heard = ben.messages(1).await;
    assert_eq!(heard[0]["content"], r#"{"in":"two"}"#);
    assert_eq!(heard[0]["channel_id"], "2...two");
    // Names are case sensitive.
    ben.join("ONE").await;
    ana.send("one", "{}").await;
    let heard = ben.everything().await;
    assert!(
        heard.iter().all(|v| v.get("channel_message").is_none()),
        "{heard:?}"
    );
    server.stop().await;
}

#[actix_web::test]
async fn names_and_kinds_that_cannot_be_are_refused_and_the_session_goes_on() {
    let server = Server::start().await;
    let mut ana = server.client("ana").await;
    for (join, why) in [
        (json!({"target": "", "type": 1}), "empty"),
        (json!({"target": "é".repeat(33), "type": 1}), "66 bytes"),
        (
            json!({"target": "a\u{7f}", "type": 1}),
            "a control character",
        ),
        (json!({"target": "a", "type": 9}), "no such kind"),
    ] {
        let refused = ana.request(json!({"channel_join": join})).await;
        assert_eq!(refused["error"]["code"], 3, "{why}: {refused}");
    }
    for good in ["é".repeat(32), "a/b%c 'd'\u{85}".to_owned(), ".".to_owned()] {
        let channel = ana.join(&good).await;
        assert_eq!(channel["room_name"], good.as_str());
    }
    server.stop().await;
}

/// The helper of other tests relies on this: a message is the end of what came before it.
#[actix_web::test]
async fn whoever_is_in_a_small_room_hears_of_joins_before_what_the_joiner_says() {
    let server = Server::start().await;
    let mut ana: Client = server.client("ana").await;
    ana.join("lobby").await;
    ana.everything().await;
    for n in 0..5 {
        let mut guest = server.client(&format!("guest{n}")).await;
        guest.join("lobby").await;
        guest.send("lobby", "{}").await;
        let first = ana.next().await;
        assert_eq!(
            first["channel_presence_event"]["joins"][0]["username"],
            guest.name.as_str()
        );
        assert_eq!(
            ana.next().await["channel_message"]["username"],
            guest.name.as_str()
        );
        guest.leave("lobby").await;
        assert!(ana.next().await["channel_presence_event"]["leaves"].is_array());
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_room_that_ends_and_starts_again_all_the_time_fails_nobody() {
    let mut short = settings();
    short.channel_linger = std::time::Duration::from_millis(10);
    let server = Server::with(short).await;
    let mut clients = Vec::new();
    for n in 0..4 {
        clients.push(server.client(&format!("user{n}")).await);
    }
    let mut dice = crate::harness::Dice::new();
    let pauses: Vec<Vec<usize>> = (0..4)
        .map(|_| (0..40).map(|_| 8 + dice.roll(6)).collect())
        .collect();
    futures_util::future::join_all(
        clients
            .iter_mut()
            .zip(pauses)
            .map(async |(client, pauses)| {
                for (n, pause) in pauses.into_iter().enumerate() {
                    client.join("hut").await;
                    client
                        .send("hut", &format!(r#"{{"by":"{}","n":{n}}}"#, client.name))
                        .await;
                    client.leave("hut").await;
                    // About as long as an empty room stays.
                    tokio::time::sleep(std::time::Duration::from_millis(pause as u64)).await;
                }
            }),
    )
    .await;
    let history = server.whole_history(&clients[0].tokens.token, "hut").await;
    assert_eq!(history.len(), 4 * 40);
    assert!(history.is_sorted_by(|a, b| a["create_time"].as_str() < b["create_time"].as_str()));
    server.stop().await;
}
