//! The handshakes of the Nakama clients for each engine, and the one spelling of the answer they all take.

use crate::harness::{Door, Raw, Server, settings, through_both_doors};

through_both_doors!(
    the_key_is_accepted_in_the_letters_that_the_cpp_client_looks_for,
    the_answer_has_no_line_that_a_client_stumbles_over,
);

/// Of RFC 6455, with its answer.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPTED: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn handshake(token: &str, query: &str, more: &str) -> String {
    format!(
        "GET /ws?{query}token={token} HTTP/1.1\nHost: play.example.net:7350\nUpgrade: websocket\n\
         Connection: Upgrade\nSec-WebSocket-Key: {KEY}\nSec-WebSocket-Version: 13\n{more}"
    )
}

async fn the_key_is_accepted_in_the_letters_that_the_cpp_client_looks_for(door: Door) {
    let server = Server::through(door, settings()).await;
    let tokens = server.sign_in("ana").await;
    let mut client = Raw::connect(server.address).await;
    let answer = client.ask(&handshake(&tokens.token, "", ""), b"").await;
    assert_eq!(answer.status, 101);
    for line in [
        // That client looks for it anywhere in the head.
        format!("Sec-WebSocket-Accept: {ACCEPTED}\r\n"),
        "\r\nUpgrade: websocket\r\n".to_owned(),
        "\r\nConnection: Upgrade\r\n".to_owned(),
    ] {
        assert!(answer.head.contains(&line), "{line:?} in {:?}", answer.head);
    }
    server.stop().await;
}

async fn the_answer_has_no_line_that_a_client_stumbles_over(door: Door) {
    let server = Server::through(door, settings()).await;
    let tokens = server.sign_in("ana").await;
    for (client, query, more) in [
        (
            "Unity and .NET",
            "lang=en&status=True&",
            "Origin: http://play.example.net:7350\nSec-WebSocket-Protocol: \n",
        ),
        (
            "Dart and OkHttp",
            "format=protobuf&",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\n",
        ),
        (
            "Firefox",
            "lang=en&",
            "Accept-Encoding: gzip, deflate, br\nPragma: no-cache\n",
        ),
        ("Godot", "lang=en&status=true&", ""),
    ] {
        let mut raw = Raw::connect(server.address).await;
        let answer = raw.ask(&handshake(&tokens.token, query, more), b"").await;
        let head = &answer.head;
        // The .NET client compares the reason, the libraries of most engines the one value of `Connection`.
        assert!(
            head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
            "{client}: {head}"
        );
        assert_eq!(answer.header("connection"), Some("Upgrade"), "{client}");
        for unasked in ["sec-websocket-extensions", "sec-websocket-protocol"] {
            assert_eq!(answer.header(unasked), None, "{client}");
        }
        let lines: Vec<_> = head.trim_end().lines().skip(1).collect();
        assert!(lines.len() >= 3, "{client}: Godot wants three: {head}");
        let empty = |line: &&&str| {
            line.split_once(": ")
                .is_none_or(|(_, value)| value.is_empty())
        };
        assert_eq!(lines.iter().find(empty), None, "{client}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn the_servers_own_listener_answers_with_these_bytes_and_no_others() {
    let server = Server::start().await;
    let tokens = server.sign_in("ana").await;
    let mut client = Raw::connect(server.address).await;
    // As Firefox has it.
    let asked = handshake(&tokens.token, "", "")
        .replace("Connection: Upgrade", "Connection: keep-alive, Upgrade");
    let answer = client.ask(&asked, b"").await;
    assert_eq!(
        answer.head,
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {ACCEPTED}\r\n\r\n"
        )
    );
    server.stop().await;
}

#[actix_web::test]
async fn an_answer_that_is_still_to_be_written_leaves_before_the_one_to_the_handshake() {
    let server = Server::start().await;
    let tokens = server.sign_in("ana").await;
    let mut client = Raw::connect(server.address).await;
    let both = format!(
        "GET /healthcheck HTTP/1.1\nHost: x\n\n{}",
        handshake(&tokens.token, "", "")
    );
    let first = client.ask(&both, b"").await;
    assert_eq!((first.status, first.text().as_str()), (200, "{}"));
    assert_eq!(client.answer(false).await.status, 101);
    server.stop().await;
}

#[actix_web::test]
async fn a_refused_handshake_can_be_read_though_the_client_has_sent_more() {
    let server = Server::start().await;
    let mut client = Raw::connect(server.address).await;
    client.send_head(&handshake("forged", "", "")).await;
    client.send(&[0x81; 4000]).await;
    let answer = client.answer(false).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(answer.text(), "missing or invalid token");
    drop(client);
    server.stop().await;
}

#[actix_web::test]
async fn asking_for_the_socket_without_an_upgrade_is_refused_for_its_token_first() {
    let server = Server::start().await;
    let tokens = server.sign_in("ana").await;
    let token = &tokens.token;
    for (query, status, text) in [
        (String::new(), 401, "missing or invalid token"),
        ("?token=forged".to_owned(), 401, "missing or invalid token"),
        (format!("?token={token}&format=xml"), 400, "format must be"),
        (format!("?token={token}"), 400, "not a WebSocket handshake"),
    ] {
        let mut client = Raw::connect(server.address).await;
        let asked = format!("GET /ws{query} HTTP/1.1\nHost: x\n");
        let answer = client.ask(&asked, b"").await;
        assert_eq!(answer.status, status, "{query}");
        let kind = answer.header("content-type").unwrap();
        assert!(kind.starts_with("text/plain"), "{query}: {kind}");
        assert!(
            answer.text().starts_with(text),
            "{query}: {}",
            answer.text()
        );
    }
    server.stop().await;
}
