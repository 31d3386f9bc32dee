//! The end of an account. Hundreds of thousands of rows may go with it, and everybody waits for the writer: so they go in
//! steps, between which others have their turn, and the account itself with the last one.
//!
//! A crash between two steps leaves an account with fewer friends and notifications, as one between two groups that it
//! leaves. It has not been told to be gone, and whoever deletes it again goes on where that ended. What others hold against
//! it, their blocks and the bans of groups, goes with the last step: no end that is cut short takes it away.

use rusqlite::{Connection, params};

use super::{execute, exists, tokens};
use crate::{
    account::{DeleteError, Revocation},
    store::StoreError,
    user::UserId,
};

/// Rows of each kind in a step: some milliseconds, where 100,000 of each at once take a second and a half.
const STEP: usize = 250;

/// Those with whom the user has an entry, on either side.
const SELECT_OTHERS: &str = "SELECT other_id FROM friend_edge WHERE user_id = ?1
    UNION ALL SELECT user_id FROM friend_edge WHERE other_id = ?1 AND state <> 3 LIMIT ?2";
const DELETE_ENTRIES: &str = "DELETE FROM friend_edge
    WHERE (user_id = ?1 AND other_id = ?2) OR (user_id = ?2 AND other_id = ?1 AND state <> 3)";
const DELETE_NOTIFICATIONS: &str = "DELETE FROM notification
    WHERE seq IN (SELECT seq FROM notification WHERE user_id = ?1 LIMIT ?2)";
const DELETE_EDGES: &str = "DELETE FROM group_edge WHERE user_id = ?1
    AND group_id IN (SELECT group_id FROM group_edge WHERE user_id = ?1 AND role <> 4 LIMIT ?2)";

