use banter_client::{
    Disconnected, Envelope, Event, RequestError, SocketOptions,
    protocol::{ChannelMessage, Message, Ping, Pong},
};
use futures_util::SinkExt as _;
use tokio_tungstenite::tungstenite;

use crate::{
    ending,
    fake::{FakeServer, Peer, enough, somebody},
    server::Server,
    soon,
};

fn message(number: usize) -> Envelope {
    let message = ChannelMessage {
        channel_id: "2...lobby".into(),
        content: format!(r#"{{"number":{number}}}"#),
        ..ChannelMessage::default()
    };
    Envelope {
        cid: String::new(),
        message: Some(Message::ChannelMessage(message)),
    }
}

fn ping(cid: &str) -> Envelope {
    Envelope {
        cid: cid.to_owned(),
        message: Some(Message::Ping(Ping {})),
    }
}

async fn answer_ping(peer: &mut Peer) {
    let cid = peer.receive().await.cid;
    let message = Some(Message::Pong(Pong {}));
    peer.send(&Envelope { cid, message }).await;
}

#[tokio::test]
async fn a_server_that_shuts_down_says_so() {
    let mut server = Server::start();
    let (socket, mut events) = server.person("ana").await.online().await;
    socket.ping().await.unwrap();
    server.stop();
    let reason = ending(&mut events).await;
    assert!(matches!(&reason, Disconnected::Closed { code: 1001, reason } if !reason.is_empty()));
    assert!(reason.is_temporary());
    let late = socket.ping().await.unwrap_err();
    assert!(matches!(
        late,
        RequestError::Disconnected(Disconnected::Closed { code: 1001, .. })
    ));
}

#[tokio::test]
async fn who_is_logged_out_is_told_and_should_not_come_back() {
    let server = Server::start();
    let ana = server.person("ana").await;
    let (socket, mut events) = ana.online().await;
    socket.ping().await.unwrap();
    ana.client.logout(&ana.session).await.unwrap();
    let reason = ending(&mut events).await;
    assert!(
        matches!(reason, Disconnected::Closed { code: 1008, .. }),
        "{reason}"
    );
    assert!(!reason.is_temporary());
}

#[tokio::test]
async fn a_request_that_is_too_long_for_the_server_alone_ends_the_connection() {
    let server = Server::start();
    let ana = server.person("ana").await;
    let options = SocketOptions {
        max_request_bytes: 8192,
        ..SocketOptions::default()
    };
    let connection = ana.client.connect(&ana.session, options).await.unwrap();
    let (socket, mut events) = connection.start();
    let room = socket.join_room("lobby").await.unwrap().id;
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(5000));
    let late = soon("the end", socket.send_text(&room, long)).await;
    let is_expected = |reason: &Disconnected| {
        matches!(reason, Disconnected::Closed { code: 1009, .. }) && !reason.is_temporary()
    };
    match late {
        Err(RequestError::Disconnected(reason)) if is_expected(&reason) => {}
        other => panic!("{other:?}"),
    }
    assert!(is_expected(&ending(&mut events).await));
}

#[tokio::test]
async fn what_a_server_said_before_it_hung_up_is_heard() {
    let server = FakeServer::start().await;
    let session = somebody();
    // Whether the client reads first or writes first is left to chance.
    for _ in 0..20 {
        let connect = server.client.connect(&session, SocketOptions::default());
        let (connection, mut peer) = tokio::join!(connect, server.accept());
        let mut connection = connection.unwrap();
        connection.send(&ping("unread")).await.unwrap();
        peer.socket.get_ref().readable().await.unwrap();
        peer.send(&message(0)).await;
        peer.close(1009, "too long").await;
        // With something unread this resets the connection.
        drop(peer);
        let (socket, mut events) = connection.start();
        let late = soon("the end", socket.ping()).await;
        assert!(
            matches!(
                late,
                Err(RequestError::Disconnected(Disconnected::Closed {
                    code: 1009,
                    ..
                }))
            ),
            "{late:?}"
        );
        assert!(matches!(events.next().await, Some(Event::Message(_))));
    }
}

#[tokio::test]
async fn a_bare_connection_hears_what_was_said_after_it_could_not_send() {
    let server = FakeServer::start().await;
    let session = somebody();
    let connect = server.client.connect(&session, SocketOptions::default());
    let (connection, mut peer) = tokio::join!(connect, server.accept());
    let mut connection = connection.unwrap();
    connection.send(&ping("unread")).await.unwrap();
    peer.socket.get_ref().readable().await.unwrap();
    peer.send(&message(0)).await;
    peer.close(1009, "too long").await;
    drop(peer);
    let broken = connection.send(&ping("too late")).await;
    assert!(
        matches!(broken, Err(Disconnected::Dropped(_))),
        "{broken:?}"
    );
    let heard = soon("a message", connection.next()).await.unwrap();
    assert!(matches!(heard.message, Some(Message::ChannelMessage(_))));
    for _ in 0..2 {
        let reason = soon("the end", connection.next()).await.unwrap_err();
        assert!(
            matches!(reason, Disconnected::Closed { code: 1009, .. }),
            "{reason:?}"
        );
    }
    assert!(matches!(
        connection.send(&ping("too late")).await,
        Err(Disconnected::Closed { code: 1009, .. })
    ));
}

