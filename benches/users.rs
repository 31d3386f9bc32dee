//! How fast users hear of each other, on sockets of a server in this process that syncs every commit:
//!
//! - status events per second to many followers of one user;
//! - the time from an invitation to its notification, for each of many users who are online;
//! - what a message costs per delivery in a room where the messages of blocked users are hidden, beside one
//!   where they are not.
//!
//! `cargo bench --bench users`. Sizes are environment variables: `BENCH_FOLLOWERS` sessions that follow,
//! `BENCH_UPDATES` updates of a turn, `BENCH_ONLINE` users who are invited, `BENCH_MEMBERS` sessions in the room,
//! `BENCH_BLOCKED` users whom each of them has blocked, `BENCH_MESSAGES` messages of a turn, `BENCH_TURNS` turns.

#![allow(clippy::unwrap_used)]

// Made for tests, which use all of it.
#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../tests/behaviour/harness/mod.rs"]
mod harness;

use std::{
    fs,
    time::{Duration, Instant},
};

use banter::{Settings, config::Durability};
use futures_util::{StreamExt as _, future::join_all, stream};
use serde_json::json;

use harness::{Client, DONE, Person, Server, room_id, settings};

fn size(name: &str, default: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

fn syncing() -> Settings {
    Settings {
        durability: Durability::Power,
        ..settings()
    }
}

#[actix_web::main]
async fn main() {
    // Also run by `cargo test --benches`, where nothing is to be measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("| what | how much | how fast |");
    println!("|---|--:|--:|");
    statuses().await;
    notifications().await;
    hidden().await;
}

fn row(what: &str, how_much: &str, how_fast: &str) {
    println!("| {what} | {how_much} | {how_fast} |");
}

/// Users by number, signed in some at a time.
async fn users(server: &Server, name: &str, count: usize) -> Vec<Person> {
    stream::iter(0..count)
        .map(async |n| server.person(&format!("{name}{n}")).await)
        .buffered(32)
        .collect()
        .await
}

async fn sockets(server: &Server, people: &[Person]) -> Vec<Client> {
    stream::iter(people)
        .map(|person| server.socket(person))
        .buffered(16)
        .collect()
        .await
}

/// One user updates as fast as they are answered, all others follow; or waits until all have heard of one
/// update before the next.
async fn statuses() {
    let (count, updates) = (size("BENCH_FOLLOWERS", 1000), size("BENCH_UPDATES", 200));
    let turns = size("BENCH_TURNS", 4);
    // Otherwise ten a second are told, however many there are.
    let settings = Settings {
        presence_window: Duration::ZERO,
        ..syncing()
    };
    let server = Server::with(settings).await;
    let ana = server.person("ana").await;
    let mut speaker = server.shown_socket(&ana).await;
    let people = users(&server, "user", count).await;
    let mut followers = sockets(&server, &people).await;
    for client in &mut followers {
        client.follow(&[&ana]).await;
    }
    for (what, at_once) in [
        ("status updates, one by one", 1),
        ("status updates at once", updates),
    ] {
        let (mut took, mut events) = (Duration::ZERO, 0);
        // The first turn warms up.
        for turn in 0..=turns {
            let start = Instant::now();
            let mut heard = 0;
            for n in (0..updates).step_by(at_once) {
                for n in n..n + at_once {
                    speaker.post_status(Some(&n.to_string())).await;
                }
                let last = (n + at_once - 1).to_string();
                heard += join_all(followers.iter_mut().map(async |client| {
                    let mut events = 1;
                    while client.status_event().await["joins"][0]["status"] != last {
                        events += 1;
                    }
                    events
                }))
                .await
                .into_iter()
                .sum::<usize>();
            }
            if turn > 0 {
                took += start.elapsed();
                events += heard;
            }
            speaker.everything().await;
        }
        let per_second = |all: usize| all as f64 / took.as_secs_f64();
        row(
            what,
            &format!("{count} followers, {} updates", updates * turns),
            &format!(
                "{:.0}/s, {:.0} deliveries/s",
                per_second(updates * turns),
                per_second(events)
            ),
        );
    }
    drop((speaker, followers));
    server.stop().await;
}

/// One user invites all others, who are online, one after the other.
async fn notifications() {
    let count = size("BENCH_ONLINE", 1000);
    let server = Server::with(syncing()).await;
    let ana = server.person("ana").await;
    let people = users(&server, "user", count).await;
    let mut online = sockets(&server, &people).await;
    let (mut heard, mut answered) = (Vec::new(), Vec::new());
    for (person, client) in people.iter().zip(&mut online) {
        let start = Instant::now();
        let push = async {
            client.pushed().await;
            heard.push(start.elapsed());
        };
        let call = async {
            server.bond(&ana, "add", person).await;
            answered.push(start.elapsed());
        };
        futures_util::future::join(push, call).await;
    }
    for (what, times) in [
        ("invitation to notification", &mut heard),
        ("invitation to answer", &mut answered),
    ] {
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        row(
            what,
            &format!("{count} users online"),
            &format!("p50 {:.1?}, p99 {:.1?}", at(0.5), at(0.99)),
        );
    }
    // All at once: one change with many invitations.
    let ben = server.person("ben").await;
    let start = Instant::now();
    let inviting = stream::iter(people.chunks(100)).for_each(async |some| {
        let some: Vec<&Person> = some.iter().collect();
        assert_eq!(server.befriend(&ben, "add", &some).await, DONE);
    });
    let hearing = join_all(online.iter_mut().map(Client::pushed));
    futures_util::future::join(inviting, hearing).await;
    let rate = count as f64 / start.elapsed().as_secs_f64();
    row(
        "notifications",
        &format!("{count} users, 100 in a call"),
        &format!("{rate:.0}/s"),
    );
    drop(online);
    server.stop().await;
}

/// A room and what a message in it costs, off and on, with nobody, one, and many blocked by each member.
async fn hidden() {
    let (members, many) = (size("BENCH_MEMBERS", 200), size("BENCH_BLOCKED", 1000));
    let (messages, turns) = (size("BENCH_MESSAGES", 200), size("BENCH_TURNS", 4));
    let mut rooms = Vec::new();
    for (hide, blocked) in [(false, 0), (true, 0), (true, 1), (true, many)] {
        let server = Server::with(Settings {
            hide_blocked: hide,
            max_friends: many.max(1),
            ..syncing()
        })
        .await;
        let people = users(&server, "member", members).await;
        let villains = users(&server, "villain", blocked).await;
        for member in &people {
            for some in villains.chunks(100) {
                let some: Vec<&Person> = some.iter().collect();
                assert_eq!(server.befriend(member, "block", &some).await, DONE);
            }
        }
        let mut clients = sockets(&server, &people).await;
        for client in &mut clients {
            let flags = json!({"hidden": true, "persistence": false});
            client.join_as("room", flags).await;
        }
        let what = match hide {
            false => "off".to_owned(),
            true => format!("on, each member has blocked {blocked}"),
        };
        rooms.push((what, server, clients, Duration::ZERO, Duration::ZERO));
    }
    // In turns, so that all have the same share of a noisy machine; the first warms up.
    for turn in 0..=turns {
        for (_, _, clients, took, worked) in &mut rooms {
            let (start, before) = (Instant::now(), cpu_time());
            for n in 0..messages {
                clients[0]
                    .post_to(&room_id("room"), &json!({ "n": n }).to_string())
                    .await;
            }
            join_all(clients.iter_mut().map(|client| client.messages(messages))).await;
            if turn > 0 {
                *took += start.elapsed();
                *worked += cpu_time() - before;
            }
            clients[0].everything().await;
        }
    }
    let deliveries = (members * messages * turns) as f64;
    let off = rooms[0].4.as_secs_f64();
    for (what, server, clients, took, worked) in rooms {
        let each = worked.as_secs_f64() / deliveries * 1e6;
        let rate = deliveries / took.as_secs_f64();
        row(
            &format!("messages of blocked users hidden: {what}"),
            &format!("{members} sessions, {} messages", messages * turns),
            &format!(
                "{each:.2} µs CPU per delivery with its client ({:.2} of off), {rate:.0}/s",
                worked.as_secs_f64() / off
            ),
        );
        drop(clients);
        server.stop().await;
    }
}

/// What the threads of this process have worked so far, those of clients included. Of Linux, which counts it in
/// nanoseconds.
fn cpu_time() -> Duration {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let worked = threads.filter_map(|thread| {
        // One may have ended meanwhile.
        let stat = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(worked.sum())
}
