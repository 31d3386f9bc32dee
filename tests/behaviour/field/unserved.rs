//! What the protocol has and this server does not: named, after the credentials have been looked at, and so that
//! neither a library asks again nor a game registers an account.

use serde_json::{Value, json};

use crate::harness::Server;

#[actix_web::test]
async fn a_feature_that_is_not_served_is_named_to_those_who_may_ask() {
    let server = Server::start().await;
    let tokens = server.sign_in("ana").await;
    let (basic, bearer) = (server.basic(), format!("Bearer {}", tokens.token));
    for (method, path, auth, named) in [
        (
            "POST",
            "/v2/account/authenticate/google?create=false",
            &basic,
            "another service",
        ),
        (
            "POST",
            "/v2/account/authenticate/apple",
            &basic,
            "another service",
        ),
        ("POST", "/v2/account/link/steam", &bearer, "another service"),
        (
            "POST",
            "/v2/account/unlink/facebook",
            &bearer,
            "another service",
        ),
        ("POST", "/v2/rpc/give_sword", &bearer, "rpc"),
        ("GET", "/v2/rpc/give_sword?payload=x", &bearer, "rpc"),
        ("PUT", "/v2/storage", &bearer, "storage"),
        ("GET", "/v2/storage/saves/someone", &bearer, "storage"),
        ("PUT", "/v2/storage/delete", &bearer, "storage"),
        (
            "GET",
            "/v2/leaderboard/weekly/owner/x",
            &bearer,
            "leaderboards",
        ),
        ("DELETE", "/v2/tournament/cup", &bearer, "tournaments"),
        ("GET", "/v2/match?limit=10", &bearer, "matches"),
        ("POST", "/v2/iap/purchase/google", &bearer, "purchases"),
        ("POST", "/v2/event", &bearer, "events"),
        ("POST", "/v2/friend/steam", &bearer, "friends"),
    ] {
        let wrong = if auth == &basic {
            "Basic d3Jvbmc6"
        } else {
            "Bearer forged"
        };
        for refused in [None, Some(wrong)] {
            let (status, body) = server.http(method, path, refused, "{}").await;
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(
                (status, &body["code"]),
                (401, &json!(16)),
                "{method} {path}"
            );
        }
        let (status, body) = server.http(method, path, Some(auth), "{}").await;
        let body: Value = serde_json::from_slice(&body).unwrap();
        // Failed precondition: what the reference says of a feature that its operator has not set up.
        assert_eq!((status, &body["code"]), (400, &json!(9)), "{method} {path}");
        let message = body["message"].as_str().unwrap();
        assert!(
            message.contains(named) && message.contains("not served"),
            "{path}: {message}"
        );
    }
    server.stop().await;
}

#[actix_web::test]
async fn what_is_served_beside_them_is_found_as_before() {
    let server = Server::start().await;
    let tokens = server.sign_in("ana").await;
    let link = json!({"id": "another-device"});
    let (status, _) = server
        .call("POST", "/v2/account/link/device", &tokens.token, link)
        .await;
    assert_eq!(status, 200);
    let (status, body) = server
        .call(
            "GET",
            "/v2/account/authenticate/device",
            &tokens.token,
            Value::Null,
        )
        .await;
    assert_eq!((status, &body["code"]), (501, &json!(12)), "another method");
    let (status, body) = server.http("GET", "/v2/no/such/path", None, "").await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &body["code"]), (404, &json!(5)));
    server.stop().await;
}