/// Removes some of what belongs to the account. Whether there may be more.
pub(super) fn clear(conn: &Connection, user: UserId) -> Result<bool, DeleteError> {
    still_in_groups(conn, user)?;
    let most = STEP as i64;
    // An entry goes together with the one about it in the other's list.
    let others = conn
        .prepare_cached(SELECT_OTHERS)
        .and_then(|mut select| {
            let rows = select.query_map(params![user.0, most], |row| row.get::<_, [u8; 16]>(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        })
        .map_err(StoreError::from)?;
    for other in &others {
        execute(conn, DELETE_ENTRIES, &[user.0.as_bytes(), other])?;
    }
    let notifications = execute(conn, DELETE_NOTIFICATIONS, &[user.0.as_bytes(), &most])?;
    let edges = execute(conn, DELETE_EDGES, &[user.0.as_bytes(), &most])?;
    Ok([others.len(), notifications, edges].contains(&STEP))
}

/// Removes the account with all that is left.
pub(super) fn finish(
    conn: &Connection,
    user: UserId,
    revocation: &Revocation,
) -> Result<(), DeleteError> {
    still_in_groups(conn, user)?;
    // What is left are blocks and bans.
    for sql in [
        "DELETE FROM friend_edge WHERE other_id = ?1",
        "DELETE FROM group_edge WHERE user_id = ?1",
        "DELETE FROM user_device WHERE user_id = ?1",
        "DELETE FROM user WHERE id = ?1",
    ] {
        execute(conn, sql, &[user.0.as_bytes()])?;
    }
    Ok(tokens::insert(conn, revocation)?)
}

fn still_in_groups(conn: &Connection, user: UserId) -> Result<(), DeleteError> {
    let sql = "SELECT 1 FROM group_edge WHERE user_id = ?1 AND role <= 2";
    match exists(conn, sql, &[user.0.as_bytes()])? {
        true => Err(DeleteError::StillInGroups),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{query_plan, sign_up},
        *,
    };
    use crate::store::sqlite::migrations;

    /// An account to which `rows` of each kind belong.
    fn scene(rows: usize) -> (Connection, UserId) {
        let mut conn = Connection::open_in_memory().unwrap();
        migrations().to_latest(&mut conn).unwrap();
        conn.pragma_update(None, "foreign_keys", "ON").unwrap();
        let user = sign_up(&conn, "popular");
        let fill = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)";
        let others = format!(
            "{fill} INSERT INTO user (id, username, create_time, update_time)
                SELECT randomblob(16), 'user' || n, 0, 0 FROM n"
        );
        conn.execute(&others, [rows as i64]).unwrap();
        let user_id = user.0;
        for sql in [
            "INSERT INTO friend_edge SELECT ?1, id, 0, 0, 0, '{}' FROM user WHERE username GLOB 'user*[02468]'",
            "INSERT INTO friend_edge SELECT id, ?1, 0, 0, 0, '{}' FROM user WHERE username GLOB 'user*[02468]'",
            "INSERT INTO friend_edge SELECT id, ?1, 3, 0, 0, '{}' FROM user WHERE username GLOB 'user*[13579]'",
            "INSERT INTO notification (id, user_id, subject, content, code, sender, create_time)
                SELECT randomblob(16), ?1, 's', '{}', 1, id, 0 FROM user WHERE username GLOB 'user*'",
            "INSERT INTO chat_group SELECT id, id, username, username, '', '', '', 1, 1, 100, 0, 0
                FROM user WHERE username GLOB 'user*' AND ?1 IS NOT NULL",
            "INSERT INTO group_edge SELECT id, ?1, 3, 0 FROM chat_group",
        ] {
            conn.execute(sql, params![user_id]).unwrap();
        }
        (conn, user)
    }

    fn left(conn: &Connection, user: UserId) -> i64 {
        let sql = "SELECT (SELECT count(*) FROM friend_edge WHERE ?1 IN (user_id, other_id))
            + (SELECT count(*) FROM notification WHERE user_id = ?1)
            + (SELECT count(*) FROM group_edge WHERE user_id = ?1)
            + (SELECT count(*) FROM user WHERE id = ?1)";
        conn.query_row(sql, [user.0], |row| row.get(0)).unwrap()
    }

    fn revocation(user: UserId) -> Revocation {
        let until = std::time::UNIX_EPOCH;
        let ends = crate::account::Ends::UpTo(crate::account::TokenId::MAX);
        Revocation { user, ends, until }
    }

    #[test]
    fn what_belongs_to_an_account_goes_in_small_steps_and_all_of_it() {
        let (conn, user) = scene(4 * STEP + 10);
        let mut before = left(&conn, user);
        loop {
            let more = clear(&conn, user).unwrap();
            let now = left(&conn, user);
            assert!(
                before - now <= 4 * STEP as i64,
                "a step of {}",
                before - now
            );
            before = now;
            let halves: i64 = conn
                .query_row(
                    "SELECT count(*) FROM friend_edge mine WHERE state = 0 AND NOT EXISTS (SELECT 1
                        FROM friend_edge WHERE user_id = mine.other_id AND other_id = mine.user_id)",
                    [],
                    |row| row.get(0),
                )
                .unwrap();
            assert_eq!(halves, 0, "friends are friends on both sides");
            if !more {
                break;
            }
        }
        assert!(before <= 4 * STEP as i64);
        let blocks = "SELECT count(*) FROM friend_edge WHERE other_id = ?1 AND state = 3";
        let blocks: i64 = conn.query_row(blocks, [user.0], |row| row.get(0)).unwrap();
        assert_eq!(
            blocks,
            2 * STEP as i64 + 5,
            "whoever blocked them still does"
        );
        finish(&conn, user, &revocation(user)).unwrap();
        assert_eq!(left(&conn, user), 0);
        clear(&conn, user).unwrap();
        finish(&conn, user, &revocation(user)).unwrap();
    }

    #[test]
    fn a_member_of_a_group_loses_nothing() {
        let (conn, user) = scene(10);
        let join = "UPDATE group_edge SET role = 2 WHERE user_id = ?1";
        conn.execute(join, [user.0]).unwrap();
        let before = left(&conn, user);
        assert!(matches!(
            clear(&conn, user),
            Err(DeleteError::StillInGroups)
        ));
        let finished = finish(&conn, user, &revocation(user));
        assert!(matches!(finished, Err(DeleteError::StillInGroups)));
        assert_eq!(left(&conn, user), before);
    }

    #[test]
    fn no_step_looks_at_more_rows_than_it_removes() {
        let (conn, _) = scene(1);
        for sql in [
            SELECT_OTHERS,
            DELETE_ENTRIES,
            DELETE_NOTIFICATIONS,
            DELETE_EDGES,
        ] {
            let plan = query_plan(&conn, sql);
            assert!(
                plan.iter().all(|step| !step.starts_with("SCAN")),
                "{plan:?}"
            );
        }
    }
}
