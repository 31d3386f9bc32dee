use std::time::Duration;

use banter_client::{
    ApiError, ConnectError, Disconnected, Envelope, Event, Format, MessageCode, RequestError,
    SocketOptions,
    protocol::{Channel, ChannelMessage, ChannelMessageSend, Message, Ping},
};
use futures_util::{FutureExt as _, future::join_all};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite;

use crate::{
    ending,
    fake::{FakeServer, enough, somebody},
    next_message, soon,
};

fn text(text: &str) -> tungstenite::Message {
    tungstenite::Message::text(text)
}

#[tokio::test]
async fn garbage_ends_the_connection_with_what_is_wrong() {
    let server = FakeServer::start().await;
    let small = SocketOptions {
        max_message_bytes: 1000,
        ..SocketOptions::default()
    };
    for garbage in [
        text(""),
        text("no json"),
        text("[]"),
        text(r#"{"channel":{},"pong":{}}"#),
        text(r#"{"channel":{"presences":7}}"#),
        tungstenite::Message::binary(r#"{"pong":{}}"#.as_bytes()),
    ] {
        let (socket, mut events, mut peer) = server.started(small).await;
        peer.raw(garbage.clone()).await;
        let reason = ending(&mut events).await;
        assert!(
            matches!(reason, Disconnected::Undecodable { .. }),
            "{garbage}: {reason:?}"
        );
        assert!(!reason.is_temporary());
        assert!(socket.ping().await.is_err());
    }
    let (_socket, mut events, mut peer) = server.started(small).await;
    peer.raw(text(&"x".repeat(1001))).await;
    let reason = ending(&mut events).await;
    assert!(
        matches!(reason, Disconnected::TooBig { limit: 1000 }),
        "{reason:?}"
    );
}

#[tokio::test]
async fn bytes_that_are_no_websocket_end_the_connection() {
    let server = FakeServer::start().await;
    for (bytes, is_whole) in [
        (&b"\xff\xff\xff"[..], false),
        (b"HTTP/1.1 200", false),
        (b"\x81\x02\xff\xfe", true),
        (b"\x81\xff", false),
    ] {
        let (_socket, mut events, mut peer) = server.started(SocketOptions::default()).await;
        peer.socket.get_mut().write_all(bytes).await.unwrap();
        peer.socket.get_mut().shutdown().await.unwrap();
        let reason = ending(&mut events).await;
        match reason {
            Disconnected::Undecodable { .. } if is_whole => {}
            // The end came before it could be told what it was.
            Disconnected::Dropped(_) if !is_whole => {}
            other => panic!("{bytes:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn who_stops_waiting_in_the_middle_of_a_message_loses_nothing() {
    let server = FakeServer::start().await;
    let session = somebody();
    let connect = server.client.connect(&session, SocketOptions::default());
    let (connection, mut peer) = tokio::join!(connect, server.accept());
    let mut connection = connection.unwrap();
    let frame = b"\x81\x15{\"cid\":\"a\",\"pong\":{}}";
    for middle in [1, 2, 10, frame.len() - 1] {
        let (first, second) = frame.split_at(middle);
        peer.socket.get_mut().write_all(first).await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_millis(20), connection.next());
        assert!(waiting.await.is_err(), "a message in {middle} bytes");
        peer.socket.get_mut().write_all(second).await.unwrap();
        let pong = soon("a pong", connection.next()).await.unwrap();
        assert_eq!(pong.cid, "a");
    }
}

#[tokio::test]
async fn what_was_begun_to_be_sent_is_sent_whole() {
    let server = FakeServer::start().await;
    let session = somebody();
    let connect = server.client.connect(&session, SocketOptions::default());
    let (connection, mut peer) = tokio::join!(connect, server.accept());
    let mut connection = connection.unwrap();
    let envelope = |cid: &str, content: String| Envelope {
        cid: cid.to_owned(),
        message: Some(Message::ChannelMessageSend(ChannelMessageSend {
            channel_id: "2...lobby".to_owned(),
            content,
        })),
    };
    let long = envelope("long", enough());
    assert!(connection.send(&long).now_or_never().is_none());
    // Waits for what is before it, and is not begun.
    let never = envelope("never", "{}".to_owned());
    assert!(connection.send(&never).now_or_never().is_none());
    let short = envelope("short", "{}".to_owned());
    let (sent, received) = tokio::join!(connection.send(&short), async {
        [peer.receive().await, peer.receive().await]
    });
    sent.unwrap();
    assert!(received == [long, short], "something else");
}

#[tokio::test]
async fn what_is_newer_than_the_client_is_no_trouble() {
    let server = FakeServer::start().await;
    let (socket, mut events, mut peer) = server.started(SocketOptions::default()).await;
    peer.raw(text(r#"{"something_new":{"a":1}}"#)).await;
    assert!(matches!(
        soon("it", events.next()).await,
        Some(Event::Other(_))
    ));
    peer.raw(text(r#"{"match_data":{"match_id":"m","op_code":"7"}}"#))
        .await;
    let other = soon("it", events.next()).await;
    let Some(Event::Other(Envelope {
        message: Some(Message::MatchData(_)),
        ..
    })) = other
    else {
        panic!("{other:?}");
    };
    peer.raw(text(
        r#"{"channel_message":{"code":77,"content":"{}","reactions":[]}}"#,
    ))
    .await;
    let message = next_message(&mut events).await;
    assert_eq!(message.code, MessageCode::Other(77));
    assert_eq!(message.create_time, std::time::SystemTime::UNIX_EPOCH);
    peer.raw(text(r#"{"error":{"code":7,"message":"soon over"}}"#))
        .await;
    let Some(Event::Refused(refusal)) = soon("it", events.next()).await else {
        panic!("an error without a cid is lost");
    };
    assert_eq!((refusal.code, refusal.message.as_str()), (7, "soon over"));
    drop(socket);
}

#[tokio::test]
async fn an_answer_of_another_kind_is_an_error_of_its_request_only() {
    let server = FakeServer::start().await;
    let (socket, _events, mut peer) = server.started(SocketOptions::default()).await;
    let (answer, ()) = tokio::join!(socket.join_room("lobby"), async {
        let cid = peer.receive().await.cid;
        peer.send(&Envelope { cid, message: None }).await;
    });
    assert!(matches!(
        answer,
        Err(RequestError::Unexpected { answer: "nothing" })
    ));
    let (answer, ()) = tokio::join!(socket.ping(), async {
        let cid = peer.receive().await.cid;
        let message = Some(Message::Channel(Channel::default()));
        peer.send(&Envelope { cid, message }).await;
    });
    assert!(matches!(
        answer,
        Err(RequestError::Unexpected { answer: "channel" })
    ));
}

#[tokio::test]
async fn a_server_may_ping_in_both_ways() {
    let server = FakeServer::start().await;
    let (_socket, _events, mut peer) = server.started(SocketOptions::default()).await;
    let ping = Envelope {
        cid: "from the server".into(),
        message: Some(Message::Ping(Ping {})),
    };
    peer.send(&ping).await;
    let pong = peer.receive().await;
    assert_eq!(pong.cid, "from the server");
    assert!(matches!(pong.message, Some(Message::Pong(_))));
    peer.raw(tungstenite::Message::Ping("now".into())).await;
    let pong = soon("a pong", futures_util::StreamExt::next(&mut peer.socket)).await;
    assert_eq!(
        pong.unwrap().unwrap(),
        tungstenite::Message::Pong("now".into())
    );
}

#[tokio::test]
async fn a_ping_that_comes_while_the_client_is_blocked_is_answered_later() {
    let server = FakeServer::start().await;
    let talkative = SocketOptions {
        max_request_bytes: usize::MAX,
        ..SocketOptions::default()
    };
    let (socket, mut events, mut peer) = server.started(talkative).await;
    let blocked = tokio::spawn(async move { socket.send_text("2...lobby", enough()).await });
    peer.socket.get_ref().readable().await.unwrap();
    for cid in ["first", "last"] {
        let message = Some(Message::Ping(Ping {}));
        let cid = cid.to_owned();
        peer.send(&Envelope { cid, message }).await;
    }
    peer.raw(text(r#"{"channel_message":{}}"#)).await;
    next_message(&mut events).await;
    // Those who do not read get one answer for many.
    let long = peer.receive().await;
    assert!(matches!(long.message, Some(Message::ChannelMessageSend(_))));
    let pong = peer.receive().await;
    assert_eq!(pong.cid, "last");
    assert!(matches!(pong.message, Some(Message::Pong(_))));
    blocked.abort();
}

#[tokio::test]
async fn requests_reach_the_server_in_the_order_in_which_they_were_begun() {
    let server = FakeServer::start().await;
    let (socket, _events, mut peer) = server.started(SocketOptions::default()).await;
    let send = |number: usize| {
        let socket = &socket;
        async move { socket.send("2...lobby", &number).await }
    };
    // More than may be under way, and than tokio lets a task do at once.
    let sends = join_all((0..200).map(send));
    let heard = async {
        let mut heard: Vec<usize> = Vec::new();
        while heard.len() < 200 {
            let request = peer.receive().await;
            let Some(Message::ChannelMessageSend(sent)) = request.message else {
                panic!("{request:?}");
            };
            heard.push(sent.content.parse().unwrap());
            let message = Some(Message::ChannelMessageAck(Default::default()));
            let cid = request.cid;
            peer.send(&Envelope { cid, message }).await;
        }
        heard
    };
    let (acks, heard) = tokio::join!(soon("the acks", sends), heard);
    assert!(acks.iter().all(Result::is_ok));
    assert_eq!(heard, (0..200).collect::<Vec<usize>>());
}

#[tokio::test]
async fn all_formats_say_the_same() {
    let server = FakeServer::start().await;
    for format in Format::ALL {
        let options = SocketOptions {
            format,
            ..SocketOptions::default()
        };
        let (socket, mut events, mut peer) = server.started(options).await;
        let (channel, ()) = tokio::join!(socket.join_room("lobby"), async {
            let join = peer.receive().await;
            let Some(Message::ChannelJoin(asked)) = join.message else {
                panic!("{format}: {join:?}");
            };
            assert_eq!((asked.target.as_str(), asked.r#type), ("lobby", 1));
            let channel = Channel {
                id: "2...lobby".into(),
                ..Channel::default()
            };
            let message = Some(Message::Channel(channel));
            peer.send(&Envelope {
                cid: join.cid,
                message,
            })
            .await;
            let message = ChannelMessage {
                content: r#"{"text":"hello"}"#.into(),
                code: Some(0),
                ..ChannelMessage::default()
            };
            let message = Some(Message::ChannelMessage(message));
            peer.send(&Envelope {
                cid: String::new(),
                message,
            })
            .await;
        });
        assert_eq!(channel.unwrap().id, "2...lobby");
        assert_eq!(
            next_message(&mut events).await.content,
            r#"{"text":"hello"}"#
        );
    }
}

/// What a call and a connection make of these bytes as an answer.
async fn answered(bytes: &'static [u8]) -> (ApiError, ConnectError) {
    let server = FakeServer::start().await;
    let answer = async || {
        let mut stream = server.accept_tcp().await;
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        // The client may hang up first.
        let _ = stream.read(&mut request).await;
    };
    let session = somebody();
    let sign_in = server.client.authenticate_device("a-device-of-ana", None);
    let (call, ()) = tokio::join!(soon("an error", sign_in), answer());
    let connect = server.client.connect(&session, SocketOptions::default());
    let (connect, ()) = tokio::join!(soon("an error", connect), answer());
    (call.unwrap_err(), connect.unwrap_err())
}

#[tokio::test]
async fn what_stands_before_a_server_may_answer_in_its_place() {
    let (call, connect) = answered(
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 9\r\nconnection: close\r\n\r\n try later",
    )
    .await;
    assert!(
        matches!(&call, ApiError::Refused { status: 503, code: 2, message } if message == "try late"),
        "{call:?}"
    );
    assert!(
        matches!(connect, ConnectError::Refused { status: 503, .. }),
        "{connect:?}"
    );
    assert!(call.is_temporary() && connect.is_temporary());

    let (call, connect) =
        answered(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>").await;
    assert!(matches!(call, ApiError::Unexpected { .. }), "{call:?}");
    assert!(
        matches!(connect, ConnectError::Refused { status: 200, .. }),
        "{connect:?}"
    );

    let (call, _) = answered(
        b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\nconnection: close\r\n\r\n{\"token\":\"nonsense\"}",
    )
    .await;
    assert!(matches!(call, ApiError::Unexpected { .. }), "{call:?}");

    let (call, connect) = answered(b"SSH-2.0-OpenSSH_9.6\r\n").await;
    assert!(matches!(call, ApiError::Transport(_)), "{call:?}");
    assert!(
        matches!(connect, ConnectError::Handshake { .. }),
        "{connect:?}"
    );
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn https_begins_with_tls_and_fails_where_there_is_none() {
    let server = FakeServer::start().await;
    let client = banter_client::Client::new(&server.url.replace("http", "https")).unwrap();
    let hang_up = async || {
        let mut stream = server.accept_tcp().await;
        const HANDSHAKE: u8 = 22;
        assert_eq!(stream.read_u8().await.unwrap(), HANDSHAKE);
    };
    let session = somebody();
    let sign_in = client.authenticate_device("a-device-of-ana", None);
    let (call, ()) = tokio::join!(soon("an error", sign_in), hang_up());
    assert!(matches!(call, Err(ApiError::Transport(_))), "{call:?}");
    let connect = client.connect(&session, SocketOptions::default());
    let (connect, ()) = tokio::join!(soon("an error", connect), hang_up());
    assert!(
        matches!(connect, Err(ConnectError::Transport(_))),
        "{connect:?}"
    );
}