#[tokio::test]
async fn requests_under_way_fail_with_the_reason_of_the_end() {
    let server = FakeServer::start().await;
    let (socket, mut events, mut peer) = server.started(SocketOptions::default()).await;
    let requests = [(); 3].map(|()| {
        let socket = socket.clone();
        tokio::spawn(async move { socket.ping().await })
    });
    for _ in &requests {
        peer.receive().await;
    }
    peer.close(4321, "enough").await;
    for request in requests {
        let error = soon("a failure", request).await.unwrap().unwrap_err();
        let RequestError::Disconnected(Disconnected::Closed { code, reason }) = error else {
            panic!("{error:?}");
        };
        assert_eq!((code, reason.as_str()), (4321, "enough"));
    }
    assert!(matches!(
        ending(&mut events).await,
        Disconnected::Closed { code: 4321, .. }
    ));
    assert_eq!(peer.closed().await, Some(4321));
}

#[tokio::test]
async fn requests_that_wait_for_their_turn_fail_too() {
    let server = FakeServer::start().await;
    let one_at_a_time = SocketOptions {
        max_requests: 1,
        ..SocketOptions::default()
    };
    let (socket, _events, mut peer) = server.started(one_at_a_time).await;
    let (first, second, ()) = tokio::join!(socket.ping(), socket.ping(), async {
        peer.receive().await;
        drop(peer);
    });
    for request in [first, second] {
        let Err(RequestError::Disconnected(reason)) = request else {
            panic!("{request:?}");
        };
        assert!(matches!(reason, Disconnected::Dropped(_)) && reason.is_temporary());
    }
}

#[tokio::test]
async fn events_that_are_not_read_end_the_connection_and_none_is_lost() {
    let server = FakeServer::start().await;
    let few = SocketOptions {
        event_buffer: 3,
        ..SocketOptions::default()
    };
    let (socket, mut events, mut peer) = server.started(few).await;
    for number in 0..4 {
        peer.send(&message(number)).await;
    }
    assert_eq!(peer.closed().await, Some(1001));
    let late = socket.ping().await.unwrap_err();
    let RequestError::Disconnected(reason) = late else {
        panic!("{late:?}");
    };
    assert!(matches!(reason, Disconnected::EventsNotRead { waiting: 3 }));
    for number in 0..3 {
        let Some(Event::Message(message)) = events.next().await else {
            panic!("message {number} is lost");
        };
        assert_eq!(message.content, format!(r#"{{"number":{number}}}"#));
    }
    assert!(matches!(
        ending(&mut events).await,
        Disconnected::EventsNotRead { .. }
    ));
}

#[tokio::test]
async fn closing_ends_all_handles() {
    let server = FakeServer::start().await;
    let (socket, mut events, mut peer) = server.started(SocketOptions::default()).await;
    let other = socket.clone();
    let (code, ()) = tokio::join!(peer.closed(), socket.close());
    assert_eq!(code, Some(0));
    assert!(matches!(ending(&mut events).await, Disconnected::Local));
    let late = other.ping().await.unwrap_err();
    assert!(matches!(
        late,
        RequestError::Disconnected(Disconnected::Local)
    ));
    assert!(!late.is_temporary());
    // Closing what is closed is no mistake.
    soon("another close", other.close()).await;
}

#[tokio::test]
async fn closing_does_not_wait_for_a_server_that_does_not_answer() {
    let server = FakeServer::start().await;
    let (socket, _events, peer) = server.started(SocketOptions::default()).await;
    soon("the close", socket.close()).await;
    drop(peer);
}

#[tokio::test]
async fn without_events_requests_go_on() {
    let server = FakeServer::start().await;
    let few = SocketOptions {
        event_buffer: 1,
        ..SocketOptions::default()
    };
    let (socket, events, mut peer) = server.started(few).await;
    drop(events);
    for number in 0..3 {
        peer.send(&message(number)).await;
    }
    let (pong, ()) = tokio::join!(socket.ping(), answer_ping(&mut peer));
    pong.unwrap();
    drop(socket);
    assert_eq!(peer.closed().await, Some(0));
}

#[tokio::test]
async fn without_handles_events_go_on() {
    let server = FakeServer::start().await;
    let (socket, mut events, mut peer) = server.started(SocketOptions::default()).await;
    drop(socket);
    peer.send(&message(0)).await;
    assert!(matches!(
        soon("a message", events.next()).await,
        Some(Event::Message(_))
    ));
    drop(events);
    assert_eq!(peer.closed().await, Some(0));
}

#[tokio::test]
async fn dropping_a_bare_connection_closes_it_at_once() {
    let server = FakeServer::start().await;
    let session = somebody();
    let connect = server.client.connect(&session, SocketOptions::default());
    let (connection, mut peer) = tokio::join!(connect, server.accept());
    drop(connection.unwrap());
    assert_eq!(peer.closed().await, None);
}

#[tokio::test]
async fn a_connection_comes_from_the_address_it_was_told() {
    let server = FakeServer::start().await;
    let from = "127.0.0.2".parse().unwrap();
    let client = server.client.clone().local_address(from);
    let session = somebody();
    let connect = client.connect(&session, SocketOptions::default());
    let (connection, peer) = tokio::join!(connect, server.accept());
    connection.unwrap();
    assert_eq!(peer.address.ip(), from);
}

#[tokio::test]
async fn dropping_all_handles_ends_a_connection_that_is_blocked() {
    let server = FakeServer::start().await;
    let talkative = SocketOptions {
        max_request_bytes: usize::MAX,
        ..SocketOptions::default()
    };
    let (socket, events, mut peer) = server.started(talkative).await;
    let blocked = tokio::spawn(async move { socket.send_text("2...lobby", enough()).await });
    // It has begun, and the peer never reads.
    peer.socket.get_ref().readable().await.unwrap();
    drop(events);
    blocked.abort();
    let sending = async {
        while peer
            .socket
            .send(tungstenite::Message::text("{}"))
            .await
            .is_ok()
        {
            tokio::task::yield_now().await;
        }
    };
    soon("the end", sending).await;
}
