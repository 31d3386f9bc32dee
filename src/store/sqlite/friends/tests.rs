use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{
    store::sqlite::{migrations, query_plan, sign_up},
    user::{Notification, NotificationCode},
};

const LIMITS: Limits = Limits {
    friends: 100,
    notifications: 100,
};

fn database<const N: usize>(names: [&str; N]) -> (Connection, [UserId; N]) {
    let mut conn = Connection::open_in_memory().unwrap();
    migrations().to_latest(&mut conn).unwrap();
    let users = names.map(|name| sign_up(&conn, name));
    (conn, users)
}

fn add() -> FriendAction {
    FriendAction::Add(FriendMetadata::default())
}

fn noting(text: &str) -> FriendAction {
    FriendAction::Add(FriendMetadata::new(text).unwrap())
}

fn to(caller: UserId, others: &[UserId], action: FriendAction, now: i64) -> FriendChange {
    FriendChange {
        caller,
        ids: others.to_vec(),
        usernames: Vec::new(),
        action,
        now: Micros(now),
    }
}

fn act(conn: &Connection, by: UserId, other: UserId, action: FriendAction) -> FriendsChanged {
    change(conn, &to(by, &[other], action, 7), LIMITS).unwrap()
}

fn state(conn: &Connection, owner: UserId, other: UserId) -> Option<FriendState> {
    entry(conn, owner, other).unwrap().map(|it| it.0)
}

fn entries(conn: &Connection, owner: UserId) -> Vec<Friend> {
    list(conn, owner, None, None, 1000).unwrap().entries
}

fn told(changed: &FriendsChanged) -> Vec<(UserId, i32, &str)> {
    let told = |it: &'_ Notification| (it.user, it.code);
    let subjects = changed.notifications.iter().map(|it| it.subject.as_str());
    let all = changed.notifications.iter().map(told).zip(subjects);
    all.map(|((user, code), subject)| (user, code, subject))
        .collect()
}

