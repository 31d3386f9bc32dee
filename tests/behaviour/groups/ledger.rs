//! What the history of a group's channel says about its members.

use serde_json::Value;

use crate::harness::{Roles, is_event};

/// Who is in a group after its history, by their rank: 0 superadmin, 1 admin, 2 member. Insists that each
/// event was possible where it stands, that there was a superadmin and not a member too many at any
/// time, that only members spoke, and that the times grow.
pub(crate) fn replay(creator: &str, max: usize, log: &[Value]) -> Roles {
    let mut members: Roles = [(creator.to_owned(), 0)].into();
    let mut before = "";
    for (place, message) in log.iter().enumerate() {
        let (code, name) = (
            message["code"].as_i64().unwrap(),
            message["username"].as_str().unwrap(),
        );
        let role = members.get(name).copied();
        let time = message["create_time"].as_str().unwrap();
        assert!(before < time, "{before} before {time} at {place}");
        before = time;
        if is_event(message) {
            assert_eq!(message["content"], "{}", "{message}");
            assert_eq!(message["persistent"], true, "{message}");
            assert_eq!(message["update_time"], message["create_time"], "{message}");
        }
        let next = match (code, role) {
            (0, Some(_)) => continue,
            (3 | 4, None) => Some(2),
            (5 | 6 | 8, Some(_)) => None,
            (7, Some(role @ 1..)) => Some(role - 1),
            (9, Some(role @ ..2)) => Some(role + 1),
            _ => panic!("event {code} at {place} of {name}, who is {role:?}"),
        };
        match next {
            Some(role) => members.insert(name.to_owned(), role),
            None => members.remove(name),
        };
        let superadmins = members.values().filter(|role| **role == 0).count();
        assert!(
            superadmins > 0,
            "no superadmin is left at {place}: {message}"
        );
        assert!(
            members.len() <= max,
            "{} in a group of {max} at {place}",
            members.len()
        );
    }
    members
}

/// Those of them who are in.
pub(crate) fn members(roles: &Roles) -> Roles {
    let members = roles.iter().filter(|(_, role)| **role <= 2);
    members.map(|(name, role)| (name.clone(), *role)).collect()
}

/// Insists that what was heard is a part of the history without a gap; its place.
pub(crate) fn find_part(log: &[Value], heard: &[Value]) -> std::ops::Range<usize> {
    let Some(first) = heard.first() else {
        return 0..0;
    };
    let start = log
        .iter()
        .position(|m| m["message_id"] == first["message_id"])
        .unwrap_or_else(|| panic!("{first} was heard and is not in the history"));
    let end = start + heard.len();
    assert!(end <= log.len(), "more was heard than is in the history");
    assert_eq!(log[start..end], *heard, "what was heard is not the history");
    start..end
}

#[test]
fn a_replay_follows_the_ranks_and_finds_the_impossible() {
    let log = |events: &[(i64, &str)]| -> Vec<Value> {
        let event = |(n, (code, name)): (usize, &(i64, &str))| {
            let time = format!("{n:04}");
            serde_json::json!({
                "code": code, "username": name, "content": "{}", "persistent": true,
                "create_time": time, "update_time": time,
            })
        };
        events.iter().enumerate().map(event).collect()
    };
    let good = [
        (3, "b"),
        (0, "b"),
        (7, "b"),
        (7, "b"),
        (9, "a"),
        (4, "c"),
        (5, "b"),
    ];
    let bad_last = [(9, "a")];
    assert_eq!(
        replay("a", 3, &log(&good[..6])),
        [
            ("a".to_owned(), 1),
            ("b".to_owned(), 0),
            ("c".to_owned(), 2)
        ]
        .into()
    );
    for bad in [
        &good[..],
        &bad_last,
        &[(0, "b")],
        &[(3, "a")],
        &[(7, "a")],
        &[(6, "c")],
    ] {
        let log = log(bad);
        let found = std::panic::catch_unwind(|| replay("a", 3, &log));
        assert!(found.is_err(), "{bad:?}");
    }
}
