//! How fast groups are, by REST and on sockets, of a server in this process that syncs every commit:
//!
//! - joins per second into one open group, from concurrent clients;
//! - the time of a page of its members, from the first page to the last;
//! - messages to all who have joined its channel, beside the same in a room.
//!
//! `cargo bench --bench groups`. Sizes are environment variables: `BENCH_JOINS` users who join,
//! `BENCH_CLIENTS` of them at the same time, `BENCH_SESSIONS` joined sessions, `BENCH_MESSAGES` messages
//! of a turn, `BENCH_TURNS` turns of the group and of the room.

#![allow(clippy::unwrap_used)]

// Made for tests, which use all of it.
#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../tests/behaviour/harness/mod.rs"]
mod harness;

use std::time::{Duration, Instant};

use banter::{Settings, config::Durability};
use futures_util::{
    StreamExt as _,
    future::join_all,
    stream::{self, FuturesUnordered},
};
use serde_json::json;

use harness::{Client, DONE, Person, Server, escape, group_channel, list, room_id, settings};

fn size(name: &str, default: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

#[actix_web::main]
async fn main() {
    // Also run by `cargo test --benches`, where nothing is to be measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let server = Server::with(Settings {
        durability: Durability::Power,
        ..settings()
    })
    .await;
    let (joins, clients) = (size("BENCH_JOINS", 9999), size("BENCH_CLIENTS", 64));
    let users: Vec<Person> = stream::iter(0..joins)
        .map(|n| server.numbered(n))
        .buffered(clients)
        .collect()
        .await;
    let root = server.person("root").await;
    let fields = json!({"open": true, "max_count": 10_000.max(joins + 1)});
    let group = server.create_group(&root, "large", fields).await;

    println!("| what | how much | how fast |");
    println!("|---|--:|--:|");
    let start = Instant::now();
    stream::iter(&users)
        .map(async |user| {
            assert_eq!(server.change(user, "join", &group, &[]).await, DONE);
        })
        .buffer_unordered(clients)
        .collect::<()>()
        .await;
    let rate = joins as f64 / start.elapsed().as_secs_f64();
    row(
        "joins into one group",
        &format!("{joins} users, {clients} at once"),
        &format!("{rate:.0}/s"),
    );

    pages(&server, &root, &group).await;
    deliveries(&server, &users, &group).await;
    server.stop().await;
}

fn row(what: &str, how_much: &str, how_fast: &str) {
    println!("| {what} | {how_much} | {how_fast} |");
}

/// Walks the list of members, and tells how long its pages took by depth.
async fn pages(server: &Server, root: &Person, group: &str) {
    let (mut times, mut cursor) = (Vec::new(), String::new());
    loop {
        let start = Instant::now();
        let path = format!("/v2/group/{group}/user?limit=100{cursor}");
        let page = server.get(root, &path).await;
        times.push(start.elapsed());
        assert!(!list(&page["group_users"]).is_empty());
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", escape(next)),
            None => break,
        }
    }
    let third = times.len().div_ceil(3);
    for (part, times) in ["first", "middle", "last"]
        .iter()
        .zip(times.chunks_mut(third))
    {
        times.sort_unstable();
        let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
        let how_fast = format!("{median:.1?}, at most {longest:.1?}");
        row(
            "page of 100 members",
            &format!("{part} third, {} pages", times.len()),
            &how_fast,
        );
    }
}

/// Sends to the same sessions through the group and through a room, in turns.
async fn deliveries(server: &Server, users: &[Person], group: &str) {
    let sessions = size("BENCH_SESSIONS", 1000).min(users.len());
    let (messages, turns) = (size("BENCH_MESSAGES", 50), size("BENCH_TURNS", 4));
    let mut listeners: Vec<Client> = stream::iter(&users[..sessions])
        .map(async |user| {
            let mut client = server.socket(user).await;
            let hidden = json!({"hidden": true});
            client.join_group_as(group, hidden.clone()).await;
            client.join_as("large", hidden).await;
            client
        })
        .buffered(16)
        .collect()
        .await;
    let channels = [("group", group_channel(group)), ("room", room_id("large"))];
    let mut took = [Duration::ZERO; 2];
    // The first turn of each warms up.
    for turn in 0..=turns {
        for ((_, channel), took) in channels.iter().zip(&mut took) {
            let time = turn_in(&mut listeners, channel, messages).await;
            if turn > 0 {
                *took += time;
            }
        }
    }
    let count = (sessions * messages * turns) as f64;
    let rates = took.map(|took| count / took.as_secs_f64());
    for ((name, _), rate) in channels.iter().zip(rates) {
        let how_much = format!("{sessions} sessions, {} messages", messages * turns);
        row(
            &format!("deliveries in the {name}"),
            &how_much,
            &format!("{rate:.0}/s"),
        );
    }
    row("group : room", "", &format!("{:.2}", rates[0] / rates[1]));
}

/// The first listener sends; how long it takes until all have heard all.
async fn turn_in(listeners: &mut [Client], channel: &str, messages: usize) -> Duration {
    let start = Instant::now();
    for n in 0..messages {
        listeners[0]
            .post_to(channel, &json!({"n": n}).to_string())
            .await;
    }
    let hearing: FuturesUnordered<_> = listeners
        .iter_mut()
        .map(|client| client.messages(messages))
        .collect();
    hearing.collect::<Vec<_>>().await;
    let took = start.elapsed();
    // The acks, which are not needed.
    join_all(listeners[..1].iter_mut().map(Client::everything)).await;
    took
}

impl harness::Site {
    /// A user by number.
    async fn numbered(&self, n: usize) -> Person {
        self.person(&format!("user{n}")).await
    }
}
