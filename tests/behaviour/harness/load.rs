use std::{cell::Cell, collections::HashSet};

use serde_json::{Value, json};

use super::{Client, Close, Site, client::Closed};

/// What one client saw while it sent as fast as it could.
pub(crate) struct Poured {
    pub(crate) room: String,
    /// Every message of the room, in the order of arrival.
    pub(crate) delivered: Vec<Value>,
    /// Ids of its own messages, in the order of the acks.
    pub(crate) acked: Vec<Value>,
    pub(crate) close: Close,
}

/// Sends to a room it is in, with a few requests under way at any time, until the connection ends.
/// Counts acks in `total`.
pub(crate) async fn pour(
    client: &mut Client,
    room: &str,
    tag: &str,
    total: &Cell<usize>,
) -> Poured {
    const WINDOW: usize = 8;
    let mut poured = Poured {
        room: room.to_owned(),
        delivered: Vec::new(),
        acked: Vec::new(),
        close: Close::Dropped,
    };
    let mut sent = 0;
    for _ in 0..WINDOW {
        sent += 1;
        client
            .post_send(room, &content(&client.name, tag, sent))
            .await;
    }
    loop {
        match client.try_take("anything", |_| true).await {
            Ok(value) if value.get("channel_message").is_some() => {
                poured.delivered.push(value["channel_message"].clone());
            }
            Ok(value) if value.get("cid").is_some() => {
                if let Some(ack) = value.get("channel_message_ack") {
                    poured.acked.push(ack["message_id"].clone());
                    total.set(total.get() + 1);
                }
                sent += 1;
                client
                    .post_send(room, &content(&client.name, tag, sent))
                    .await;
            }
            Ok(_) => {}
            Err(Closed(close)) => {
                poured.close = close;
                return poured;
            }
        }
    }
}

fn content(name: &str, tag: &str, n: usize) -> String {
    json!({"by": name, "in": tag, "n": n}).to_string()
}

/// Insists that the history of each room is what was there `before`, then what was delivered, then
/// perhaps some that nobody was told of: all acked, none twice, nothing out of order.
pub(crate) async fn check_histories(
    site: &Site,
    token: &str,
    before: &[(String, usize)],
    all: &[Poured],
) {
    for (room, before) in before {
        let history = site.whole_history(token, room).await;
        let ids: HashSet<_> = history
            .iter()
            .map(|m| m["message_id"].to_string())
            .collect();
        assert_eq!(ids.len(), history.len(), "{room}: an id came twice");
        let contents: HashSet<_> = history.iter().map(|m| m["content"].to_string()).collect();
        assert_eq!(
            contents.len(),
            history.len(),
            "{room}: a message was stored twice"
        );
        for poured in all.iter().filter(|poured| poured.room == *room) {
            let told = &history[*before..][..poured.delivered.len()];
            assert_eq!(
                told, poured.delivered,
                "{room}: the history is not what was delivered"
            );
            let mut rest = history[*before..].iter();
            for id in &poured.acked {
                assert!(
                    rest.any(|m| m["message_id"] == *id),
                    "{room}: acked {id} is missing or misplaced"
                );
            }
        }
    }
}
