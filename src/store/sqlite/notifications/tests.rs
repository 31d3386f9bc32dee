use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    store::sqlite::{migrations, query_plan, sign_up},
    user::NotificationCode,
};

fn database() -> (Connection, [UserId; 2]) {
    let mut conn = Connection::open_in_memory().unwrap();
    migrations().to_latest(&mut conn).unwrap();
    let users = ["ada", "bob"].map(|name| sign_up(&conn, name));
    (conn, users)
}

fn told(user: UserId, subject: &str) -> Notification {
    let (code, content) = (NotificationCode::GroupAdd, json!({"a": 1}));
    Notification::new(user, code, subject.into(), &content, user, Micros(7))
}

#[test]
fn a_list_is_in_order_and_goes_on_behind_a_place() {
    let (conn, [ada, bob]) = database();
    let all = ["one", "two", "three"].map(|subject| told(ada, subject));
    for notification in &all {
        add(&conn, notification, 100).unwrap();
        add(&conn, &told(bob, "other"), 100).unwrap();
    }
    let mut behind = NotificationSeq::default();
    for expected in &all {
        let page = list(&conn, SELECT, ada, behind, 1).unwrap();
        let [(seq, notification)] = &page[..] else {
            panic!("{page:?}");
        };
        assert!(*seq > behind);
        assert_eq!(notification, expected);
        behind = *seq;
    }
    assert!(list(&conn, SELECT, ada, behind, 1).unwrap().is_empty());
}

#[test]
fn only_ones_own_are_deleted_and_no_place_is_used_again() {
    let (conn, [ada, bob]) = database();
    let (mine, other) = (told(ada, "mine"), told(bob, "other"));
    add(&conn, &other, 100).unwrap();
    add(&conn, &mine, 100).unwrap();
    let all = |user| list(&conn, SELECT, user, NotificationSeq::default(), 10).unwrap();
    let last = all(ada)[0].0;
    let unknown = NotificationId(uuid::Uuid::new_v4());
    delete(&conn, ada, &[mine.id, other.id, unknown]).unwrap();
    assert!(all(ada).is_empty());
    assert_eq!(all(bob).len(), 1);
    add(&conn, &mine, 100).unwrap();
    assert!(all(ada)[0].0 > last);
}

fn counts(conn: &Connection, user: UserId) -> [u32; 2] {
    [COUNT_KEPT, COUNT_UNREAD].map(|sql| count(conn, sql, user).unwrap())
}

fn subjects(conn: &Connection, select: &str, user: UserId) -> Vec<String> {
    let kept = list(conn, select, user, NotificationSeq::default(), 100).unwrap();
    kept.into_iter().map(|(_, told)| told.subject).collect()
}

fn block(conn: &Connection, by: UserId, user: UserId) {
    let sql = "INSERT INTO friend_edge
        (user_id, other_id, state, since, change_time, metadata) VALUES (?1, ?2, 3, 0, 0, '{}')";
    conn.execute(sql, params![by.0, user.0]).unwrap();
}

#[test]
fn nobody_hears_from_whom_they_have_blocked() {
    let (conn, [ada, bob]) = database();
    block(&conn, ada, bob);
    let from = |sender, user| Notification {
        sender,
        ..told(user, "hello")
    };
    assert!(!add(&conn, &from(bob, ada), 100).unwrap());
    assert!(add(&conn, &from(ada, bob), 100).unwrap());
    assert!(add(&conn, &from(UserId::SERVER, ada), 100).unwrap());
    assert!(!add(&conn, &from(ada, UserId::random()), 100).unwrap());
    assert_eq!((counts(&conn, ada), counts(&conn, bob)), ([1, 1], [1, 1]));
}

#[test]
fn what_is_not_persistent_is_pushed_and_not_kept() {
    let (conn, [ada, _]) = database();
    let passing = Notification {
        persistent: false,
        ..told(ada, "passing")
    };
    assert!(add(&conn, &passing, 100).unwrap());
    assert_eq!(counts(&conn, ada), [0, 0]);
}

