//! Whom an admin may make a member unasked.

use banter::config::GroupAdd;
use serde_json::{Value, json};

use crate::harness::{DONE, Person, Server, Site, change_path, settings, verdict};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000001";

/// The whole answer to an attempt to add somebody.
async fn add(site: &Site, admin: &Person, group: &str, users: &[&Person]) -> (u16, Value) {
    let path = change_path("add", group, users);
    site.ask(admin, "POST", &path, Value::Null).await
}

fn unknown() -> Person {
    Person {
        id: UNKNOWN.into(),
        name: "nobody".into(),
        tokens: crate::harness::Tokens {
            token: String::new(),
            refresh: String::new(),
        },
    }
}

#[actix_web::test]
async fn somebody_who_has_blocked_the_admin_is_as_unknown_as_nobody() {
    let server = Server::start().await;
    let [root, ana, ben] = server.people(["root", "ana", "ben"]).await;
    server.bond(&ana, "block", &root).await;
    let group = server.create_group(&root, "Group", json!({})).await;
    let nobody = add(&server, &root, &group, &[&unknown()]).await;
    assert_eq!(verdict(&nobody), (400, 3));
    assert_eq!(add(&server, &root, &group, &[&ana]).await, nobody);
    assert_eq!(add(&server, &root, &group, &[&ben, &ana]).await, nobody);
    assert_eq!(
        server.role(&root, &group, &ben).await,
        None,
        "all or nobody"
    );
    assert_eq!(server.role(&root, &group, &ana).await, None);
    assert!(server.notifications(&ana).await.is_empty());
    // Another admin may, whom she has not blocked.
    server.done(&root, "add", &group, &[&ben]).await;
    server.done(&root, "promote", &group, &[&ben]).await;
    server.done(&ben, "add", &group, &[&ana]).await;
    assert_eq!(server.role(&root, &group, &ana).await, Some(2));
    // What she has asked for herself can be granted by anybody, and who is in stays in.
    server.done(&ana, "leave", &group, &[]).await;
    server.done(&ana, "join", &group, &[]).await;
    server.done(&root, "add", &group, &[&ana]).await;
    server.done(&root, "add", &group, &[&ana]).await;
    assert_eq!(server.role(&root, &group, &ana).await, Some(2));
    // Lifted, it is as before.
    server.done(&ana, "leave", &group, &[]).await;
    server.bond(&ana, "delete", &root).await;
    server.done(&root, "add", &group, &[&ana]).await;
    server.stop().await;
}

#[actix_web::test]
async fn by_setting_only_friends_add_somebody_unasked() {
    let mut choosy = settings();
    choosy.group_add = GroupAdd::Friends;
    let server = Server::with(choosy).await;
    let [root, friend, stranger, invited, foe] = server
        .people(["root", "friend", "stranger", "invited", "foe"])
        .await;
    server.make_friends(&root, &friend).await;
    server.bond(&root, "add", &invited).await;
    server.bond(&foe, "block", &root).await;
    let group = server.create_group(&root, "Group", json!({})).await;
    for other in [&stranger, &invited] {
        let refused = add(&server, &root, &group, &[&friend, other]).await;
        assert_eq!(verdict(&refused), (403, 7), "{}", other.name);
        let why = refused.1["message"].as_str().unwrap();
        assert!(why.contains("friends"), "{why}");
        assert_eq!(
            server.role(&root, &group, &friend).await,
            None,
            "all or nobody"
        );
    }
    let nobody = add(&server, &root, &group, &[&unknown()]).await;
    assert_eq!(add(&server, &root, &group, &[&foe]).await, nobody);
    assert_eq!(server.change(&root, "add", &group, &[&friend]).await, DONE);
    server.done(&stranger, "join", &group, &[]).await;
    server.done(&root, "add", &group, &[&stranger]).await;
    assert_eq!(server.role(&root, &group, &stranger).await, Some(2));
    server.stop().await;
}
