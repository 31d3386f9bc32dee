//! The rules: who may do what to whom, and what becomes of it.

use serde_json::{Value, json};

use crate::harness::{
    BAD, DONE, Dice, NOT_FOUND, Person, Server, Site, codes, group_channel, list, verdict,
};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000001";

/// What becomes of a superadmin, an admin, a member, a requester, a banned user and a stranger: the role
/// afterwards, and the code of the event if there is one.
const DEEDS: [(&str, u8, &str); 10] = [
    ("add", 0, "0    1    2    2:4  4    2:4"),
    ("add", 1, "0    1    2    2:4  4    2:4"),
    ("kick", 0, "-:6  -:6  -:6  -    -    -"),
    ("kick", 1, "0    1    -:6  -    -    -"),
    ("ban", 0, "4:8  4:8  4:8  4    4    -"),
    ("ban", 1, "0    1    4:8  4    4    -"),
    ("promote", 0, "0    0:7  1:7  3    4    -"),
    ("promote", 1, "0    1    1:7  3    4    -"),
    ("demote", 0, "1:9  2:9  2    3    4    -"),
    ("demote", 1, "0    2:9  2    3    4    -"),
];

const STANDINGS: [Option<u8>; 6] = [Some(0), Some(1), Some(2), Some(3), Some(4), None];

/// The role and event of a cell such as `2:4`.
fn cell(text: &str) -> (Option<u8>, Option<i64>) {
    let (role, event) = text.split_once(':').unwrap_or((text, ""));
    (role.parse().ok(), event.parse().ok())
}

/// A new group with somebody in two standings, and what happens to one by the hand of the other.
async fn try_deed(
    site: &Site,
    [root, caller, target]: &[Person; 3],
    name: &str,
    (verb, by, to): (&str, Option<u8>, Option<u8>),
) -> ((u16, i64), Option<u8>, Vec<i64>) {
    let group = site.create_group(root, name, json!({})).await;
    site.bring(root, &group, caller, by).await;
    site.bring(root, &group, target, to).await;
    let before = site.log_of(root, &group).await.len();
    let verdict = site.change(caller, verb, &group, &[target]).await;
    let log = site.log_of(root, &group).await;
    let events = codes(&log[before..]);
    assert!(
        events.iter().all(|(_, name)| *name == target.name),
        "an event is of the user concerned: {events:?}"
    );
    let events = events.iter().map(|(code, _)| *code).collect();
    let roles = site.roles(root, &group).await;
    assert_eq!(roles.get(&caller.name).copied(), by, "the caller stays");
    (verdict, roles.get(&target.name).copied(), events)
}

