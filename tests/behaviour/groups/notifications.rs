//! What people are told of groups, live and for later.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::harness::{BAD, Client, Server, escape, list, settings, told, verdict};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000001";

#[actix_web::test]
async fn who_is_added_is_told_on_all_sessions_and_finds_it_later() {
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let group = server.create_group(&ana, "Friends of ☃", json!({})).await;
    let mut sessions = vec![server.socket(&ben).await, server.socket(&ben).await];
    sessions.push(
        Client::open(server.address, "ben", &ben.tokens, "&status=true")
            .await
            .unwrap(),
    );
    let mut others = [server.socket(&ana).await, server.socket(&cleo).await];
    server.done(&cleo, "join", &group, &[]).await;
    others[0].pushed().await;
    server.done(&ana, "add", &group, &[&ben, &cleo]).await;
    let listed = server.notifications(&ben).await;
    let [added] = listed.as_slice() else {
        panic!("not one notification: {listed:?}")
    };
    let content = json!({"group_id": group, "name": "Friends of ☃"});
    assert_eq!(told(&listed), [(-4, content.clone())]);
    assert_eq!(
        (&added["sender_id"], &added["persistent"]),
        (&json!(ana.id), &json!(true))
    );
    let subject = added["subject"].as_str().unwrap();
    assert!(subject.contains("Friends of ☃"), "{subject}");
    let time = added["create_time"].as_str().unwrap();
    assert!(
        time.ends_with('Z') && !time.contains('.'),
        "whole seconds: {time}"
    );
    assert!(added["id"].is_string());
    for client in &mut sessions {
        assert_eq!(client.pushed().await, listed, "the same live");
    }
    let accepted = server.notifications(&cleo).await;
    assert_eq!(
        told(&accepted),
        [(-4, content)],
        "a request that was accepted"
    );
    assert_eq!(others[1].pushed().await, accepted);
    // Nobody else is told, and nothing is said again to who comes later.
    server.done(&ana, "add", &group, &[&ben, &cleo]).await;
    sessions.push(server.socket(&ben).await);
    for client in sessions.iter_mut().chain(&mut others) {
        let all = client.everything().await;
        let more = all.iter().find(|v| v.get("notifications").is_some());
        assert_eq!(more, None, "{}", client.name);
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_request_is_told_to_superadmins_and_admins() {
    let server = Server::start().await;
    let [ana, ben, cleo, dan, eve, fay] = server
        .people(["ana", "ben", "cleo", "dan", "eve", "fay"])
        .await;
    let group = server.create_group(&ana, "asked", json!({})).await;
    let all = [
        (&ana, 0),
        (&ben, 0),
        (&cleo, 1),
        (&dan, 2),
        (&eve, 3),
        (&fay, 4),
    ];
    let mut sessions = Vec::new();
    let mut before = Vec::new();
    for (who, role) in all {
        if role != 0 || who.name == "ben" {
            server.bring(&ana, &group, who, Some(role)).await;
        }
    }
    for (who, _) in all {
        sessions.push(server.socket(who).await);
        before.push(server.notifications(who).await.len());
    }
    let asker = server.person("asker").await;
    for _ in 0..2 {
        server.done(&asker, "join", &group, &[]).await;
    }
    let content = json!({"group_id": group, "username": "asker"});
    for (((who, role), client), before) in all.iter().zip(&mut sessions).zip(before) {
        let listed = server.notifications(who).await;
        if *role <= 1 {
            assert_eq!(
                told(&listed[before..]),
                [(-5, content.clone())],
                "{}",
                who.name
            );
            assert_eq!(listed[before]["sender_id"], *asker.id);
            assert_eq!(client.pushed().await, listed[before..]);
        } else {
            assert_eq!(listed.len(), before, "{} is told {listed:?}", who.name);
        }
        let more = client.everything().await;
        assert!(more.is_empty(), "{}: {more:?}", client.name);
    }
    // Nobody is told of a join of an open group, of a rejection or a withdrawal.
    let count = server.notifications(&ana).await.len();
    server.done(&asker, "leave", &group, &[]).await;
    server
        .update_group(&ana, &group, json!({"open": true}))
        .await;
    server.done(&asker, "join", &group, &[]).await;
    for verb in ["promote", "demote", "kick"] {
        server.done(&ana, verb, &group, &[&asker]).await;
    }
    assert_eq!(server.notifications(&ana).await.len(), count);
    assert!(server.notifications(&asker).await.is_empty());
    server.stop().await;
}

#[actix_web::test]
async fn notifications_are_listed_oldest_first_and_the_cursor_goes_on_later() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let empty = server.get(&ben, "/v2/notification").await;
    assert!(list(&empty["notifications"]).is_empty());
    let start = empty["cacheable_cursor"].as_str().unwrap().to_owned();
    let added = async |n: usize| {
        let group = server
            .create_group(&ana, &format!("group {n}"), json!({}))
            .await;
        server.done(&ana, "add", &group, &[&ben]).await;
    };
    let page = async |limit: &str, spelling: &str, cursor: &str| {
        let path = format!("/v2/notification?{limit}{spelling}={}", escape(cursor));
        let page = server.get(&ben, &path).await;
        let names: Vec<String> = told(list(&page["notifications"]))
            .iter()
            .map(|(_, content)| content["name"].as_str().unwrap().to_owned())
            .collect();
        let cursor = page["cacheable_cursor"].as_str().unwrap().to_owned();
        (names, cursor)
    };
    let groups = |range: std::ops::Range<usize>| -> Vec<String> {
        range.map(|n| format!("group {n}")).collect()
    };
    for n in 0..5 {
        added(n).await;
    }
    let (first, cursor) = page("limit=3&", "cacheable_cursor", &start).await;
    assert_eq!(first, groups(0..3), "after the start");
    let (second, cursor) = page("limit=3&", "cacheableCursor", &cursor).await;
    assert_eq!(second, groups(3..5));
    let (none, cursor) = page("limit=3&", "cacheable_cursor", &cursor).await;
    assert!(none.is_empty());
    added(5).await;
    added(6).await;
    let (later, _) = page("", "cacheable_cursor", &cursor).await;
    assert_eq!(later, groups(5..6), "one by default");
    let (all, _) = page("limit=100&", "cacheable_cursor", "").await;
    assert_eq!(all, groups(0..7));
    for bad in [
        "limit=0",
        "limit=101",
        "limit=x",
        "cacheable_cursor=garbage",
    ] {
        let answer = server
            .ask(&ben, "GET", &format!("/v2/notification?{bad}"), Value::Null)
            .await;
        assert_eq!(verdict(&answer), BAD, "{bad}: {answer:?}");
    }
    let (status, _) = server.http("GET", "/v2/notification", None, "").await;
    assert_eq!(status, 401);
    server.stop().await;
}

#[actix_web::test]
async fn notifications_are_deleted_by_their_owner_and_are_kept_otherwise() {
    let mut server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    for n in 0..4 {
        let group = server
            .create_group(&ana, &format!("group {n}"), json!({}))
            .await;
        server.done(&ana, "add", &group, &[&ben, &cleo]).await;
    }
    let mut kept = server.notifications(&ben).await;
    let foreign = server.notifications(&cleo).await;
    let ids: HashSet<String> = kept
        .iter()
        .chain(&foreign)
        .map(|n| n["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 8, "each has an id of its own");
    let id = |n: &Value| n["id"].as_str().unwrap().to_owned();
    let delete = async |ids: &[String]| {
        let query: Vec<String> = ids.iter().map(|id| format!("ids={id}")).collect();
        let path = format!("/v2/notification?{}", query.join("&"));
        server.ask(&ben, "DELETE", &path, Value::Null).await
    };
    for (ids, gone) in [
        (vec![], 0..0),
        (vec![UNKNOWN.to_owned(), id(&foreign[0])], 0..0),
        (vec![id(&kept[1])], 1..2),
        (vec![id(&kept[1])], 0..0),
        (vec![id(&kept[2]), id(&foreign[1]), id(&kept[3])], 1..3),
    ] {
        assert_eq!(delete(&ids).await, (200, json!({})), "{ids:?}");
        kept.drain(gone);
        assert_eq!(server.notifications(&ben).await, kept);
    }
    assert_eq!(kept.len(), 1);
    assert_eq!(server.notifications(&cleo).await, foreign);
    server = server.restart(settings()).await;
    assert_eq!(server.notifications(&ben).await, kept);
    assert_eq!(server.notifications(&cleo).await, foreign);
    // Who comes later is not told again.
    let mut late = server.socket(&ben).await;
    assert!(late.everything().await.is_empty());
    server.stop().await;
}
