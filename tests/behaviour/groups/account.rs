//! What becomes of groups when an account ends.

use serde_json::{Value, json};

use crate::harness::{BAD, NOT_FOUND, Server, codes, group_channel};

#[actix_web::test]
async fn who_deletes_the_account_leaves_all_groups() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    // Of ben: superadmin beside ana, admin, member, requester, banned.
    let mut groups = Vec::new();
    for standing in 0..=4 {
        let name = format!("group {standing}");
        let group = server.create_group(&ana, &name, json!({})).await;
        server.bring(&ana, &group, &ben, Some(standing)).await;
        groups.push(group);
    }
    let mut a = server.socket_in(&ana, &groups[2]).await;
    let mut b = server.socket_in(&ben, &groups[2]).await;
    let deleted = server.ask(&ben, "DELETE", "/v2/account", Value::Null).await;
    assert_eq!(deleted, (200, json!({})));
    b.closed().await;

    let event = a.message().await;
    assert_eq!(codes(&[event]), [(5, "ben")]);
    let news = [a.presence().await, a.presence().await, a.presence().await];
    assert_eq!(news[2]["leaves"][0]["user_id"], *ben.id, "{news:?}");
    for (standing, group) in groups.iter().enumerate() {
        let roles = server.roles(&ana, group).await;
        assert_eq!(roles, [("ana".to_owned(), 0)].into(), "standing {standing}");
        let told = server.group_named(&ana, &format!("group {standing}")).await;
        assert_eq!(told.unwrap()["edge_count"], 1);
        let log = server.log_of(&ana, group).await;
        let left = codes(&log).contains(&(5, "ben"));
        assert_eq!(left, standing <= 2, "standing {standing}: {log:?}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn groups_of_which_the_deleted_user_was_the_only_superadmin_end() {
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let alone = server.create_group(&ben, "alone", json!({})).await;
    let led = server.create_group(&ben, "led", json!({})).await;
    let shared = server.create_group(&ben, "shared", json!({})).await;
    for (group, role) in [(&led, 1), (&shared, 0)] {
        server.bring(&ben, group, &ana, Some(role)).await;
        server.bring(&ben, group, &cleo, Some(2)).await;
    }
    let mut a = server.socket_in(&ana, &led).await;
    let session = a.session.clone();
    let deleted = server.ask(&ben, "DELETE", "/v2/account", Value::Null).await;
    assert_eq!(deleted, (200, json!({})));
    let out = a
        .take("the end of the group", |v| {
            v["channel_presence_event"]["leaves"]
                .as_array()
                .is_some_and(|l| l.iter().any(|p| p["session_id"] == *session))
        })
        .await;
    assert_eq!(out["channel_presence_event"]["group_id"], *led);
    a.is_shut_out(&led).await;
    for group in [&alone, &led] {
        assert_eq!(server.roles(&ana, group).await, [].into());
        let log = server.try_log(&ana, &group_channel(group)).await;
        assert_eq!(log.err(), Some(BAD));
        assert_eq!(server.change(&ana, "join", group, &[]).await, NOT_FOUND);
    }
    let roles = server.roles(&ana, &shared).await;
    assert_eq!(
        roles,
        [("ana".to_owned(), 0), ("cleo".to_owned(), 2)].into()
    );
    server.stop().await;
}