#[actix_web::test]
async fn admins_do_to_others_what_their_rank_allows_and_nothing_else() {
    let server = Server::start().await;
    let people = server.people(["root", "caller", "target"]).await;
    let mut number = 0;
    for (verb, by, row) in DEEDS {
        for (to, wanted) in STANDINGS.into_iter().zip(row.split_whitespace()) {
            number += 1;
            let deed = (verb, Some(by), to);
            let got = try_deed(&server, &people, &format!("group {number}"), deed).await;
            let (role, event) = cell(wanted);
            let wanted = (DONE, role, event.into_iter().collect());
            assert_eq!(got, wanted, "{verb} by {by} to {to:?}");
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn who_is_no_admin_changes_nobody_and_does_not_learn_whether_the_group_exists() {
    let server = Server::start().await;
    let people = server.people(["root", "caller", "target"]).await;
    let mut number = 0;
    for verb in ["add", "kick", "ban", "promote", "demote"] {
        for by in [Some(2), Some(3), Some(4), None] {
            for to in STANDINGS {
                number += 1;
                let deed = (verb, by, to);
                let got = try_deed(&server, &people, &format!("group {number}"), deed).await;
                assert_eq!(got, (NOT_FOUND, to, vec![]), "{verb} by {by:?} to {to:?}");
            }
        }
        let verdict = server
            .change(&people[0], verb, UNKNOWN, &[&people[2]])
            .await;
        assert_eq!(verdict, NOT_FOUND, "{verb} in no group");
    }
    server.stop().await;
}

#[actix_web::test]
async fn joining_and_leaving_follow_the_standing_and_the_openness() {
    // For each standing: the role after a join of an open and of a closed group, and after a leave.
    let table = [
        (Some(0), "0", "0", "-:5"),
        (Some(1), "1", "1", "-:5"),
        (Some(2), "2", "2", "-:5"),
        (Some(3), "3", "3", "-"),
        (Some(4), "4", "4", "4"),
        (None, "2:3", "3", "-"),
    ];
    let server = Server::start().await;
    let [root, ben] = server.people(["root", "ben"]).await;
    for (n, (standing, open, closed, left)) in table.into_iter().enumerate() {
        for (m, (verb, is_open, wanted)) in [
            ("join", true, open),
            ("join", false, closed),
            ("leave", true, left),
            ("leave", false, left),
        ]
        .into_iter()
        .enumerate()
        {
            let group = server
                .create_group(&root, &format!("group {n} {m}"), json!({}))
                .await;
            server.bring(&root, &group, &ben, standing).await;
            let opened = server.update_group(&root, &group, json!({"open": is_open}));
            assert_eq!(opened.await, DONE);
            let before = server.log_of(&root, &group).await.len();
            server.done(&ben, verb, &group, &[]).await;
            let log = server.log_of(&root, &group).await;
            let (role, event) = cell(wanted);
            let event: Vec<_> = event.map(|code| (code, "ben")).into_iter().collect();
            let what = format!("{verb} by {standing:?}, open {is_open}");
            assert_eq!(server.role(&root, &group, &ben).await, role, "{what}");
            assert_eq!(codes(&log[before..]), event, "{what}");
        }
    }
    for (verb, wanted) in [("join", NOT_FOUND), ("leave", DONE)] {
        let unknown = server.change(&ben, verb, UNKNOWN, &[]).await;
        assert_eq!(unknown, wanted, "{verb} of no group");
    }
    server.stop().await;
}

#[actix_web::test]
async fn nobody_does_anything_to_themselves() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let group = server.create_group(&ana, "self", json!({})).await;
    server.bring(&ana, &group, &ben, Some(0)).await;
    let before = server.roles(&ana, &group).await;
    let events = server.log_of(&ana, &group).await;
    for verb in ["add", "kick", "ban", "promote", "demote"] {
        for who in [&ana, &ben] {
            server.done(who, verb, &group, &[who]).await;
        }
    }
    assert_eq!(server.roles(&ana, &group).await, before);
    assert_eq!(server.log_of(&ana, &group).await, events);
    server.stop().await;
}

#[actix_web::test]
async fn a_list_of_users_is_dealt_with_in_order_and_whole_or_not_at_all() {
    let server = Server::start().await;
    let [ana, ben, cleo, dan, eve] = server.people(["ana", "ben", "cleo", "dan", "eve"]).await;
    let group = server
        .create_group(&ana, "lists", json!({"max_count": 4}))
        .await;
    let everybody = [&cleo, &ana, &ben, &dan];
    server.done(&ana, "add", &group, &everybody).await;
    let members = [("ana", 0), ("ben", 2), ("cleo", 2), ("dan", 2)];
    let members = members.map(|(name, role)| (name.to_owned(), role)).into();
    assert_eq!(server.roles(&ana, &group).await, members);
    server
        .done(&ana, "promote", &group, &[&dan, &ana, &ben])
        .await;
    server
        .done(&ana, "demote", &group, &[&cleo, &ben, &dan])
        .await;
    server.done(&ana, "kick", &group, &[&eve, &dan]).await;
    server.done(&ana, "ban", &group, &[&eve, &ben, &dan]).await;
    let log = server.log_of(&ana, &group).await;
    let wanted = [
        (4, "cleo"),
        (4, "ben"),
        (4, "dan"),
        (7, "dan"),
        (7, "ben"),
        (9, "ben"),
        (9, "dan"),
        (6, "dan"),
        (8, "ben"),
    ];
    assert_eq!(codes(&log), wanted);

    // One place too few, or one who does not exist: nobody is added.
    let [fay, gus] = server.people(["fay", "gus"]).await;
    let nobody = Person {
        id: UNKNOWN.to_owned(),
        ..fay.clone()
    };
    let roles = server.roles(&ana, &group).await;
    for users in [&[&dan, &eve, &fay][..], &[&gus, &nobody], &[&nobody, &gus]] {
        let refused = server.change(&ana, "add", &group, users).await;
        assert_eq!(refused, BAD, "{users:?}");
    }
    assert_eq!(server.roles(&ana, &group).await, roles);
    assert_eq!(server.log_of(&ana, &group).await, log);
    for user in [&dan, &eve, &fay, &gus] {
        let told = server.notifications(user).await;
        let before = usize::from(user.name == "dan");
        assert_eq!(told.len(), before, "{} was told {told:?}", user.name);
    }
    // Those who are in need no place.
    server
        .done(&ana, "add", &group, &[&cleo, &dan, &ana, &eve])
        .await;
    server.stop().await;
}

#[actix_web::test]
async fn a_full_group_takes_nobody_in_until_there_is_a_place() {
    let server = Server::start().await;
    let [ana, ben, cleo, dan, eve] = server.people(["ana", "ben", "cleo", "dan", "eve"]).await;
    for open in [true, false] {
        let fields = json!({"max_count": 2, "open": open});
        let group = server
            .create_group(&ana, &format!("full {open}"), fields)
            .await;
        if !open {
            server.done(&eve, "join", &group, &[]).await;
        }
        server.done(&ana, "add", &group, &[&ben]).await;
        let before = server.roles(&ana, &group).await;
        assert_eq!(server.change(&cleo, "join", &group, &[]).await, BAD);
        assert_eq!(server.change(&ana, "add", &group, &[&dan]).await, BAD);
        if !open {
            let accepted = server.change(&ana, "add", &group, &[&eve]).await;
            assert_eq!(accepted, BAD, "a request for which there is no place");
            server.done(&eve, "join", &group, &[]).await;
        }
        server.done(&ben, "join", &group, &[]).await;
        server.done(&ana, "add", &group, &[&ben]).await;
        assert_eq!(server.roles(&ana, &group).await, before);

        server.done(&ana, "ban", &group, &[&ben]).await;
        server.done(&cleo, "join", &group, &[]).await;
        let role = server.role(&ana, &group, &cleo).await;
        assert_eq!(role, Some(if open { 2 } else { 3 }), "a ban frees a place");
    }
    server.stop().await;
}

#[actix_web::test]
async fn the_last_superadmin_stays_while_others_are_in_and_the_last_member_ends_the_group() {
    let server = Server::start().await;
    let [ana, ben, cleo, dan] = server.people(["ana", "ben", "cleo", "dan"]).await;
    let group = server.create_group(&ana, "last", json!({})).await;
    server.bring(&ana, &group, &ben, Some(1)).await;
    server.bring(&ana, &group, &cleo, Some(3)).await;
    server.bring(&ana, &group, &dan, Some(4)).await;
    assert_eq!(server.change(&ana, "leave", &group, &[]).await, BAD);
    assert_eq!(server.role(&ana, &group, &ana).await, Some(0));
    server.done(&ana, "promote", &group, &[&ben]).await;
    server.done(&ana, "leave", &group, &[]).await;
    assert_eq!(
        codes(&server.log_of(&ben, &group).await).last(),
        Some(&(5, "ana"))
    );
    // Requests and bans hold nobody.
    server.done(&ben, "leave", &group, &[]).await;
    for who in [&ana, &ben, &cleo, &dan] {
        assert_eq!(server.roles(who, &group).await, [].into());
        let groups = server.get(who, &format!("/v2/user/{}/group", who.id)).await;
        assert_eq!(groups, json!({}), "of {}", who.name);
        assert_eq!(server.change(who, "join", &group, &[]).await, NOT_FOUND);
        let log = server.try_log(who, &group_channel(&group)).await;
        assert_eq!(log.err(), Some(BAD));
    }
    assert_eq!(server.group_named(&ana, "last").await, None);
    let again = server.create_group(&ben, "last", json!({})).await;
    assert_ne!(again, group, "the name is free again, for another group");
    server.stop().await;
}

#[actix_web::test]
async fn a_kick_lifts_a_ban_and_rejects_a_request() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let group = server.create_group(&ana, "lifted", json!({})).await;
    for standing in [4, 3] {
        server.bring(&ana, &group, &ben, Some(standing)).await;
        server.done(&ana, "kick", &group, &[&ben]).await;
        assert_eq!(server.role(&ana, &group, &ben).await, None);
    }
    server.done(&ana, "add", &group, &[&ben]).await;
    assert_eq!(server.role(&ana, &group, &ben).await, Some(2));
    let log = server.log_of(&ana, &group).await;
    assert_eq!(codes(&log), [(4, "ben"), (8, "ben"), (4, "ben")]);
    server.stop().await;
}

#[actix_web::test]
async fn ids_that_are_none_and_missing_users_are_told_apart_from_unknown_ones() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let group = server.create_group(&ana, "ids", json!({})).await;
    let known = &ben.id;
    for (method, path, wanted) in [
        ("POST", "/v2/group/garbage/join".to_owned(), BAD),
        ("POST", "/v2/group/garbage/leave".to_owned(), BAD),
        ("PUT", "/v2/group/garbage".to_owned(), BAD),
        ("DELETE", "/v2/group/garbage".to_owned(), BAD),
        ("DELETE", format!("/v2/group/{UNKNOWN}"), BAD),
        ("GET", "/v2/group/garbage/user".to_owned(), BAD),
        ("GET", "/v2/user/garbage/group".to_owned(), BAD),
        ("PUT", format!("/v2/group/{UNKNOWN}"), NOT_FOUND),
        ("POST", format!("/v2/group/{group}/add"), DONE),
        ("POST", format!("/v2/group/{group}/kick"), DONE),
        ("POST", format!("/v2/group/{group}/ban"), DONE),
        ("POST", format!("/v2/group/{group}/promote"), DONE),
        ("POST", format!("/v2/group/{group}/demote"), BAD),
    ] {
        let answer = server
            .ask(&ana, method, &path, json!({"description": "x"}))
            .await;
        assert_eq!(verdict(&answer), wanted, "{method} {path}: {answer:?}");
    }
    for verb in ["add", "kick", "ban", "promote", "demote"] {
        let path = format!("/v2/group/{group}/{verb}?user_ids={known}&user_ids=garbage");
        let answer = server.ask(&ana, "POST", &path, Value::Null).await;
        assert_eq!(verdict(&answer), BAD, "{verb}: {answer:?}");
        let path = format!("/v2/group/garbage/{verb}?user_ids={known}");
        let answer = server.ask(&ana, "POST", &path, Value::Null).await;
        assert_eq!(verdict(&answer), BAD, "{verb}: {answer:?}");
        let ids = format!("user_ids={known}&").repeat(101);
        let path = format!("/v2/group/{group}/{verb}?{ids}");
        let answer = server.ask(&ana, "POST", &path, Value::Null).await;
        assert_eq!(verdict(&answer), BAD, "{verb} of too many");
    }
    for verb in ["kick", "ban", "promote", "demote"] {
        let path = format!("/v2/group/{group}/{verb}?user_ids={UNKNOWN}");
        let answer = server.ask(&ana, "POST", &path, Value::Null).await;
        assert_eq!(verdict(&answer), DONE, "{verb} of nobody: {answer:?}");
    }
    assert_eq!(server.roles(&ana, &group).await.len(), 1);
    let (status, _) = server.http("POST", "/v2/group", None, "{}").await;
    assert_eq!(status, 401);
    server.stop().await;
}

