use std::{future::poll_fn, pin::pin, task::Poll, thread, time::Duration};

use banter_client::{
    ApiError, ConnectError, Disconnected, Envelope, Event, RequestError, SocketOptions,
    protocol::{Message, Pong},
};
use futures_util::future::join_all;

use crate::{
    ending,
    fake::{FakeServer, somebody},
    soon,
};

/// Of what is sure not to come.
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_server_that_never_answers_is_not_waited_for() {
    // Takes connections, as the system does that for it.
    let server = FakeServer::start().await;
    let client = server.client.clone().timeout(SHORT);
    let error = soon(
        "a timeout",
        client.authenticate_device("a-device-of-ana", None),
    )
    .await;
    let error = error.unwrap_err();
    assert!(matches!(error, ApiError::Timeout) && error.is_temporary());
    let error = soon(
        "a timeout",
        client.connect(&somebody(), SocketOptions::default()),
    )
    .await;
    let error = error.unwrap_err();
    assert!(matches!(error, ConnectError::Timeout) && error.is_temporary());
}

#[tokio::test]
async fn a_request_without_an_answer_times_out_and_the_next_one_goes_on() {
    let server = FakeServer::start().await;
    let hasty = SocketOptions {
        request_timeout: SHORT,
        max_requests: 1,
        ..SocketOptions::default()
    };
    let (socket, _events, mut peer) = server.started(hasty).await;
    let error = soon("a timeout", socket.ping()).await.unwrap_err();
    assert!(matches!(error, RequestError::Timeout) && error.is_temporary());
    let late = peer.receive().await;
    let pong = |cid| Envelope {
        cid,
        message: Some(Message::Pong(Pong {})),
    };
    // Nobody waits for this one any more.
    peer.send(&pong(late.cid)).await;
    let answers = async {
        loop {
            let cid = peer.receive().await.cid;
            peer.send(&pong(cid)).await;
        }
    };
    let patient = async {
        // Its turn may come too late on a busy machine.
        loop {
            match socket.ping().await {
                Err(RequestError::Timeout) => {}
                other => return other,
            }
        }
    };
    tokio::select! {
        pong = patient => pong.unwrap(),
        () = answers => {}
    }
}

#[tokio::test]
async fn a_server_that_has_gone_silent_is_given_up() {
    let server = FakeServer::start().await;
    let impatient = SocketOptions {
        heartbeat: SHORT,
        ..SocketOptions::default()
    };
    // The fake server answers pings only while it reads.
    let (_socket, mut events, peer) = server.started(impatient).await;
    let reason = ending(&mut events).await;
    assert!(matches!(reason, Disconnected::Silent) && reason.is_temporary());
    drop(peer);
}

#[tokio::test]
async fn a_server_that_answers_pings_is_kept() {
    let server = FakeServer::start().await;
    let impatient = SocketOptions {
        // Longer than this process may be held up.
        heartbeat: Duration::from_secs(1),
        ..SocketOptions::default()
    };
    let (socket, mut events, mut peer) = server.started(impatient).await;
    // Two pings in a row mean that the first one's answer was taken for a sign of life.
    let mut pings = 0;
    while pings < 2 {
        use futures_util::StreamExt as _;
        let read = soon("a ping", peer.socket.next()).await.unwrap().unwrap();
        pings += usize::from(read.is_ping());
    }
    drop(socket);
    peer.close(1000, "").await;
    assert!(matches!(
        ending(&mut events).await,
        Disconnected::Closed { code: 1000, .. }
    ));
}

#[tokio::test]
async fn a_heartbeat_may_be_as_short_or_as_long_as_one_likes() {
    let server = FakeServer::start().await;
    for heartbeat in [Duration::ZERO, Duration::MAX] {
        let options = SocketOptions {
            heartbeat,
            ..SocketOptions::default()
        };
        let (_socket, mut events, mut peer) = server.started(options).await;
        peer.close(1000, "").await;
        let reason = ending(&mut events).await;
        let is_expected = match &reason {
            Disconnected::Closed { code: 1000, .. } => true,
            // Of no time at all the server may well be late.
            Disconnected::Silent => heartbeat.is_zero(),
            _ => false,
        };
        assert!(is_expected, "{reason:?}");
    }
}

/// More than a tokio thread looks at before it looks at its timers, so that most tasks find all at once: a request to
/// write, something to read and a heartbeat.
const MANY: usize = 150;

#[tokio::test]
async fn what_came_while_the_process_was_held_up_is_a_sign_of_life() {
    let server = FakeServer::start().await;
    let session = somebody();
    let heartbeat = Duration::from_secs(1);
    let options = SocketOptions {
        heartbeat,
        ..SocketOptions::default()
    };
    let (mut connections, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..MANY {
        let connect = server.client.connect(&session, options);
        let (connection, peer) = tokio::join!(connect, server.accept());
        connections.push(connection.unwrap());
        peers.push(peer);
    }
    let started = connections.into_iter().map(|connection| connection.start());
    let (sockets, all_events): (Vec<_>, Vec<_>) = started.unzip();
    // All have asked for a sign of life, and wait for it.
    tokio::time::sleep(heartbeat.mul_f32(2.5)).await;

    let mut pings = pin!(join_all(sockets.iter().map(|socket| socket.ping())));
    poll_fn(|cx| {
        assert!(pings.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    for peer in &mut peers {
        let envelope = b"\x81\x02{}";
        assert_eq!(peer.socket.get_mut().try_write(envelope).unwrap(), 4);
    }
    thread::sleep(heartbeat.mul_f32(0.7));
    for mut events in all_events {
        let event = soon("a sign of life", events.next()).await;
        assert!(matches!(event, Some(Event::Other(_))), "{event:?}");
    }
}
