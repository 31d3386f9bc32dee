use banter_client::{ApiError, ChannelKind, Client, HistoryQuery};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    fake::{FakeServer, somebody},
    server::Server,
    soon,
};

/// What the server is asked to delete by who deletes this group.
async fn deleted(server: &FakeServer, client: &Client, group_id: &str) -> String {
    let session = somebody();
    let (deleted, asked) = tokio::join!(client.delete_group(&session, group_id), async {
        let mut stream = server.accept_tcp().await;
        let mut request = vec![0; 4096];
        let read = soon("a request", stream.read(&mut request)).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        stream.write_all(answer).await.unwrap();
        request.truncate(read);
        let request = String::from_utf8(request).unwrap();
        let path = request.strip_prefix("DELETE ").unwrap();
        path.split(' ').next().unwrap().to_owned()
    });
    deleted.unwrap();
    asked
}

#[tokio::test]
async fn an_id_stays_what_it_is_in_a_path() {
    let server = FakeServer::start().await;
    for (id, written) in [
        (
            "4ec4f126-3f9d-11e7-84ef-b7c182b36521",
            "4ec4f126-3f9d-11e7-84ef-b7c182b36521",
        ),
        ("2...lobby", "2...lobby"),
        ("...", "..."),
        ("a/b", "a%2Fb"),
        ("../account", "..%2Faccount"),
        ("..\\account", "..%5Caccount"),
        ("50%", "50%25"),
        ("%2e%2E", "%252e%252E"),
        ("who?me#1&2;3", "who%3Fme%231%262%3B3"),
        (" \t\r\n\0", "%20%09%0D%0A%00"),
        (".\n.", ".%0A."),
        ("fü", "f%C3%BC"),
    ] {
        let path = deleted(&server, &server.client, id).await;
        assert_eq!(path, format!("/v2/group/{written}"));
    }
}

#[tokio::test]
async fn the_histories_of_oddly_named_rooms_are_found() {
    let server = Server::start();
    let ana = server.person("ana").await;
    let (socket, _events) = ana.online().await;
    for name in [
        ".",
        "..",
        "../..",
        "/",
        "a/b",
        "\\",
        "%",
        "%2e%2e",
        "50%25",
        "?",
        "a?b=c#d",
        "two  blanks",
        "+",
        ";",
        "日本語",
        "ü\u{301}",
    ] {
        let room = socket.join_room(name).await.unwrap().id;
        socket.send(&room, &json!({ "in": name })).await.unwrap();
        socket.leave(&room).await.unwrap();
        let history = ana
            .client
            .history(&ana.session, &room, &HistoryQuery::oldest())
            .await;
        let messages = history.unwrap().messages;
        assert_eq!(messages.len(), 1, "{name}");
        let name = name.to_owned();
        assert_eq!(messages[0].kind, ChannelKind::Room { name });
    }
}

#[tokio::test]
async fn ids_that_no_path_can_hold_are_refused_before_anything_is_asked() {
    let server = FakeServer::start().await;
    // Nobody answers.
    let (client, session) = (&server.client, somebody());
    for id in ["", ".", ".."] {
        let refused = [
            client.delete_group(&session, id).await.unwrap_err(),
            client.join_group(&session, id).await.unwrap_err(),
            client
                .history(&session, id, &HistoryQuery::oldest())
                .await
                .unwrap_err(),
        ];
        for error in refused {
            assert!(
                matches!(&error, ApiError::Id { id: given } if given == id),
                "{error:?}"
            );
            assert!(!error.is_temporary());
        }
    }
}

#[tokio::test]
async fn a_server_may_live_under_a_path() {
    let server = FakeServer::start().await;
    for path in ["", "/", "/behind", "/behind/", "/behind/a%20wall"] {
        let client = Client::new(&format!("{}{path}", server.url)).unwrap();
        let asked = deleted(&server, &client, "foxes").await;
        assert_eq!(
            asked,
            format!("{}/v2/group/foxes", path.trim_end_matches('/'))
        );
    }
}
