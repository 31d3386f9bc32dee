//! Notifications in SQL. Most are added by what they tell of, within its transaction. How many a user has
//! is kept by triggers.

use rusqlite::{Connection, OptionalExtension as _, Row, params, types::FromSql};

use super::{
    Sqlite, StoreError,
    accounts::{execute, json_list},
    metrics::NOTIFICATIONS_TRIMMED,
};
use crate::{
    channel::Micros,
    store::StoreFuture,
    user::{Notification, NotificationId, NotificationSeq, NotificationStore, ReadMark, UserId},
};

/// Whether ?1 is to hear of the sender ?2.
const IS_HEARD: &str = "SELECT 1 FROM user WHERE id = ?1 AND NOT EXISTS
    (SELECT 1 FROM friend_edge WHERE user_id = ?1 AND other_id = ?2 AND state = 3)";
/// What the sender ?2 has told ?1 with the code ?3 about ?4.
const SELECT_UNREAD_ABOUT: &str = "SELECT seq FROM notification
    WHERE user_id = ?1 AND sender = ?2 AND code = ?3 AND about = ?4 AND read = 0";
const DELETE_ONE: &str = "DELETE FROM notification WHERE seq = ?1";
const INSERT: &str = "INSERT INTO notification
    (id, user_id, subject, content, code, sender, create_time, read, about)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const COUNT_KEPT: &str = "SELECT kept FROM notification_count WHERE user_id = ?1";
const TRIM: &str = "DELETE FROM notification WHERE seq IN
    (SELECT seq FROM notification WHERE user_id = ?1 ORDER BY seq LIMIT ?2)";
const SELECT: &str =
    "SELECT seq, id, user_id, subject, content, code, sender, create_time, read, about
    FROM notification WHERE user_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
const SELECT_UNREAD: &str =
    "SELECT seq, id, user_id, subject, content, code, sender, create_time, read, about
    FROM notification INDEXED BY notification_unread
    WHERE user_id = ?1 AND read = 0 AND seq > ?2 ORDER BY seq LIMIT ?3";
// The plus signs keep to the ids, which are few: a user may have many.
const DELETE: &str = "DELETE FROM notification
    WHERE id IN (SELECT unhex(value) FROM json_each(?2)) AND +user_id = ?1";
const MARK: &str = "UPDATE notification SET read = 1
    WHERE id IN (SELECT unhex(value) FROM json_each(?2)) AND +user_id = ?1 AND read = 0";
const MARK_ALL: &str = "UPDATE notification SET read = 1 WHERE user_id = ?1 AND read = 0";
const COUNT_UNREAD: &str = "SELECT unread FROM notification_count WHERE user_id = ?1";

/// Most old notifications deleted for a new one. There are more than one only after the limit was lowered.
const MOST_TRIMMED: i64 = 1000;

/// Whether a notification can reach its user, who exists and has not blocked the sender.
pub(super) fn is_heard(conn: &Connection, told: &Notification) -> Result<bool, StoreError> {
    let values = params![told.user.0, told.sender.0];
    Ok(conn.prepare_cached(IS_HEARD)?.exists(values)?)
}

/// Puts a notification at the end of its user's list if it [is heard](is_heard) and persistent, and
/// answers whether to push it. An unread one about the same keeps a question from being repeated, and
/// makes room for other news. Of more than `most` the oldest are deleted.
pub(super) fn add(conn: &Connection, told: &Notification, most: usize) -> Result<bool, StoreError> {
    if !is_heard(conn, told)? {
        return Ok(false);
    }
    if told.about.is_some() {
        let values = params![told.user.0, told.sender.0, told.code, told.about];
        let mut select = conn.prepare_cached(SELECT_UNREAD_ABOUT)?;
        let unread: Option<i64> = select.query_row(values, |row| row.get(0)).optional()?;
        match unread {
            Some(_) if told.is_question() => return Ok(false),
            Some(older) => drop(execute(conn, DELETE_ONE, &[&older])?),
            None => {}
        }
    }
    if told.persistent {
        conn.prepare_cached(INSERT)?.execute(params![
            told.id.0,
            told.user.0,
            told.subject,
            told.content,
            told.code,
            told.sender.0,
            told.created.0,
            told.read,
            told.about,
        ])?;
        trim(conn, told.user, most)?;
    }
    Ok(true)
}

