//! One socket for each user, where that is asked for: the newest.

use banter::Settings;
use futures_util::future::join_all;
use serde_json::Value;

use crate::harness::{
    Client, Close, Door, Online, Roster, Server, settings, through_both_doors, until,
};

through_both_doors!(the_older_socket_is_told_and_closed);

fn single() -> Settings {
    Settings {
        single_socket: true,
        ..settings()
    }
}

/// Insists that a socket ends because there is a newer one, and is told so last of all.
async fn is_replaced(client: &mut Client) {
    let end = Close::Frame(1008, "connected elsewhere".to_owned());
    assert_eq!(client.closed().await, end);
    let mut all = Vec::new();
    while let Ok(envelope) = client.try_take("anything", |_| true).await {
        all.push(envelope);
    }
    let last = all.last().expect("a last word");
    let told = &last["notifications"]["notifications"][0];
    assert_eq!(told["code"], -7, "{last}");
    assert_ne!(told["persistent"], true, "{last}");
    assert!(!told["subject"].as_str().unwrap().is_empty(), "{last}");
    assert_eq!(told["content"], "{}", "{last}");
}

async fn the_older_socket_is_told_and_closed(door: Door) {
    let server = Server::through(door, single()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let mut watcher = server.socket(&ben).await;
    let mut roster: Roster = watcher.join_and_look("room").await;
    let mut online = Online::default();
    online.enter(&watcher.follow(&[&ana]).await);
    let mut old = server.shown_socket(&ana).await;
    old.join("room").await;
    for round in 0..10 {
        let mut new = server.shown_socket(&ana).await;
        is_replaced(&mut old).await;
        new.join("room").await;
        let status = format!("round {round}");
        new.set_status(Some(&status)).await;
        watcher
            .watch(&mut roster, |r| r.has(&new.session) && !r.has(&old.session))
            .await;
        watcher
            .look(&mut online, |o| {
                o.of(&ana) == [status.as_str()] && o.len() == 1
            })
            .await;
        server.sessions_become(2).await;
        old = new;
    }
    assert!(server.notifications(&ana).await.is_empty(), "not kept");
    old.send("room", r#"{"still":"here"}"#).await;
    let mut other = server.socket(&ana).await;
    is_replaced(&mut old).await;
    other.everything().await;
    watcher.look(&mut online, |o| o.of(&ana).is_empty()).await;
    server.stop().await;
}

#[actix_web::test]
async fn of_many_that_connect_at_once_one_is_left() {
    const CROWD: usize = 20;
    let server = Server::with(single()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let mut watcher = server.socket(&ben).await;
    for _ in 0..5 {
        let opening =
            (0..CROWD).map(|_| Client::open(server.address, "ana", &ana.tokens, "&status=true"));
        let mut clients: Vec<Client> = join_all(opening)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        server.sessions_become(2).await;
        let mut online = Online::default();
        online.enter(&watcher.follow(&[&ana]).await);
        assert_eq!(online.of(&ana), [""]);
        // All but one have ended, and that one still speaks.
        let mut alive = 0;
        for client in &mut clients {
            client.text(r#"{"cid":"alive","ping":{}}"#).await;
            match client.try_take("a pong", |v| v["cid"] == "alive").await {
                Ok(_) => alive += 1,
                Err(end) => assert!(
                    matches!(&end.0, Close::Frame(1008, _) | Close::Dropped),
                    "{end:?}"
                ),
            }
        }
        assert_eq!(alive, 1);
    }
    server.sessions_become(1).await;
    let user = server.get(&ben, &format!("/v2/user?ids={}", ana.id)).await;
    assert_ne!(user["users"][0]["online"], Value::Bool(true));
    server.stop().await;
}

#[actix_web::test]
async fn without_it_all_sockets_stay() {
    let server = Server::start().await;
    let ana = server.person("ana").await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(server.socket(&ana).await);
    }
    for client in &mut sockets {
        assert!(client.everything().await.is_empty());
    }
    until("all", async || (server.chat.sessions() == 5).then_some(())).await;
    server.stop().await;
}
