//! Storms of joins and leaves.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Client, Roster, Server, room_id, until};

/// Reads until everybody expected is in the roster. Returns the number of presence events it took.
async fn converge(client: &mut Client, roster: &mut Roster, wanted: usize) -> usize {
    let mut frames = 0;
    while roster.len() != wanted {
        let event = client.event("channel_presence_event").await;
        roster.apply(&event);
        frames += 1;
    }
    frames
}

#[actix_web::test]
async fn a_storm_of_joins_leads_everybody_to_the_same_list_in_few_frames() {
    const CLIENTS: usize = 300;
    const FRAMES: usize = 40;
    let server = Server::start().await;
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        // A few users with many sessions each: signing in is not what is tested.
        clients.push(server.client(&format!("user{}", n % 10)).await);
    }
    let mut storm = Vec::new();
    for client in &mut clients {
        storm.push(client.post_join("arena", json!({})).await);
    }
    let rosters: Vec<_> = join_all(clients.iter_mut().zip(&storm).map(async |(client, cid)| {
        let reply = client.reply(cid).await;
        let mut roster = Roster::from_join(&reply["channel"]);
        client.session = reply["channel"]["self"]["session_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let frames = converge(client, &mut roster, CLIENTS).await;
        assert!(
            frames <= FRAMES,
            "{frames} presence events for {CLIENTS} joins"
        );
        roster
    }))
    .await;
    for (roster, client) in rosters.iter().zip(&clients) {
        assert_eq!(*roster, rosters[0]);
        assert!(roster.has(&client.session));
    }

    // Half of them go at once, by all ways to go.
    let mut rosters = rosters;
    let mut gone = clients.split_off(CLIENTS / 2);
    rosters.truncate(clients.len());
    for (n, client) in gone.iter_mut().enumerate() {
        if n % 2 == 0 {
            client
                .post(json!({"channel_leave": {"channel_id": room_id("arena")}}))
                .await;
        }
    }
    let mut stay: Vec<_> = gone.into_iter().step_by(2).collect();
    let left = clients.len();
    join_all(
        clients
            .iter_mut()
            .zip(&mut rosters)
            .map(async |(client, roster)| {
                let frames = converge(client, roster, left).await;
                assert!(frames <= FRAMES, "{frames} presence events");
            }),
    )
    .await;
    assert!(rosters.iter().all(|roster| *roster == rosters[0]));

    // Nobody was disconnected.
    for client in clients.iter_mut().chain(&mut stay) {
        assert_eq!(
            client.request(json!({"ping": {}})).await,
            json!({"pong": {}})
        );
    }
    server.stop().await;
}

#[actix_web::test]
async fn sessions_that_come_and_go_all_the_time_leave_the_list_right() {
    let server = Server::start().await;
    let mut watcher = server.client("watcher").await;
    let mut roster = watcher.join_and_look("square").await;
    let mut restless = Vec::new();
    for n in 0..20 {
        restless.push(server.client(&format!("user{n}")).await);
    }
    join_all(restless.iter_mut().enumerate().map(async |(n, client)| {
        for _ in 0..10 {
            client.join("square").await;
            client.leave("square").await;
        }
        if n % 2 == 0 {
            client.join("square").await;
        }
    }))
    .await;
    let mut wanted: Vec<String> = (0..20).step_by(2).map(|n| format!("user{n}")).collect();
    wanted.push("watcher".to_owned());
    wanted.sort();
    // A newcomer is given what has been announced. Once that is the truth, nothing more is to come; the
    // watcher may see it pass by many times before.
    let mut late = server.client("late").await;
    until("the announcement of everybody", async || {
        let shown = late.join_as("square", json!({"hidden": true})).await;
        late.leave("square").await;
        (Roster::from_join(&shown).names() == wanted).then_some(())
    })
    .await;
    let chat: Vec<String> = server
        .chat
        .presences(&banter::ChannelId::parse("2...square").unwrap())
        .await
        .into_iter()
        .map(|p| p.session.to_string())
        .collect();
    assert_eq!(chat.len(), 11);
    watcher.send("square", "{}").await;
    let rest: Vec<Value> = watcher.everything().await;
    for event in rest.iter().filter_map(|v| v.get("channel_presence_event")) {
        roster.apply(event);
    }
    assert_eq!(roster.names(), wanted);
    assert!(chat.iter().all(|session| roster.has(session)));
    server.stop().await;
}
