//! The end of tokens, and of the sockets opened with them.

use serde_json::{Value, json};

use crate::harness::{Close, Door, Server, Site, Tokens, settings, through_both_doors};

through_both_doors!(
    a_logout_closes_the_sockets_of_its_own_sign_in_only,
    a_deleted_account_has_no_sockets,
);

const POLICY: u16 = 1008;

async fn logout(site: &Site, by: &Tokens, body: Value) {
    let (status, answer) = site
        .call("POST", "/v2/session/logout", &by.token, body)
        .await;
    assert_eq!((status, answer), (200, json!({})));
}

async fn account_status(site: &Site, tokens: &Tokens) -> u16 {
    site.call("GET", "/v2/account", &tokens.token, Value::Null)
        .await
        .0
}

async fn refresh_status(site: &Site, tokens: &Tokens) -> u16 {
    let body = json!({"token": tokens.refresh}).to_string();
    site.http(
        "POST",
        "/v2/account/session/refresh",
        Some(&site.basic()),
        &body,
    )
    .await
    .0
}

async fn a_logout_closes_the_sockets_of_its_own_sign_in_only(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut phone = server.client("ana").await;
    let mut second = server.connect("ana", &phone.tokens).await.unwrap();
    let mut desk = server.client("ana").await;
    let mut roster = desk.join_and_look("lobby").await;
    phone.join("lobby").await;
    desk.watch(&mut roster, |r| r.len() == 2).await;

    let both = json!({"token": phone.tokens.token, "refresh_token": phone.tokens.refresh});
    logout(&server, &phone.tokens, both).await;
    for client in [&mut phone, &mut second] {
        let close = client.closed().await;
        assert!(matches!(close, Close::Frame(POLICY, _)), "{close:?}");
    }
    desk.watch(&mut roster, |r| r.len() == 1).await;
    assert_eq!(account_status(&server, &phone.tokens).await, 401);
    assert_eq!(refresh_status(&server, &phone.tokens).await, 401);
    assert_eq!(server.connect("ana", &phone.tokens).await.err(), Some(401));

    assert_eq!(account_status(&server, &desk.tokens).await, 200);
    assert_eq!(refresh_status(&server, &desk.tokens).await, 200);
    desk.send("lobby", r#"{"still":"here"}"#).await;
    server.stop().await;
}

async fn a_deleted_account_has_no_sockets(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut ana = server.client("ana").await;
    let mut ben = server.client("ben").await;
    let mut roster = ben.join_and_look("lobby").await;
    ana.join("lobby").await;
    ben.watch(&mut roster, |r| r.len() == 2).await;
    let (status, _) = server
        .call("DELETE", "/v2/account", &ana.tokens.token, Value::Null)
        .await;
    assert_eq!(status, 200);
    let close = ana.closed().await;
    assert!(matches!(close, Close::Frame(POLICY, _)), "{close:?}");
    ben.watch(&mut roster, |r| r.names() == ["ben"]).await;
    assert_eq!(account_status(&server, &ana.tokens).await, 401);
    assert_eq!(server.connect("ana", &ana.tokens).await.err(), Some(401));
    // The device makes a new account.
    let again = server.client("ana").await;
    assert_ne!(again.tokens.user(), ana.tokens.user());
    server.stop().await;
}

#[actix_web::test]
async fn a_logout_without_tokens_ends_all_sessions_and_none_that_comes_after() {
    let server = Server::start().await;
    for _ in 0..3 {
        // All within one second, and more than once.
        let mut phone = server.client("ana").await;
        let mut desk = server.client("ana").await;
        let idle = server.sign_in("ana").await;
        let mut ben = server.client("ben").await;
        logout(&server, &phone.tokens, json!({})).await;
        for client in [&mut phone, &mut desk] {
            let close = client.closed().await;
            assert!(matches!(close, Close::Frame(POLICY, _)), "{close:?}");
        }
        for tokens in [&phone.tokens, &desk.tokens, &idle] {
            assert_eq!(account_status(&server, tokens).await, 401);
            assert_eq!(refresh_status(&server, tokens).await, 401);
            assert_eq!(server.connect("ana", tokens).await.err(), Some(401));
        }
        let mut again = server.client("ana").await;
        assert_eq!(account_status(&server, &again.tokens).await, 200);
        assert_eq!(refresh_status(&server, &again.tokens).await, 200);
        assert_eq!(
            again.request(json!({"ping": {}})).await,
            json!({"pong": {}})
        );
        assert_eq!(ben.request(json!({"ping": {}})).await, json!({"pong": {}}));
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_refreshed_token_ends_with_the_sign_in_it_came_from() {
    let server = Server::start().await;
    let first = server.sign_in("ana").await;
    let body = json!({"token": first.refresh}).to_string();
    let (status, answer) = server
        .http(
            "POST",
            "/v2/account/session/refresh",
            Some(&server.basic()),
            &body,
        )
        .await;
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let text = |key: &str| answer[key].as_str().unwrap().to_owned();
    let second = Tokens {
        token: text("token"),
        refresh: text("refresh_token"),
    };
    let mut socket = server.connect("ana", &second).await.unwrap();
    logout(
        &server,
        &first,
        json!({"token": first.token, "refresh_token": first.refresh}),
    )
    .await;
    let close = socket.closed().await;
    assert!(matches!(close, Close::Frame(POLICY, _)), "{close:?}");
    assert_eq!(account_status(&server, &second).await, 401);
    server.stop().await;
}

#[actix_web::test]
async fn ended_tokens_stay_ended_over_a_restart() {
    let server = Server::start().await;
    let (one, other) = (server.sign_in("ana").await, server.sign_in("ana").await);
    let (all, gone, stays) = (
        server.sign_in("ben").await,
        server.sign_in("cid").await,
        server.sign_in("dan").await,
    );
    logout(
        &server,
        &one,
        json!({"token": one.token, "refresh_token": one.refresh}),
    )
    .await;
    logout(&server, &all, json!({})).await;
    server
        .call("DELETE", "/v2/account", &gone.token, Value::Null)
        .await;
    let server = server.restart(settings()).await;
    for (tokens, name) in [(&one, "ana"), (&all, "ben"), (&gone, "cid")] {
        assert_eq!(account_status(&server, tokens).await, 401, "{name}");
        assert_eq!(refresh_status(&server, tokens).await, 401, "{name}");
        assert_eq!(
            server.connect(name, tokens).await.err(),
            Some(401),
            "{name}"
        );
    }
    for (tokens, name) in [(&other, "ana"), (&stays, "dan")] {
        assert_eq!(account_status(&server, tokens).await, 200, "{name}");
        assert!(server.connect(name, tokens).await.is_ok(), "{name}");
    }
    let again = server.sign_in("ben").await;
    assert_eq!(account_status(&server, &again).await, 200);
    server.stop().await;
}

#[actix_web::test]
async fn no_socket_opens_without_a_good_token() {
    let server = Server::start().await;
    let good = server.sign_in("ana").await;
    let with = |token: &str| Tokens {
        token: token.to_owned(),
        refresh: String::new(),
    };
    let mut tampered = good.token.clone();
    let last = if tampered.ends_with('A') { 'B' } else { 'A' };
    tampered.replace_range(tampered.len() - 10..tampered.len() - 9, &last.to_string());
    if tampered == good.token {
        tampered.replace_range(5..6, "Z");
    }
    for (token, what) in [
        ("", "no token"),
        ("x.y.z", "no token at all"),
        (good.refresh.as_str(), "a refresh token"),
        (tampered.as_str(), "a token changed by one letter"),
    ] {
        assert_eq!(
            server.connect("ana", &with(token)).await.err(),
            Some(401),
            "{what}"
        );
    }
    assert!(server.connect("ana", &good).await.is_ok());
    server.stop().await;
}

#[actix_web::test]
async fn a_socket_keeps_its_name_until_it_connects_anew() {
    let server = Server::start().await;
    let mut ana = server.client("ana").await;
    ana.join("lobby").await;
    let rename = json!({"username": "anna"});
    let (status, _) = server
        .call("PUT", "/v2/account", &ana.tokens.token, rename)
        .await;
    assert_eq!(status, 200);
    assert_eq!(ana.send("lobby", "{}").await["username"], "ana");
    let mut again = server.client("ana").await;
    assert_eq!(again.tokens.user(), ana.tokens.user());
    let channel = again.join("lobby").await;
    assert_eq!(channel["self"]["username"], "anna");
    assert_eq!(again.send("lobby", "{}").await["username"], "anna");
    server.stop().await;
}

#[actix_web::test]
async fn a_user_is_online_while_a_socket_shows_a_status() {
    let server = Server::start().await;
    let ben = server.sign_in("ben").await;
    let online = async || {
        let (_, found) = server
            .call("GET", "/v2/user?usernames=ana", &ben.token, Value::Null)
            .await;
        found["users"][0]["online"].as_bool().unwrap_or(false)
    };
    let plain = server.client("ana").await;
    assert!(!online().await, "a plain socket does not count");
    let mut shown =
        crate::harness::Client::open(server.address, "ana", &plain.tokens, "&status=true")
            .await
            .unwrap();
    let event = shown.event("status_presence_event").await;
    assert_eq!(event["joins"][0]["username"], "ana");
    assert_eq!(event["joins"][0]["status"], "");
    assert!(online().await);
    drop(shown);
    crate::harness::until("the end of the status", async || {
        (!online().await).then_some(())
    })
    .await;
    server.stop().await;
}

#[actix_web::test]
async fn a_handshake_says_what_is_wrong_with_it() {
    let server = Server::start().await;
    let tokens = server.sign_in("ana").await;
    let open = async |query: &str| {
        crate::harness::Client::open(server.address, "ana", &tokens, query)
            .await
            .map(drop)
    };
    assert_eq!(open("&format=xml").await, Err(400));
    assert_eq!(open("&format=json").await, Ok(()));
    assert_eq!(open("&lang=xx&status=maybe&unknown=1").await, Ok(()));
    server.stop().await;
}
