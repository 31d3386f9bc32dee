//! Messages of those whom one has blocked, where they are kept from oneself: live and in the history, in rooms and
//! groups.

use std::{cell::Cell, collections::BTreeSet};

use banter::Settings;
use futures_util::future::join;
use serde_json::{Value, json};

use crate::harness::{
    Client, Dice, Door, History, Person, Server, direct_channel, group_channel, room_id, settings,
    through_both_doors,
};

through_both_doors!(
    messages_of_the_blocked_are_kept_from_all_sessions_and_from_nobody_else,
    who_is_blocked_in_a_flood_is_not_heard_when_the_call_returns,
    without_the_setting_a_block_hides_nothing,
);

fn hiding() -> Settings {
    Settings {
        hide_blocked: true,
        ..settings()
    }
}

/// The name of a room and the id of a group that all of some people are in.
async fn places(server: &Server, people: &[&Person]) -> (&'static str, String) {
    let group = server.create_group(people[0], "group", json!({})).await;
    server.done(people[0], "add", &group, &people[1..]).await;
    ("room", group)
}

async fn in_both(server: &Server, who: &Person, room: &str, group: &str) -> Client {
    let mut client = server.socket(who).await;
    client.join_group(group).await;
    client.join(room).await;
    client
}

/// Sender and content of so many messages, and of no more up to the answer of a ping.
async fn heard(client: &mut Client, count: usize) -> Vec<(String, String)> {
    let all: Vec<_> = client.messages(count).await.iter().map(said).collect();
    let more = client.everything().await;
    let more = more.iter().find(|v| v.get("channel_message").is_some());
    assert_eq!(more, None, "{} hears more than {all:?}", client.name);
    all
}

fn said(message: &Value) -> (String, String) {
    let text = |key: &str| message[key].as_str().unwrap().to_owned();
    let code = message["code"].as_i64().unwrap();
    (text("username"), format!("{code} {}", text("content")))
}

/// Sends, changes and removes in both channels; how often that is heard.
async fn speak(client: &mut Client, channels: &[String; 2], text: &str) -> usize {
    for channel in channels {
        client
            .send_to(channel, &json!({ "stays": text }).to_string())
            .await;
        let ack = client
            .send_to(channel, &json!({ "goes": text }).to_string())
            .await;
        let id = &ack["message_id"];
        let update = json!({"channel_id": channel, "message_id": id, "content": "{}"});
        let reply = client
            .request(json!({ "channel_message_update": update }))
            .await;
        assert_eq!(reply["channel_message_ack"]["code"], 1, "{reply}");
        let remove = json!({"channel_id": channel, "message_id": id});
        let reply = client
            .request(json!({ "channel_message_remove": remove }))
            .await;
        assert_eq!(reply["channel_message_ack"]["code"], 2, "{reply}");
    }
    8
}

async fn names_in(server: &Server, who: &Person, channel: &str) -> Vec<String> {
    let log = server.try_log(who, channel).await.unwrap();
    let chat = log.iter().filter(|m| m["code"] == 0);
    chat.map(|m| m["username"].as_str().unwrap().to_owned())
        .collect()
}

