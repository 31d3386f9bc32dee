//! A block in the middle of a flood: silence from its answer on, and an answer to each request.

use std::{cell::Cell, sync::Arc};

use futures_util::future::join;
use serde_json::{Value, json};

use crate::harness::{
    Client, Deed, Disturbed, Door, Hold, Person, Server, Site, direct_channel, settings,
    through_both_doors,
};

through_both_doors!(
    who_is_blocked_in_a_flood_is_silent_when_the_call_returns,
    who_is_blocked_before_the_commit_is_silent_when_the_call_returns,
);

/// Messages of one flood, well below what a socket's buffer takes.
const MOST: usize = 150;
/// How many of them are sent before anybody thinks of a block.
const BEFORE: usize = 30;

/// Text by which the messages of a flood are found in a stream of bytes.
fn words(n: usize) -> String {
    json!({"text": format!("flood-{n}-")}).to_string()
}

/// The number of each message of the flood in some text, in order.
fn numbers(text: &str) -> Vec<usize> {
    let number = |rest: &str| rest.split_once('-')?.0.parse().ok();
    text.split("flood-").skip(1).filter_map(number).collect()
}

/// A session with room for all that it is sent while it does not read.
async fn patient(server: &Site, who: &Person, with: &Person, flags: &Value) -> Client {
    let opened =
        Client::open_with_buffer(server.address, &who.name, &who.tokens, "", Some(4 << 20));
    let mut client = opened.await.expect("the socket opens");
    client.join_direct_as(with, flags.clone()).await;
    client
}

/// What came of a flood.
struct Flood {
    /// Cids in the order of requests.
    cids: Vec<String>,
    envelopes: Vec<Value>,
}

/// Sends until it is `over`, some at a time, and then a little more.
async fn flood(client: &mut Client, channel: &str, sent: &Cell<usize>, over: &Cell<bool>) -> Flood {
    const WINDOW: usize = 10;
    const AFTER: usize = 20;
    let (mut cids, mut envelopes, mut answers) = (Vec::new(), Vec::new(), 0);
    while !over.get() {
        if sent.get() < MOST && cids.len() - answers < WINDOW {
            cids.push(client.post_to(channel, &words(sent.get())).await);
            sent.set(sent.get() + 1);
        } else if answers < cids.len() {
            let next = client.next().await;
            answers += usize::from(next.get("cid").is_some());
            envelopes.push(next);
        }
        tokio::task::yield_now().await;
    }
    for n in 0..AFTER {
        cids.push(client.post_to(channel, &words(sent.get() + n)).await);
    }
    while answers < cids.len() {
        let next = client.next().await;
        answers += usize::from(next.get("cid").is_some());
        envelopes.push(next);
    }
    Flood { cids, envelopes }
}

impl Flood {
    /// Insists that each request was answered once and in order; the ids of the messages that were acked.
    fn check_answers(&self) -> Vec<Value> {
        let answers: Vec<&Value> = self
            .envelopes
            .iter()
            .filter(|v| v.get("cid").is_some())
            .collect();
        let answered: Vec<&str> = answers.iter().map(|v| v["cid"].as_str().unwrap()).collect();
        assert_eq!(answered, self.cids);
        let refused = answers.iter().rev().take_while(|v| v["error"]["code"] == 3);
        assert!(
            refused.count() >= 20,
            "what was sent after the block was refused"
        );
        let acked = |v: &&Value| Some(v.get("channel_message_ack")?["message_id"].clone());
        answers.iter().filter_map(acked).collect()
    }
}

/// Insists that a session got nothing of the flood behind the mark that was set when the block had returned.
async fn check_silence(client: &mut Client, what: &str) -> Vec<Value> {
    let before = client.up_to_mark().await;
    let after = client.everything().await;
    let after: String = after.iter().map(Value::to_string).collect();
    assert!(numbers(&after).is_empty(), "{what}: {after}");
    let messages = before.iter().filter_map(|v| v.get("channel_message"));
    let heard: Vec<Value> = messages.cloned().collect();
    heard
}

fn ids(messages: &[Value]) -> Vec<Value> {
    messages.iter().map(|m| m["message_id"].clone()).collect()
}

