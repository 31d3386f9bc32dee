//! What a group tells about itself: made, changed, deleted.

use serde_json::{Value, json};

use crate::harness::{BAD, DONE, NOT_FOUND, Server, TAKEN, verdict};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000001";

#[actix_web::test]
async fn a_group_is_made_as_it_was_asked_for() {
    let server = Server::start().await;
    let ana = server.person("ana").await;
    let full = json!({
        "name": "Añá's group ☃", "description": "About us", "lang_tag": "fr",
        "avatar_url": "http://a/g.png", "open": true, "max_count": 25,
    });
    for (body, open, max) in [
        (full, true, 25),
        (json!({"name": "bare"}), false, 100),
        (json!({"name": "zero", "max_count": 0}), false, 100),
        (
            json!({"name": "spelled", "maxCount": "7", "langTag": "de"}),
            false,
            7,
        ),
    ] {
        let (status, group) = server.ask(&ana, "POST", "/v2/group", body.clone()).await;
        assert_eq!(status, 200, "{group}");
        assert_eq!(group["creator_id"], *ana.id);
        assert_eq!(
            (&group["open"], &group["max_count"]),
            (&json!(open), &json!(max))
        );
        assert_eq!(
            (&group["edge_count"], &group["metadata"]),
            (&json!(1), &json!("{}"))
        );
        let language = body.get("lang_tag").or(body.get("langTag"));
        assert_eq!(group["lang_tag"], *language.unwrap_or(&json!("en")));
        for field in ["name", "description", "avatar_url"] {
            assert_eq!(group.get(field), body.get(field), "{field}");
        }
        for time in ["create_time", "update_time"] {
            let time = group[time].as_str().unwrap();
            assert!(
                time.ends_with('Z') && !time.contains('.'),
                "whole seconds: {time}"
            );
        }
        let name = body["name"].as_str().unwrap();
        assert_eq!(server.group_named(&ana, name).await, Some(group.clone()));
        assert_eq!(
            server.roles(&ana, group["id"].as_str().unwrap()).await,
            [("ana".to_owned(), 0)].into()
        );
    }
    server.stop().await;
}

#[actix_web::test]
async fn what_a_group_cannot_be_is_refused() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    server.create_group(&ana, "taken", json!({})).await;
    server.create_group(&ana, &"é".repeat(255), json!({})).await;
    for (body, wanted) in [
        (json!({}), BAD),
        (json!({"name": ""}), BAD),
        (json!({"name": "x".repeat(256)}), BAD),
        (json!({"name": "taken"}), TAKEN),
        (json!({"name": "negative", "max_count": -1}), BAD),
        (json!({"name": "typed", "open": "perhaps"}), BAD),
        (json!({"name": 7}), BAD),
    ] {
        let answer = server.ask(&ben, "POST", "/v2/group", body.clone()).await;
        assert_eq!(verdict(&answer), wanted, "{body}: {answer:?}");
    }
    let groups = server
        .get(&ben, &format!("/v2/user/{}/group", ben.id))
        .await;
    assert_eq!(groups, json!({}), "nothing was made");
    server.stop().await;
}

#[actix_web::test]
async fn an_update_changes_what_it_names_and_is_for_admins() {
    let server = Server::start().await;
    let [ana, ben, cleo, dan, eve] = server.people(["ana", "ben", "cleo", "dan", "eve"]).await;
    let fields = json!({"description": "old", "avatar_url": "http://x"});
    let group = server.create_group(&ana, "first", fields).await;
    server.create_group(&ana, "other", json!({})).await;
    for (who, role) in [(&ben, 1), (&cleo, 2), (&dan, 3)] {
        server.bring(&ana, &group, who, Some(role)).await;
    }
    for who in [&cleo, &dan, &eve] {
        let refused = server.update_group(who, &group, json!({"description": "x"}));
        assert_eq!(refused.await, NOT_FOUND, "{}", who.name);
    }
    for (body, wanted) in [
        (json!({}), BAD),
        (json!({"max_count": 3}), BAD),
        (json!({"name": "other"}), BAD),
        (json!({"name": ""}), BAD),
        (json!({"name": "x".repeat(256)}), BAD),
        (json!({"name": "first"}), DONE),
        (json!({"description": null, "open": true}), DONE),
    ] {
        let got = server.update_group(&ben, &group, body.clone()).await;
        assert_eq!(got, wanted, "{body}");
    }
    let told = server.group_named(&cleo, "first").await.unwrap();
    let kept = [
        "description",
        "avatar_url",
        "open",
        "max_count",
        "edge_count",
    ];
    let kept = kept.map(|field| told[field].clone());
    assert_eq!(json!(kept), json!(["old", "http://x", true, 100, 3]));

    let all = json!({
        "name": "second", "description": "", "avatar_url": "", "lang_tag": "es", "open": false,
        "metadata": "{\"a\":1}", "max_count": 3,
    });
    assert_eq!(server.update_group(&ana, &group, all).await, DONE);
    assert_eq!(server.group_named(&ana, "first").await, None);
    let told = server.group_named(&ana, "second").await.unwrap();
    assert_eq!(told["id"], *group);
    assert_eq!(
        (told.get("description"), told.get("avatar_url")),
        (None, None)
    );
    assert_eq!(
        (&told["lang_tag"], &told["open"]),
        (&json!("es"), &json!(false))
    );
    assert_eq!(
        (&told["metadata"], &told["max_count"]),
        (&json!("{}"), &json!(100))
    );
    let unknown = server.update_group(&ana, UNKNOWN, json!({"open": true}));
    assert_eq!(unknown.await, NOT_FOUND);
    assert_eq!(
        server.log_of(&ana, &group).await.len(),
        3,
        "of two additions and a promotion, and of no update"
    );
    server.stop().await;
}

#[actix_web::test]
async fn a_group_is_deleted_by_its_superadmins_only() {
    let server = Server::start().await;
    let people = server
        .people(["ana", "ben", "cleo", "dan", "eve", "fay"])
        .await;
    let [ana, ben, cleo, dan, eve, fay] = &people;
    let group = server.create_group(ana, "doomed", json!({})).await;
    for (who, role) in [(ben, 0), (cleo, 1), (dan, 2), (eve, 3)] {
        server.bring(ana, &group, who, Some(role)).await;
    }
    for who in [cleo, dan, eve, fay] {
        assert_eq!(server.delete_group(who, &group).await, BAD, "{}", who.name);
    }
    assert_eq!(server.delete_group(ben, &group).await, DONE);
    assert_eq!(server.delete_group(ben, &group).await, BAD, "again");
    for who in &people {
        let groups = server.get(who, &format!("/v2/user/{}/group", who.id)).await;
        assert_eq!(groups, json!({}), "of {}", who.name);
    }
    assert_eq!(server.change(ana, "add", &group, &[fay]).await, NOT_FOUND);
    assert_eq!(server.group_named(ana, "doomed").await, None);
    let gone = server
        .ask(ana, "GET", &format!("/v2/group/{group}/user"), Value::Null)
        .await;
    assert_eq!(gone, (200, json!({})));
    server.stop().await;
}