#[test]
fn a_question_is_asked_again_only_when_it_was_read() {
    let (conn, [ada, bob]) = database();
    let asks = |about: &str| Notification {
        sender: bob,
        code: NotificationCode::GroupJoinRequest as i32,
        about: Some(about.into()),
        ..told(ada, about)
    };
    let first = asks("group");
    assert!(add(&conn, &first, 100).unwrap());
    assert!(!add(&conn, &asks("group"), 100).unwrap());
    assert!(add(&conn, &asks("other"), 100).unwrap());
    let code = Notification {
        code: -1,
        ..asks("group")
    };
    assert!(add(&conn, &code, 100).unwrap());
    let [(_, kept), ..] = &list(&conn, SELECT, ada, NotificationSeq::default(), 5).unwrap()[..]
    else {
        panic!("nothing is kept")
    };
    assert_eq!(*kept, first);
    mark_read(&conn, ada, &ReadMark::Ids(vec![first.id])).unwrap();
    assert!(add(&conn, &asks("group"), 100).unwrap());
    assert_eq!(counts(&conn, ada), [4, 3]);
}

#[test]
fn only_ones_own_are_marked_and_the_unread_are_listed() {
    let (conn, [ada, bob]) = database();
    let [one, two, three] = ["one", "two", "three"].map(|subject| told(ada, subject));
    let other = told(bob, "other");
    for told in [&one, &two, &three, &other] {
        add(&conn, told, 100).unwrap();
    }
    let ids = vec![two.id, other.id, NotificationId(uuid::Uuid::new_v4())];
    for _ in 0..2 {
        mark_read(&conn, ada, &ReadMark::Ids(ids.clone())).unwrap();
        assert_eq!((counts(&conn, ada), counts(&conn, bob)), ([3, 2], [1, 1]));
    }
    assert_eq!(subjects(&conn, SELECT_UNREAD, ada), ["one", "three"]);
    let all = list(&conn, SELECT, ada, NotificationSeq::default(), 5).unwrap();
    let read: Vec<_> = all.iter().map(|(_, told)| told.read).collect();
    assert_eq!(read, [false, true, false]);
    let behind = list(&conn, SELECT_UNREAD, ada, all[0].0, 5).unwrap();
    assert_eq!(behind, all[2..]);
    mark_read(&conn, ada, &ReadMark::All).unwrap();
    assert_eq!((counts(&conn, ada), counts(&conn, bob)), ([3, 0], [1, 1]));
}

#[test]
fn of_too_many_the_oldest_are_deleted() {
    let (conn, [ada, bob]) = database();
    add(&conn, &told(bob, "other"), 3).unwrap();
    for subject in ["one", "two", "three", "four", "five"] {
        add(&conn, &told(ada, subject), 3).unwrap();
    }
    assert_eq!(subjects(&conn, SELECT, ada), ["three", "four", "five"]);
    // The limit was lowered.
    add(&conn, &told(ada, "six"), 1).unwrap();
    assert_eq!(subjects(&conn, SELECT, ada), ["six"]);
    assert_eq!((counts(&conn, ada), counts(&conn, bob)), ([1, 1], [1, 1]));
}

#[test]
fn what_was_kept_before_there_were_counts_is_counted() {
    let mut conn = Connection::open_in_memory().unwrap();
    migrations().to_version(&mut conn, 3).unwrap();
    let [ada, bob, cy] = ["ada", "bob", "cy"].map(|name| sign_up(&conn, name));
    for (n, user) in [(1, ada), (2, ada), (3, bob)] {
        let sql = "INSERT INTO notification
            (id, user_id, subject, content, code, sender, create_time)
            VALUES (?1, ?2, 'old', '{}', -4, zeroblob(16), ?3)";
        let id = uuid::Uuid::new_v4();
        conn.execute(sql, params![id, user.0, n]).unwrap();
    }
    migrations().to_latest(&mut conn).unwrap();
    let all = [ada, bob, cy].map(|user| counts(&conn, user));
    assert_eq!(all, [[2, 2], [1, 1], [0, 0]]);
    add(&conn, &told(ada, "new"), 100).unwrap();
    mark_read(&conn, bob, &ReadMark::All).unwrap();
    let all = [ada, bob, cy].map(|user| counts(&conn, user));
    assert_eq!(all, [[3, 3], [1, 0], [0, 0]]);
    assert_eq!(subjects(&conn, SELECT, ada), ["old", "old", "new"]);
}

