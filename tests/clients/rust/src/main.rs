//! nakama-rs, the Nakama client for Rust, against a running banter server.
//!
//!     BANTER_URL=http://127.0.0.1:PORT cargo run
//!
//! Prints PASS or FAIL for each test. Every test makes its own users, rooms and groups, so any server will do, and
//! several runs at once.

mod person;

use std::slice;

use nakama_rs::{api, api_client::ApiClient, rt_api::Socket};
use person::{
    Envelope, Person, Refusal, SERVER_KEY, done, hear, refused, rest, server, unique, until,
};

const ROOM: i32 = 1;
const DIRECT: i32 = 2;
const GROUP: i32 = 3;

/// The code of requests that are not served.
const NOT_RECOGNISED: i32 = 1;
/// The code of refusals in chat.
const BAD_INPUT: i32 = 3;

/// The code of the event message about somebody who has joined a group.
const USER_JOINED: i32 = 3;
/// Codes of notifications.
const CHAT_REQUEST: i32 = -1;
const FRIEND_INVITATION: i32 = -2;

const TESTS: [(&str, fn()); 8] = [
    (
        "a player registers, comes back and is connected",
        registering,
    ),
    ("a refusal has a status, a code and a text", refusals),
    (
        "asking for a match is refused, and the connection stays",
        matches,
    ),
    (
        "two users in a room see each other and chat both ways",
        room,
    ),
    (
        "the history of a room is read page by page, in both directions",
        history,
    ),
    ("a group is made and joined, and its members chat", group),
    ("a user asks another one for a chat, and both talk", direct),
    ("a player who is invited by a friend is told", friends),
];

fn main() {
    let mut failed = false;
    for (name, test) in TESTS {
        // The panic has written to standard error what is wrong.
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("{} nakama-rs: {name}", if passed { "PASS" } else { "FAIL" });
        failed |= !passed;
    }
    std::process::exit(i32::from(failed));
}

/// A registered client of the kind that games call in their main loop, and its e-mail address.
fn player(name: &str) -> (ApiClient, String) {
    let (host, port) = server();
    let mut client = ApiClient::new(SERVER_KEY, &host, port, "http");
    let email = format!("{name}@example.com");
    client.register(&email, "correct horse", name);
    settle(&mut client);
    (client, email)
}

fn settle(client: &mut ApiClient) {
    until("an answer", || {
        client.tick();
        (!client.in_progress()).then_some(())
    });
}

fn registering() {
    let name = unique("ana");
    let (mut client, email) = player(&name);
    assert_eq!(client.username().as_deref(), Some(name.as_str()));
    assert!(client.authenticated());

    client.logout();
    assert!(!client.authenticated());
    client.authenticate(&email, "wrong horse");
    settle(&mut client);
    assert!(!client.authenticated());
    client.authenticate(&email, "correct horse");
    settle(&mut client);
    assert!(client.authenticated());
    assert_eq!(client.username().as_deref(), Some(name.as_str()));
}

fn refusals() {
    let unknown = api::ApiAccountDevice {
        id: unique("device"),
        ..Default::default()
    };
    let asked = api::authenticate_device(SERVER_KEY, "", unknown, Some(false), None);
    let refusal = refused(asked);
    assert_eq!((refusal.status, refusal.code), (404, 5), "{refusal:?}");
    assert!(!refusal.message.is_empty());
    let refusal = refused(api::get_account("no token"));
    assert_eq!((refusal.status, refusal.code), (401, 16), "{refusal:?}");

    let mut ana = Person::new();
    assert_no_history(&ana, "garbage");
    for (target, kind) in [
        ("", ROOM),
        ("nobody", DIRECT),
        ("no group", GROUP),
        ("room", 99),
    ] {
        let refusal = ana.join(target, kind).expect_err("refused");
        assert_eq!(refusal.code, BAD_INPUT, "{refusal:?}");
        assert!(!refusal.message.is_empty());
    }
    let room = ana.join(&unique("room"), ROOM).expect("a channel");
    let refusal = ana.send(&room.id, "no JSON").expect_err("refused");
    assert_eq!(refusal.code, BAD_INPUT, "{refusal:?}");
    ana.say(&room.id, "still here");
}

