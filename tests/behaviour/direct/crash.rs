//! The program dies around a block: it holds if its call had returned, and what was acked is there.

use std::cell::Cell;

use futures_util::future::join3;
use serde_json::{Value, json};

use crate::harness::{Client, Dice, Process, direct_channel};

/// Sends until the connection ends; counts acks, and keeps their ids.
async fn pour(client: &mut Client, channel: &str, total: &Cell<usize>) -> Vec<Value> {
    const WINDOW: usize = 8;
    let mut acked = Vec::new();
    for _ in 0..WINDOW {
        client.post_to(channel, "{}").await;
    }
    while let Ok(next) = client.try_take("anything", |_| true).await {
        if next.get("cid").is_some() {
            if let Some(ack) = next.get("channel_message_ack") {
                acked.push(ack["message_id"].clone());
                total.set(total.get() + 1);
            }
            client.post_to(channel, "{}").await;
        }
    }
    acked
}

#[actix_web::test]
async fn a_block_whose_call_has_returned_outlives_the_program() {
    const ROUNDS: usize = 8;
    let mut dice = Dice::new();
    let data = tempfile::tempdir().unwrap();
    let mut process = Process::start(data.path()).await;
    let [ana, ben] = process.people(["ana", "ben"]).await;
    let id = direct_channel(&ana, &ben);
    let mut before = 0;
    for round in 0..ROUNDS {
        let mut a = process.socket_with(&ana, &ben).await;
        let mut b = process.socket_with(&ben, &ana).await;
        let (total, returned, blocking) = (Cell::new(0), Cell::new(false), Cell::new(false));
        let wait_for = async |acks: usize| {
            while total.get() < acks {
                tokio::task::yield_now().await;
            }
        };
        let first = 10 + dice.roll(30);
        let block = async {
            wait_for(first).await;
            blocking.set(true);
            let path = format!("/v2/friend/block?ids={}", ana.id);
            let auth = format!("Bearer {}", ben.tokens.token);
            let answer = process.try_http("POST", &path, Some(&auth), "").await;
            if let Some((status, _)) = answer {
                assert_eq!(status, 200);
                returned.set(true);
            }
        };
        let turns = dice.roll(400);
        let kill = async {
            while !blocking.get() {
                tokio::task::yield_now().await;
            }
            // In every other round the answer is waited for.
            let mut left = turns;
            while if round % 2 == 0 {
                !returned.get()
            } else {
                left > 0
            } {
                left = left.saturating_sub(1);
                tokio::task::yield_now().await;
            }
            process.signal("KILL");
        };
        let (acked, (), ()) = join3(pour(&mut a, &id, &total), block, kill).await;
        let mut heard = Vec::new();
        while let Ok(next) = b.try_take("anything", |_| true).await {
            if let Some(message) = next.get("channel_message") {
                heard.push(message["message_id"].clone());
            }
        }
        process.ended().await;
        process = Process::start(data.path()).await;

        let log = process.try_log(&ana, &id).await.unwrap();
        let ids: Vec<Value> = log[before..]
            .iter()
            .map(|m| m["message_id"].clone())
            .collect();
        assert!(
            ids.starts_with(&heard),
            "round {round}: what was heard was safe"
        );
        assert!(
            ids.starts_with(&acked),
            "round {round}: what was acked was safe"
        );
        before = log.len();
        let holds = process.bonds(&ben).await == [("ana".to_owned(), 3)].into();
        if round % 2 == 0 {
            assert!(returned.get() && holds, "round {round}");
        }
        assert!(holds || !returned.get(), "round {round}: the block is lost");
        let mut a = process.socket(&ana).await;
        let answer = a.try_join_direct(&ben).await;
        assert_eq!(
            answer.get("channel").is_some(),
            !holds,
            "round {round}: {answer}"
        );
        if holds {
            process.bond(&ben, "delete", &ana).await;
        }
        a.join_direct(&ben).await;
    }
    assert!(!process.log().contains("ERROR"), "{}", process.log());
}

#[actix_web::test]
async fn chat_requests_outlive_the_program() {
    let data = tempfile::tempdir().unwrap();
    let mut process = Process::start(data.path()).await;
    let [ana, ben, cleo] = process.people(["ana", "ben", "cleo"]).await;
    let mut a = process.socket_with(&ana, &ben).await;
    process.socket_with(&cleo, &ben).await;
    let asked = process.notifications(&ben).await;
    assert_eq!(asked.len(), 2);
    process
        .socket(&ben)
        .await
        .join_direct_as(&ana, json!({"hidden": true}))
        .await;
    assert_eq!(process.unread(&ben).await, 1);
    a.everything().await;
    process.kill();
    process = Process::start(data.path()).await;
    assert_eq!(process.notifications(&ben).await, asked);
    assert_eq!(process.unread(&ben).await, 1);
}