#[actix_web::test]
async fn an_id_in_capitals_names_the_same_group() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let group = server
        .create_group(&ana, "case", json!({"open": true}))
        .await;
    let capitals = group.to_ascii_uppercase();
    let channel = group_channel(&capitals);
    server.done(&ben, "join", &capitals, &[]).await;
    let path = format!(
        "/v2/group/{capitals}/promote?user_ids={}",
        ben.id.to_ascii_uppercase()
    );
    let answer = server.ask(&ana, "POST", &path, Value::Null).await;
    assert_eq!(verdict(&answer), DONE);
    assert_eq!(server.roles(&ana, &capitals).await["ben"], 1);
    assert_eq!(
        server
            .update_group(&ana, &capitals, json!({"open": false}))
            .await,
        DONE
    );
    let groups = format!("/v2/user/{}/group", ben.id.to_ascii_uppercase());
    let groups = server.get(&ana, &groups).await;
    assert_eq!(list(&groups["user_groups"])[0]["group"]["id"], *group);

    let mut a = server.socket_in(&ana, &group).await;
    let mut b = server.socket(&ben).await;
    let joined = b.join_group(&capitals).await;
    assert_eq!(joined["presences"][0]["username"], "ana");
    let cid = b.post_to(&channel, r#"{"n":1}"#).await;
    let ack = b.reply(&cid).await;
    assert!(ack.get("channel_message_ack").is_some(), "{ack}");
    assert_eq!(a.message().await["content"], r#"{"n":1}"#);
    let log = server.try_log(&ben, &channel).await.unwrap();
    assert_eq!(codes(&log), [(3, "ben"), (7, "ben"), (0, "ben")]);
    assert_eq!(log[0]["channel_id"], *channel, "as it was asked for");
    server.done(&ana, "kick", &capitals, &[&ben]).await;
    b.is_shut_out(&group).await;
    b.is_shut_out(&capitals).await;
    assert_eq!(server.delete_group(&ana, &capitals).await, DONE);
    a.is_shut_out(&group).await;
    server.stop().await;
}

#[actix_web::test]
async fn edge_count_is_the_number_of_those_who_are_in() {
    let mut dice = Dice::new();
    let server = Server::start().await;
    let ana = server.person("ana").await;
    let others = server.crowd("user", 5).await;
    let group = server.create_group(&ana, "counted", json!({})).await;
    for _ in 0..60 {
        let verb = dice.pick(&[
            "join", "leave", "add", "add", "kick", "ban", "promote", "demote",
        ]);
        let user = &others[dice.roll(others.len())];
        match verb {
            "join" | "leave" => server.done(user, verb, &group, &[]).await,
            _ => server.done(&ana, verb, &group, &[user]).await,
        }
        let roles = server.roles(&ana, &group).await;
        let members = roles.values().filter(|role| **role <= 2).count();
        let told = server.group_named(&ana, "counted").await.unwrap();
        assert_eq!(told["edge_count"], members, "after {verb}: {roles:?}");
    }
    server.stop().await;
}
