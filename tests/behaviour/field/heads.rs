//! Heads that a proxy in front may take for something else than this server does. Whoever gets two programs to see
//! different requests in the same bytes speaks in somebody else's name.

use crate::harness::{Raw, Server, settings};

#[actix_web::test]
async fn heads_that_can_be_read_in_two_ways_are_refused() {
    let server = Server::with(settings()).await;
    for head in [
        "GET /healthcheck HTTP/1.1\nHost: x\n\n",
        "GET /healthcheck HTTP/1.1\r\nHost: x\n\r\n",
        "GET /healthcheck HTTP/1.1\r\nHost: x\r\n\n",
        "\nGET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthcheck HTTP/1.1\r\nHost: x\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        // CR alone, NUL, and a line that goes on.
        "GET /healthcheck HTTP/1.1\r\nHost: x\rX: y\r\n\r\n",
        "GET /healthcheck HTTP/1.1\r\nHost: x\0\r\n\r\n",
        "GET /healthcheck HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
        "GET /healthcheck HTTP/1.1\r\nHost : x\r\n\r\n",
        // Two ways to tell where the body ends.
        "POST /healthcheck HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /healthcheck HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST /healthcheck HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
        "POST /healthcheck HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    ] {
        let mut client = Raw::connect(server.address).await;
        client.send(head.as_bytes()).await;
        let answer = client.answer(false).await;
        assert_eq!(answer.status, 400, "{head:?}: {}", answer.head);
        client.ended().await;
    }
    server.stop().await;
}

#[actix_web::test]
async fn the_next_head_is_looked_at_like_the_first() {
    let server = Server::with(settings()).await;
    let basic = server.basic();
    let body = "{\"id\":\n\"a-device\n\"}";
    let length = body.len();
    let head = format!(
        "POST /v2/account/authenticate/device HTTP/1.1\r\nHost: x\r\nAuthorization: {basic}\r\n"
    );
    let whole = format!("{head}Content-Length: {length}\r\n\r\n{body}");
    let chunks =
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n");
    let get = "GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n";
    // All at once, and a byte at a time.
    let all =
        format!("{get}{whole}{chunks}{get}{chunks}GET /healthcheck HTTP/1.1\r\nHost: x\n\r\n");
    for piece in [all.len(), 1] {
        let mut client = Raw::connect(server.address).await;
        for piece in all.as_bytes().chunks(piece) {
            assert!(client.send(piece).await);
        }
        for status in [200, 400, 400, 200, 400] {
            assert_eq!(client.answer(false).await.status, status);
        }
        assert_eq!(client.answer(false).await.status, 400);
        client.ended().await;
    }
    server.stop().await;
}
