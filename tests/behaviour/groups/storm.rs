//! Many change the same groups at once, and others watch. What each answer will be nobody knows; but in
//! the end the history, the lists, the counts, the notifications and what was heard must agree.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashSet, VecDeque},
    time::Duration,
};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::ledger::{find_part, members, replay};
use crate::harness::{
    BAD, Client, DONE, Dice, NOT_FOUND, Person, Server, group_channel, is_event, join_request, list,
};

const PEOPLE: usize = 12;
const STEPS: usize = 250;
/// The people who watch, each with a session for each group.
const WATCHERS: std::ops::Range<usize> = 1..7;

/// A group that is quarrelled about.
struct Arena {
    id: String,
    name: String,
    creator: usize,
    max: usize,
    /// The creator stays what they are, so the group cannot end.
    anchored: bool,
}

/// How a watcher's time in a channel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// By a kick, ban or leave.
    Removed,
    /// It stayed until the last message of all.
    Stayed,
    /// It came when all was nearly over.
    Late,
    GroupEnded,
}

/// A watcher's time in a channel, and what it heard.
struct Stay {
    heard: Vec<Value>,
    end: End,
}

#[actix_web::test]
async fn after_a_storm_of_changes_everything_agrees() {
    let mut dice = Dice::new();
    let server = Server::start().await;
    let people = server.crowd("user", PEOPLE).await;
    let mut arenas = Vec::new();
    for (n, (open, max, anchored)) in [(true, 7, true), (false, 6, true), (true, 9, false)]
        .into_iter()
        .enumerate()
    {
        let (creator, name) = (usize::from(!anchored), format!("arena {n}"));
        let fields = json!({"open": open, "max_count": max});
        let id = server.create_group(&people[creator], &name, fields).await;
        arenas.push(Arena {
            id,
            name,
            creator,
            max,
            anchored,
        });
    }
    let mut sessions = Vec::new();
    for arena in &arenas {
        for who in WATCHERS {
            sessions.push((arena, server.socket(&people[who]).await));
        }
    }

    let over = Cell::new(false);
    let workers = (0..PEOPLE)
        .map(|who| (who, dice.split()))
        .collect::<Vec<_>>();
    let storm = async {
        let work = |(who, dice)| quarrel(&server, &people, &arenas, who, dice);
        let effects: usize = join_all(workers.into_iter().map(work))
            .await
            .into_iter()
            .sum();
        over.set(true);
        // Ends the watch of those who are in.
        let mut speakers = Vec::new();
        for arena in &arenas {
            let roles = server.roles(&people[0], &arena.id).await;
            let first = roles.iter().find(|(_, role)| **role == 0);
            let Some((name, _)) = first else {
                assert!(!arena.anchored && roles.is_empty(), "{roles:?}");
                speakers.push(None);
                continue;
            };
            let speaker = people.iter().find(|person| person.name == *name).unwrap();
            let mut session = server.socket(speaker).await;
            let roster = session.join_group_and_look(&arena.id).await;
            session.say(&arena.id, LAST).await;
            speakers.push(Some((speaker, session, roster)));
        }
        (speakers, effects)
    };
    let watches = join_all(
        sessions
            .iter_mut()
            .map(|(arena, session)| watch(session, &arena.id, &over)),
    );
    let ((speakers, done), stays) = join(storm, watches).await;

    let mut events = 0;
    for (n, (arena, speaker)) in arenas.iter().zip(speakers).enumerate() {
        let watchers = WATCHERS.len();
        let part = n * watchers..(n + 1) * watchers;
        let (sessions, stays) = (&sessions[part.clone()], &stays[part]);
        let Some((speaker, mut session, mut roster)) = speaker else {
            check_ended(&server, &people, arena, stays).await;
            continue;
        };
        let log = server.log_of(speaker, &arena.id).await;
        events += log.iter().filter(|m| is_event(m)).count();
        check_lists(&server, &people, arena, &log).await;
        let mut present: BTreeSet<&str> = [session.session.as_str()].into();
        for ((_, watcher), stays) in sessions.iter().zip(stays) {
            check_stays(&watcher.name, &log, stays);
            if stays
                .last()
                .is_some_and(|s| matches!(s.end, End::Stayed | End::Late))
            {
                present.insert(&watcher.session);
            }
        }
        let present: BTreeSet<String> = present.into_iter().map(str::to_owned).collect();
        session
            .watch(&mut roster, |r| {
                r.len() == present.len() && present.iter().all(|s| r.has(s))
            })
            .await;
    }
    println!("{done} calls went well, {events} events");
    assert!(events > 50, "too little has happened: {events} events");
    drop(sessions);
    server.stop().await;
}

