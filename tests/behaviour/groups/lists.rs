//! Lists of groups, of those who are in one, and of those somebody is in.

use serde_json::{Value, json};

use crate::harness::{BAD, Person, Server, escape, list, verdict};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000001";

fn names(groups: &[Value]) -> Vec<&str> {
    groups.iter().map(|g| g["name"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn members_are_listed_by_standing_and_then_by_age_page_by_page() {
    let server = Server::start().await;
    let [ana, stranger] = server.people(["ana", "stranger"]).await;
    let others = server.crowd("user", 9).await;
    let group = server.create_group(&ana, "pages", json!({})).await;
    // From the lowest rank up, so that age and rank disagree.
    let standings = [3, 3, 4, 2, 2, 2, 1, 1, 0];
    for (user, standing) in others.iter().zip(standings) {
        server.bring(&ana, &group, user, Some(standing)).await;
    }
    let path = format!("/v2/group/{group}/user");
    let entry = |e: &Value| {
        let name = e["user"]["username"].as_str().unwrap().to_owned();
        (name, e["state"].as_u64().unwrap())
    };
    let named = |list: &[(&str, u64)]| -> Vec<(String, u64)> {
        list.iter().map(|(n, s)| ((*n).to_owned(), *s)).collect()
    };
    let wanted = named(&[
        ("ana", 0),
        ("user8", 0),
        ("user6", 1),
        ("user7", 1),
        ("user3", 2),
        ("user4", 2),
        ("user5", 2),
        ("user0", 3),
        ("user1", 3),
    ]);
    for limit in [1, 2, 3, 4, 9, 100] {
        let path = format!("{path}?limit={limit}");
        let all = server.pages(&stranger, &path, "group_users").await;
        let all: Vec<_> = all.iter().map(entry).collect();
        assert_eq!(all, wanted, "by pages of {limit}, and for strangers");
    }
    let default = server.get(&stranger, &path).await;
    assert_eq!(list(&default["group_users"]).len(), wanted.len());
    assert!(default.get("cursor").is_none(), "nothing follows");
    for state in 0..=4 {
        let path = format!("{path}?limit=2&state={state}");
        let some = server.pages(&stranger, &path, "group_users").await;
        let some: Vec<_> = some.iter().map(entry).collect();
        let mut fitting = wanted.clone();
        fitting.extend(named(&[("user2", 4)]));
        fitting.retain(|(_, s)| *s == state);
        assert_eq!(some, fitting, "state {state}");
    }
    let user = &list(&default["group_users"])[0]["user"];
    assert_eq!(
        (&user["id"], &user["lang_tag"]),
        (&json!(ana.id), &json!("en"))
    );
    for bad in [
        "limit=0",
        "limit=101",
        "limit=",
        "state=5",
        "state=-1",
        "cursor=garbage",
    ] {
        let answer = server
            .ask(&ana, "GET", &format!("{path}?{bad}"), Value::Null)
            .await;
        assert_eq!(verdict(&answer), BAD, "{bad}");
    }
    let nobody = server.get(&ana, &format!("/v2/group/{UNKNOWN}/user")).await;
    assert_eq!(nobody, json!({}));
    server.stop().await;
}

#[actix_web::test]
async fn the_groups_of_anybody_are_listed_by_standing_page_by_page() {
    let server = Server::start().await;
    let [ana, ben, stranger] = server.people(["ana", "ben", "stranger"]).await;
    let standings = [2, 3, 4, 0, 1, 2, 3, 4];
    for (n, standing) in standings.into_iter().enumerate() {
        let group = server
            .create_group(&ana, &format!("group {n}"), json!({}))
            .await;
        server.bring(&ana, &group, &ben, Some(standing)).await;
    }
    let wanted = [3, 4, 0, 5, 1, 6].map(|n| (format!("group {n}"), standings[n]));
    let entry = |e: &Value| {
        let name = e["group"]["name"].as_str().unwrap().to_owned();
        (name, u8::try_from(e["state"].as_u64().unwrap()).unwrap())
    };
    let path = format!("/v2/user/{}/group", ben.id);
    for limit in [1, 2, 4, 6, 100] {
        let path = format!("{path}?limit={limit}");
        let all = server.pages(&stranger, &path, "user_groups").await;
        let all: Vec<_> = all.iter().map(entry).collect();
        assert_eq!(all, wanted, "by pages of {limit}");
    }
    for state in 0..=4 {
        let path = format!("{path}?limit=1&state={state}");
        let some = server.pages(&stranger, &path, "user_groups").await;
        let fitting = standings.iter().filter(|s| **s == state).count();
        assert_eq!(some.len(), fitting, "state {state}: {some:?}");
        assert!(some.iter().all(|e| entry(e).1 == state));
    }
    for bad in ["limit=0", "limit=101", "state=5", "cursor=garbage"] {
        let answer = server
            .ask(&ana, "GET", &format!("{path}?{bad}"), Value::Null)
            .await;
        assert_eq!(verdict(&answer), BAD, "{bad}");
    }
    let unknown = server.get(&ana, &format!("/v2/user/{UNKNOWN}/group")).await;
    assert_eq!(unknown, json!({}));
    server.stop().await;
}

#[actix_web::test]
async fn groups_are_found_by_name_without_regard_to_case_and_with_wildcards() {
    let server = Server::start().await;
    let ana = server.person("ana").await;
    for name in [
        "zz Beta", "zz Alpha", "zz gamma", "other", "zz_alpha", "100%", "zzz",
    ] {
        server.create_group(&ana, name, json!({})).await;
    }
    for (pattern, wanted) in [
        ("zz Alpha", &["zz Alpha"][..]),
        ("ZZ alpha", &["zz Alpha"]),
        ("zz %", &["zz Alpha", "zz Beta", "zz gamma"]),
        ("zz%beta", &["zz Beta"]),
        ("%ALPHA", &["zz Alpha", "zz_alpha"]),
        ("zz_alpha", &["zz_alpha"]),
        ("other%", &["other"]),
        ("zz", &[]),
        ("nothing", &[]),
    ] {
        for limit in [1, 2, 100] {
            let path = format!("/v2/group?name={}&limit={limit}", escape(pattern));
            let found = server.pages(&ana, &path, "groups").await;
            let mut found = names(&found);
            found.sort_unstable();
            assert_eq!(found, wanted, "{pattern} by pages of {limit}");
        }
    }
    let default = server.get(&ana, "/v2/group?name=zz%25").await;
    assert_eq!(list(&default["groups"]).len(), 1, "one by default");
    assert!(default["cursor"].is_string());
    server.stop().await;
}

#[actix_web::test]
async fn groups_are_found_by_what_they_are() {
    let server = Server::start().await;
    let ana = server.person("ana").await;
    let others = server.crowd("user", 3).await;
    for (n, (language, open)) in [("en", true), ("en", false), ("fr", true), ("fr", false)]
        .into_iter()
        .enumerate()
    {
        let fields = json!({"lang_tag": language, "open": open});
        let group = server
            .create_group(&ana, &format!("{language} {open}"), fields)
            .await;
        let members: Vec<&Person> = others.iter().take(n).collect();
        server.done(&ana, "add", &group, &members).await;
    }
    let path = "/v2/group?limit=1&lang_tag=en";
    let english = server.pages(&ana, path, "groups").await;
    assert_eq!(
        names(&english),
        ["en true", "en false"],
        "the smallest first"
    );
    let path = "/v2/group?limit=1&lang_tag=en&members=9";
    let english = server.pages(&ana, path, "groups").await;
    assert_eq!(
        names(&english),
        ["en false", "en true"],
        "the largest first"
    );
    // With 1, 2, 3 and 4 members.
    let all = ["en true", "en false", "fr true", "fr false"];
    for (filter, wanted) in [
        ("", &all[..]),
        ("&lang_tag=en", &["en true", "en false"]),
        ("&open=true", &["en true", "fr true"]),
        ("&open=false", &["en false", "fr false"]),
        ("&members=2", &["en true", "en false"]),
        ("&members=3&open=true", &["en true", "fr true"]),
        ("&members=3&open=1&langTag=fr", &["fr true"]),
        ("&members=1&lang_tag=fr", &[]),
        ("&lang_tag=de", &[]),
    ] {
        for limit in [1, 3, 100] {
            let path = format!("/v2/group?limit={limit}{filter}");
            let found = server.pages(&ana, &path, "groups").await;
            let (mut found, mut wanted) = (names(&found), wanted.to_vec());
            found.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{filter} by pages of {limit}");
        }
    }
    for bad in [
        "limit=0",
        "limit=101",
        "open=perhaps",
        "members=-1",
        "cursor=garbage",
        "name=x&open=true",
        "name=x&lang_tag=en",
        "name=x&members=3",
    ] {
        let answer = server
            .ask(&ana, "GET", &format!("/v2/group?{bad}"), Value::Null)
            .await;
        assert_eq!(verdict(&answer), BAD, "{bad}: {answer:?}");
    }
    let (status, _) = server.http("GET", "/v2/group", None, "").await;
    assert_eq!(status, 401);
    server.stop().await;
}