fn matches() {
    let ana = Person::new();
    let (host, port) = server();
    let mut socket = Socket::connect(&format!("ws://{host}"), port, false, &ana.token);
    for cid in 1..=2 {
        assert_eq!(socket.create_match(), cid);
        let answer: Envelope = hear("the refusal", || socket.try_recv());
        assert_eq!(answer.cid, Some(cid.to_string()));
        let Refusal { code, message, .. } = answer.error.expect("an error");
        assert_eq!(code, NOT_RECOGNISED, "{message}");
        assert!(!message.is_empty());
    }
    // The client for main loops shows an answer without a match.
    let (mut client, _) = player(&unique("ben"));
    let cid = client.socket_create_match();
    let answer = until("the refusal", || {
        client.tick();
        client.socket_response(cid)
    });
    assert!(answer.new_match.is_none());
    assert_eq!(client.match_id(), None);
}

fn room() {
    let (mut ana, mut ben) = (Person::new(), Person::new());
    let name = unique("room");
    let first = ana.join(&name, ROOM).expect("a channel");
    assert_eq!(first.id, format!("2...{name}"));
    assert!(first.presences.is_empty());
    assert_eq!(ana.presence().joins[0].user_id, ana.id);
    let second = ben.join(&name, ROOM).expect("a channel");
    assert_eq!(second.presences[0].session_id, first.self_user.session_id);
    for person in [&mut ana, &mut ben] {
        let joins = person.presence().joins;
        assert_eq!(joins[0].session_id, second.self_user.session_id);
    }
    talk(&first.id, [&mut ana, &mut ben]);

    ben.leave(&first.id).expect("left");
    let leaves = ana.presence().leaves;
    assert_eq!(leaves[0].session_id, second.self_user.session_id);
    ana.say(&first.id, "alone");
    let refusal = ben.send(&first.id, "{}").expect_err("refused");
    assert_eq!(refusal.code, BAD_INPUT, "{refusal:?}");
    assert!(ben.no_message_waits());
}

/// Both say something, and both hear all of it in the same order.
fn talk(channel_id: &str, mut people: [&mut Person; 2]) {
    let mut said = Vec::new();
    for person in &mut people {
        let text = format!("☃ \"{}\"", person.name);
        let ack = person.say(channel_id, &text);
        assert_eq!(
            (ack.channel_id.as_str(), &ack.username),
            (channel_id, &person.name)
        );
        said.push((ack.message_id, person.id.clone(), person::content(&text)));
    }
    for person in &mut people {
        for (message_id, sender_id, content) in &said {
            let message = person.message();
            assert_eq!(&message.message_id, message_id);
            assert_eq!(&message.sender_id, sender_id);
            assert_eq!(&message.content, content);
        }
    }
}

fn history() {
    let (mut ana, reader) = (Person::new(), Person::new());
    let room = ana.join(&unique("room"), ROOM).expect("a channel");
    let mut said: Vec<String> = (0..7).map(|n| n.to_string()).collect();
    for text in &said {
        ana.say(&room.id, text);
    }
    for forward in [true, false] {
        let (mut read, mut cursor) = (Vec::new(), String::new());
        for size in [3, 3, 1] {
            // An empty cursor counts as none.
            let asked = api::list_channel_messages(
                &reader.token,
                &room.id,
                Some(3),
                Some(forward),
                Some(&cursor),
            );
            let page = rest(asked).expect("a page");
            assert_eq!(page.messages.len(), size);
            read.extend(page.messages.into_iter().map(|message| message.content));
            cursor = page.next_cursor;
        }
        assert_eq!(cursor, "", "nothing is left");
        let expected: Vec<String> = said.iter().map(|text| person::content(text)).collect();
        assert_eq!(read, expected);
        said.reverse();
    }
}

fn assert_no_history(asking: &Person, channel_id: &str) {
    let asked = api::list_channel_messages(&asking.token, channel_id, None, None, None);
    let refusal = refused(asked);
    assert_eq!((refusal.status, refusal.code), (400, 3), "{refusal:?}");
    assert!(!refusal.message.is_empty());
}

