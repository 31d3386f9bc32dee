//! What the protocol does not allow: the client learns why, and then the connection ends.

use actix_http::ws::Message;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::harness::{Client, Close, Door, Roster, Server, settings, through_both_doors};

through_both_doors!(
    a_malformed_envelope_is_answered_and_then_ends_the_connection,
    a_binary_frame_ends_the_connection,
    a_frame_of_the_limit_is_read_and_one_byte_more_is_too_much,
    a_frame_against_the_rules_ends_the_connection,
    a_close_is_answered_with_its_own_code,
);

/// A client in a room, and one who watches it leave.
struct Scene {
    server: Server,
    watcher: Client,
    roster: Roster,
}

impl Scene {
    async fn set(door: Door) -> Self {
        let server = Server::through(door, settings()).await;
        let mut watcher = server.client("watcher").await;
        let mut roster = watcher.join_and_look("lobby").await;
        watcher.watch(&mut roster, |r| r.len() == 1).await;
        Self {
            server,
            watcher,
            roster,
        }
    }

    async fn offender(&mut self) -> Client {
        let mut client = self.server.client("offender").await;
        client.join("lobby").await;
        self.watcher.watch(&mut self.roster, |r| r.len() == 2).await;
        client
    }

    async fn sees_the_leave(&mut self) {
        self.watcher
            .watch(&mut self.roster, |r| r.names() == ["watcher"])
            .await;
    }
}

async fn a_malformed_envelope_is_answered_and_then_ends_the_connection(door: Door) {
    let mut scene = Scene::set(door).await;
    for (text, cid, code) in [
        ("", None, 3),
        ("{", None, 3),
        ("[]", None, 3),
        ("null", None, 3),
        (r#"{"cid":"x"}"#, Some("x"), 2),
        ("{}", None, 2),
        (r#"{"cid":"x","bogus":{}}"#, None, 3),
        (r#"{"cid":"x","ping":null}"#, None, 3),
        (r#"{"cid":"x","ping":{},"pong":{}}"#, None, 3),
        (r#"{"cid":"x","ping":{"extra":1}}"#, None, 3),
        (r#"{"cid":"x","channel_join":{"target":5}}"#, None, 3),
        (r#"{"cid":"x","channel_message":{}}"#, Some("x"), 1),
    ] {
        let mut offender = scene.offender().await;
        let before = offender
            .post_send("lobby", r#"{"before":"the error"}"#)
            .await;
        offender.text(text).await;
        offender
            .post_send("lobby", r#"{"after":"the error"}"#)
            .await;
        let close = offender.closed().await;
        assert_eq!(
            close,
            Close::Frame(1000, "malformed envelope".to_owned()),
            "{text}"
        );
        let answer = offender.reply(&before).await;
        assert!(
            answer.get("channel_message_ack").is_some(),
            "{text}: {answer}"
        );
        let error = offender
            .take("the error", |v| v.get("error").is_some())
            .await;
        assert_eq!(error["error"]["code"], code, "{text}: {error}");
        assert!(!error["error"]["message"].as_str().unwrap().is_empty());
        if let Some(cid) = cid {
            assert_eq!(error["cid"], cid, "{text}");
        }
        let heard = scene.watcher.messages(1).await;
        assert_eq!(heard[0]["content"], r#"{"before":"the error"}"#, "{text}");
        scene.sees_the_leave().await;
    }
    let said = scene
        .server
        .whole_history(&scene.watcher.tokens.token, "lobby")
        .await;
    assert!(
        said.iter()
            .all(|m| m["content"] == r#"{"before":"the error"}"#),
        "{said:?}"
    );
    scene.server.stop().await;
}

async fn a_binary_frame_ends_the_connection(door: Door) {
    let mut scene = Scene::set(door).await;
    let mut offender = scene.offender().await;
    let before = offender.post_send("lobby", "{}").await;
    offender
        .frame(Message::Binary(r#"{"ping":{}}"#.into()))
        .await;
    assert_eq!(
        offender.closed().await,
        Close::Frame(1000, "binary message where the format is text".to_owned())
    );
    assert!(
        offender
            .reply(&before)
            .await
            .get("channel_message_ack")
            .is_some()
    );
    scene.sees_the_leave().await;
    scene.server.stop().await;
}

async fn a_frame_of_the_limit_is_read_and_one_byte_more_is_too_much(door: Door) {
    let ping = |bytes: usize| {
        let envelope = r#"{"cid":"big","ping":{}}"#;
        format!("{envelope}{}", " ".repeat(bytes - envelope.len()))
    };
    let mut scene = Scene::set(door).await;
    for fragmented in [false, true] {
        let mut offender = scene.offender().await;
        for bytes in [4096, 4097] {
            let before = offender.post_send("lobby", "{}").await;
            if fragmented {
                offender.fragments(&ping(bytes)).await;
            } else {
                offender.text(ping(bytes)).await;
            }
            if bytes == 4096 {
                assert_eq!(offender.reply("big").await, json!({"pong": {}}));
            } else {
                let close = offender.closed().await;
                assert_eq!(close, Close::Frame(1009, "message too big".to_owned()));
            }
            assert!(
                offender
                    .reply(&before)
                    .await
                    .get("channel_message_ack")
                    .is_some()
            );
        }
        scene.sees_the_leave().await;
    }
    scene.server.stop().await;
}

async fn a_frame_against_the_rules_ends_the_connection(door: Door) {
    let mut scene = Scene::set(door).await;
    let cases: [(&[u8], u16, &str); 5] = [
        (&[0x81, 0x02, b'{', b'}'], 1002, "a frame without a mask"),
        (&[0x83, 0x80, 0, 0, 0, 0], 1002, "a reserved opcode"),
        (&[0x80, 0x80, 0, 0, 0, 0], 1002, "a continuation of nothing"),
        (
            &[0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28],
            1007,
            "text that is not UTF-8",
        ),
        (
            &[0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0],
            1009,
            "the head of a huge frame",
        ),
    ];
    for (bytes, code, what) in cases {
        let mut offender = scene.offender().await;
        offender.stream().write_all(bytes).await.unwrap();
        match offender.closed().await {
            Close::Frame(with, _) => assert_eq!(with, code, "{what}"),
            Close::Dropped => panic!("{what}: no close frame"),
        }
        scene.sees_the_leave().await;
    }
    scene.server.stop().await;
}

async fn a_close_is_answered_with_its_own_code(door: Door) {
    let mut scene = Scene::set(door).await;
    let mut offender = scene.offender().await;
    let reason = actix_http::ws::CloseReason {
        code: 4000.into(),
        description: Some("bye".into()),
    };
    offender.frame(Message::Close(Some(reason))).await;
    assert_eq!(offender.closed().await, Close::Frame(4000, String::new()));
    scene.sees_the_leave().await;
    scene.server.stop().await;
}

#[actix_web::test]
async fn what_the_protocol_has_but_this_server_does_not_is_refused_and_the_session_goes_on() {
    let server = Server::start().await;
    let mut ana = server.client("ana").await;
    for message in ["rpc", "match_create", "party_create", "matchmaker_add"] {
        let refused = ana.request(json!({message: {}})).await;
        assert_eq!(refused["error"]["code"], 1, "{refused}");
        assert!(
            refused["error"]["message"]
                .as_str()
                .unwrap()
                .contains(message),
            "{refused}"
        );
    }
    assert_eq!(ana.everything().await, Vec::<Value>::new());
    server.stop().await;
}
