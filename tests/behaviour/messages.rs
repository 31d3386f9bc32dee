//! Sending, changing and removing: who gets what, in which order, and what is kept.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Door, Server, settings, through_both_doors};

through_both_doors!(
    all_receivers_and_the_history_have_one_order,
    the_own_message_comes_before_its_ack,
    content_is_kept_byte_for_byte,
);

async fn all_receivers_and_the_history_have_one_order(door: Door) {
    const SENDERS: usize = 5;
    const EACH: usize = 60;
    let server = Server::through(door, settings()).await;
    let names: Vec<String> = (0..SENDERS).map(|n| format!("sender{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut clients = server.clients_in("race", &names).await;
    let mut listener = server.client("listener").await;
    listener.join_as("race", json!({"hidden": true})).await;

    let heard = join_all(clients.iter_mut().map(async |client| {
        let mut cids = Vec::new();
        for n in 0..EACH {
            let content = format!(r#"{{"by":"{}","n":{n}}}"#, client.name);
            cids.push(client.post_send("race", &content).await);
        }
        for cid in cids {
            let reply = client.reply(&cid).await;
            assert!(reply.get("channel_message_ack").is_some(), "{reply}");
        }
        client.messages(SENDERS * EACH).await
    }))
    .await;
    let order = listener.messages(SENDERS * EACH).await;
    for other in &heard {
        assert_eq!(
            *other, order,
            "every receiver has the same messages in the same order"
        );
    }
    let history = server.whole_history(&listener.tokens.token, "race").await;
    assert_eq!(
        history, order,
        "the history is what was delivered, times and all"
    );

    let times: Vec<&str> = order
        .iter()
        .map(|m| m["create_time"].as_str().unwrap())
        .collect();
    assert!(
        times.is_sorted_by(|a, b| a < b),
        "times grow strictly: {times:?}"
    );
    for name in names {
        let own = order.iter().filter(|m| m["username"] == name);
        let numbers: Vec<String> = own
            .map(|m| m["content"].as_str().unwrap().to_owned())
            .collect();
        let sent: Vec<String> = (0..EACH)
            .map(|n| format!(r#"{{"by":"{name}","n":{n}}}"#))
            .collect();
        assert_eq!(numbers, sent, "in the order in which {name} sent them");
    }
    server.stop().await;
}

async fn the_own_message_comes_before_its_ack(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut ana = server.client("ana").await;
    ana.join("lobby").await;
    ana.join_as("mumble", json!({"persistence": false})).await;
    ana.everything().await;
    for (room, persistent) in [("lobby", true), ("mumble", false)] {
        let cid = ana.post_send(room, r#"{"n":1}"#).await;
        let (first, second) = (ana.next().await, ana.next().await);
        let (message, ack) = (&first["channel_message"], &second["channel_message_ack"]);
        assert_eq!(second["cid"], cid.as_str());
        let mut shared = message.clone();
        shared
            .as_object_mut()
            .unwrap()
            .retain(|key, _| key != "content" && key != "sender_id");
        assert_eq!(
            *ack, shared,
            "an ack is the message without sender and content"
        );
        assert_eq!(message["sender_id"], ana.tokens.user());
        assert_eq!(message["persistent"], persistent);
        assert_eq!(message["code"], 0);
        assert_eq!(message["create_time"], message["update_time"]);
    }
    assert_eq!(
        server.whole_history(&ana.tokens.token, "mumble").await,
        Vec::<Value>::new()
    );
    assert_eq!(
        server.whole_history(&ana.tokens.token, "lobby").await.len(),
        1
    );
    server.stop().await;
}

async fn content_is_kept_byte_for_byte(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut clients = server.clients_in("lobby", &["ana", "ben"]).await;
    let contents = [
        " \n{ \"z\" : 1 ,\t\"a\":[ ] }\r\n ",
        r#"{"twice":1,"twice":2}"#,
        r#"{"nul":"\u0000","up":"\u00E9","slash":"\/"}"#,
        r#"{"big":123456789012345678901234567890,"exp":1E+2,"zero":-0.0}"#,
        "{\"text\":\"é 🦀 \u{2028} \\\" <b>&amp;\"}",
        "{}",
    ];
    for content in contents {
        clients[0].send("lobby", content).await;
    }
    for client in &mut clients {
        let live = client.messages(contents.len()).await;
        let live: Vec<_> = live
            .iter()
            .map(|m| m["content"].as_str().unwrap())
            .collect();
        assert_eq!(live, contents);
    }
    let history = server
        .whole_history(&clients[1].tokens.token, "lobby")
        .await;
    let history: Vec<_> = history
        .iter()
        .map(|m| m["content"].as_str().unwrap())
        .collect();
    assert_eq!(history, contents);
    for bad in ["", "[]", "text", "{\"a\":1}{}", "{\"a\":1,}"] {
        let refused = clients[0].try_send("lobby", bad).await;
        assert_eq!(refused["error"]["code"], 3, "{bad:?}: {refused}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn an_update_keeps_the_place_and_a_removal_leaves_no_trace() {
    let server = Server::start().await;
    let mut clients = server.clients_in("lobby", &["ana", "ben"]).await;
    let (mut ben, mut ana) = (clients.pop().unwrap(), clients.pop().unwrap());
    let first = ana.send("lobby", r#"{"n":1}"#).await;
    let second = ana.send("lobby", r#"{"n":2}"#).await;
    ana.send("lobby", r#"{"n":3}"#).await;
    let updated = ana
        .update("lobby", &first["message_id"], r#"{"n":"one"}"#)
        .await;
    let removed = ana.remove("lobby", &second["message_id"]).await;

    let live = ben.messages(5).await;
    let (update, removal) = (&live[3], &live[4]);
    assert_eq!(
        (&update["code"], &update["message_id"]),
        (&json!(1), &first["message_id"])
    );
    assert_eq!(update["content"], r#"{"n":"one"}"#);
    assert_eq!(update["create_time"], first["create_time"]);
    assert!(update["update_time"].as_str() > first["update_time"].as_str());
    assert_eq!(updated["update_time"], update["update_time"]);
    assert_eq!(
        (&removal["code"], &removal["message_id"]),
        (&json!(2), &second["message_id"])
    );
    assert_eq!(removal["content"], "{}");
    assert_eq!(removal["create_time"], second["create_time"]);
    assert_eq!(removed["code"], 2);
    assert_eq!(ana.messages(5).await, live);

    let history = server.whole_history(&ben.tokens.token, "lobby").await;
    let contents: Vec<_> = history.iter().map(|m| &m["content"]).collect();
    assert_eq!(contents, [r#"{"n":"one"}"#, r#"{"n":3}"#]);
    assert_eq!(history[0]["code"], 0);
    assert_eq!(
        history[0]["update_time"], update["update_time"],
        "as text, the same live and later"
    );

    for id in [
        &second["message_id"],
        &json!("0b9d0a59-9ef6-4f0c-9ea1-3d86d2a2f3f1"),
    ] {
        let again = ana.try_update("lobby", id, r#"{"n":"two"}"#).await;
        assert_eq!(again["error"]["code"], 3, "removed or never there: {again}");
        let again = ana.try_remove("lobby", id).await;
        assert_eq!(again["error"]["code"], 3, "{again}");
    }
    let malformed = ana.try_remove("lobby", &json!("first")).await;
    assert_eq!(malformed["error"]["code"], 3, "{malformed}");
    server.stop().await;
}

#[actix_web::test]
async fn nobody_changes_what_somebody_else_said() {
    let server = Server::start().await;
    let mut clients = server.clients_in("lobby", &["ana", "ben"]).await;
    let (mut ben, mut ana) = (clients.pop().unwrap(), clients.pop().unwrap());
    let said = ana.send("lobby", r#"{"by":"ana"}"#).await;
    let id = &said["message_id"];
    for refused in [
        ben.try_update("lobby", id, "{}").await,
        ben.try_remove("lobby", id).await,
    ] {
        assert_eq!(refused["error"]["code"], 3, "{refused}");
    }
    // Nor does one change one's own message without having joined.
    ana.leave("lobby").await;
    for refused in [
        ana.try_update("lobby", id, "{}").await,
        ana.try_remove("lobby", id).await,
    ] {
        assert_eq!(refused["error"]["code"], 3, "{refused}");
    }
    let heard = ben.everything().await;
    let heard: Vec<_> = heard
        .iter()
        .filter_map(|v| v.get("channel_message"))
        .collect();
    assert_eq!(heard.len(), 1, "{heard:?}");
    let history = server.whole_history(&ben.tokens.token, "lobby").await;
    assert_eq!(history[0]["content"], r#"{"by":"ana"}"#);
    server.stop().await;
}

#[actix_web::test]
async fn a_message_cannot_be_changed_through_another_room() {
    let server = Server::start().await;
    let mut ana = server.client("ana").await;
    ana.join("one").await;
    ana.join("two").await;
    let said = ana.send("one", r#"{"in":"one"}"#).await;
    ana.everything().await;
    let id = &said["message_id"];
    for refused in [
        ana.try_update("two", id, "{}").await,
        ana.try_remove("two", id).await,
    ] {
        assert_eq!(refused["error"]["code"], 3, "{refused}");
    }
    assert_eq!(
        ana.everything().await,
        Vec::<Value>::new(),
        "nobody heard of it"
    );
    let history = server.whole_history(&ana.tokens.token, "one").await;
    assert_eq!(history.len(), 1);
    assert_eq!(history[0]["content"], r#"{"in":"one"}"#);
    assert_eq!(history[0]["update_time"], said["update_time"]);
    server.stop().await;
}

#[actix_web::test]
async fn a_session_without_persistence_changes_only_what_it_sent_itself() {
    let server = Server::start().await;
    let mut keeper = server.client("ana").await;
    keeper.join("lobby").await;
    let mut other = server.client("ben").await;
    other.join_as("lobby", json!({"persistence": false})).await;
    let mut fleeting = server.client("ana").await;
    fleeting
        .join_as("lobby", json!({"persistence": false}))
        .await;

    let kept = keeper.send("lobby", r#"{"kept":1}"#).await;
    let others = other.send("lobby", r#"{"others":1}"#).await;
    let own = fleeting.send("lobby", r#"{"own":1}"#).await;
    assert_eq!(own["persistent"], false);
    fleeting.messages(3).await;

    for (id, whose) in [
        (&kept, "a persistent one of its user"),
        (&others, "somebody else's"),
    ] {
        let id = &id["message_id"];
        let refused = fleeting.try_update("lobby", id, "{}").await;
        assert_eq!(refused["error"]["code"], 3, "{whose}: {refused}");
        let refused = fleeting.try_remove("lobby", id).await;
        assert_eq!(refused["error"]["code"], 3, "{whose}: {refused}");
    }
    let id = &own["message_id"];
    for refused in [
        keeper.try_update("lobby", id, "{}").await,
        keeper.try_remove("lobby", id).await,
    ] {
        assert_eq!(refused["error"]["code"], 3, "another session's: {refused}");
    }
    fleeting.update("lobby", id, r#"{"own":2}"#).await;
    fleeting.remove("lobby", id).await;
    let refused = fleeting.try_update("lobby", id, "{}").await;
    assert_eq!(refused["error"]["code"], 3, "after its removal: {refused}");

    let heard = keeper.messages(5).await;
    let codes: Vec<_> = heard.iter().map(|m| m["code"].as_i64().unwrap()).collect();
    assert_eq!(codes, [0, 0, 0, 1, 2]);
    let (update, removal) = (&heard[3], &heard[4]);
    assert_eq!(
        (&update["content"], &update["message_id"]),
        (&json!(r#"{"own":2}"#), id)
    );
    assert_eq!(
        (&removal["content"], &removal["message_id"]),
        (&json!("{}"), id)
    );
    assert_eq!(update["create_time"], own["create_time"]);
    let history = server.whole_history(&keeper.tokens.token, "lobby").await;
    assert_eq!(history.len(), 1);
    assert_eq!(history[0]["content"], r#"{"kept":1}"#);
    server.stop().await;
}

#[actix_web::test]
async fn times_grow_across_a_restart_and_across_the_end_of_a_rooms_life() {
    let mut short = settings();
    short.channel_linger = std::time::Duration::from_millis(10);
    let mut server = Server::with(short.clone()).await;
    let mut acked = Vec::new();
    for _ in 0..3 {
        let mut ana = server.client("ana").await;
        ana.join("lobby").await;
        acked.push(ana.send("lobby", "{}").await);
        ana.leave("lobby").await;
        ana.join("lobby").await;
        acked.push(ana.send("lobby", "{}").await);
        drop(ana);
        server = server.restart(short.clone()).await;
    }
    let ana = server.client("ana").await;
    let history = server.whole_history(&ana.tokens.token, "lobby").await;
    let ids = |list: &[Value]| {
        list.iter()
            .map(|m| m["message_id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&history), ids(&acked));
    assert!(history.is_sorted_by(|a, b| a["create_time"].as_str() < b["create_time"].as_str()));
    server.stop().await;
}

#[actix_web::test]
async fn kept_and_fleeting_messages_share_one_order() {
    const EACH: usize = 100;
    let server = Server::start().await;
    let mut clients = Vec::new();
    for n in 0..4 {
        let mut client = server.client(&format!("user{n}")).await;
        client
            .join_as("mixed", json!({"persistence": n % 2 == 0}))
            .await;
        clients.push(client);
    }
    let heard = join_all(clients.iter_mut().map(async |client| {
        for n in 0..EACH {
            client
                .post_send("mixed", &format!(r#"{{"by":"{}","n":{n}}}"#, client.name))
                .await;
        }
        client.messages(4 * EACH).await
    }))
    .await;
    for other in &heard {
        assert_eq!(*other, heard[0]);
    }
    let times: Vec<_> = heard[0]
        .iter()
        .map(|m| m["create_time"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a < b));
    let kept: Vec<_> = heard[0]
        .iter()
        .filter(|m| m["persistent"] == true)
        .cloned()
        .collect();
    assert_eq!(kept.len(), 2 * EACH);
    assert_eq!(
        server
            .whole_history(&clients[0].tokens.token, "mixed")
            .await,
        kept
    );
    server.stop().await;
}
