//! Notifications in SQL. They are inserted by what they tell of, within its transaction.

use rusqlite::{Connection, Row, params};

use super::{
    Sqlite, StoreError,
    accounts::{execute, json_list},
};
use crate::{
    channel::Micros,
    store::StoreFuture,
    user::{Notification, NotificationId, NotificationSeq, NotificationStore, UserId},
};

const INSERT: &str = "INSERT INTO notification
    (id, user_id, subject, content, code, sender, create_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const SELECT: &str = "SELECT seq, id, user_id, subject, content, code, sender, create_time
    FROM notification WHERE user_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
const DELETE: &str = "DELETE FROM notification
    WHERE id IN (SELECT unhex(value) FROM json_each(?2)) AND user_id = ?1";

/// Puts a notification at the end of its user's list.
pub(super) fn insert(conn: &Connection, told: &Notification) -> Result<(), StoreError> {
    conn.prepare_cached(INSERT)?.execute(params![
        told.id.0,
        told.user.0,
        told.subject,
        told.content,
        told.code,
        told.sender.0,
        told.created.0,
    ])?;
    Ok(())
}

impl NotificationStore for Sqlite {
    fn notifications(
        &self,
        user: UserId,
        behind: NotificationSeq,
        limit: usize,
    ) -> StoreFuture<'_, Result<Vec<(NotificationSeq, Notification)>, StoreError>> {
        Box::pin(self.read(move |conn| Ok(list(conn, user, behind, limit)?)))
    }

    fn delete_notifications(
        &self,
        user: UserId,
        ids: Vec<NotificationId>,
    ) -> StoreFuture<'_, Result<(), StoreError>> {
        Box::pin(self.write(move |conn| delete(conn, user, &ids)))
    }
}

fn list(
    conn: &Connection,
    user: UserId,
    behind: NotificationSeq,
    limit: usize,
) -> rusqlite::Result<Vec<(NotificationSeq, Notification)>> {
    let behind = i64::try_from(behind.0).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    conn.prepare_cached(SELECT)?
        .query_map(params![user.0, behind, limit], notification)?
        .collect()
}

fn notification(row: &Row<'_>) -> rusqlite::Result<(NotificationSeq, Notification)> {
    let seq = NotificationSeq(u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0));
    let notification = Notification {
        id: NotificationId(row.get(1)?),
        user: UserId(row.get(2)?),
        subject: row.get(3)?,
        content: row.get(4)?,
        code: row.get(5)?,
        sender: UserId(row.get(6)?),
        created: Micros(row.get(7)?),
        // Others are not stored.
        persistent: true,
    };
    Ok((seq, notification))
}

fn delete(conn: &Connection, user: UserId, ids: &[NotificationId]) -> Result<(), StoreError> {
    let ids: Vec<_> = ids.iter().map(|id| id.0.simple().to_string()).collect();
    execute(conn, DELETE, &[&user.0, &json_list(&ids)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        store::sqlite::{migrations, query_plan},
        user::NotificationCode,
    };

    fn database() -> (Connection, [UserId; 2]) {
        let mut conn = Connection::open_in_memory().unwrap();
        migrations().to_latest(&mut conn).unwrap();
        let users = ["ada", "bob"].map(|name| {
            let user = UserId::random();
            let sql = "INSERT INTO user (id, username, create_time, update_time)
                VALUES (?1, ?2, 0, 0)";
            conn.execute(sql, params![user.0, name]).unwrap();
            user
        });
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
            insert(&conn, notification).unwrap();
            insert(&conn, &told(bob, "other")).unwrap();
        }
        let mut behind = NotificationSeq::default();
        for expected in &all {
            let page = list(&conn, ada, behind, 1).unwrap();
            let [(seq, notification)] = &page[..] else {
                panic!("{page:?}");
            };
            assert!(*seq > behind);
            assert_eq!(notification, expected);
            behind = *seq;
        }
        assert!(list(&conn, ada, behind, 1).unwrap().is_empty());
    }

    #[test]
    fn only_ones_own_are_deleted_and_no_place_is_used_again() {
        let (conn, [ada, bob]) = database();
        let (mine, other) = (told(ada, "mine"), told(bob, "other"));
        insert(&conn, &other).unwrap();
        insert(&conn, &mine).unwrap();
        let all = |user| list(&conn, user, NotificationSeq::default(), 10).unwrap();
        let last = all(ada)[0].0;
        let unknown = NotificationId(uuid::Uuid::new_v4());
        delete(&conn, ada, &[mine.id, other.id, unknown]).unwrap();
        assert!(all(ada).is_empty());
        assert_eq!(all(bob).len(), 1);
        insert(&conn, &mine).unwrap();
        assert!(all(ada)[0].0 > last);
    }

    #[test]
    fn no_statement_reads_or_sorts_the_table() {
        let (conn, _) = database();
        for sql in [SELECT, DELETE] {
            let plan = query_plan(&conn, sql);
            let costly = |step: &String| {
                step.starts_with("SCAN notification") || step.contains("TEMP B-TREE FOR ORDER")
            };
            assert!(!plan.iter().any(costly), "{sql}: {plan:?}");
        }
    }
}
