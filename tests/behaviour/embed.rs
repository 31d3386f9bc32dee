//! The chat inside another program: the handle, and the example of a matchmaker.

use std::time::{Duration, Instant};

use actix_web::{App, HttpServer, web};
use banter::{ChannelId, SendError, UserId};
use serde_json::{Value, json};

use crate::harness::{Close, Door, Raw, Server, Site, settings, through_both_doors, until};

#[allow(dead_code)] // Its `main`.
#[path = "../../examples/embed.rs"]
mod matchmaker;

through_both_doors!(
    the_host_speaks_as_the_server,
    the_host_sees_who_is_there,
    the_host_closes_the_sockets_of_a_user,
    the_host_shuts_the_chat_down,
);

fn room(name: &str) -> ChannelId {
    ChannelId::parse(&format!("2...{name}")).unwrap()
}

async fn the_host_speaks_as_the_server(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut ana = server.clients_in("lobby", &["ana"]).await.pop().unwrap();
    ana.send("lobby", r#"{"n":1}"#).await;
    let sent = server
        .chat
        .send(&room("lobby"), "referee", r#"{ "n": 2 }"#)
        .await
        .unwrap();
    ana.send("lobby", r#"{"n":3}"#).await;
    assert_eq!(
        (sent.sender, &*sent.username, sent.persistent),
        (UserId::SERVER, "referee", true)
    );

    let heard = ana.messages(3).await;
    let message = &heard[1];
    assert_eq!(message["sender_id"], "00000000-0000-0000-0000-000000000000");
    assert_eq!(message["username"], "referee");
    assert_eq!(message["content"], r#"{ "n": 2 }"#);
    assert_eq!(message["message_id"], sent.id.0.to_string());
    assert_eq!(
        server.whole_history(&ana.tokens.token, "lobby").await,
        heard
    );
    // Nobody changes what the server said.
    let refused = ana.try_remove("lobby", &message["message_id"]).await;
    assert_eq!(refused["error"]["code"], 3);

    // Also where nobody is.
    server
        .chat
        .send(&room("empty"), "referee", "{}")
        .await
        .unwrap();
    assert_eq!(
        server.whole_history(&ana.tokens.token, "empty").await.len(),
        1
    );
    let error = server
        .chat
        .send(&room("lobby"), "referee", "no object")
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Content(_)), "{error}");
    server.stop().await;
}

async fn the_host_sees_who_is_there(door: Door) {
    let server = Server::through(door, settings()).await;
    assert!(server.chat.presences(&room("lobby")).await.is_empty());
    let ana = server.clients_in("lobby", &["ana"]).await.pop().unwrap();
    let mut spy = server.client("spy").await;
    spy.join_as("lobby", json!({"hidden": true})).await;
    let there = server.chat.presences(&room("lobby")).await;
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].session.to_string(), ana.session);
    assert_eq!(there[0].user.to_string(), ana.tokens.user());
    assert_eq!(&*there[0].username, "ana");
    assert_eq!(server.chat.sessions(), 2);
    drop(ana);
    until("an empty room", async || {
        server
            .chat
            .presences(&room("lobby"))
            .await
            .is_empty()
            .then_some(())
    })
    .await;
    server.stop().await;
}

async fn the_host_closes_the_sockets_of_a_user(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut phone = server.client("ana").await;
    let mut desk = server.client("ana").await;
    let mut ben = server.client("ben").await;
    let mut roster = ben.join_and_look("lobby").await;
    phone.join("lobby").await;
    ben.watch(&mut roster, |r| r.len() == 2).await;
    let ana = UserId::parse(&phone.tokens.user()).unwrap();
    assert_eq!(server.chat.close_user(ana), 2);
    for client in [&mut phone, &mut desk] {
        assert_eq!(
            client.closed().await,
            Close::Frame(1008, "closed by the server".to_owned())
        );
    }
    ben.watch(&mut roster, |r| r.names() == ["ben"]).await;
    assert_eq!(server.chat.close_user(UserId::random()), 0);
    // The token is still good.
    let mut back = server.connect("ana", &phone.tokens).await.unwrap();
    back.join("lobby").await;
    server.stop().await;
}