/// The deed of one of three users, or to them.
#[derive(Debug, Clone)]
enum Deed {
    Add { sender: usize, about: Option<u8> },
    MarkAll,
    Mark(prop::sample::Index),
    Delete(prop::sample::Index),
    EndAccount,
}

fn deed() -> impl Strategy<Value = Deed> {
    let about = prop::option::of(0..3u8);
    prop_oneof![
        12 => (0..3usize, about).prop_map(|(sender, about)| Deed::Add { sender, about }),
        2 => Just(Deed::MarkAll),
        3 => any::<prop::sample::Index>().prop_map(Deed::Mark),
        3 => any::<prop::sample::Index>().prop_map(Deed::Delete),
        1 => Just(Deed::EndAccount),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_counts_are_always_those_of_what_is_kept(
        deeds in prop::collection::vec((0..3usize, deed()), 1..80),
    ) {
        const MOST: usize = 5;
        let (conn, [ada, bob]) = database();
        let users = [ada, bob, sign_up(&conn, "cy")];
        let (mut gone, mut made) = ([false; 3], Vec::new());
        for (n, deed) in deeds {
            let user = users[n];
            match deed {
                Deed::Add { sender, about } => {
                    let told = Notification {
                        sender: users[sender],
                        code: match about {
                            Some(0) => NotificationCode::GroupJoinRequest as i32,
                            _ => NotificationCode::GroupAdd as i32,
                        },
                        about: about.map(|about| about.to_string()),
                        ..told(user, "told")
                    };
                    let asked = about == Some(0) && list(
                        &conn, SELECT_UNREAD, user, NotificationSeq::default(), 100
                    ).unwrap().iter().any(|(_, kept)| {
                        kept.about == told.about && kept.sender == told.sender
                    });
                    let pushed = add(&conn, &told, MOST).unwrap();
                    prop_assert_eq!(pushed, !gone[n] && !asked);
                    made.push(told.id);
                }
                Deed::MarkAll => mark_read(&conn, user, &ReadMark::All).unwrap(),
                Deed::Mark(id) if !made.is_empty() => {
                    let mark = ReadMark::Ids(vec![*id.get(&made)]);
                    mark_read(&conn, user, &mark).unwrap();
                }
                Deed::Delete(id) if !made.is_empty() => {
                    delete(&conn, user, &[*id.get(&made)]).unwrap();
                }
                Deed::Mark(_) | Deed::Delete(_) => {}
                Deed::EndAccount => {
                    conn.execute("DELETE FROM user WHERE id = ?1", [user.0]).unwrap();
                    gone[n] = true;
                }
            }
            for (user, gone) in users.into_iter().zip(gone) {
                let sql = "SELECT count(*), count(*) FILTER (WHERE read = 0)
                    FROM notification WHERE user_id = ?1";
                let real = conn.query_row(sql, [user.0], |row| Ok([row.get(0)?, row.get(1)?]));
                let real: [u32; 2] = real.unwrap();
                prop_assert_eq!(counts(&conn, user), real);
                prop_assert!(real[0] as usize <= MOST && (!gone || real == [0, 0]));
            }
        }
    }
}

#[test]
fn no_statement_reads_or_sorts_the_table() {
    let (conn, _) = database();
    let all = [
        IS_HEARD,
        SELECT_UNREAD_ABOUT,
        DELETE_ONE,
        INSERT,
        COUNT_KEPT,
        TRIM,
        SELECT,
        SELECT_UNREAD,
        DELETE,
        MARK,
        MARK_ALL,
        COUNT_UNREAD,
    ];
    for sql in all {
        let plan = query_plan(&conn, sql);
        let costly = |step: &String| {
            // The list of ids is scanned.
            step.starts_with("SCAN") && !step.contains("json_each")
                || step.contains("TEMP B-TREE FOR ORDER")
                // All of the user's, read or not.
                || sql != SELECT && sql != TRIM && step.contains("notification_by_user")
        };
        assert!(!plan.iter().any(costly), "{sql}: {plan:?}");
    }
}
