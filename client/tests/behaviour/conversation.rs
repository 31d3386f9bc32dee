use std::collections::HashSet;

use banter_client::{
    ChannelKind, Event, JoinOptions, MessageCode, RequestError, SocketOptions,
    protocol::{self, Envelope, Format, Message},
};
use futures_util::{FutureExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{next_message, server::Server, soon, wait_for};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Said {
    text: String,
}

#[tokio::test]
async fn a_message_that_would_cost_the_connection_is_refused_before_it_is_sent() {
    let server = Server::start();
    let ana = server.person("ana").await;
    for format in Format::ALL {
        let options = SocketOptions {
            format,
            ..SocketOptions::default()
        };
        let client = &ana.client;
        let (socket, mut events) = client.connect(&ana.session, options).await.unwrap().start();
        let room = socket.join_room("long").await.unwrap();
        let text = |bytes: usize| format!(r#"{{"t":"{}"}}"#, "x".repeat(bytes));
        // All that the server takes is sent, in this format.
        let (mut fits, mut too_long) = (1000, 4096);
        while fits + 1 < too_long {
            let middle = (fits + too_long) / 2;
            match socket.send_text(&room.id, text(middle)).await {
                Ok(_) => fits = middle,
                Err(RequestError::TooLong { bytes, max: 4096 }) if bytes > 4096 => {
                    too_long = middle;
                }
                Err(error) => panic!("{format:?}, {middle}: {error:?}"),
            }
        }
        assert!(fits > 3900, "{format:?}: {fits}");
        let quotes = format!(r#"{{"t":"{}"}}"#, "\\\"".repeat(1990));
        let refused = socket.send_text(&room.id, quotes.clone()).await;
        // In JSON each of them is written as two.
        assert_eq!(refused.is_err(), format == Format::Json, "{refused:?}");
        socket.ping().await.unwrap();
        assert!(
            events.next().now_or_never().is_some(),
            "the connection lives"
        );
    }
}

#[tokio::test]
async fn two_people_meet_in_a_room_and_talk() {
    let server = Server::start();
    let (ana, ben) = (server.person("ana").await, server.person("ben").await);
    let (anas, mut to_ana) = ana.online().await;
    let (bens, mut to_ben) = ben.online().await;

    let room = anas.join_room("the lobby").await.unwrap();
    assert_eq!(room.id, "2...the lobby");
    let name = "the lobby".to_owned();
    assert_eq!(room.kind, ChannelKind::Room { name });
    assert_eq!(
        (room.me.user_id.as_str(), room.presences.len()),
        (ana.id(), 0)
    );
    let bens_room = bens.join_room("the lobby").await.unwrap();
    assert_eq!(bens_room.presences, std::slice::from_ref(&room.me));
    let joined = wait_for("ben's join", &mut to_ana, |event| match event {
        Event::Presence(change) => change.joins.into_iter().find(|p| p.user_id == ben.id()),
        _ => None,
    })
    .await;
    assert_eq!(
        (joined.username.as_str(), joined.persistence),
        ("ben", true)
    );

    let text = "hello".to_owned();
    let ack = anas.send(&room.id, &Said { text }).await.unwrap();
    assert!(ack.persistent && ack.code == MessageCode::Chat);
    let heard = next_message(&mut to_ben).await;
    assert_eq!(heard, next_message(&mut to_ana).await);
    assert_eq!(heard.content_as::<Said>().unwrap().text, "hello");
    assert_eq!(
        (heard.sender_id.as_str(), heard.username.as_str()),
        (ana.id(), "ana")
    );
    assert_eq!(
        (&heard.message_id, heard.create_time),
        (&ack.message_id, ack.create_time)
    );

    bens.leave(&room.id).await.unwrap();
    wait_for("ben's leave", &mut to_ana, |event| match event {
        Event::Presence(change) => (!change.leaves.is_empty()).then_some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn messages_can_be_changed_and_removed() {
    let server = Server::start();
    let (socket, mut events) = server.person("ana").await.online().await;
    let room = socket.join_room("lobby").await.unwrap().id;
    let sent = socket.send_text(&room, r#"{ "v":1 }"#).await.unwrap();
    let changed = socket
        .update(&room, &sent.message_id, &json!({"v": 2}))
        .await;
    let changed = changed.unwrap();
    assert_eq!(
        (changed.code, &changed.message_id),
        (MessageCode::Updated, &sent.message_id)
    );
    assert_eq!(changed.create_time, sent.create_time);
    assert!(changed.update_time > sent.update_time);
    let removed = socket.remove(&room, &sent.message_id).await.unwrap();
    assert_eq!(removed.code, MessageCode::Removed);
    for (code, content) in [
        (MessageCode::Chat, r#"{ "v":1 }"#),
        (MessageCode::Updated, r#"{"v":2}"#),
        (MessageCode::Removed, "{}"),
    ] {
        let heard = next_message(&mut events).await;
        assert_eq!((heard.code, heard.content.as_str()), (code, content));
        assert_eq!(heard.message_id, sent.message_id);
    }
}

#[tokio::test]
async fn one_can_listen_hidden_and_speak_without_a_trace() {
    let server = Server::start();
    let (ana, ben) = (server.person("ana").await, server.person("ben").await);
    let (anas, _to_ana) = ana.online().await;
    let (bens, mut to_ben) = ben.online().await;
    let quiet = JoinOptions {
        persistence: false,
        hidden: true,
        ..JoinOptions::room("lobby")
    };
    let room = anas.join(quiet).await.unwrap().id;
    assert_eq!(bens.join_room("lobby").await.unwrap().presences, []);
    assert!(!anas.send_text(&room, "{}").await.unwrap().persistent);
    assert!(!next_message(&mut to_ben).await.persistent);
}

#[tokio::test]
async fn many_requests_at_once_get_the_answers_that_are_theirs() {
    let server = Server::start();
    let (socket, mut events) = server.person("ana").await.online().await;
    let room = socket.join_room("lobby").await.unwrap().id;
    // More than may be under way at once.
    let sends = (0..500).map(|number| {
        let (socket, room) = (socket.clone(), room.clone());
        tokio::spawn(async move {
            let sent = socket.send(&room, &json!({ "number": number })).await;
            (sent.unwrap().message_id, number)
        })
    });
    let mut acked = HashSet::new();
    for send in sends.collect::<Vec<_>>() {
        acked.insert(soon("an ack", send).await.unwrap());
    }
    let mut heard = HashSet::new();
    while heard.len() < acked.len() {
        let message = next_message(&mut events).await;
        let content: serde_json::Value = message.content_as().unwrap();
        heard.insert((message.message_id, content["number"].as_i64().unwrap()));
    }
    assert_eq!(heard, acked);
}

#[tokio::test]
async fn events_are_a_stream() {
    let server = Server::start();
    let (socket, events) = server.person("ana").await.online().await;
    let room = socket.join_room("lobby").await.unwrap().id;
    for _ in 0..3 {
        socket.send_text(&room, "{}").await.unwrap();
    }
    let messages = events.filter(|event| std::future::ready(matches!(event, Event::Message(_))));
    assert_eq!(soon("messages", messages.take(3).count()).await, 3);
}

#[tokio::test]
async fn a_bare_connection_passes_envelopes() {
    let server = Server::start();
    let mut connection = server.person("ana").await.connect().await;
    let ping = |cid: &str| Envelope {
        cid: cid.to_owned(),
        message: Some(Message::Ping(protocol::Ping {})),
    };
    for cid in ["a", "b"] {
        connection.send(&ping(cid)).await.unwrap();
    }
    for cid in ["a", "b"] {
        // Nothing is lost by who stops waiting.
        let pong = match connection.next().now_or_never() {
            Some(pong) => pong.unwrap(),
            None => soon("a pong", connection.next()).await.unwrap(),
        };
        assert_eq!(pong.cid, cid);
        assert!(matches!(pong.message, Some(Message::Pong(_))));
    }
    soon("a close", connection.close()).await;
}

#[tokio::test]
async fn status_tells_who_is_online() {
    let server = Server::start();
    let (ana, ben) = (server.person("ana").await, server.person("ben").await);
    let (anas, mut to_ana) = ana.online().await;
    let shown = SocketOptions {
        status: true,
        ..SocketOptions::default()
    };
    let (bens, _to_ben) = ben.connect_with(shown).await.start();
    // Answered after ben is shown.
    bens.ping().await.unwrap();
    let online = anas.follow(&[ben.id()]).await.unwrap();
    assert_eq!(online.len(), 1);
    assert_eq!(online[0].status.as_deref(), Some(""));
    bens.update_status(Some("in a match")).await.unwrap();
    wait_for("ben's status", &mut to_ana, |event| match event {
        Event::Status(change) => {
            (change.joins.first()?.status.as_deref() == Some("in a match")).then_some(())
        }
        _ => None,
    })
    .await;
    bens.update_status(None).await.unwrap();
    wait_for("ben's going", &mut to_ana, |event| match event {
        Event::Status(change) => {
            (change.joins.is_empty() && !change.leaves.is_empty()).then_some(())
        }
        _ => None,
    })
    .await;
    anas.unfollow(&[ben.id()]).await.unwrap();
}

#[tokio::test]
async fn a_direct_channel_asks_the_other_with_a_notification() {
    let server = Server::start();
    let (ana, ben) = (server.person("ana").await, server.person("ben").await);
    let (anas, mut to_ana) = ana.online().await;
    let (bens, mut to_ben) = ben.online().await;
    let direct = anas.join_direct(ben.id()).await.unwrap();
    let ChannelKind::Direct { user_ids } = &direct.kind else {
        panic!("{:?} is not direct", direct.kind);
    };
    assert!(user_ids.contains(&ana.session.user_id) && user_ids.contains(&ben.session.user_id));
    let asked = wait_for("a request to chat", &mut to_ben, |event| match event {
        Event::Notification(notification) => Some(notification),
        _ => None,
    })
    .await;
    assert_eq!(
        (asked.code, asked.sender_id.as_str(), asked.persistent),
        (-1, ana.id(), true)
    );
    bens.join_direct(ana.id()).await.unwrap();
    bens.send_text(&direct.id, r#"{"text":"yes?"}"#)
        .await
        .unwrap();
    assert_eq!(next_message(&mut to_ana).await.sender_id, ben.id());
}