async fn the_host_shuts_the_chat_down(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut clients = server.clients_in("lobby", &["ana", "ben"]).await;
    clients[0].send("lobby", r#"{"last":"words"}"#).await;
    let chat = server.chat.clone();
    let ending = actix_web::rt::spawn(async move { chat.shutdown(Duration::from_secs(5)).await });
    for client in &mut clients {
        client.messages(1).await;
        assert_eq!(
            client.closed().await,
            Close::Frame(1001, "server shutting down".to_owned())
        );
    }
    ending.await.unwrap();
    assert_eq!(server.chat.sessions(), 0);
    assert_eq!(
        server.connect("ana", &clients[0].tokens).await.err(),
        Some(503)
    );
    assert!(
        server
            .chat
            .send(&room("lobby"), "host", "{}")
            .await
            .is_err()
    );
    let (status, _) = server
        .try_history(&clients[0].tokens.token, "2...lobby", Default::default())
        .await;
    assert_eq!(status, 503);
    server.stop().await;
}

#[actix_web::test]
async fn one_call_serves_the_host_and_ends_its_server_and_the_chat_in_order() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.data_dir = data.path().to_owned();
    let chat = banter::Builder::new(settings.clone())
        .start()
        .await
        .unwrap();
    let mounted = chat.clone();
    let server = HttpServer::new(move || App::new().configure(|app| mounted.configure(app)))
        .workers(2)
        .bind("127.0.0.1:0")
        .unwrap();
    let site = Site::new(server.addrs()[0]);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let watched = chat.clone();
    let serving = actix_web::rt::spawn(async move {
        chat.serve_until(server, async { drop(stopped.await) })
            .await
    });
    let mut ana = site.clients_in("lobby", &["ana"]).await.pop().unwrap();
    ana.send("lobby", r#"{"last":"words"}"#).await;
    assert!(watched.is_ready().await);
    let mut idle = Raw::connect(site.address).await;
    let asked = "GET /healthcheck HTTP/1.1\nHost: x\n";
    assert_eq!(idle.ask(asked, b"").await.status, 200);

    let begun = Instant::now();
    stop.send(()).unwrap();
    assert_eq!(
        ana.closed().await,
        Close::Frame(1001, "server shutting down".to_owned())
    );
    idle.ended().await;
    serving.await.unwrap().unwrap();
    assert!(!watched.is_ready().await);
    // Thirty seconds would be what actix waits for an open socket.
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    let again = banter::Builder::new(settings).start().await;
    again.expect("the data directory is free");
}

#[actix_web::test]
async fn the_matchmaker_of_the_example_brings_two_players_into_one_room() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.data_dir = data.path().to_owned();
    let chat = banter::Builder::new(settings).start().await.unwrap();
    let (mounted, lobby) = (chat.clone(), web::Data::new(matchmaker::Lobby::default()));
    let server = HttpServer::new(move || {
        App::new().configure(|app| matchmaker::routes(app, &mounted, &lobby))
    })
    .workers(2)
    .disable_signals()
    .client_disconnect_timeout(Duration::ZERO)
    .bind("127.0.0.1:0")
    .unwrap();
    let site = Site::new(server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);

    let ask = async || -> Value {
        let (status, answer) = site.http("POST", "/match", None, "").await;
        assert_eq!(status, 200);
        serde_json::from_slice(&answer).unwrap()
    };
    let first = ask().await;
    let name = first["room"].as_str().unwrap();
    let mut ana = site.clients_in(name, &["ana"]).await.pop().unwrap();
    let second = ask().await;
    assert_eq!(second, first, "both players get the same room");
    assert_eq!(ana.messages(1).await[0]["content"], r#"{"match":"ready"}"#);
    let mut ben = site.clients_in(name, &["ben"]).await.pop().unwrap();
    ben.send(name, r#"{"good":"luck"}"#).await;
    let heard = ana.messages(1).await;
    assert_eq!(
        (&heard[0]["username"], &heard[0]["content"]),
        (&json!("ben"), &json!(r#"{"good":"luck"}"#))
    );
    let history = site.whole_history(&ana.tokens.token, name).await;
    assert_eq!(history.len(), 3);
    assert_eq!(history[0]["content"], r#"{"match":"waiting"}"#);
    assert_eq!(history[0]["username"], "matchmaker");
    let third = ask().await;
    assert_ne!(third, first, "the next two have a room of their own");
    // The host's own paths stay its own.
    let (status, _) = site.http("GET", "/", None, "").await;
    assert_eq!(status, 404);

    chat.shutdown(Duration::from_secs(5)).await;
    handle.stop(false).await;
}
