//! What the store could not keep was never said.

use std::sync::Arc;

use serde_json::json;

use crate::harness::{Deed, Disturbed, Door, Server, settings};

const MARKER: &str = "fail, please";

#[actix_web::test]
async fn a_message_that_cannot_be_stored_is_an_error_to_the_sender_and_reaches_nobody() {
    for deed in [Deed::Refuse, Deed::Fail] {
        let server = Server::build(Door::Own, settings(), |builder| {
            builder
                .wrap_message_store(move |store| Arc::new(Disturbed::marked(store, MARKER, deed)))
        })
        .await;
        let mut clients = server.clients_in("lobby", &["ana", "ben"]).await;
        let (mut ben, mut ana) = (clients.pop().unwrap(), clients.pop().unwrap());
        let bad = json!({"text": MARKER}).to_string();
        // Good and bad in one go: each gets its own answer, in order.
        let mut cids = Vec::new();
        for n in 0..20 {
            let good = format!(r#"{{"n":{n}}}"#);
            cids.push((ana.post_send("lobby", &good).await, true));
            cids.push((ana.post_send("lobby", &bad).await, false));
        }
        for (cid, good) in cids {
            let answer = ana.take("an answer", |v| v.get("cid").is_some()).await;
            assert_eq!(answer["cid"], cid.as_str());
            if good {
                assert!(
                    answer.get("channel_message_ack").is_some(),
                    "{deed:?}: {answer}"
                );
            } else {
                let message = &answer["error"]["message"];
                assert_eq!(
                    message, "the message could not be stored",
                    "no details: {answer}"
                );
                assert!(answer["error"].get("code").is_none());
            }
        }
        ben.send("lobby", r#"{"last":1}"#).await;
        let mut wanted: Vec<String> = (0..20).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
        wanted.push(r#"{"last":1}"#.to_owned());
        for client in [&mut ana, &mut ben] {
            let heard = client.messages(21).await;
            let heard: Vec<_> = heard
                .iter()
                .map(|m| m["content"].as_str().unwrap())
                .collect();
            assert_eq!(heard, wanted, "{deed:?}");
        }
        let history = server.whole_history(&ana.tokens.token, "lobby").await;
        let kept: Vec<_> = history
            .iter()
            .map(|m| m["content"].as_str().unwrap())
            .collect();
        assert_eq!(kept, wanted, "{deed:?}");
        server.stop().await;
    }
}
