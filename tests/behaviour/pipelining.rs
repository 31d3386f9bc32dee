//! Requests sent without waiting for answers.

use actix_http::ws::Message;
use serde_json::json;

use crate::harness::{Door, Server, room_id, settings, through_both_doors};

through_both_doors!(requests_sent_in_one_go_are_answered_in_order);

async fn requests_sent_in_one_go_are_answered_in_order(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut ana = server.client("ana").await;
    let mut wanted = Vec::new();
    let mut frames = Vec::new();
    let mut ask = |body: serde_json::Value, kind: &'static str| {
        let mut envelope = body;
        let cid = format!("p{}", wanted.len());
        envelope["cid"] = json!(cid);
        wanted.push((cid, kind));
        frames.push(Message::Text(envelope.to_string().into()));
    };
    let send = |room: &str, content: &str| json!({"channel_message_send": {"channel_id": room_id(room), "content": content}});
    for round in 0..40 {
        let room = format!("room{}", round % 4);
        ask(
            send(&room, "{}"),
            if round < 4 {
                "error"
            } else {
                "channel_message_ack"
            },
        );
        ask(
            json!({"channel_join": {"target": room, "type": 1, "persistence": round % 2 == 0}}),
            "channel",
        );
        ask(json!({"ping": {}}), "pong");
        ask(send(&room, r#"{"n":1}"#), "channel_message_ack");
        ask(send(&room, "no object"), "error");
        ask(json!({"channel_join": {"target": "", "type": 1}}), "error");
        ask(send("elsewhere", "{}"), "error");
        ask(
            json!({"channel_leave": {"channel_id": room_id("elsewhere")}}),
            "",
        );
        ask(json!({"ping": {}}), "pong");
    }
    for frame in frames {
        ana.frame(frame).await;
    }
    for (cid, kind) in wanted {
        let answer = ana.take("an answer", |v| v.get("cid").is_some()).await;
        assert_eq!(answer["cid"], cid.as_str(), "{answer}");
        if kind.is_empty() {
            assert_eq!(answer, json!({"cid": cid}));
        } else {
            assert!(answer.get(kind).is_some(), "{kind} expected: {answer}");
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_request_without_cid_is_answered_without_cid_and_a_pong_is_not_answered() {
    let server = Server::start().await;
    let mut ana = server.client("ana").await;
    ana.text(r#"{"pong":{}}"#).await;
    ana.text(r#"{"ping":{}}"#).await;
    assert_eq!(ana.next().await, json!({"pong": {}}));
    ana.text(r#"{"channel_join":{"target":"","type":1}}"#).await;
    let refused = ana.next().await;
    assert!(
        refused.get("cid").is_none() && refused.get("error").is_some(),
        "{refused}"
    );
    server.stop().await;
}
