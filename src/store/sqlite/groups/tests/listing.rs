//! Listings: order, going on, and that none reads a whole table.

use super::*;
use crate::{group::GroupPosition, store::sqlite::query_plan};

fn names(found: &[Group]) -> Vec<&str> {
    found.iter().map(|group| group.name.as_str()).collect()
}

fn position(group: &Group) -> GroupPosition {
    GroupPosition {
        name: group.name.clone(),
        edge_count: group.edge_count,
        group: group.id,
    }
}

/// All pages of `limit` groups together.
fn walk(conn: &Connection, filter: &GroupFilter, limit: usize) -> Vec<Group> {
    let (mut all, mut beyond) = (Vec::<Group>::new(), None);
    loop {
        let found = list::groups(conn, filter, beyond.as_ref(), limit).unwrap();
        assert!(found.entries.len() == limit || !found.more);
        all.extend(found.entries);
        if !found.more {
            return all;
        }
        beyond = all.last().map(position);
    }
}

fn by_name(conn: &Connection, name: &str) -> Vec<String> {
    let filter = GroupFilter::Name(name.into());
    let whole = walk(conn, &filter, 100);
    for limit in 1..4 {
        assert_eq!(walk(conn, &filter, limit), whole);
    }
    names(&whole).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_name_is_searched_in_any_case_and_with_one_wildcard() {
    let (scene, ada) = Scene::new(true, 5);
    let make = |name: &str| {
        let group = new_group(name, true, 5);
        create(&scene.conn, GroupId::random(), ada, group, NOW).unwrap();
    };
    let all = [
        "a_b",
        "axb",
        "a\\b",
        "A_B",
        "a_",
        "ODOΣ",
        "oDoσA",
        "z\u{10ffff}",
        "z\u{10ffff}z",
        "50 %",
        "z\u{d7ff}",
        "z\u{e000}",
    ];
    all.iter().for_each(|name| make(name));
    let find = |name: &str| by_name(&scene.conn, name);
    assert_eq!(find("a_b"), ["A_B", "a_b"]);
    assert_eq!(find("A_%"), ["a_", "A_B", "a_b"]);
    assert_eq!(find("a\\%"), ["a\\b"]);
    assert_eq!(find("a%b"), ["a\\b", "A_B", "a_b", "axb"]);
    assert_eq!(find("%B"), ["a\\b", "A_B", "a_b", "axb"]);
    assert_eq!(find("%%x%%"), ["axb"]);
    assert_eq!(find("odoσ%"), ["ODOΣ", "oDoσA"]);
    assert_eq!(find("z\u{10ffff}%"), ["z\u{10ffff}", "z\u{10ffff}z"]);
    assert_eq!(find("z\u{d7ff}%"), ["z\u{d7ff}"]);
    assert_eq!(find("%").len(), all.len() + 1);
    for nothing in ["", "b%", "a_b\0%", "a_b\0", "\u{10ffff}%"] {
        assert!(find(nothing).is_empty(), "{nothing:?}");
    }
    assert!(find(&"%x".repeat(30_000)).is_empty());
    assert_eq!(find(&"%".repeat(60_000)).len(), all.len() + 1);
}

#[test]
fn properties_list_the_largest_first_and_a_language_alone_the_smallest() {
    let (mut scene, ada) = Scene::new(true, 5);
    let [bob, cy] = scene.users(["bob", "cy"]);
    for n in 0..12 {
        scene.group = GroupId::random();
        let mut group = new_group(&format!("Group {n}"), n % 2 == 0, 5);
        group.lang_tag = if n % 3 == 0 { "de" } else { "en" }.into();
        create(&scene.conn, scene.group, ada, group, NOW).unwrap();
        let users = [bob, cy].into_iter().take(n % 3).collect();
        scene.change(ada, Action::Add(users)).unwrap();
    }
    let everything = GroupFilter::Properties {
        lang_tag: None,
        open: None,
        members: None,
    };
    let all = walk(&scene.conn, &everything, 100);
    assert_eq!(all.len(), 13);
    assert!(all.is_sorted_by_key(|group| std::cmp::Reverse((group.edge_count, group.id))));
    for lang_tag in [None, Some("de".to_owned()), Some("fr".to_owned())] {
        for open in [None, Some(true), Some(false)] {
            for members in [None, Some(0), Some(1), Some(2), Some(u32::MAX)] {
                let mut expected: Vec<_> = all
                    .iter()
                    .filter(|group| lang_tag.as_ref().is_none_or(|tag| *tag == group.lang_tag))
                    .filter(|group| open.is_none_or(|open| open == group.open))
                    .filter(|group| members.is_none_or(|most| group.edge_count <= most))
                    .cloned()
                    .collect();
                if lang_tag.is_some() && open.is_none() && members.is_none() {
                    expected.reverse();
                }
                let lang_tag = lang_tag.clone();
                let filter = GroupFilter::Properties {
                    lang_tag,
                    open,
                    members,
                };
                for limit in [1, 2, 100] {
                    assert_eq!(walk(&scene.conn, &filter, limit), expected, "{filter:?}");
                }
            }
        }
    }
}

#[test]
fn members_and_memberships_go_on_where_they_were_left() {
    let (mut scene, ada) = Scene::new(true, 50);
    let many: Vec<_> = (0..9)
        .map(|n| sign_up(&scene.conn, &format!("user{n}")))
        .collect();
    scene.change(ada, Action::Add(many.clone())).unwrap();
    scene.change(ada, Action::Ban(many[..2].to_vec())).unwrap();
    scene
        .change(ada, Action::Promote(many[7..].to_vec()))
        .unwrap();
    let (conn, group) = (&scene.conn, scene.group);
    let walk = |role, limit| {
        let (mut all, mut beyond) = (Vec::new(), None);
        loop {
            let page = list::members(conn, group, role, beyond, limit).unwrap();
            all.extend(
                page.entries
                    .iter()
                    .map(|it| (it.user.username.clone(), it.role)),
            );
            beyond = page.entries.last().map(|last| EdgePosition {
                role: last.role,
                since: last.since,
                id: last.user.id.0,
            });
            if !page.more {
                return all;
            }
        }
    };
    for limit in [1, 3, 100] {
        let names = |role| -> Vec<_> { walk(role, limit).into_iter().map(|it| it.0).collect() };
        let everybody = [
            "ada", "user7", "user8", "user2", "user3", "user4", "user5", "user6",
        ];
        assert_eq!(names(None), everybody);
        assert_eq!(names(Some(Role::Admin)), ["user7", "user8"]);
        assert_eq!(names(Some(Role::Banned)), ["user0", "user1"]);
        assert_eq!(names(Some(Role::JoinRequest)), [""; 0]);
    }

    let mut groups = vec![group];
    for n in 0..5 {
        let (id, time) = (GroupId::random(), Micros(NOW.0 + 1));
        create(
            conn,
            id,
            ada,
            new_group(&format!("Group {n}"), true, 5),
            time,
        )
        .unwrap();
        groups.push(id);
    }
    groups[1..].sort();
    for limit in [1, 3, 100] {
        let (mut all, mut beyond) = (Vec::new(), None);
        loop {
            let page = list::memberships(conn, ada, None, beyond, limit).unwrap();
            all.extend(page.entries.iter().map(|it| it.group.id));
            beyond = page.entries.last().map(|last| EdgePosition {
                role: last.role,
                since: last.since,
                id: last.group.id.0,
            });
            if !page.more {
                break;
            }
        }
        assert_eq!(all, groups);
    }
    let banned = list::memberships(conn, many[0], Some(Role::Banned), None, 5).unwrap();
    assert_eq!(banned.entries.len(), 1);
    assert!(
        list::memberships(conn, many[0], None, None, 5)
            .unwrap()
            .entries
            .is_empty()
    );
}

#[test]
fn no_statement_reads_or_sorts_a_table() {
    let (scene, _) = Scene::new(true, 5);
    let listings = [
        list::by_language(),
        list::by_size(false),
        list::by_size(true),
        list::by_exact_name(),
        list::by_pattern(true),
        list::by_pattern(false),
        list::select_members(),
        list::select_memberships(),
    ];
    let rest = [IS_MEMBER, EXISTS, SELECT_ROLE, SELECT_NAMED, UPDATE_GROUP];
    let all = listings.iter().map(String::as_str).chain(rest);
    for sql in all.chain(super::super::change::STATEMENTS) {
        let plan = query_plan(&scene.conn, sql);
        let costly = |step: &String| step.starts_with("SCAN") || step.contains("TEMP B-TREE");
        assert!(!plan.iter().any(costly), "{sql}: {plan:?}");
    }
}
