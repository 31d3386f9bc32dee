//! schemas/openapi.yaml and the server say the same.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{Door, Server, escape, room_id, settings, through_both_doors};

through_both_doors!(every_documented_call_exists_and_every_other_method_is_501);

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

/// The methods of each path, read off the indentation: paths stand at two blanks, methods at four.
fn documented() -> BTreeMap<String, Vec<String>> {
    let text = include_str!("../../schemas/openapi.yaml");
    let paths = text.lines().skip_while(|line| *line != "paths:").skip(1);
    let mut documented: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut path = String::new();
    for line in paths.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        let key = line.trim().trim_end_matches(':');
        match line.len() - line.trim_start().len() {
            2 if line.starts_with("  /") => path = key.to_owned(),
            4 if METHODS.contains(&key.to_uppercase().as_str()) => {
                documented
                    .entry(path.clone())
                    .or_default()
                    .push(key.to_uppercase());
            }
            _ => {}
        }
    }
    documented
}

#[test]
fn the_description_is_read() {
    let documented = documented();
    assert!(documented.len() >= 29, "{documented:?}");
    assert_eq!(documented["/v2/account"], ["GET", "PUT", "DELETE"]);
    assert_eq!(documented["/v2/channel/{channel_id}"], ["GET"]);
}

async fn every_documented_call_exists_and_every_other_method_is_501(door: Door) {
    let server = Server::through(door, settings()).await;
    let ana = server.sign_in("ana").await;
    let bearer = format!("Bearer {}", ana.token);
    let (_, group) = server
        .http(
            "POST",
            "/v2/group",
            Some(&bearer),
            r#"{"name": "gardeners"}"#,
        )
        .await;
    let group: Value = serde_json::from_slice(&group).unwrap();
    let id = |field: &str| group[field].as_str().unwrap().to_owned();
    let (group, user) = (id("id"), id("creator_id"));
    for (path, methods) in documented() {
        if door == Door::Embedded && ["/", "/livez", "/readyz"].contains(&path.as_str()) {
            continue; // The host has a front page, and probes, of its own.
        }
        let url = path
            .replace("{channel_id}", &escape(&room_id("lobby")))
            .replace("{group_id}", &group)
            .replace("{user_id}", &user);
        let url = match path.as_str() {
            "/v2/channel" => format!("{url}?channel_id={}", escape(&room_id("lobby"))),
            _ => url,
        };
        assert!(!url.contains('{'), "{path}: what to put in?");
        for method in METHODS {
            let bearer = format!("Bearer {}", ana.token);
            let auth = if path.contains("authenticate") || path.contains("refresh") {
                server.basic()
            } else {
                bearer
            };
            // Deleting the account is the one call that would spoil the others.
            let auth = if method == "DELETE" {
                None
            } else {
                Some(auth.as_str())
            };
            let (status, body) = server.http(method, &url, auth, "{}").await;
            if methods.iter().any(|documented| documented == method) {
                assert!(
                    ![404, 405, 500, 501].contains(&status),
                    "{method} {path}: {status}"
                );
                continue;
            }
            assert_eq!(
                status,
                501,
                "{method} {path}: {}",
                String::from_utf8_lossy(&body)
            );
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["code"], 12, "{method} {path}: {body}");
        }
        let (status, body) = server.http("GET", &format!("{url}/more"), None, "").await;
        // What follows these is an id.
        let open = path.starts_with("/v2/channel") || path == "/v2/group";
        if door == Door::Own && !open {
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(
                (status, &body["code"]),
                (404, &Value::from(5)),
                "{path}/more"
            );
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_request_at_the_path_of_the_socket_that_is_no_handshake_is_400() {
    let server = Server::start().await;
    let ana = server.sign_in("ana").await;
    let (status, _) = server
        .http("GET", &format!("/ws?token={}", ana.token), None, "")
        .await;
    assert_eq!(status, 400);
    let (status, _) = server.http("GET", "/ws/", None, "").await;
    assert_eq!(status, 404, "a trailing slash is another path");
    server.stop().await;
}
