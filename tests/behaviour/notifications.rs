//! Notifications beside what brings them: their pages, what has been read, and how many are kept.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap},
};

use banter::{NewNotification, NotifyError, UserId};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::harness::{
    BAD, Client, Dice, Door, Person, Server, Site, escape, id_of, list, senders, settings,
    through_both_doors, verdict,
};

through_both_doors!(
    the_host_tells_users_what_it_likes,
    who_is_blocked_in_a_flood_of_notifications_is_silent_when_the_call_returns,
);

/// What a host program tells somebody in the name of another.
fn news(to: &Person, from: &Person, code: i32, persistent: bool) -> NewNotification {
    NewNotification {
        user: user_id(to),
        subject: "News".to_owned(),
        content: r#"{"a": 1}"#.to_owned(),
        code,
        sender: user_id(from),
        persistent,
    }
}

fn user_id(person: &Person) -> UserId {
    UserId::parse(&person.id).unwrap()
}

async fn the_host_tells_users_what_it_likes(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let mut sessions = [server.socket(&ben).await, server.socket(&ben).await];
    let mut other = server.socket(&ana).await;
    let told = async |what| server.chat.notify(what).await.unwrap();
    told(news(&ben, &ana, 1, true)).await;
    told(news(&ben, &ana, 2, false)).await;
    let by_nobody = NewNotification {
        sender: UserId::SERVER,
        ..news(&ben, &ana, i32::MAX, true)
    };
    told(by_nobody).await;
    let listed = server.notifications(&ben).await;
    let codes =
        |all: &[Value]| -> Vec<i64> { all.iter().map(|n| n["code"].as_i64().unwrap()).collect() };
    assert_eq!(codes(&listed), [1, i64::from(i32::MAX)]);
    assert_eq!(listed[0]["content"], r#"{"a": 1}"#);
    assert_eq!(listed[0]["subject"], "News");
    assert_eq!(server.unread(&ben).await, 2);
    for client in &mut sessions {
        let heard = client.notified(3).await;
        assert_eq!([&heard[0], &heard[2]], [&listed[0], &listed[1]]);
        assert_eq!(heard[1]["code"], 2);
        assert_ne!(heard[1]["persistent"], true);
    }
    other.notified(0).await;
    // Not what is not theirs to say, nor what is not well made.
    for code in [0, -1, i32::MIN, 10_000, 10_099] {
        let refused = server.chat.notify(news(&ben, &ana, code, true)).await;
        assert!(
            matches!(refused, Err(NotifyError::Code)),
            "{code}: {refused:?}"
        );
    }
    for code in [9_999, 10_100] {
        told(news(&cleo, &ana, code, true)).await;
    }
    assert_eq!(codes(&server.notifications(&cleo).await), [9_999, 10_100]);
    for content in ["", "[]", "x", "{} {}"] {
        let bad = NewNotification {
            content: content.to_owned(),
            ..news(&ben, &ana, 1, true)
        };
        let refused = server.chat.notify(bad).await;
        assert!(matches!(refused, Err(NotifyError::Content(_))), "{content}");
    }
    for subject in [String::new(), "x".repeat(256)] {
        let bad = NewNotification {
            subject,
            ..news(&ben, &ana, 1, true)
        };
        let refused = server.chat.notify(bad).await;
        assert!(matches!(refused, Err(NotifyError::Subject { .. })));
    }
    // Nor to somebody who has blocked the one in whose name it is, or to nobody.
    server.bond(&ben, "block", &ana).await;
    let (status, _) = server
        .ask(&cleo, "DELETE", "/v2/account", Value::Null)
        .await;
    assert_eq!(status, 200);
    for persistent in [true, false] {
        told(news(&ben, &ana, 3, persistent)).await;
        told(news(&cleo, &ana, 3, persistent)).await;
    }
    for client in &mut sessions {
        client.notified(0).await;
    }
    assert_eq!(server.notifications(&ben).await, listed);
    server.stop().await;
}

/// The number of each notification of a flood in some text.
fn numbers(text: &str) -> Vec<usize> {
    let number = |rest: &str| rest.split_once('-')?.0.parse().ok();
    text.split("flood-").skip(1).filter_map(number).collect()
}

async fn who_is_blocked_in_a_flood_of_notifications_is_silent_when_the_call_returns(door: Door) {
    const ROUNDS: usize = 40;
    const MOST: usize = 150;
    let server = Server::through(door, settings()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        let opened =
            Client::open_with_buffer(server.address, "ben", &ben.tokens, "", Some(4 << 20));
        sessions.push(opened.await.unwrap());
    }
    for round in 0..ROUNDS {
        for client in &mut sessions {
            client.notified(0).await;
        }
        let (sent, over) = (Cell::new(0), Cell::new(false));
        let tell = async |persistent: bool| {
            while !over.get() {
                if sent.get() < MOST {
                    let told = NewNotification {
                        content: json!({"text": format!("flood-{}-", sent.get())}).to_string(),
                        ..news(&ben, &ana, 1, persistent)
                    };
                    sent.set(sent.get() + 1);
                    server.chat.notify(told).await.unwrap();
                }
                tokio::task::yield_now().await;
            }
        };
        let block = async {
            while sent.get() < 20 {
                tokio::task::yield_now().await;
            }
            server.bond(&ben, "block", &ana).await;
            server.mark(&ben).await;
            over.set(true);
        };
        let floods = join(tell(round % 2 == 0), tell(round % 3 == 0));
        join(floods, block).await;
        let kept = server.notifications(&ben).await;
        for client in &mut sessions {
            client.up_to_mark().await;
            let after = client.everything().await;
            let after: String = after.iter().map(Value::to_string).collect();
            assert!(numbers(&after).is_empty(), "round {round}: {after}");
        }
        server.chat.notify(news(&ben, &ana, 2, true)).await.unwrap();
        assert_eq!(server.notifications(&ben).await, kept, "nor is it listed");
        let ids: Vec<String> = kept.iter().map(id_of).collect();
        server.forget(&ben, &ids).await;
        server.bond(&ben, "delete", &ana).await;
    }
    drop(sessions);
    server.stop().await;
}

/// Sends an invitation and takes it back, so often: two notifications each time.
async fn pester(server: &Site, who: &Person, whom: &Person, times: usize) {
    for _ in 0..times {
        server.bond(who, "add", whom).await;
        server.bond(who, "delete", whom).await;
    }
}

/// One page behind a cursor, and the cursor behind it.
async fn page(server: &Site, who: &Person, query: &str, cursor: &str) -> (Vec<Value>, String) {
    let path = format!(
        "/v2/notification?{query}&cacheable_cursor={}",
        escape(cursor)
    );
    let page = server.get(who, &path).await;
    let next = page["cacheable_cursor"].as_str().unwrap().to_owned();
    (list(&page["notifications"]).to_vec(), next)
}

fn ids(notifications: &[Value]) -> Vec<String> {
    notifications.iter().map(id_of).collect()
}

#[actix_web::test]
async fn who_pages_while_others_write_gets_each_once_and_in_order() {
    const WRITERS: usize = 6;
    const TIMES: usize = 40;
    let mut dice = Dice::new();
    let server = Server::start().await;
    let ben = server.person("ben").await;
    let writers = server.crowd("user", WRITERS).await;
    let writing = Cell::new(true);
    let write = async {
        let tell = join_all(writers.iter().map(async |who| {
            for _ in 0..TIMES {
                for code in [1, 2] {
                    server
                        .chat
                        .notify(news(&ben, who, code, true))
                        .await
                        .unwrap();
                }
            }
        }));
        let pester = join_all(writers.iter().map(|who| pester(&server, who, &ben, TIMES)));
        join(tell, pester).await;
        writing.set(false);
    };
    let read = async {
        let (mut all, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let last = !writing.get();
            let query = format!("limit={}", 1 + dice.roll(20));
            let (some, next) = page(&server, &ben, &query, &cursor).await;
            pages += 1;
            if some.is_empty() {
                assert!(cursor.is_empty() || next == cursor, "the place stays");
                if last {
                    return (all, pages);
                }
            }
            all.extend(some);
            cursor = next;
        }
    };
    let ((), (all, pages)) = join(write, read).await;
    println!("{pages} pages");
    assert_eq!(ids(&all).iter().collect::<BTreeSet<_>>().len(), all.len());
    let listed = server.notifications(&ben).await;
    let still_listed: Vec<&Value> = all.iter().filter(|n| listed.contains(n)).collect();
    assert_eq!(
        still_listed,
        listed.iter().collect::<Vec<_>>(),
        "the order of the list"
    );
    for writer in &writers {
        let codes = |all: &[Value], told: fn(i64) -> bool| -> Vec<i64> {
            let of_one = senders(all)
                .into_iter()
                .filter(|(_, sender)| *sender == writer.id);
            of_one
                .map(|(code, _)| code)
                .filter(|code| told(*code))
                .collect()
        };
        let by_host = codes(&all, |code| code > 0);
        assert_eq!(by_host, [1, 2].repeat(TIMES), "the order of their deeds");
        assert_eq!(codes(&listed, |code| code < 0), [-2, -9], "the last");
    }
    assert_eq!(listed.len(), WRITERS * (2 * TIMES + 2));
    assert_eq!(server.unread(&ben).await, listed.len());
    server.stop().await;
}

#[actix_web::test]
async fn sessions_hear_notifications_in_the_order_of_the_list() {
    const WRITERS: usize = 4;
    const TIMES: usize = 30;
    let server = Server::start().await;
    let ben = server.person("ben").await;
    let mut sessions = [server.socket(&ben).await, server.socket(&ben).await];
    for client in &mut sessions {
        client.everything().await;
    }
    let writers = server.crowd("user", WRITERS).await;
    join_all(writers.iter().map(|who| pester(&server, who, &ben, TIMES))).await;
    let listed = server.notifications(&ben).await;
    assert_eq!(listed.len(), 2 * WRITERS);
    for client in &mut sessions {
        // Also what is listed no more, as newer news have replaced it.
        let heard = client.notified(2 * WRITERS * TIMES).await;
        assert_eq!(
            ids(&heard).iter().collect::<BTreeSet<_>>().len(),
            heard.len()
        );
        // Of several senders in any order.
        for writer in &writers {
            let of_one = |all: &[Value]| -> Vec<Value> {
                let of_one = all.iter().filter(|n| n["sender_id"] == *writer.id);
                of_one.cloned().collect()
            };
            let heard = of_one(&heard);
            let codes: Vec<i64> = senders(&heard).iter().map(|(code, _)| *code).collect();
            assert_eq!(codes, [-2, -9].repeat(TIMES));
            assert_eq!(heard[heard.len() - 2..], of_one(&listed));
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn whoever_invites_and_withdraws_again_and_again_drives_nobody_out_of_a_list() {
    const TIMES: usize = 20;
    let mut small = settings();
    small.max_notifications = 3;
    let server = Server::with(small).await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let mut session = server.socket(&ben).await;
    server.bond(&cleo, "add", &ben).await;
    pester(&server, &ana, &ben, TIMES).await;
    let listed = server.notifications(&ben).await;
    assert_eq!(
        senders(&listed),
        [(-2, &*cleo.id), (-2, &*ana.id), (-9, &*ana.id)]
    );
    server.bond(&ana, "add", &ben).await;
    let listed = server.notifications(&ben).await;
    assert_eq!(
        senders(&listed),
        [(-2, &*cleo.id), (-9, &*ana.id), (-2, &*ana.id)]
    );
    assert_eq!(server.unread(&ben).await, 3);
    let heard = session.notified(2 * TIMES + 2).await;
    assert_eq!(heard[0], listed[0]);
    assert_eq!(heard[2 * TIMES..], listed[1..]);
    // Whoever is blocked need not be answered any more.
    server.bond(&ben, "block", &ana).await;
    assert_eq!(server.notifications(&ben).await, listed[..2]);
    assert_eq!(server.unread(&ben).await, 2);
    server.stop().await;
}

#[actix_web::test]
async fn what_is_read_and_how_much_is_not_is_as_a_model_says() {
    const STEPS: usize = 500;
    let mut dice = Dice::new();
    let mut server = Server::start().await;
    let [ben, stranger] = server.people(["ben", "stranger"]).await;
    let crowd = server.crowd("user", 4).await;
    pester(&server, &crowd[0], &stranger, 1).await;
    let foreign = ids(&server.notifications(&stranger).await);
    // Id, and whether it is read.
    let mut model: Vec<(String, bool)> = Vec::new();
    // The last of each sender and code.
    let mut last: HashMap<(usize, i64), String> = HashMap::new();
    for step in 0..STEPS {
        let some: Vec<usize> = match model.len() {
            0 => Vec::new(),
            len => (0..=dice.roll(4)).map(|_| dice.roll(len)).collect(),
        };
        let mut chosen: Vec<String> = some.iter().map(|n| model[*n].0.clone()).collect();
        if dice.roll(3) == 0 {
            chosen.push(foreign[0].clone());
        }
        match dice.roll(20) {
            0 => {
                model.iter_mut().for_each(|(_, read)| *read = true);
                assert_eq!(server.mark_all_read(&ben).await, 0);
            }
            1..6 if !chosen.is_empty() => {
                for n in some {
                    model[n].1 = true;
                }
                let left = server.mark_read(&ben, &chosen).await;
                assert_eq!(left, model.iter().filter(|(_, read)| !read).count());
            }
            6..9 => {
                model.retain(|(id, _)| !chosen.contains(id));
                server.forget(&ben, &chosen).await;
            }
            _ => {
                let who = dice.roll(4);
                pester(&server, &crowd[who], &ben, 1).await;
                let listed = server.notifications(&ben).await;
                let new = &listed[listed.len() - 2..];
                for (code, id) in [-2, -9].into_iter().zip(ids(new)) {
                    if let Some(older) = last.insert((who, code), id.clone()) {
                        // It goes if it has not been read.
                        model.retain(|(id, read)| *read || *id != older);
                    }
                    model.push((id, false));
                }
                assert_eq!(listed.len(), model.len(), "step {step}");
            }
        }
        if step == STEPS / 2 {
            server = server.restart(settings()).await;
        }
        let unread: Vec<String> = model
            .iter()
            .filter(|(_, read)| !read)
            .map(|(id, _)| id.clone())
            .collect();
        assert_eq!(server.unread(&ben).await, unread.len(), "step {step}");
        if step % 10 == 0 {
            check_read(&server, &ben, &model, &unread).await;
        }
    }
    assert_eq!(server.unread(&stranger).await, 2);
    server.stop().await;
}

/// All listings agree with a model.
async fn check_read(server: &Server, who: &Person, model: &[(String, bool)], unread: &[String]) {
    let mut found: [Vec<(String, Option<bool>)>; 3] = Default::default();
    let queries = ["", "&unread=true", "&read_state=true"];
    for (query, found) in queries.iter().zip(&mut found) {
        let mut cursor = String::new();
        loop {
            let query = format!("limit=7{query}");
            let (some, next) = page(server, who, &query, &cursor).await;
            if some.is_empty() {
                break;
            }
            found.extend(some.iter().map(|n| (id_of(n), n["read"].as_bool())));
            cursor = next;
        }
    }
    let [all, only_unread, with_state] = found;
    let plain = |(id, _): &(String, bool)| (id.clone(), None);
    assert_eq!(all, model.iter().map(plain).collect::<Vec<_>>());
    let state = |(id, read): &(String, bool)| (id.clone(), Some(*read));
    assert_eq!(with_state, model.iter().map(state).collect::<Vec<_>>());
    let wanted: Vec<_> = unread.iter().map(|id| (id.clone(), None)).collect();
    assert_eq!(only_unread, wanted);
}

#[actix_web::test]
async fn what_is_to_be_marked_is_said_in_one_way() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    pester(&server, &ana, &ben, 1).await;
    let one = ids(&server.notifications(&ben).await).remove(0);
    for (query, good) in [
        (String::new(), false),
        ("all=false".to_owned(), false),
        (format!("ids={one}&all=true"), false),
        ("ids=garbage".to_owned(), false),
        ("all=perhaps".to_owned(), false),
        (vec![format!("ids={one}"); 101].join("&"), false),
        (format!("ids={}&ids={one}", one.to_uppercase()), true),
        ("all=true".to_owned(), true),
    ] {
        let path = format!("/v2/notification/read?{query}");
        let answer = server.ask(&ben, "POST", &path, Value::Null).await;
        assert_eq!(verdict(&answer) == BAD, !good, "{query}: {answer:?}");
    }
    assert_eq!(server.unread(&ben).await, 0);
    for (method, path) in [
        ("POST", "/v2/notification/read?all=true"),
        ("GET", "/v2/notification/unread"),
    ] {
        let (status, _) = server.http(method, path, None, "").await;
        assert_eq!(status, 401);
    }
    // A cursor is good for the listing that it is of.
    let (_, cursor) = page(&server, &ben, "limit=1", "").await;
    let path = format!(
        "/v2/notification?unread=true&cacheable_cursor={}",
        escape(&cursor)
    );
    let answer = server.ask(&ben, "GET", &path, Value::Null).await;
    assert_eq!(verdict(&answer), BAD);
    server.stop().await;
}

#[actix_web::test]
async fn of_too_many_the_oldest_go() {
    const MOST: usize = 10;
    let small = || {
        let mut small = settings();
        small.max_notifications = MOST;
        small
    };
    let mut server = Server::with(small()).await;
    let ben = server.person("ben").await;
    let crowd = server.crowd("user", 6).await;
    // What is kept, and whether it is read.
    let mut model: Vec<(Value, bool)> = Vec::new();
    for n in 0..6 * MOST {
        let who = &crowd[n % 6];
        turn(&server, who, &ben).await;
        let listed = server.notifications(&ben).await;
        let new = listed.last().unwrap();
        let same = |old: &Value| ["code", "sender_id"].iter().all(|key| old[key] == new[key]);
        model.retain(|(old, read)| *read || !same(old));
        model.push((new.clone(), false));
        model.drain(..model.len().saturating_sub(MOST));
        let kept: Vec<Value> = model.iter().map(|(kept, _)| kept.clone()).collect();
        assert_eq!(listed, kept, "the last of {n}");
        if n % 7 == 0 {
            assert_eq!(server.mark_all_read(&ben).await, 0);
            model.iter_mut().for_each(|(_, read)| *read = true);
        }
        let unread = model.iter().filter(|(_, read)| !read).count();
        assert_eq!(server.unread(&ben).await, unread);
        if n == 2 * MOST {
            server = server.restart(small()).await;
        }
    }
    // Who reads on from a place that has gone reads on with what is left.
    let (_, cursor) = page(&server, &ben, "limit=1", "").await;
    for who in crowd.iter().chain(&crowd) {
        turn(&server, who, &ben).await;
    }
    let (left, _) = page(&server, &ben, "limit=100", &cursor).await;
    assert_eq!(left.len(), MOST);
    assert_eq!(left, server.notifications(&ben).await);
    server.stop().await;
}

/// Sends an invitation, or takes it back if there is one: one notification.
async fn turn(server: &Site, who: &Person, whom: &Person) {
    let verb = match server.bonds(who).await.is_empty() {
        true => "add",
        false => "delete",
    };
    server.bond(who, verb, whom).await;
}