fn trim(conn: &Connection, user: UserId, most: usize) -> Result<(), StoreError> {
    let kept: i64 = count(conn, COUNT_KEPT, user)?;
    let surplus = kept.saturating_sub(i64::try_from(most).unwrap_or(i64::MAX));
    if surplus > 0 {
        let trimmed = execute(conn, TRIM, &[&user.0, &surplus.min(MOST_TRIMMED)])?;
        NOTIFICATIONS_TRIMMED.increment(trimmed);
    }
    Ok(())
}

/// A number of a user's notifications. Nothing is noted of a user who never had one.
fn count<T: FromSql + Default>(
    conn: &Connection,
    sql: &str,
    user: UserId,
) -> Result<T, StoreError> {
    Ok(conn
        .prepare_cached(sql)?
        .query_row([user.0], |row| row.get(0))
        .optional()?
        .unwrap_or_default())
}

impl NotificationStore for Sqlite {
    fn notify(&self, notification: Notification) -> StoreFuture<'_, Result<bool, StoreError>> {
        if !notification.persistent {
            return Box::pin(self.read(move |conn| is_heard(conn, &notification)));
        }
        let most = self.max_notifications;
        Box::pin(self.write(move |conn| add(conn, &notification, most)))
    }

    fn notifications(
        &self,
        user: UserId,
        unread: bool,
        behind: NotificationSeq,
        limit: usize,
    ) -> StoreFuture<'_, Result<Vec<(NotificationSeq, Notification)>, StoreError>> {
        let select = if unread { SELECT_UNREAD } else { SELECT };
        Box::pin(self.read(move |conn| Ok(list(conn, select, user, behind, limit)?)))
    }

    fn delete_notifications(
        &self,
        user: UserId,
        ids: Vec<NotificationId>,
    ) -> StoreFuture<'_, Result<(), StoreError>> {
        Box::pin(self.write(move |conn| delete(conn, user, &ids)))
    }

    fn mark_read(&self, user: UserId, mark: ReadMark) -> StoreFuture<'_, Result<u32, StoreError>> {
        Box::pin(self.write(move |conn| {
            mark_read(conn, user, &mark)?;
            count(conn, COUNT_UNREAD, user)
        }))
    }

    fn unread(&self, user: UserId) -> StoreFuture<'_, Result<u32, StoreError>> {
        Box::pin(self.read(move |conn| count(conn, COUNT_UNREAD, user)))
    }
}

fn list(
    conn: &Connection,
    select: &str,
    user: UserId,
    behind: NotificationSeq,
    limit: usize,
) -> rusqlite::Result<Vec<(NotificationSeq, Notification)>> {
    let behind = i64::try_from(behind.0).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    conn.prepare_cached(select)?
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
        read: row.get(8)?,
        about: row.get(9)?,
    };
    Ok((seq, notification))
}

fn mark_read(conn: &Connection, user: UserId, mark: &ReadMark) -> Result<(), StoreError> {
    match mark {
        ReadMark::Ids(ids) => execute(conn, MARK, &[&user.0, &id_list(ids)])?,
        ReadMark::All => execute(conn, MARK_ALL, &[&user.0])?,
    };
    Ok(())
}

fn delete(conn: &Connection, user: UserId, ids: &[NotificationId]) -> Result<(), StoreError> {
    execute(conn, DELETE, &[&user.0, &id_list(ids)])?;
    Ok(())
}

fn id_list(ids: &[NotificationId]) -> String {
    let ids: Vec<_> = ids.iter().map(|id| id.0.simple().to_string()).collect();
    json_list(&ids)
}

#[cfg(test)]
mod tests;
