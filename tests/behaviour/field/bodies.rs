//! Bodies that nobody wants: the refusal arrives, and the connection goes on.

use crate::harness::{Door, Raw, Server, settings, through_both_doors, until};

through_both_doors!(
    the_refusal_of_a_body_arrives_though_the_client_is_still_sending,
    a_body_that_goes_on_and_on_ends_the_connection,
);

/// Sends a body in pieces, as clients do; `false` when the connection takes no more.
async fn send_body(client: &mut Raw, bytes: usize) -> bool {
    let piece = [b' '; 50_000];
    for at in (0..bytes).step_by(piece.len()) {
        if !client.send(&piece[..piece.len().min(bytes - at)]).await {
            return false;
        }
    }
    true
}

async fn the_refusal_of_a_body_arrives_though_the_client_is_still_sending(door: Door) {
    let server = Server::through(door, settings()).await;
    let basic = server.basic();
    let device = "/v2/account/authenticate/device";
    let mut cases = vec![
        (device, &*basic, 400, 5_000_000),
        (device, "Basic d3Jvbmc6", 401, 5_000_000),
        (device, "Bearer forged", 401, 200_000),
        ("/v2/account/link/device", "Bearer forged", 401, 5_000_000),
    ];
    if door == Door::Own {
        cases.push(("/v2/no/such/path", &*basic, 404, 5_000_000));
    }
    for (path, auth, status, bytes) in cases {
        let mut client = Raw::connect(server.address).await;
        let head = format!(
            "POST {path} HTTP/1.1\nHost: x\nAuthorization: {auth}\nContent-Length: {bytes}\n"
        );
        client.send_head(&head).await;
        assert!(
            send_body(&mut client, bytes).await,
            "{path}: all of it is taken"
        );
        let answer = client.answer(false).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.json()["message"].is_string(), "{path}");
        // The same connection goes on.
        let next = client
            .ask("GET /healthcheck HTTP/1.1\nHost: x\n", b"")
            .await;
        assert_eq!(next.status, 200, "{path}");
    }
    server.stop().await;
}

async fn a_body_that_goes_on_and_on_ends_the_connection(door: Door) {
    let mut settings = settings();
    settings.max_discarded_bytes = 1 << 20;
    let server = Server::through(door, settings).await;
    let mut client = Raw::connect(server.address).await;
    client
        .send_head(
            "POST /v2/account/authenticate/device HTTP/1.1\nHost: x\nContent-Length: 10000000000\n",
        )
        .await;
    let piece = [b' '; 0x10000];
    until("the end of the connection", async || {
        (!client.send(&piece).await).then_some(())
    })
    .await;
    server.stop().await;
}