fn group() {
    let (mut ana, mut ben) = (Person::new(), Person::new());
    let name = unique("group");
    let wanted = api::ApiCreateGroupRequest {
        name: name.clone(),
        description: "About us".into(),
        open: true,
        ..Default::default()
    };
    let group = rest(api::create_group(&ana.token, wanted)).expect("a group");
    assert_eq!(
        (&group.name, &group.creator_id, group.open),
        (&name, &ana.id, true)
    );
    let found = rest(api::list_groups(&ben.token, Some(&name), None, Some(10))).expect("groups");
    assert_eq!(found.groups.len(), 1);

    let channel = ana.join(&group.id, GROUP).expect("a channel");
    ben.join(&group.id, GROUP).expect_err("no member yet");
    done(api::join_group(&ben.token, &group.id));
    let event = ana.message();
    assert_eq!((event.code, &event.sender_id), (USER_JOINED, &ben.id));
    ben.join(&group.id, GROUP).expect("a channel");
    talk(&channel.id, [&mut ana, &mut ben]);

    let asked = api::list_group_users(&ben.token, &group.id, None, None, None);
    assert_eq!(rest(asked).expect("members").group_users.len(), 2);
    let asked = api::list_channel_messages(&ben.token, &channel.id, Some(10), None, None);
    let messages = rest(asked).expect("a page").messages;
    let codes: Vec<i32> = messages.iter().map(|message| message.code).collect();
    assert_eq!(codes, [USER_JOINED, 0, 0]);

    done(api::leave_group(&ben.token, &group.id));
    let refusal = ben.send(&channel.id, "{}").expect_err("refused");
    assert_eq!(refusal.code, BAD_INPUT, "{refusal:?}");
    assert_no_history(&ben, &channel.id);
}

fn direct() {
    let (mut ana, mut ben) = (Person::new(), Person::new());
    let channel = ana.join(&ben.id, DIRECT).expect("a channel");
    let request = ben.notification();
    assert_eq!((request.code, &request.sender_id), (CHAT_REQUEST, &ana.id));
    let kept = rest(api::list_notifications(&ben.token, Some(10), None)).expect("notifications");
    assert_eq!(kept.notifications.len(), 1);
    assert_eq!(kept.notifications[0].id, request.id);
    let same = ben.join(&ana.id, DIRECT).expect("a channel");
    assert_eq!(same.id, channel.id);
    talk(&channel.id, [&mut ana, &mut ben]);

    assert_no_history(&Person::new(), &channel.id);
}

fn friends() {
    let (ana, ben) = (Person::new(), Person::new());
    let (host, port) = server();
    let mut socket = Socket::connect(&format!("ws://{host}"), port, true, &ben.token);
    let invited = slice::from_ref(&ben.id);
    done(without_quotes(api::add_friends(&ana.token, invited, &[])));
    let notifications = until("an invitation", || {
        let envelope: Envelope = hear("an event", || socket.try_recv());
        envelope.notifications
    });
    let [invitation] = &notifications.notifications[..] else {
        panic!("{notifications:?}")
    };
    assert_eq!(
        (invitation.code, &invitation.sender_id),
        (FRIEND_INVITATION, &ana.id)
    );
    let accepted = slice::from_ref(&ana.name);
    done(without_quotes(api::add_friends(&ben.token, &[], accepted)));
    let asked = api::list_friends(&ana.token, None, None, None);
    let friends = rest(asked).expect("friends").friends;
    assert_eq!((&friends[0].user.id, friends[0].state), (&ben.id, 0));
    assert!(friends[0].user.online, "his socket shows him as online");

    // The client for main loops has no use for notifications, but they must not stop its loop.
    let name = unique("cleo");
    let (mut client, _) = player(&name);
    done(without_quotes(api::add_friends(&ana.token, &[], &[name])));
    let behind = client.socket_create_match();
    until("the answer behind the invitation", || {
        client.tick();
        client.socket_response(behind)
    });
}

/// nakama-rs puts the elements of lists between quotation marks, in queries as well. A server takes them as part of
/// the id or name, so users of nakama-rs have to take them out.
fn without_quotes<T>(mut request: api::RestRequest<T>) -> api::RestRequest<T> {
    request.query_params = request.query_params.replace('"', "");
    request
}