async fn who_is_blocked_in_a_flood_is_silent_when_the_call_returns(door: Door) {
    const ROUNDS: usize = 10;
    let server = Server::through(door, settings()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let id = direct_channel(&ana, &ben);
    let mut kept = Vec::new();
    for round in 0..ROUNDS {
        let persistence = round % 2 == 0;
        let what = format!("round {round}");
        let flags = json!({ "persistence": persistence });
        let mut a = patient(&server, &ana, &ben, &flags).await;
        let mut b = [
            patient(&server, &ben, &ana, &json!({})).await,
            patient(&server, &ben, &ana, &json!({"hidden": true})).await,
        ];
        for client in &mut b {
            client.everything().await;
        }
        let (sent, over) = (Cell::new(0), Cell::new(false));
        let block = async {
            while sent.get() < BEFORE {
                tokio::task::yield_now().await;
            }
            server.bond(&ben, "block", &ana).await;
            server.mark(&ben).await;
            over.set(true);
        };
        let (flood, ()) = join(flood(&mut a, &id, &sent, &over), block).await;
        let acked = flood.check_answers();
        let mut heard = Vec::new();
        for client in &mut b {
            let messages = check_silence(client, &what).await;
            let text: String = messages.iter().map(Value::to_string).collect();
            assert!(numbers(&text).is_sorted(), "{what}: {text}");
            heard.push(messages);
        }
        assert_eq!(
            ids(&heard[0]),
            ids(&heard[1]),
            "{what}: the same on each session"
        );
        if persistence {
            // What was acked is heard: the news went out together.
            assert_eq!(ids(&heard[0]), acked, "{what}");
            kept.extend(acked);
        }
        for person in [&ana, &ben] {
            let log = server.try_log(person, &id).await.unwrap();
            assert_eq!(ids(&log), kept, "{what}: all that was committed stays");
        }
        a.is_shut_out_by(&id, &ben).await;
        b[0].join_direct(&ana).await;
        server.bond(&ben, "delete", &ana).await;
        let mut again = server.socket_with(&ana, &ben).await;
        again.send_to(&id, r#"{"again":1}"#).await;
        let last = b[0].message().await;
        assert_eq!(last["content"], r#"{"again":1}"#);
        kept.push(last["message_id"].clone());
        drop((a, b, again));
        server.sessions_become(0).await;
    }
    server.stop().await;
}

/// The writer is held back, so that the block and messages from before and after it wait in one queue.
async fn who_is_blocked_before_the_commit_is_silent_when_the_call_returns(door: Door) {
    const ROUNDS: usize = 8;
    const ALREADY: usize = 12;
    let hold = Arc::new(Hold::default());
    let passing = hold.clone();
    let server = Server::build(door, settings(), |builder| {
        builder.wrap_message_store(move |store| {
            let slow = Disturbed::marked(store, "", Deed::Pass);
            Arc::new(slow.when_told(move || passing.pass()))
        })
    })
    .await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let id = direct_channel(&ana, &ben);
    let mut c = server.client("cleo").await;
    c.join("room").await;
    let mut stored = 0;
    for round in 0..ROUNDS {
        let what = format!("round {round}");
        let mut a = patient(&server, &ana, &ben, &json!({})).await;
        let mut fleeting = patient(&server, &ana, &ben, &json!({"persistence": false})).await;
        let mut b = [
            patient(&server, &ben, &ana, &json!({})).await,
            patient(&server, &ben, &ana, &json!({})).await,
        ];
        for client in &mut b {
            client.everything().await;
        }
        hold.begin();
        // Keeps the writer busy until it is let go.
        let busy = c.post_send("room", "{}").await;
        let mut cids = Vec::new();
        let send = async {
            for n in 0..3 * ALREADY {
                cids.push(a.post_to(&id, &words(2 * n)).await);
                fleeting.post_to(&id, &words(2 * n + 1)).await;
                if n > round {
                    tokio::task::yield_now().await;
                }
            }
            // What has been sent is read before this is answered.
            server.get(&cleo, "/v2/account").await;
            hold.end();
        };
        let block = async {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            server.bond(&ben, "block", &ana).await;
            server.mark(&ben).await;
        };
        join(send, block).await;
        c.reply(&busy).await;
        let mut acked = Vec::new();
        for cid in &cids {
            let answer = a.reply(cid).await;
            match answer.get("channel_message_ack") {
                Some(ack) => acked.push(ack["message_id"].clone()),
                None => assert_eq!(answer["error"]["code"], 3, "{what}: {answer}"),
            }
        }
        for client in &mut b {
            check_silence(client, &what).await;
        }
        let log = server.try_log(&ben, &id).await.unwrap();
        assert_eq!(ids(&log[stored..]), acked, "{what}: stored if acked");
        stored = log.len();
        a.is_shut_out_by(&id, &ben).await;
        fleeting.is_shut_out_by(&id, &ben).await;
        server.bond(&ben, "delete", &ana).await;
        drop((a, fleeting, b));
        server.sessions_become(1).await;
    }
    drop(c);
    server.stop().await;
}
