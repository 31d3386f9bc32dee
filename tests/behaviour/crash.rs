//! What was acked survives the sudden death of the program.

use std::cell::Cell;

use futures_util::future::{join, join_all};

use crate::harness::{Dice, Process, check_histories, pour, until};

#[actix_web::test]
async fn every_acked_message_survives_a_kill_once_and_in_order() {
    const ROUNDS: usize = 5;
    const CLIENTS: usize = 6;
    let rooms = ["red", "green", "blue"];
    let mut dice = Dice::new();
    let data = tempfile::tempdir().unwrap();
    let mut process = Process::start(data.path()).await;
    let mut all = 0;
    for round in 0..ROUNDS {
        let token = process.sign_in("reader").await.token;
        let mut before = Vec::new();
        for room in rooms {
            let history = process.whole_history(&token, room).await;
            before.push((room.to_owned(), history.len()));
        }
        let mut clients = Vec::new();
        for n in 0..CLIENTS {
            let mut client = process.client(&format!("user{n}")).await;
            client
                .join_as(rooms[n % 3], serde_json::json!({"hidden": true}))
                .await;
            clients.push(client);
        }
        let (acks, enough) = (Cell::new(0), 20 + dice.roll(400));
        let tag = format!("round {round}");
        let pouring = join_all(
            clients
                .iter_mut()
                .enumerate()
                .map(|(n, client)| pour(client, rooms[n % 3], &tag, &acks)),
        );
        let killing = async {
            until("acks", async || (acks.get() >= enough).then_some(())).await;
            process.kill();
        };
        let (poured, ()) = join(pouring, killing).await;
        all += poured.iter().map(|p| p.acked.len()).sum::<usize>();
        process = Process::start(data.path()).await;
        check_histories(&process, &token, &before, &poured).await;
    }
    assert!(all >= ROUNDS * 20, "{all} acks in all");
    assert!(!process.log().contains("ERROR"), "{}", process.log());
}