async fn messages_of_the_blocked_are_kept_from_all_sessions_and_from_nobody_else(door: Door) {
    let mut server = Server::through(door, hiding()).await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let (room, group) = places(&server, &[&ana, &ben, &cleo]).await;
    let channels = [room_id(room), group_channel(&group)];
    let mut a = in_both(&server, &ana, room, &group).await;
    let mut c = in_both(&server, &cleo, room, &group).await;
    let mut b = vec![
        in_both(&server, &ben, room, &group).await,
        in_both(&server, &ben, room, &group).await,
    ];
    for client in &mut b {
        heard(client, 0).await;
    }
    heard(&mut c, 0).await;
    let all = speak(&mut a, &channels, "before").await;
    for client in b.iter_mut().chain([&mut c]) {
        heard(client, all).await;
    }
    server.bond(&ben, "block", &ana).await;
    // A session that opens later, as well.
    b.push(in_both(&server, &ben, room, &group).await);
    speak(&mut a, &channels, "after").await;
    speak(&mut c, &channels, "of cleo").await;
    for client in &mut b {
        let heard = heard(client, all).await;
        assert!(heard.iter().all(|(name, _)| name == "cleo"), "{heard:?}");
    }
    // Ana is heard by others.
    heard(&mut c, 2 * all).await;
    heard(&mut a, 3 * all).await;
    for channel in &channels {
        assert_eq!(names_in(&server, &ben, channel).await, ["cleo"]);
        for person in [&ana, &cleo] {
            assert_eq!(
                names_in(&server, person, channel).await,
                ["ana", "ana", "cleo"]
            );
        }
    }
    // Ben is heard by ana all the same.
    b[0].send_to(&channels[0], r#"{"by":"ben"}"#).await;
    let own = heard(&mut a, 1).await;
    assert_eq!(own, [("ben".to_owned(), r#"0 {"by":"ben"}"#.to_owned())]);
    // What happens in a group is no message of anybody.
    server.done(&ana, "promote", &group, &[&cleo]).await;
    server.done(&cleo, "leave", &group, &[]).await;
    let log = server.try_log(&ben, &channels[1]).await.unwrap();
    let events = log.iter().filter(|m| m["code"] != 0).count();
    let whole = server.try_log(&ana, &channels[1]).await.unwrap();
    assert_eq!(events, whole.iter().filter(|m| m["code"] != 0).count());
    // That, and ben's own words.
    for client in &mut b {
        heard(client, 3).await;
    }
    server.bond(&ben, "delete", &ana).await;
    a.send_to(&channels[0], r#"{"again":1}"#).await;
    for client in &mut b {
        let again = ("ana".to_owned(), r#"0 {"again":1}"#.to_owned());
        assert_eq!(heard(client, 1).await, [again]);
    }
    let names = names_in(&server, &ben, &channels[0]).await;
    assert_eq!(names, ["ana", "ana", "cleo", "ben", "ana"]);
    // It holds when the server comes back.
    server.bond(&ben, "block", &ana).await;
    drop((a, b, c));
    server = server.restart(hiding()).await;
    let mut a = in_both(&server, &ana, room, &group).await;
    let mut b = in_both(&server, &ben, room, &group).await;
    b.everything().await;
    a.send_to(&channels[0], "{}").await;
    a.send_to(&channels[1], "{}").await;
    heard(&mut b, 0).await;
    assert_eq!(names_in(&server, &ben, &channels[0]).await, ["cleo", "ben"]);
    server.stop().await;
}

#[actix_web::test]
async fn what_was_said_in_a_direct_channel_stays_readable_for_both() {
    let server = Server::with(hiding()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let direct = direct_channel(&ana, &ben);
    let mut a = server.socket_with(&ana, &ben).await;
    let mut b = server.socket_with(&ben, &ana).await;
    a.send_to(&direct, "{}").await;
    b.send_to(&direct, "{}").await;
    server.bond(&ben, "block", &ana).await;
    b.is_told_of_its_leave(&direct).await;
    for person in [&ana, &ben] {
        assert_eq!(names_in(&server, person, &direct).await, ["ana", "ben"]);
    }
    server.stop().await;
}

async fn without_the_setting_a_block_hides_nothing(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let (room, group) = places(&server, &[&ana, &ben]).await;
    let channels = [room_id(room), group_channel(&group)];
    server.bond(&ben, "block", &ana).await;
    let mut a = in_both(&server, &ana, room, &group).await;
    let mut b = in_both(&server, &ben, room, &group).await;
    heard(&mut b, 0).await;
    let all = speak(&mut a, &channels, "text").await;
    let mut count = 0;
    while count < all {
        b.message().await;
        count += 1;
    }
    for channel in &channels {
        assert_eq!(names_in(&server, &ben, channel).await, ["ana"]);
    }
    server.stop().await;
}

/// The numbers of the messages of a flood in some text.
fn numbers(text: &str) -> Vec<usize> {
    let number = |rest: &str| rest.split_once('-')?.0.parse().ok();
    text.split("flood-").skip(1).filter_map(number).collect()
}

async fn who_is_blocked_in_a_flood_is_not_heard_when_the_call_returns(door: Door) {
    const ROUNDS: usize = 12;
    const MOST: usize = 150;
    let server = Server::through(door, hiding()).await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let (room, group) = places(&server, &[&ana, &ben, &cleo]).await;
    for round in 0..ROUNDS {
        let flags = json!({"persistence": round % 2 == 0});
        let channel = if round % 3 == 0 {
            group_channel(&group)
        } else {
            room_id(room)
        };
        let mut a = server.socket(&ana).await;
        a.join_group_as(&group, flags.clone()).await;
        a.join_as(room, flags).await;
        let mut c = in_both(&server, &cleo, room, &group).await;
        let mut b = Vec::new();
        for _ in 0..2 {
            let opened =
                Client::open_with_buffer(server.address, "ben", &ben.tokens, "", Some(4 << 20));
            let mut client = opened.await.unwrap();
            client.join_group(&group).await;
            client.join(room).await;
            b.push(client);
        }
        for client in &mut b {
            client.everything().await;
        }
        let (sent, over) = (Cell::new(0), Cell::new(false));
        let flood = async {
            let mut cids = std::collections::VecDeque::new();
            while !over.get() {
                if sent.get() < MOST {
                    let text = json!({"text": format!("flood-{}-", sent.get())}).to_string();
                    cids.push_back(a.post_to(&channel, &text).await);
                    sent.set(sent.get() + 1);
                }
                if cids.len() > 10 {
                    a.reply(&cids.pop_front().unwrap()).await;
                }
                tokio::task::yield_now().await;
            }
            for cid in cids {
                a.reply(&cid).await;
            }
            a.send_to(&channel, r#"{"text":"flood-999-"}"#).await;
        };
        let block = async {
            while sent.get() < 30 {
                tokio::task::yield_now().await;
            }
            server.bond(&ben, "block", &ana).await;
            server.mark(&ben).await;
            over.set(true);
        };
        join(flood, block).await;
        for client in &mut b {
            client.up_to_mark().await;
        }
        c.send_to(&channel, r#"{"text":"cleo"}"#).await;
        for client in &mut b {
            let mut after = String::new();
            while !after.contains("cleo") {
                after.push_str(&client.next().await.to_string());
            }
            assert!(numbers(&after).is_empty(), "round {round}: {after}");
        }
        let mut all = Vec::new();
        while all.last() != Some(&999) {
            let message = c.message().await;
            all.extend(numbers(&message.to_string()));
        }
        assert_eq!(all.len(), sent.get() + 1, "others hear all");
        server.bond(&ben, "delete", &ana).await;
        drop((a, b, c));
        server.sessions_become(0).await;
    }
    server.stop().await;
}

#[actix_web::test]
async fn pages_without_the_blocked_have_no_gaps_and_no_repeats() {
    const MESSAGES: usize = 300;
    let mut dice = Dice::new();
    let server = Server::with(hiding()).await;
    let crowd = server.crowd("user", 4).await;
    let reader = server.person("reader").await;
    let mut clients = Vec::new();
    for person in &crowd {
        let mut client = server.socket(person).await;
        client.join("room").await;
        clients.push(client);
    }
    let mut said: Vec<(usize, String)> = Vec::new();
    // Runs of the same speaker, some longer than a page.
    while said.len() < MESSAGES {
        let who = dice.roll(clients.len());
        for _ in 0..=dice.roll(12) {
            let ack = clients[who].send("room", "{}").await;
            said.push((who, ack["message_id"].as_str().unwrap().to_owned()));
        }
    }
    let mut blocked = BTreeSet::new();
    for who in [2, 0, 3, 1] {
        let query = History {
            limit: Some(10),
            ..History::default()
        };
        let earlier = server
            .history(&reader.tokens.token, "room", query)
            .await
            .next;
        server.bond(&reader, "block", &crowd[who]).await;
        blocked.insert(who);
        let wanted: Vec<&str> = said
            .iter()
            .filter(|(who, _)| !blocked.contains(who))
            .map(|(_, id)| id.as_str())
            .collect();
        for (newest_first, limit) in [
            (false, 1 + dice.roll(9)),
            (true, 1 + dice.roll(30)),
            (false, 100),
        ] {
            let mut found = pages(&server, &reader, newest_first, limit, None).await;
            if newest_first {
                found.reverse();
            }
            assert_eq!(found, wanted, "{blocked:?} hidden, by {limit}");
        }
        // Who was reading goes on behind the same place.
        let rest = pages(&server, &reader, false, 10, earlier).await;
        assert!(wanted.ends_with(&rest.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    assert!(pages(&server, &reader, false, 10, None).await.is_empty());
    let all: Vec<&Person> = crowd.iter().collect();
    server.befriend(&reader, "delete", &all).await;
    assert_eq!(
        pages(&server, &reader, false, 100, None).await.len(),
        said.len()
    );
    server.stop().await;
}

/// The ids of all pages. Each page but the last is full.
async fn pages(
    server: &Server,
    who: &Person,
    newest_first: bool,
    limit: usize,
    cursor: Option<String>,
) -> Vec<String> {
    let (pages, _) = walk(server, who, newest_first, limit, cursor).await;
    if let Some((_, full)) = pages.split_last() {
        assert!(full.iter().all(|page| page.len() == limit));
    }
    pages.concat()
}

/// The ids of each page, and the way back from the last one.
async fn walk(
    server: &Server,
    who: &Person,
    newest_first: bool,
    limit: usize,
    mut cursor: Option<String>,
) -> (Vec<Vec<String>>, Option<String>) {
    let mut pages = Vec::new();
    loop {
        let ask = History {
            limit: Some(limit as u32),
            newest_first,
            cursor: cursor.as_deref(),
        };
        let page = server.history(&who.tokens.token, "room", ask).await;
        let id = |m: &Value| m["message_id"].as_str().unwrap().to_owned();
        pages.push(page.messages.iter().map(id).collect());
        match page.next {
            Some(next) => cursor = Some(next),
            None => return (pages, page.previous),
        }
    }
}

/// One page does not look at any number of hidden messages: then it is short, or empty, and goes on.
#[actix_web::test]
async fn behind_thousands_of_hidden_messages_the_pages_go_on() {
    const HIDDEN: usize = 11_000;
    const STRIDE: usize = 100;
    let server = Server::with(hiding()).await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let mut a = server.socket(&ana).await;
    a.join("room").await;
    let mut c = server.socket(&cleo).await;
    c.join_as("room", json!({"hidden": true})).await;
    let mut wanted = Vec::new();
    // Some at the beginning, after six thousand, and at the end.
    for sent in (0..=HIDDEN).step_by(STRIDE) {
        if [0, 6000, HIDDEN].contains(&sent) {
            for _ in 0..5 {
                let ack = c.send("room", "{}").await;
                wanted.push(ack["message_id"].as_str().unwrap().to_owned());
            }
        }
        let mut cids = Vec::new();
        for _ in 0..STRIDE {
            cids.push(a.post_send("room", "{}").await);
        }
        for cid in &cids {
            a.reply(cid).await;
        }
        a.everything().await;
        c.everything().await;
    }
    server.bond(&ben, "block", &ana).await;
    for limit in [2, 5, 100] {
        for newest_first in [false, true] {
            let (pages, back) = walk(&server, &ben, newest_first, limit, None).await;
            let mut found = pages.concat();
            let last = pages.last().unwrap().len();
            if newest_first {
                found.reverse();
            }
            assert_eq!(found, wanted, "by {limit}, newest first: {newest_first}");
            // And all the way back, each page in the same order.
            let (mut earlier, mut cursor) = (Vec::new(), back);
            while let Some(previous) = cursor {
                let ask = History {
                    limit: Some(limit as u32),
                    newest_first,
                    cursor: Some(&previous),
                };
                let page = server.history(&ben.tokens.token, "room", ask).await;
                let id = |m: &Value| m["message_id"].as_str().unwrap().to_owned();
                earlier.splice(0..0, page.messages.iter().map(id));
                cursor = page.previous;
            }
            let mut all = wanted.clone();
            if newest_first {
                all.reverse();
            }
            all.truncate(all.len() - last);
            assert_eq!(
                earlier, all,
                "back by {limit}, newest first: {newest_first}"
            );
        }
    }
    server.stop().await;
}
