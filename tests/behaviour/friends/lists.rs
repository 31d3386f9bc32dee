//! Lists of friends: their order, their pages, their bounds, and who is shown as online in them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::harness::{
    BAD, Client, DONE, Dice, Person, Server, Site, escape, list, settings, until, verdict,
};

fn names(entries: &[Value]) -> Vec<(u64, String)> {
    let name = |entry: &Value| entry["user"]["username"].as_str().unwrap().to_owned();
    entries
        .iter()
        .map(|entry| (entry["state"].as_u64().unwrap(), name(entry)))
        .collect()
}

/// People by number, made some at a time.
async fn many(server: &Site, name: &str, count: usize) -> Vec<Person> {
    stream::iter(0..count)
        .map(async |n| server.person(&format!("{name}{n}")).await)
        .buffered(16)
        .collect()
        .await
}

/// Does something about many, as many at a time as is allowed.
async fn about_many(server: &Site, who: &Person, verb: &str, others: &[Person]) {
    for some in others.chunks(100) {
        let some: Vec<&Person> = some.iter().collect();
        assert_eq!(server.befriend(who, verb, &some).await, DONE);
    }
}

#[actix_web::test]
async fn entries_are_listed_by_state_and_then_by_age() {
    let server = Server::start().await;
    let ana = server.person("ana").await;
    let crowd = server.crowd("user", 9).await;
    // Not in the order of the list, nor of names or ids.
    for n in [4, 1, 7] {
        server.bond(&ana, "block", &crowd[n]).await;
    }
    for n in [8, 2] {
        server.bond(&crowd[n], "add", &ana).await;
    }
    for n in [6, 0] {
        server.bond(&ana, "add", &crowd[n]).await;
    }
    // In the order of acquaintance, whoever accepts first.
    for n in [5, 3] {
        server.bond(&ana, "add", &crowd[n]).await;
    }
    for n in [3, 5] {
        server.bond(&crowd[n], "add", &ana).await;
    }
    let entries = server.friends(&ana).await;
    let by_state = |state: u64, who: &[usize]| -> Vec<(u64, String)> {
        who.iter().map(|n| (state, format!("user{n}"))).collect()
    };
    let mut wanted = by_state(0, &[5, 3]);
    wanted.extend(by_state(1, &[6, 0]));
    wanted.extend(by_state(2, &[8, 2]));
    wanted.extend(by_state(3, &[4, 1, 7]));
    assert_eq!(names(&entries), wanted);
    for entry in &entries {
        let time = entry["update_time"].as_str().unwrap();
        assert!(
            time.ends_with('Z') && !time.contains('.'),
            "whole seconds: {time}"
        );
        assert!(entry["user"]["id"].is_string() && entry["user"]["create_time"].is_string());
    }
    for state in 0..4 {
        let path = format!("/v2/friend?limit=2&state={state}");
        let some = server.pages(&ana, &path, "friends").await;
        let wanted: Vec<_> = wanted
            .iter()
            .filter(|(s, _)| *s == state)
            .cloned()
            .collect();
        assert_eq!(names(&some), wanted);
    }
    for bad in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=",
        "state=4",
        "state=-1",
        "state=x",
        "cursor=garbage",
    ] {
        let answer = server
            .ask(&ana, "GET", &format!("/v2/friend?{bad}"), Value::Null)
            .await;
        assert_eq!(verdict(&answer), BAD, "{bad}: {answer:?}");
    }
    // A cursor is good for the listing that it is of.
    let page = server.get(&ana, "/v2/friend?limit=1&state=3").await;
    let cursor = escape(page["cursor"].as_str().unwrap());
    for other in ["state=2&", ""] {
        let path = format!("/v2/friend?{other}cursor={cursor}");
        let answer = server.ask(&ana, "GET", &path, Value::Null).await;
        assert_eq!(verdict(&answer), BAD, "{other}: {answer:?}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn the_pages_of_a_long_list_have_no_gaps_and_no_repeats() {
    const COUNT: usize = 1000;
    let mut dice = Dice::new();
    let mut quick = settings();
    quick.max_friends = 2 * COUNT;
    let server = Server::with(quick).await;
    let ana = server.person("ana").await;
    let crowd = many(&server, "user", COUNT).await;
    let quarter = COUNT / 4;
    about_many(&server, &ana, "add", &crowd[..3 * quarter]).await;
    about_many(&server, &ana, "block", &crowd[3 * quarter..]).await;
    stream::iter(&crowd[..quarter])
        .map(async |friend| server.bond(friend, "add", &ana).await)
        .buffer_unordered(16)
        .collect::<()>()
        .await;
    let whole = server.get(&ana, "/v2/friend").await;
    assert!(
        whole.get("cursor").is_none(),
        "a page that takes all has none"
    );
    let whole = list(&whole["friends"]).to_vec();
    let ids: BTreeSet<&str> = whole
        .iter()
        .map(|e| e["user"]["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, crowd.iter().map(|p| p.id.as_str()).collect());
    assert!(names(&whole).is_sorted_by_key(|(state, _)| *state));
    for limit in [1 + dice.roll(12), 100, COUNT - 1] {
        let path = format!("/v2/friend?limit={limit}");
        assert_eq!(
            server.pages(&ana, &path, "friends").await,
            whole,
            "by {limit}"
        );
    }
    let path = format!("/v2/friend?limit={}&state=1", 1 + dice.roll(100));
    let sent = server.pages(&ana, &path, "friends").await;
    assert_eq!(sent, whole[quarter..3 * quarter]);
    // What goes while one reads leaves no gap.
    let first = server.get(&ana, "/v2/friend?limit=10").await;
    let last = &list(&first["friends"])[9]["user"]["id"];
    let gone = crowd.iter().find(|p| *last == *p.id).unwrap();
    server.bond(&ana, "delete", gone).await;
    let cursor = escape(first["cursor"].as_str().unwrap());
    let second = server
        .get(&ana, &format!("/v2/friend?limit=10&cursor={cursor}"))
        .await;
    assert_eq!(list(&second["friends"]), &whole[10..20]);
    server.stop().await;
}

#[actix_web::test]
async fn friends_of_friends_are_listed_with_the_friend_in_common() {
    let server = Server::start().await;
    let [ana, ben, cleo, dan, eve, fay] = server
        .people(["ana", "ben", "cleo", "dan", "eve", "fay"])
        .await;
    let common = async |limit: usize| {
        let path = format!("/v2/friend/friends?limit={limit}");
        let found = server.pages(&ana, &path, "friends_of_friends").await;
        let pair = |e: &Value| {
            let referrer = e["referrer"].as_str().unwrap().to_owned();
            (referrer, e["user"]["username"].as_str().unwrap().to_owned())
        };
        let pairs: BTreeSet<(String, String)> = found.iter().map(pair).collect();
        assert_eq!(pairs.len(), found.len(), "none twice");
        pairs
    };
    assert!(common(10).await.is_empty());
    for friend in [&ben, &cleo] {
        server.make_friends(&ana, friend).await;
        server.make_friends(friend, &dan).await;
    }
    // Ana's own friends are known to her; an invitation or a block is no friendship.
    server.make_friends(&ben, &cleo).await;
    server.make_friends(&cleo, &eve).await;
    server.bond(&ben, "add", &fay).await;
    server.bond(&ben, "block", &eve).await;
    let pair = |friend: &Person, name: &str| (friend.id.clone(), name.to_owned());
    let wanted: BTreeSet<_> = [pair(&ben, "dan"), pair(&cleo, "dan"), pair(&cleo, "eve")].into();
    for limit in [1, 2, 3, 100] {
        assert_eq!(common(limit).await, wanted, "by {limit}");
    }
    for bad in ["limit=0", "limit=101", "cursor=garbage"] {
        let path = format!("/v2/friend/friends?{bad}");
        let answer = server.ask(&ana, "GET", &path, Value::Null).await;
        assert_eq!(verdict(&answer), BAD, "{bad}: {answer:?}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_full_list_takes_nobody_more_until_somebody_goes() {
    let mut small = settings();
    small.max_friends = 3;
    let server = Server::with(small).await;
    let ana = server.person("ana").await;
    let crowd = server.crowd("user", 8).await;
    server.make_friends(&ana, &crowd[0]).await;
    server.bond(&ana, "block", &crowd[1]).await;
    let too_many = [&crowd[2], &crowd[3], &crowd[4]];
    assert_eq!(
        server.befriend(&ana, "add", &too_many).await,
        BAD,
        "all or none"
    );
    assert_eq!(server.bonds(&ana).await.len(), 2);
    assert!(server.notifications(&crowd[2]).await.is_empty());
    assert_eq!(server.befriend(&ana, "add", &too_many[..2]).await, DONE);
    assert_eq!(server.befriend(&ana, "add", &[&crowd[4]]).await, BAD);
    // What takes no place of one's own is taken.
    server.bond(&ana, "add", &crowd[2]).await;
    server.bond(&crowd[7], "add", &ana).await;
    assert_eq!(server.bonds(&ana).await.get("user7"), Some(&2));
    assert_eq!(
        server.befriend(&ana, "add", &[&crowd[7]]).await,
        BAD,
        "accepting does"
    );
    // However many friends there are, somebody can be blocked.
    server.bond(&ana, "block", &crowd[4]).await;
    server.bond(&ana, "block", &crowd[5]).await;
    for other in [&crowd[2], &crowd[6]] {
        assert_eq!(server.befriend(&ana, "block", &[other]).await, BAD);
    }
    server.bond(&ana, "block", &crowd[5]).await;
    server.bond(&ana, "delete", &crowd[1]).await;
    server.bond(&ana, "block", &crowd[2]).await;
    server.bond(&ana, "add", &crowd[7]).await;
    let bonds = [(0, 0), (3, 1), (7, 0), (2, 3), (4, 3), (5, 3)];
    let wanted = bonds.map(|(n, state)| (format!("user{n}"), state)).into();
    assert_eq!(server.bonds(&ana).await, wanted);
    server.stop().await;
}

#[actix_web::test]
async fn an_account_that_ends_leaves_all_lists() {
    let server = Server::start().await;
    let [ana, ben, cleo, dan, gone] = server.people(["ana", "ben", "cleo", "dan", "gone"]).await;
    server.make_friends(&ana, &gone).await;
    server.bond(&ben, "add", &gone).await;
    server.bond(&gone, "add", &cleo).await;
    server.bond(&dan, "block", &gone).await;
    server.make_friends(&ana, &ben).await;
    let (status, _) = server
        .ask(&gone, "DELETE", "/v2/account", Value::Null)
        .await;
    assert_eq!(status, 200);
    for person in [&cleo, &dan] {
        assert!(server.bonds(person).await.is_empty(), "{}", person.name);
    }
    assert_eq!(server.bonds(&ana).await, [("ben".to_owned(), 0)].into());
    assert_eq!(server.bonds(&ben).await, [("ana".to_owned(), 0)].into());
    let unread = server.unread(&cleo).await;
    assert_eq!(unread, server.notifications(&cleo).await.len());
    server.stop().await;
}

/// Who is shown as online where users are listed.
#[actix_web::test]
async fn who_has_a_status_is_online_wherever_users_are_listed() {
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let group = server.create_group(&ana, "group", json!({})).await;
    server.done(&ana, "add", &group, &[&ben, &cleo]).await;
    for other in [&ben, &cleo] {
        server.make_friends(&ana, other).await;
    }
    // Who of ben and cleo is online; `None` while the lists do not agree.
    let ask = async || {
        let users = format!("/v2/user?ids={}&ids={}", ben.id, cleo.id);
        let lists = [
            server.get(&ana, &users).await["users"].take(),
            server.get(&ana, "/v2/friend").await["friends"].take(),
            server
                .get(&ana, &format!("/v2/group/{group}/user?limit=100"))
                .await["group_users"]
                .take(),
        ];
        let shown = lists.map(|entries| {
            let entries = list(&entries)
                .iter()
                .map(|entry| entry.get("user").unwrap_or(entry));
            entries
                .filter(|user| user["username"] != "ana")
                .map(|user| {
                    (
                        user["username"].as_str().unwrap().to_owned(),
                        user["online"] == true,
                    )
                })
                .collect::<BTreeMap<String, bool>>()
        });
        let agreed = shown[0] == shown[1] && shown[0] == shown[2];
        agreed.then(|| (shown[0]["ben"], shown[0]["cleo"]))
    };
    let online = async || ask().await.expect("all lists agree");
    assert_eq!(online().await, (false, false));
    let mut plain = server.socket(&ben).await;
    plain.everything().await;
    assert_eq!(
        online().await,
        (false, false),
        "a socket alone shows nobody"
    );
    plain.set_status(Some("")).await;
    assert_eq!(online().await, (true, false));
    let mut shown: Vec<Client> = Vec::new();
    for _ in 0..2 {
        shown.push(server.shown_socket(&cleo).await);
    }
    assert_eq!(online().await, (true, true));
    plain.set_status(None).await;
    shown.pop();
    assert_eq!(online().await, (false, true), "one is enough");
    shown[0].set_status(None).await;
    shown[0].set_status(None).await;
    until("nobody", async || {
        (ask().await == Some((false, false))).then_some(())
    })
    .await;
    shown[0].set_status(Some("back")).await;
    assert_eq!(online().await, (false, true));
    drop(shown);
    until("the end of a session", async || {
        (ask().await == Some((false, false))).then_some(())
    })
    .await;
    server.stop().await;
}