const LAST: &str = r#"{"all":"over"}"#;

/// Random calls of one person; how many were not refused.
async fn quarrel(
    server: &Server,
    people: &[Person],
    arenas: &[Arena],
    who: usize,
    mut dice: Dice,
) -> usize {
    let deeds = [
        "join", "join", "join", "join", "leave", "add", "add", "add", "kick", "kick", "kick",
        "ban", "promote", "promote", "promote", "demote", "demote", "update",
    ];
    let caller = &people[who];
    let mut done = 0;
    for step in 0..STEPS {
        let arena = &arenas[dice.roll(arenas.len())];
        let safe = arena.anchored.then_some(arena.creator);
        let verdict = match dice.pick(&deeds) {
            "leave" if safe == Some(who) => continue,
            verb @ ("join" | "leave") => {
                let verdict = server.change(caller, verb, &arena.id, &[]).await;
                assert!(
                    [DONE, BAD, NOT_FOUND].contains(&verdict),
                    "{step} {verb}: {verdict:?}"
                );
                verdict
            }
            "update" => {
                let open = json!({"open": dice.roll(3) > 0});
                let verdict = server.update_group(caller, &arena.id, open).await;
                assert!(
                    [DONE, NOT_FOUND].contains(&verdict),
                    "{step} update: {verdict:?}"
                );
                verdict
            }
            verb => {
                let mut users: Vec<&Person> = Vec::new();
                for _ in 0..=dice.roll(2) {
                    let user = dice.roll(people.len());
                    let known = users.iter().any(|known| known.id == people[user].id);
                    if safe != Some(user) && !known {
                        users.push(&people[user]);
                    }
                }
                if users.is_empty() {
                    continue;
                }
                let verdict = server.change(caller, verb, &arena.id, &users).await;
                let full = verb == "add" && verdict == BAD;
                assert!(
                    full || [DONE, NOT_FOUND].contains(&verdict),
                    "{step} {verb}: {verdict:?}"
                );
                verdict
            }
        };
        done += usize::from(verdict == DONE);
    }
    done
}

/// Is in a channel whenever it is let in, hears everything, and says something now and then. Insists
/// that each request is answered once and in order, and that nothing is heard from outside.
async fn watch(session: &mut Client, group: &str, over: &Cell<bool>) -> Vec<Stay> {
    const TALKS_AFTER: usize = 3;
    let channel = group_channel(group);
    let mut stays: Vec<Stay> = Vec::new();
    let mut asked = VecDeque::new();
    'out: while !over.get() {
        let joining = session.post(join_request(group, &json!({}))).await;
        asked.push_back(joining.clone());
        let mut stay = Stay {
            heard: Vec::new(),
            end: End::Late,
        };
        let mut inside = false;
        // What comes before the answer is heard as what comes after it, if the answer is good.
        let mut ahead = VecDeque::new();
        loop {
            let next = match ahead.pop_front() {
                Some(next) if inside => next,
                _ => session.next().await,
            };
            if let Some(cid) = next.get("cid") {
                assert_eq!(*cid, *asked.pop_front().expect("a request for each answer"));
                if *cid != *joining {
                    continue;
                }
                if next.get("channel").is_none() {
                    assert_eq!(next["error"]["code"], 3, "{next}");
                    let heard = ahead.iter().find(|v| v.get("channel_message").is_some());
                    assert_eq!(heard, None, "from outside");
                    // Until somebody lets it in.
                    tokio::time::sleep(Duration::from_millis(25)).await;
                    continue 'out;
                }
                let me = &next["channel"]["self"]["session_id"];
                session.session = me.as_str().unwrap().to_owned();
                inside = true;
                if over.get() {
                    // Whether the last message was before or comes after, it cannot know.
                    let rest = session.everything().await;
                    let rest = ahead.into_iter().chain(rest);
                    stay.heard = rest.filter_map(|mut v| taken(&mut v)).collect();
                    let name = &session.name;
                    if stay.heard.last().is_some_and(|m| goes(m, name)) {
                        stay.end = End::Removed;
                    }
                    stays.push(stay);
                    return stays;
                }
                continue;
            }
            if !inside {
                ahead.push_back(next);
                continue;
            }
            let mut next = next;
            if let Some(message) = taken(&mut next) {
                let (last, gone) = (message["content"] == LAST, goes(&message, &session.name));
                let talks = is_event(&message) && stay.heard.len().is_multiple_of(TALKS_AFTER);
                stay.heard.push(message);
                if last || gone {
                    stay.end = if last { End::Stayed } else { End::Removed };
                    stays.push(stay);
                    if last {
                        return stays;
                    }
                    continue 'out;
                }
                if talks {
                    let content = json!({"heard": stay.heard.len()}).to_string();
                    asked.push_back(session.post_to(&channel, &content).await);
                }
                continue;
            }
            let leaves = list(&next["channel_presence_event"]["leaves"]);
            if leaves.iter().any(|p| p["session_id"] == *session.session) {
                stay.end = End::GroupEnded;
                stays.push(stay);
                return stays;
            }
        }
    }
    stays
}

