//! REST as proxies, old programs and browsers ask for it.

use crate::harness::{Door, Raw, Server, settings, through_both_doors};

through_both_doors!(
    header_names_have_the_usual_capitals,
    an_upgrade_that_nobody_takes_is_an_ordinary_request,
    preflights_may_name_harmless_headers_or_none,
    an_old_proxy_gets_whole_answers,
    head_is_served_wherever_get_is,
    the_history_is_found_by_a_parameter_as_well,
);

async fn header_names_have_the_usual_capitals(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut client = Raw::connect(server.address).await;
    for (asked, status) in [
        (
            "GET /healthcheck HTTP/1.1\nHost: x\nOrigin: https://play.example.net\n",
            200,
        ),
        (
            "GET /v2/account HTTP/1.1\nHost: x\nOrigin: https://play.example.net\n",
            401,
        ),
    ] {
        let answer = client.ask(asked, b"").await;
        assert_eq!(answer.status, status);
        for name in [
            "Content-Type",
            "Content-Length",
            "Cache-Control",
            "X-Content-Type-Options",
            "Access-Control-Allow-Origin",
        ] {
            assert!(
                answer.head.contains(&format!("\r\n{name}: ")),
                "{}",
                answer.head
            );
        }
        for line in answer.head.trim_end().lines().skip(1) {
            assert!(line.starts_with(|c: char| c.is_ascii_uppercase()), "{line}");
        }
    }
    server.stop().await;
}

async fn an_upgrade_that_nobody_takes_is_an_ordinary_request(door: Door) {
    let server = Server::through(door, settings()).await;
    for offer in [
        // nginx, where it is told to say so of every request.
        "Connection: upgrade\n",
        // The HTTP client of the JDK.
        "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\n",
    ] {
        for body in ["", "{\"id\": \"a-device-behind-a-proxy\"}"] {
            let mut client = Raw::connect(server.address).await;
            let path = "/v2/account/authenticate/device";
            let asked = format!(
                "POST {path} HTTP/1.1\nHost: x\nAuthorization: {}\nContent-Length: {}\n{offer}",
                server.basic(),
                body.len()
            );
            let answer = client.ask(&asked, body.as_bytes()).await;
            assert_eq!(
                answer.status,
                if body.is_empty() { 400 } else { 200 },
                "{offer}"
            );
            // A proxy that were not told would send its next request here, and lose it.
            assert_eq!(
                answer.header("connection"),
                Some("close"),
                "{}",
                answer.head
            );
            client.ended().await;
        }
    }
    server.stop().await;
}

async fn preflights_may_name_harmless_headers_or_none(door: Door) {
    let server = Server::through(door, settings()).await;
    for (named, status) in [
        ("Access-Control-Request-Headers:\n", 200),
        (
            "Access-Control-Request-Headers: accept, authorization, content-type\n",
            200,
        ),
        (
            "Access-Control-Request-Headers: origin, accept-language, content-language, authorization\n",
            200,
        ),
        ("", 200),
        (
            "Access-Control-Request-Headers: accept, x-of-our-own\n",
            400,
        ),
    ] {
        let mut client = Raw::connect(server.address).await;
        let asked = format!(
            "OPTIONS /v2/account HTTP/1.1\nHost: x\nOrigin: https://play.example.net\n\
             Access-Control-Request-Method: PUT\n{named}"
        );
        let answer = client.ask(&asked, b"").await;
        assert_eq!(answer.status, status, "{named}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        if status == 200 {
            assert_eq!(
                answer.header("access-control-allow-origin"),
                Some("*"),
                "{named}"
            );
        }
    }
    server.stop().await;
}

async fn an_old_proxy_gets_whole_answers(door: Door) {
    let server = Server::through(door, settings()).await;
    let tokens = server.sign_in("ana").await;
    let ask = async |version: &str| {
        let mut client = Raw::connect(server.address).await;
        let asked = format!(
            "GET /v2/account HTTP/{version}\nHost: x\nAccept-Encoding: gzip\nAuthorization: Bearer {}\n",
            tokens.token
        );
        client.ask(&asked, b"").await
    };
    let answer = ask("1.0").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("transfer-encoding"),
        None,
        "HTTP/1.0 has no chunks"
    );
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.json()["user"]["username"], "ana");
    let packed = ask("1.1").await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.header("transfer-encoding"), Some("chunked"));
    server.stop().await;
}

async fn head_is_served_wherever_get_is(door: Door) {
    let server = Server::through(door, settings()).await;
    let tokens = server.sign_in("ana").await;
    let mut client = Raw::connect(server.address).await;
    let probes: &[&str] = match door {
        Door::Own => &["/", "/livez", "/readyz"],
        // The host has its own.
        Door::Embedded => &[],
    };
    let paths = [
        "/healthcheck",
        "/v2/account",
        "/v2/user?usernames=ana",
        "/v2/channel/2...lobby",
        "/v2/channel?channel_id=2...lobby",
        "/v2/friend",
        "/v2/group",
        "/v2/notification",
    ];
    for path in paths.iter().chain(probes) {
        let mut lengths = Vec::new();
        for method in ["GET", "HEAD"] {
            let asked = format!(
                "{method} {path} HTTP/1.1\nHost: x\nAuthorization: Bearer {}\n",
                tokens.token
            );
            let answer = client.ask(&asked, b"").await;
            assert_eq!(answer.status, 200, "{method} {path}");
            lengths.push(answer.header("content-length").map(str::to_owned));
        }
        assert_eq!(lengths[0], lengths[1], "{path}");
    }
    server.stop().await;
}

async fn the_history_is_found_by_a_parameter_as_well(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut ana = server
        .clients_in("pizza fans", &["ana"])
        .await
        .pop()
        .unwrap();
    for n in 0..3 {
        ana.send("pizza fans", &format!(r#"{{"n":{n}}}"#)).await;
    }
    let token = ana.tokens.token.clone();
    let get = async |path: &str| {
        server
            .call("GET", path, &token, serde_json::Value::Null)
            .await
    };
    let query = "limit=2&forward=false";
    let by_path = get(&format!("/v2/channel/2...pizza%20fans?{query}")).await;
    assert_eq!(by_path.0, 200);
    let by_parameter = get(&format!("/v2/channel?channel_id=2...pizza+fans&{query}")).await;
    assert_eq!(by_parameter, by_path);
    let next = by_path.1["next_cursor"].as_str().unwrap();
    let rest = get(&format!(
        "/v2/channel?channel_id=2...pizza%20fans&{query}&cursor={next}"
    ))
    .await;
    assert_eq!(rest.1["messages"][0]["content"], r#"{"n":0}"#);
    for (path, status, code) in [
        ("/v2/channel", 404, 5),
        ("/v2/channel?channel_id=x", 400, 3),
    ] {
        let (found, body) = get(path).await;
        assert_eq!((found, &body["code"]), (status, &code.into()), "{path}");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains("channel"), "{body}");
    }
    server.stop().await;
}
