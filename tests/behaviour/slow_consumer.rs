//! Who does not read is cut off; those who do notice nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::harness::{Client, Close, Deed, Disturbed, Door, Server, settings, through_both_doors};

through_both_doors!(
    who_stops_reading_is_cut_off_and_the_others_miss_nothing,
    who_reads_is_never_cut_off,
    a_burst_of_others_cuts_off_nobody,
);

/// Large messages fill what the system buffers for a connection sooner.
const MESSAGE: usize = 32 << 10;

fn content(n: usize) -> String {
    json!({"n": n, "padding": "x".repeat(MESSAGE)}).to_string()
}

fn number(message: &Value) -> usize {
    let content: Value = serde_json::from_str(message["content"].as_str().unwrap()).unwrap();
    content["n"].as_u64().unwrap() as usize
}

async fn who_stops_reading_is_cut_off_and_the_others_miss_nothing(door: Door) {
    /// What the system may buffer, and then some.
    const ENOUGH: usize = (32 << 20) / MESSAGE;
    let mut small = settings();
    small.max_message_bytes = 2 * MESSAGE;
    small.outbox_bytes = 8 * MESSAGE;
    let server = Server::through(door, small).await;
    let tokens = server.sign_in("slow").await;
    let mut slow = Client::open_with_buffer(server.address, "slow", &tokens, "", Some(4096))
        .await
        .unwrap();
    slow.join("busy").await;
    let mut ana = server.client("ana").await;
    ana.join("busy").await;
    let mut ben = server.client("ben").await;
    let mut roster = ben.join_and_look("busy").await;
    ben.watch(&mut roster, |r| r.len() == 3).await;

    let mut sent = 0;
    while roster.has(&slow.session) {
        assert!(
            sent < ENOUGH,
            "the slow one is still there after {sent} messages"
        );
        ana.send("busy", &content(sent)).await;
        assert_eq!(number(&ana.messages(1).await[0]), sent);
        loop {
            let next = ben.next().await;
            if let Some(event) = next.get("channel_presence_event") {
                roster.apply(event);
            } else {
                assert_eq!(number(&next["channel_message"]), sent);
                break;
            }
        }
        sent += 1;
        for event in ben.everything().await {
            roster.apply(&event["channel_presence_event"]);
        }
    }
    assert_eq!(roster.names(), ["ana", "ben"]);
    server.sessions_become(2).await;

    // Reading again, the slow one finds the beginning without a gap, and then the end.
    let close = slow.closed().await;
    match (door, &close) {
        (_, Close::Frame(1008, reason)) => assert!(reason.starts_with("slow consumer"), "{reason}"),
        (_, Close::Dropped) => {}
        other => panic!("{other:?}"),
    }
    let mut got = 0;
    while let Ok(message) = slow
        .try_take("a message", |v| v.get("channel_message").is_some())
        .await
    {
        assert_eq!(
            number(&message["channel_message"]),
            got,
            "no message is skipped"
        );
        got += 1;
    }
    assert!(got < sent, "it was cut off before the end");
    let history = server.whole_history(&ana.tokens.token, "busy").await;
    assert_eq!(
        history.iter().map(number).collect::<Vec<_>>(),
        (0..sent).collect::<Vec<_>>()
    );
    server.stop().await;
}

async fn who_reads_is_never_cut_off(door: Door) {
    const MESSAGES: usize = 400;
    let mut small = settings();
    small.max_message_bytes = 2 * MESSAGE;
    // Hardly more than one message: whoever lags by a few is out.
    small.outbox_bytes = 12 * MESSAGE;
    let server = Server::through(door, small).await;
    let mut clients = server.clients_in("busy", &["ana", "ben", "cid"]).await;
    let mut ana = clients.remove(0);
    // 12 MB through an outbox of 400 kB.
    let sender = async {
        for n in 0..MESSAGES {
            ana.send("busy", &content(n)).await;
            assert_eq!(number(&ana.messages(1).await[0]), n);
        }
    };
    let readers = futures_util::future::join_all(clients.iter_mut().map(async |client| {
        for n in 0..MESSAGES {
            assert_eq!(number(&client.messages(1).await[0]), n);
        }
    }));
    futures_util::future::join(sender, readers).await;
    for client in &mut clients {
        assert_eq!(
            client.request(json!({"ping": {}})).await,
            json!({"pong": {}})
        );
    }
    server.stop().await;
}

/// Many messages that become ready at the same moment are several times what an outbox holds. That is
/// no fault of those who read.
async fn a_burst_of_others_cuts_off_nobody(door: Door) {
    const FLOODERS: [&str; 5] = ["ana", "ben", "cid", "dan", "eve"];
    const EACH: usize = 64;
    let all = FLOODERS.len() * EACH;
    let mut small = settings();
    small.outbox_bytes = 256 << 10;
    small.pipeline = EACH;
    let submitted = Arc::new(AtomicUsize::new(0));
    let (count, seen) = (submitted.clone(), submitted.clone());
    let server = Server::build(door, small, |builder| {
        builder.wrap_message_store(move |store| {
            let disturbed = Disturbed::new(store, move |_| {
                count.fetch_add(1, Ordering::SeqCst);
                Deed::Pass
            });
            // The disk takes its time with the first message, until all have been sent.
            Arc::new(disturbed.when_told(move || {
                while seen.load(Ordering::SeqCst) < all {
                    thread::sleep(Duration::from_millis(1));
                }
            }))
        })
    })
    .await;
    let mut flooders = server.clients_in("busy", &FLOODERS).await;
    let mut readers = server.clients_in("busy", &["fay", "gus"]).await;
    let content = json!({"padding": "x".repeat(3900)}).to_string();
    for flooder in &mut flooders {
        for _ in 0..EACH {
            flooder.post_send("busy", &content).await;
        }
    }
    let everybody = flooders.iter_mut().chain(&mut readers);
    futures_util::future::join_all(everybody.map(async |client| {
        assert_eq!(client.messages(all).await.len(), all);
        let pong = client.request(json!({"ping": {}})).await;
        assert_eq!(pong, json!({"pong": {}}));
    }))
    .await;
    server.stop().await;
}