/// The message in an envelope.
fn taken(envelope: &mut Value) -> Option<Value> {
    let message = envelope["channel_message"].take();
    message.is_object().then_some(message)
}

/// Whether a message says that somebody is no longer a member.
fn goes(message: &Value, name: &str) -> bool {
    matches!(message["code"].as_i64(), Some(5 | 6 | 8)) && message["username"] == name
}

/// The history leads to the lists, and the notifications are those of the additions.
async fn check_lists(server: &Server, people: &[Person], arena: &Arena, log: &[Value]) {
    let roles = server.roles(&people[0], &arena.id).await;
    let replayed = replay(&people[arena.creator].name, arena.max, log);
    assert_eq!(replayed, members(&roles), "{}", arena.name);
    let told = server.group_named(&people[0], &arena.name).await.unwrap();
    assert_eq!(told["edge_count"], replayed.len());
    for person in people {
        let path = format!("/v2/user/{}/group?limit=100", person.id);
        let own = server.get(person, &path).await;
        let own = list(&own["user_groups"])
            .iter()
            .find(|g| g["group"]["id"] == *arena.id);
        let role = roles.get(&person.name).filter(|role| **role <= 3);
        assert_eq!(
            own.map(|g| g["state"].clone()),
            role.map(|r| json!(r)),
            "{}",
            person.name
        );

        let added = log
            .iter()
            .filter(|m| m["code"] == 4 && m["username"] == *person.name);
        let notes = server.notifications(person).await;
        let ids: HashSet<String> = notes.iter().map(|n| n["id"].to_string()).collect();
        assert_eq!(ids.len(), notes.len(), "each has an id of its own");
        let notes: Vec<&Value> = notes
            .iter()
            .filter(|n| n["code"] == -4 && n["content"].as_str().unwrap().contains(&arena.id))
            .collect();
        // Of what several have done each is told once.
        let by: BTreeSet<&str> = notes
            .iter()
            .map(|n| n["sender_id"].as_str().unwrap())
            .collect();
        let (added, what) = (added.count(), format!("{} in {}", person.name, arena.name));
        assert_eq!(by.len(), notes.len(), "{what}");
        assert!(by.len() <= added, "{what}: {added} by {by:?}");
        assert_eq!(by.is_empty(), added == 0, "{what}");
    }
}

/// What was heard is the history, for the time there was something to hear.
fn check_stays(name: &str, log: &[Value], stays: &[Stay]) {
    let mut before = 0;
    for (n, stay) in stays.iter().enumerate() {
        let part = find_part(log, &stay.heard);
        if !stay.heard.is_empty() {
            assert!(
                before <= part.start,
                "{name}: a later stay hears what is older"
            );
            before = part.end;
        }
        let last = n + 1 == stays.len();
        match stay.end {
            End::Removed => {}
            End::Stayed | End::Late => assert!(last, "{name}: {:?} in between", stay.end),
            End::GroupEnded => panic!("{name}: out of a group that goes on"),
        }
    }
}

/// Nothing is left, and all who were in were told.
async fn check_ended(server: &Server, people: &[Person], arena: &Arena, stays: &[Vec<Stay>]) {
    assert_eq!(server.group_named(&people[0], &arena.name).await, None);
    for person in people {
        let own = server
            .get(person, &format!("/v2/user/{}/group", person.id))
            .await;
        let own = list(&own["user_groups"]).iter();
        assert_eq!(own.filter(|g| g["group"]["id"] == *arena.id).count(), 0);
    }
    let log = server.try_log(&people[0], &group_channel(&arena.id)).await;
    assert_eq!(log.err(), Some(BAD));
    for stays in stays {
        let last = stays.last().map(|stay| stay.end);
        assert!(
            matches!(last, None | Some(End::Removed | End::GroupEnded)),
            "still in the channel of a group that has ended: {last:?}"
        );
    }
}
