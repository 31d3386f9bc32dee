//! What was answered survives the sudden death of the program, and all of it agrees afterwards.

use std::cell::Cell;

use futures_util::future::{join, join_all};
use serde_json::json;

use super::ledger::{find_part, members, replay};
use crate::harness::{Client, Dice, Person, Process, change_path, codes, is_event, until};

/// What one person goes through again and again, by whose hand, what it records, and what they are then.
const CYCLE: [(&str, bool, Option<i64>, Option<u8>); 11] = [
    ("add", true, Some(4), Some(2)),
    ("promote", true, Some(7), Some(1)),
    ("promote", true, Some(7), Some(0)),
    ("demote", true, Some(9), Some(1)),
    ("kick", true, Some(6), None),
    ("join", false, Some(3), Some(2)),
    ("leave", false, Some(5), None),
    ("add", true, Some(4), Some(2)),
    ("ban", true, Some(8), Some(4)),
    ("leave", false, None, Some(4)),
    ("kick", true, None, None),
];

/// Goes through the cycle from a step on until the server dies; how many steps it has answered.
async fn storm(
    process: &Process,
    root: &Person,
    target: &Person,
    group: &str,
    from: usize,
    total: &Cell<usize>,
) -> usize {
    for answered in 0.. {
        let (verb, by_root, _, _) = CYCLE[(from + answered) % CYCLE.len()];
        let (caller, users) = if by_root {
            (root, &[target][..])
        } else {
            (target, &[][..])
        };
        let auth = format!("Bearer {}", caller.tokens.token);
        let path = change_path(verb, group, users);
        match process.try_http("POST", &path, Some(&auth), "").await {
            Some((status, body)) => {
                assert_eq!(status, 200, "{verb}: {}", String::from_utf8_lossy(&body));
            }
            None => return answered,
        }
        total.set(total.get() + 1);
    }
    unreachable!("the server dies before")
}

/// Listens until the connection ends.
async fn listen(client: &mut Client) -> Vec<serde_json::Value> {
    let mut heard = Vec::new();
    while let Ok(mut next) = client.try_take("anything", |_| true).await {
        let message = next["channel_message"].take();
        heard.extend(message.is_object().then_some(message));
    }
    heard
}

#[actix_web::test]
async fn every_answered_change_survives_a_kill_with_its_event_and_notification() {
    const ROUNDS: usize = 4;
    const TARGETS: usize = 8;
    let mut dice = Dice::new();
    let data = tempfile::tempdir().unwrap();
    let mut process = Process::start(data.path()).await;
    let root = process.person("root").await;
    let watcher = process.person("watcher").await;
    let targets = process.crowd("user", TARGETS).await;
    let mut groups = Vec::new();
    for n in 0..2 {
        let fields = json!({"open": true});
        let group = process
            .create_group(&root, &format!("group {n}"), fields)
            .await;
        process.done(&root, "add", &group, &[&watcher]).await;
        groups.push(group);
    }
    // Steps each target has gone through, as the history tells.
    let mut gone_through = [0; TARGETS];
    let mut all = 0;
    for _ in 0..ROUNDS {
        let mut listeners = Vec::new();
        for group in &groups {
            listeners.push(process.socket_in(&watcher, group).await);
        }
        let (total, enough) = (Cell::new(0), 20 + dice.roll(150));
        let storms = join_all(targets.iter().enumerate().map(|(n, target)| {
            let group = &groups[n % groups.len()];
            storm(&process, &root, target, group, gone_through[n], &total)
        }));
        let listening = join_all(listeners.iter_mut().map(listen));
        let killing = async {
            until("answers", async || (total.get() >= enough).then_some(())).await;
            process.signal("KILL");
        };
        let ((answered, heard), ()) = join(join(storms, listening), killing).await;
        all += total.get();
        process.kill();
        process = Process::start(data.path()).await;

        for (g, group) in groups.iter().enumerate() {
            let log = process.log_of(&root, group).await;
            let roles = process.roles(&root, group).await;
            assert_eq!(replay("root", 100, &log), members(&roles));
            let told = process.group_named(&root, &format!("group {g}")).await;
            assert_eq!(told.unwrap()["edge_count"], members(&roles).len());
            // What was heard was already safe.
            find_part(&log, &heard[g]);
            assert!(log.iter().all(is_event));
            for (n, target) in targets
                .iter()
                .enumerate()
                .filter(|(n, _)| n % groups.len() == g)
            {
                let events: Vec<i64> = codes(&log)
                    .into_iter()
                    .filter(|(_, name)| *name == target.name)
                    .map(|(code, _)| code)
                    .collect();
                let role = roles.get(&target.name).copied();
                let safe = gone_through[n] + answered[n];
                // The step that was not answered may have been done or not.
                let fits = |steps: &usize| {
                    let recorded = (0..*steps).filter_map(|step| CYCLE[step % CYCLE.len()].2);
                    let after = steps
                        .checked_sub(1)
                        .and_then(|last| CYCLE[last % CYCLE.len()].3);
                    recorded.eq(events.iter().copied()) && after == role
                };
                gone_through[n] = [safe, safe + 1].into_iter().find(fits).unwrap_or_else(|| {
                    panic!(
                        "{}: {safe} steps are safe, found {role:?} and {events:?}",
                        target.name
                    )
                });
                let notes = process.notifications(target).await;
                let added = events.contains(&4);
                assert_eq!(
                    notes.len(),
                    usize::from(added),
                    "{}: of what one has not read the last is kept",
                    target.name
                );
            }
        }
    }
    println!("{all} answers in all");
    assert!(all >= ROUNDS * 20);
    assert!(!process.log().contains("ERROR"), "{}", process.log());
}