#[test]
fn an_invitation_is_accepted_and_the_friendship_ended() {
    let (conn, [ada, bob]) = database(["ada", "bob"]);
    let invited = act(&conn, ada, bob, add());
    let invitation = NotificationCode::FriendInvitation as i32;
    let subject = "ada wants to add you as a friend";
    assert_eq!(told(&invited), [(bob, invitation, subject)]);
    let notification = &invited.notifications[0];
    assert_eq!(notification.content, r#"{"username":"ada"}"#);
    assert_eq!(
        (notification.sender, notification.created),
        (ada, Micros(7))
    );
    assert!(told(&act(&conn, ada, bob, add())).is_empty());
    let accepted = act(&conn, bob, ada, add());
    let subject = "bob accepted your friend request";
    let code = NotificationCode::FriendAccepted as i32;
    assert_eq!(told(&accepted), [(ada, code, subject)]);
    assert_eq!(state(&conn, ada, bob), Some(FriendState::Friend));
    let removed = act(&conn, ada, bob, FriendAction::Delete);
    let code = NotificationCode::FriendRemoved as i32;
    assert_eq!(told(&removed), [(bob, code, "ada removed you as a friend")]);
    assert!(entries(&conn, ada).is_empty() && entries(&conn, bob).is_empty());
}

#[test]
fn a_block_is_seen_by_one_and_in_the_way_of_both() {
    let (conn, [ada, bob]) = database(["ada", "bob"]);
    act(&conn, ada, bob, add());
    // Repeated, it is told again: what comes of it is to be in force.
    for _ in 0..2 {
        let changed = act(&conn, ada, bob, FriendAction::Block);
        assert_eq!(
            (changed.blocked, changed.notifications),
            (vec![bob], vec![])
        );
        assert_eq!(blocked(&conn, ada).unwrap(), [bob]);
    }
    assert!(has_blocked(&conn, ada, bob).unwrap() && !has_blocked(&conn, bob, ada).unwrap());
    assert!(entries(&conn, bob).is_empty());
    for (by, other) in [(ada, bob), (bob, ada)] {
        assert!(told(&act(&conn, by, other, add())).is_empty());
        assert_eq!(state(&conn, bob, ada), None);
    }
    let nothing = act(&conn, bob, ada, FriendAction::Delete);
    assert_eq!(nothing.unblocked, [ada]);
    assert!(has_blocked(&conn, ada, bob).unwrap());
    let lifted = act(&conn, ada, bob, FriendAction::Delete);
    assert_eq!(
        (lifted.unblocked, lifted.notifications),
        (vec![bob], vec![])
    );
    assert!(entries(&conn, ada).is_empty());
}

#[test]
fn the_time_of_getting_to_know_stays_and_that_of_the_state_goes_on() {
    let (conn, [ada, bob]) = database(["ada", "bob"]);
    let at = |by, other, action, now| {
        change(&conn, &to(by, &[other], action, now), LIMITS).unwrap();
    };
    let times = |owner| {
        let entries = entries(&conn, owner);
        entries.first().map(|it| (it.since.0, it.updated.0))
    };
    at(ada, bob, add(), 1);
    assert_eq!((times(ada), times(bob)), (Some((1, 1)), Some((1, 1))));
    at(ada, bob, add(), 2);
    assert_eq!((times(ada), times(bob)), (Some((1, 1)), Some((1, 1))));
    at(bob, ada, add(), 3);
    assert_eq!((times(ada), times(bob)), (Some((1, 3)), Some((1, 3))));
    at(ada, bob, FriendAction::Block, 4);
    assert_eq!((times(ada), times(bob)), (Some((1, 4)), None));
    at(bob, ada, FriendAction::Block, 5);
    assert_eq!((times(ada), times(bob)), (Some((1, 4)), Some((5, 5))));
    at(ada, bob, FriendAction::Delete, 6);
    assert_eq!((times(ada), times(bob)), (None, Some((5, 5))));
    at(bob, ada, FriendAction::Delete, 7);
    at(bob, ada, add(), 8);
    assert_eq!((times(ada), times(bob)), (Some((8, 8)), Some((8, 8))));
}

#[test]
fn each_notes_in_their_own_entry() {
    let (conn, [ada, bob]) = database(["ada", "bob"]);
    let notes = || {
        [(ada, bob), (bob, ada)].map(|(owner, other)| {
            let entries = entries(&conn, owner);
            let entry = entries.iter().find(|it| it.user.id == other);
            entry.map(|it| it.metadata.as_str().to_owned())
        })
    };
    let both = |one: &str, two: &str| [Some(one.to_owned()), Some(two.to_owned())];
    let (one, two, other) = (r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#);
    act(&conn, ada, bob, noting(one));
    assert_eq!(notes(), both(one, "{}"));
    act(&conn, ada, bob, noting(other));
    assert_eq!(notes(), both(one, "{}"));
    act(&conn, bob, ada, noting(two));
    assert_eq!(notes(), both(one, two));
    act(&conn, bob, ada, noting(other));
    assert_eq!(notes(), both(one, two));
    act(&conn, bob, ada, FriendAction::Delete);
    act(&conn, ada, bob, add());
    act(&conn, bob, ada, add());
    assert_eq!(notes(), both("{}", "{}"));
}

#[test]
fn users_are_named_by_id_or_name_and_each_counts_once() {
    let (conn, [ada, bob, cy]) = database(["ada", "bob", "cy"]);
    let with = |ids: &[UserId], names: &[&str], action: FriendAction| {
        let usernames = names.iter().map(|&name| name.to_owned()).collect();
        let change = FriendChange {
            usernames,
            ..to(ada, ids, action, 7)
        };
        super::change(&conn, &change, LIMITS)
    };
    let unknown = UserId::random();
    let names = ["bob", "cy", "nobody", "cy"];
    let changed = with(&[unknown, bob, bob, UserId::SERVER], &names, add()).unwrap();
    let all: Vec<_> = changed.notifications.iter().map(|it| it.user).collect();
    assert_eq!(all, [bob, cy]);
    for action in [add(), FriendAction::Block] {
        let refused = with(&[], &["nobody"], action.clone());
        assert!(matches!(refused, Err(FriendError::Nobody)));
        with(&[unknown], &["nobody"], action.clone()).unwrap();
        let refused = with(&[bob], &["ada"], action);
        assert!(matches!(refused, Err(FriendError::Oneself)));
    }
    with(&[], &["nobody"], FriendAction::Delete).unwrap();
    assert!(matches!(
        with(&[], &["ada"], FriendAction::Delete),
        Err(FriendError::Oneself)
    ));
    with(&[], &["bob"], FriendAction::Delete).unwrap();
    assert_eq!(entries(&conn, ada).len(), 1);
    let ghost = to(unknown, &[bob], FriendAction::Block, 7);
    let changed = super::change(&conn, &ghost, LIMITS).unwrap();
    assert!(changed.blocked.is_empty());
}

#[test]
fn a_list_has_room_for_so_many_and_for_any_number_of_invitations() {
    let (conn, [ada, bob, cy, dan]) = database(["ada", "bob", "cy", "dan"]);
    let limits = Limits {
        friends: 2,
        ..LIMITS
    };
    let act = |by, others: &[UserId], action| {
        let change = to(by, others, action, 7);
        super::super::writer::in_savepoint(&conn, |conn| super::change(conn, &change, limits))
    };
    let full = |result| matches!(result, Err(FriendError::ListFull { max: 2 }));
    assert!(full(act(ada, &[bob, cy, dan], add())));
    assert!(entries(&conn, ada).is_empty());
    for other in [bob, cy, dan] {
        act(other, &[ada], add()).unwrap();
    }
    assert_eq!(entries(&conn, ada).len(), 3);
    act(ada, &[bob, cy], add()).unwrap();
    assert!(full(act(ada, &[dan], add())));
    // Blocks have room of their own, and give that of friends back.
    act(ada, &[dan, bob], FriendAction::Block).unwrap();
    assert!(full(act(ada, &[cy], FriendAction::Block)));
    act(ada, &[dan], FriendAction::Delete).unwrap();
    act(dan, &[ada], add()).unwrap();
    act(ada, &[dan], add()).unwrap();
    assert_eq!(state(&conn, dan, ada), Some(FriendState::Friend));
}

#[test]
fn who_has_blocked_the_caller_is_told_nothing() {
    let (conn, [ada, bob]) = database(["ada", "bob"]);
    act(&conn, bob, ada, FriendAction::Block);
    for action in [add(), FriendAction::Block, FriendAction::Delete] {
        assert!(told(&act(&conn, ada, bob, action)).is_empty());
    }
    assert!(has_blocked(&conn, bob, ada).unwrap());
}

#[test]
fn whoever_invites_again_and_again_is_heard_once() {
    let (conn, [ada, bob, cy]) = database(["ada", "bob", "cy"]);
    act(&conn, cy, bob, add());
    for _ in 0..5 {
        for (action, code) in [(add(), -2), (FriendAction::Delete, -9)] {
            let changed = act(&conn, ada, bob, action);
            assert_eq!(told(&changed)[0].1, code);
        }
    }
    act(&conn, ada, bob, add());
    let kept = |user: UserId| -> Vec<(UserId, i32)> {
        let sql = "SELECT sender, code FROM notification WHERE user_id = ?1 ORDER BY seq";
        let mut select = conn.prepare(sql).unwrap();
        let kept = select.query_map([user.0], |row| Ok((UserId(row.get(0)?), row.get(1)?)));
        kept.unwrap().map(Result::unwrap).collect()
    };
    // In the order in which it happened last.
    assert_eq!(kept(bob), [(cy, -2), (ada, -9), (ada, -2)]);
    // Who blocks somebody need not answer them any more.
    act(&conn, bob, ada, FriendAction::Block);
    assert_eq!(kept(bob), [(cy, -2), (ada, -9)]);
}

#[test]
fn a_block_does_not_show_that_the_other_has_blocked_too() {
    let (conn, [ada, bob, cy]) = database(["ada", "bob", "cy"]);
    let at = |by, other, now| {
        change(&conn, &to(by, &[other], FriendAction::Block, now), LIMITS).unwrap();
    };
    at(cy, ada, 1);
    at(ada, bob, 2);
    at(ada, cy, 3);
    let blocked: Vec<_> = entries(&conn, ada).iter().map(|it| it.user.id).collect();
    assert_eq!(blocked, [bob, cy]);
}

#[test]
fn an_account_takes_its_entries_and_those_of_others_along() {
    let (conn, [ada, bob, cy, dan]) = database(["ada", "bob", "cy", "dan"]);
    act(&conn, ada, bob, add());
    act(&conn, bob, ada, add());
    act(&conn, ada, cy, FriendAction::Block);
    act(&conn, cy, ada, FriendAction::Block);
    act(&conn, dan, ada, add());
    act(&conn, dan, bob, add());
    conn.execute("DELETE FROM user WHERE id = ?1", [ada.0])
        .unwrap();
    let left = |owner| -> Vec<_> {
        let entries = entries(&conn, owner);
        entries.iter().map(|it| it.user.id).collect()
    };
    assert_eq!([left(ada), left(cy)], [vec![], vec![]]);
    assert_eq!([left(bob), left(dan)], [vec![dan], vec![bob]]);
}

#[test]
fn a_list_goes_on_where_it_was_left() {
    let (conn, [ada]) = database(["ada"]);
    let mut expected = Vec::new();
    for n in 0..20u8 {
        let other = sign_up(&conn, &format!("user{n}"));
        // Several got to know each other at the same time.
        let at = |by, other, action| {
            change(&conn, &to(by, &[other], action, i64::from(n / 8)), LIMITS).unwrap();
        };
        match n % 4 {
            0 => {
                at(other, ada, add());
                at(ada, other, add());
            }
            1 => at(ada, other, add()),
            2 => at(other, ada, add()),
            _ => at(ada, other, FriendAction::Block),
        }
        expected.push((n % 4, i64::from(n / 8), other));
    }
    expected.sort();
    let states = [None, Some(0), Some(1), Some(2), Some(3)];
    for number in states {
        let wanted = number.map(|number| FriendState::from_number(number).unwrap());
        for limit in [1, 3, 5, 100] {
            let (mut all, mut beyond) = (Vec::new(), None);
            loop {
                let page = list(&conn, ada, wanted, beyond, limit).unwrap();
                assert!(page.entries.len() <= limit);
                let place = |it: &Friend| (it.state as u8, it.since.0, it.user.id);
                all.extend(page.entries.iter().map(place));
                beyond = page.entries.last().map(|last| FriendPosition {
                    state: last.state,
                    since: last.since,
                    user: last.user.id,
                });
                if !page.more {
                    break;
                }
            }
            let of_state = |it: &&(u8, i64, UserId)| number.is_none_or(|n| i32::from(it.0) == n);
            let expected: Vec<_> = expected.iter().filter(of_state).copied().collect();
            assert_eq!(all, expected, "{number:?}");
        }
    }
}

#[test]
fn friends_of_friends_are_listed_with_each_who_knows_them() {
    let (conn, users) = database(["a", "b", "c", "d", "e", "f", "g", "h"]);
    let befriend = |one: usize, two: usize| {
        act(&conn, users[one], users[two], add());
        act(&conn, users[two], users[one], add());
    };
    // 0 knows 1, 2 and 3, who know each other in part; 5 is blocked, and 7 but invited.
    let known = [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 2),
        (1, 4),
        (2, 4),
        (2, 5),
        (3, 6),
        (3, 4),
        (4, 7),
    ];
    for (one, two) in known {
        befriend(one, two);
    }
    act(&conn, users[0], users[5], FriendAction::Block);
    act(&conn, users[1], users[7], add());
    let pairs = [(1, 4), (2, 4), (3, 4), (3, 6)];
    let mut expected = pairs.map(|(referrer, user)| (users[referrer], users[user]));
    expected.sort();
    for limit in [1, 2, 3, 4, 100] {
        for most in [2, 3, 5, MOST_PASSED] {
            let (all, _) = pages(&conn, users[0], limit, most);
            assert_eq!(all, expected, "{limit}, {most}");
        }
    }
}

/// All friends of friends by pages that look at so many entries, and how many pages it takes.
fn pages(
    conn: &Connection,
    user: UserId,
    limit: usize,
    most: usize,
) -> (Vec<(UserId, UserId)>, usize) {
    let (mut all, mut beyond, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = of_friends(conn, user, beyond, limit, most).unwrap();
        pages += 1;
        assert!(page.entries.len() <= limit);
        all.extend(page.entries.iter().map(|it| (it.referrer, it.user.id)));
        let Some(next) = page.next else {
            return (all, pages);
        };
        let place = |at: FriendOfFriendPosition| (at.referrer, at.user);
        assert!(beyond.map(place) < Some(place(next)), "it goes on");
        beyond = Some(next);
    }
}

#[test]
fn a_page_of_friends_of_friends_looks_at_so_many_entries() {
    const CLIQUE: usize = 80;
    let (conn, [stranger]) = database(["stranger"]);
    let mut clique: Vec<UserId> = (0..CLIQUE)
        .map(|n| sign_up(&conn, &format!("user{n}")))
        .collect();
    clique.sort();
    for &owner in &clique {
        for &other in clique.iter().filter(|other| **other != owner) {
            befriend(&conn, owner, other, 0);
        }
    }
    let (caller, last) = (clique[0], clique[CLIQUE - 1]);
    // What the others are to each other, and each of them to the caller.
    let passed = (CLIQUE - 1) * CLIQUE;
    assert!(passed > MOST_PASSED);
    for known in [false, true] {
        let mut expected = Vec::new();
        if known {
            befriend(&conn, last, stranger, 0);
            expected.push((last, stranger));
        }
        let first = of_friends(&conn, caller, None, 100, MOST_PASSED).unwrap();
        assert!(first.entries.is_empty());
        let next = first.next.unwrap();
        // Whole lists, each beside the entry that leads to it, and a part.
        let full = MOST_PASSED / CLIQUE;
        assert_eq!(next.referrer, clique[1 + full]);
        let part = MOST_PASSED - full * CLIQUE - 1;
        let theirs = clique.iter().filter(|other| **other != next.referrer);
        assert_eq!(theirs.take(part).last(), Some(&next.user));
        assert_eq!(pages(&conn, caller, 100, MOST_PASSED), (expected, 2));
    }
    // A place is where one friend's list begins, too; entries that are of no friends count.
    let (conn, [ada]) = database(["ada"]);
    for n in 0..10 {
        let other = sign_up(&conn, &format!("user{n}"));
        befriend(&conn, ada, other, 1);
    }
    assert_eq!(pages(&conn, ada, 100, 10), (Vec::new(), 1));
    assert_eq!(pages(&conn, ada, 100, 9), (Vec::new(), 2));
    // The place is looked at again.
    assert_eq!(pages(&conn, ada, 100, 2), (Vec::new(), 9));
}

fn befriend(conn: &Connection, owner: UserId, other: UserId, state: u8) {
    let sql = "INSERT INTO friend_edge VALUES (?1, ?2, ?3, 0, 0, '{}')";
    conn.execute(sql, params![owner.0, other.0, state]).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn pages_of_friends_of_friends_have_no_gaps_and_no_repeats(
        edges in prop::collection::btree_map((0..7usize, 0..7usize), 0..6u8, 0..42),
        limit in 1..6usize,
        most in 2..12usize,
    ) {
        let (conn, users) = database::<7>(["a", "b", "c", "d", "e", "f", "g"]);
        // Most are friends.
        let state = |n: u8| n.saturating_sub(2);
        let mut known = BTreeMap::new();
        for (&(owner, other), &n) in edges.iter().filter(|(edge, _)| edge.0 != edge.1) {
            befriend(&conn, users[owner], users[other], state(n));
            known.insert((users[owner], users[other]), state(n));
        }
        let caller = users[0];
        let mut expected = Vec::new();
        for (&(owner, referrer), _) in known.iter().filter(|it| it.0.0 == caller && *it.1 == 0) {
            let theirs = known.iter().filter(|it| it.0.0 == referrer && *it.1 == 0);
            for (&(_, other), _) in theirs {
                let hidden = matches!(known.get(&(owner, other)), Some(0 | 3));
                if other != caller && !hidden {
                    expected.push((referrer, other));
                }
            }
        }
        prop_assert_eq!(pages(&conn, caller, limit, most).0, expected);
    }
}

#[test]
fn no_statement_reads_or_sorts_a_table() {
    let (conn, _) = database(["ada"]);
    let (list, profile) = (select_list(), select_profile());
    let all = [
        HAS_BLOCKED,
        LETS_IN,
        SELECT_ENTRY,
        SET_ENTRY,
        DELETE_ENTRY,
        COUNT_FRIENDS,
        COUNT_BLOCKS,
        DELETE_REQUESTS,
        SELECT_BLOCKED,
        SELECT_MINE,
        SELECT_THEIRS,
        &list,
        &profile,
    ];
    for sql in all {
        let plan = query_plan(&conn, sql);
        let costly = |step: &String| step.contains("SCAN") || step.contains("B-TREE");
        assert!(!plan.iter().any(costly), "{sql}: {plan:?}");
    }
    // Each list is entered where it goes on, and a user is looked up in one.
    for (sql, steps) in [
        (
            SELECT_MINE,
            &["SEARCH friend_edge USING PRIMARY KEY (user_id=? AND other_id>?)"][..],
        ),
        (
            SELECT_THEIRS,
            &[
                "SEARCH theirs USING PRIMARY KEY (user_id=? AND other_id>?)",
                "SEARCH known USING PRIMARY KEY (user_id=? AND other_id=?)",
            ],
        ),
        (
            SELECT_BLOCKERS,
            &["SEARCH friend_edge USING INDEX friend_edge_by_other (other_id=? AND user_id=?)"],
        ),
    ] {
        let plan = query_plan(&conn, sql);
        for step in steps {
            assert!(plan.iter().any(|it| it == step), "{step}: {plan:?}");
        }
    }
}

/// The deed of one user, by their numbers.
#[derive(Debug, Clone)]
struct Deed {
    verb: u8,
    caller: usize,
    others: Vec<usize>,
}

const USERS: usize = 5;
const ROOM: usize = 3;

fn deed() -> impl Strategy<Value = Deed> {
    let others = prop::collection::vec(0..USERS, 1..4);
    (0..4u8, 0..USERS, others).prop_map(|(verb, caller, others)| Deed {
        verb,
        caller,
        others,
    })
}

/// What each user is to each other one, by the rules.
type Model = BTreeMap<(usize, usize), FriendState>;

/// What becomes of it, and who is told; `None` when the change is refused.
fn expected(model: &Model, deed: &Deed, verb: Verb) -> Option<(Model, Vec<usize>)> {
    if deed.others.contains(&deed.caller) {
        return None;
    }
    let (mut after, mut told, mut seen) = (model.clone(), Vec::new(), BTreeSet::new());
    for &other in deed.others.iter().filter(|&&other| seen.insert(other)) {
        let keys = [(deed.caller, other), (other, deed.caller)];
        let [mine, theirs] = keys.map(|key| after.get(&key).copied());
        let Some(step) = state::step(verb, Bond { mine, theirs }) else {
            continue;
        };
        for (key, state) in keys.into_iter().zip([step.bond.mine, step.bond.theirs]) {
            match state {
                Some(state) => after.insert(key, state),
                None => after.remove(&key),
            };
        }
        told.extend(step.notice.map(|_| other));
        let taken = |room: Room| {
            let own = after.iter().filter(|(key, _)| key.0 == deed.caller);
            own.filter(|(_, state)| state.room() == Some(room)).count()
        };
        if taken(Room::Friends) > ROOM || taken(Room::Blocks) > ROOM {
            return None;
        }
    }
    Some((after, told))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_stored_is_what_the_rules_say(deeds in prop::collection::vec(deed(), 1..60)) {
        let (conn, users) = database::<USERS>(["a", "b", "c", "d", "e"]);
        let limits = Limits { friends: ROOM, ..LIMITS };
        let mut model = Model::new();
        for (now, deed) in (1..).zip(deeds) {
            let action = match deed.verb {
                0 | 1 => add(),
                2 => FriendAction::Delete,
                _ => FriendAction::Block,
            };
            let expected = expected(&model, &deed, action.verb());
            let others: Vec<_> = deed.others.iter().map(|&other| users[other]).collect();
            let change = to(users[deed.caller], &others, action, now);
            let changed = super::super::writer::in_savepoint(&conn, |conn| {
                super::change(conn, &change, limits)
            });
            match (changed, expected) {
                (Ok(changed), Some((after, told))) => {
                    let told: Vec<_> = told.iter().map(|&other| users[other]).collect();
                    let heard: Vec<_> = changed.notifications.iter().map(|it| it.user).collect();
                    prop_assert_eq!(heard, told);
                    model = after;
                }
                (Err(_), None) => {}
                (got, expected) => {
                    prop_assert!(false, "{:?} instead of {:?}", got, expected);
                }
            }
            let mut stored = Model::new();
            for (owner, &user) in users.iter().enumerate() {
                for entry in entries(&conn, user) {
                    let other = users.iter().position(|it| *it == entry.user.id).unwrap();
                    stored.insert((owner, other), entry.state);
                    let theirs = super::entry(&conn, entry.user.id, user).unwrap();
                    if let Some((_, since)) = theirs && entry.state != FriendState::Blocked {
                        prop_assert_eq!(since, entry.since);
                    }
                }
                for room in [Room::Friends, Room::Blocks] {
                    prop_assert!(count(&conn, user, room).unwrap() <= ROOM);
                }
            }
            prop_assert_eq!(&stored, &model);
        }
    }
}
