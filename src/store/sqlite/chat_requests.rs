//! Chat requests in SQL.

use rusqlite::{Connection, params};

use super::{
    Sqlite, StoreError,
    accounts::{execute, username},
    friends, notifications,
};
use crate::{
    channel::{ChannelId, Micros, Opening},
    store::StoreFuture,
    user::{ChatRequestStore, Notification, NotificationCode, Opened, UserId, declined, requested},
};

/// A request to ?1 by ?2, with the code ?3, for the channel ?4; read or not.
const IS_OPEN: &str = "SELECT 1 FROM notification
    WHERE user_id = ?1 AND sender = ?2 AND code = ?3 AND about = ?4";
const IS_UNREAD: &str = "SELECT 1 FROM notification
    WHERE user_id = ?1 AND sender = ?2 AND code = ?3 AND about = ?4 AND read = 0";
const CLOSE: &str = "UPDATE notification SET read = 1, about = NULL
    WHERE user_id = ?1 AND sender = ?2 AND code = ?3 AND about = ?4";
const DELETE: &str = "DELETE FROM notification
    WHERE user_id = ?1 AND sender = ?2 AND code = ?3 AND about = ?4";

impl ChatRequestStore for Sqlite {
    fn open_direct(&self, opening: Opening) -> StoreFuture<'_, Result<Opened, StoreError>> {
        Box::pin(async move {
            let asked = opening.clone();
            let need = self
                .look_at_entrance(move |conn| need(conn, &asked))
                .await?;
            match need {
                Need::Refusal => Ok(Opened::Forbidden),
                Need::Nothing => Ok(Opened::Granted(None)),
                Need::Write => {
                    let most = self.max_notifications;
                    self.write(move |conn| open(conn, &opening, most)).await
                }
            }
        })
    }

    fn decline(
        &self,
        channel: ChannelId,
        user: UserId,
        other: UserId,
        now: Micros,
    ) -> StoreFuture<'_, Result<Option<Notification>, StoreError>> {
        Box::pin(async move {
            let asked = channel.clone();
            let open = move |conn: &Connection| is_any(conn, IS_OPEN, user, other, &asked);
            if !self.read(open).await? {
                return Ok(None);
            }
            self.write(move |conn| decline(conn, &channel, user, other, now))
                .await
        })
    }
}

/// What there is to do when a channel is opened.
#[derive(Debug, PartialEq, Eq)]
enum Need {
    Refusal,
    Nothing,
    Write,
}

fn need(conn: &Connection, opening: &Opening) -> Result<Need, StoreError> {
    let &Opening { user, other, .. } = opening;
    if !friends::lets_in(conn, other, user)? {
        return Ok(Need::Refusal);
    }
    let channel = &opening.channel;
    let to_close = is_any(conn, IS_OPEN, user, other, channel)?;
    let to_ask = opening.absent && !is_any(conn, IS_UNREAD, other, user, channel)?;
    Ok(if to_close || to_ask {
        Need::Write
    } else {
        Need::Nothing
    })
}

fn open(conn: &Connection, opening: &Opening, most: usize) -> Result<Opened, StoreError> {
    let &Opening { user, other, .. } = opening;
    // A block may have come in between.
    if !friends::lets_in(conn, other, user)? {
        return Ok(Opened::Forbidden);
    }
    let channel = opening.channel.as_str();
    let code = NotificationCode::ChatRequest as i32;
    execute(conn, CLOSE, &[&user.0, &other.0, &code, &channel])?;
    if !opening.absent {
        return Ok(Opened::Granted(None));
    }
    let Some(username) = username(conn, user)? else {
        // The account has ended meanwhile, and with it the session that asks.
        return Ok(Opened::Granted(None));
    };
    let request = requested(opening, &username);
    let told = notifications::add(conn, &request, most)?;
    Ok(Opened::Granted(told.then_some(request)))
}

fn decline(
    conn: &Connection,
    channel: &ChannelId,
    user: UserId,
    other: UserId,
    now: Micros,
) -> Result<Option<Notification>, StoreError> {
    let code = NotificationCode::ChatRequest as i32;
    let values: [&dyn rusqlite::ToSql; 4] = [&user.0, &other.0, &code, &channel.as_str()];
    if execute(conn, DELETE, &values)? == 0 {
        return Ok(None);
    }
    let Some(username) = username(conn, user)? else {
        return Ok(None);
    };
    let told = declined(other, channel, user, &username, now);
    Ok(notifications::is_heard(conn, &told)?.then_some(told))
}

/// Whether there is a chat request like that of `sender` to `user`.
fn is_any(
    conn: &Connection,
    sql: &str,
    user: UserId,
    sender: UserId,
    channel: &ChannelId,
) -> Result<bool, StoreError> {
    let code = NotificationCode::ChatRequest as i32;
    let values = params![user.0, sender.0, code, channel.as_str()];
    Ok(conn.prepare_cached(sql)?.exists(values)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        store::sqlite::{migrations, query_plan, sign_up},
        user::NotificationStore,
    };

    const NOW: Micros = Micros(7);
    const MOST: usize = 100;

    struct Scene {
        conn: Connection,
        ada: UserId,
        bob: UserId,
        channel: ChannelId,
    }

    impl Scene {
        fn new() -> Self {
            let mut conn = Connection::open_in_memory().unwrap();
            migrations().to_latest(&mut conn).unwrap();
            let [ada, bob] = ["ada", "bob"].map(|name| sign_up(&conn, name));
            Self {
                conn,
                ada,
                bob,
                channel: ChannelId::direct(ada, bob),
            }
        }

        fn opening(&self, user: UserId, other: UserId, absent: bool) -> Opening {
            Opening {
                channel: ChannelId::direct(user, other),
                user,
                other,
                absent,
                now: NOW,
            }
        }

        /// As the store does: looks, and writes if that is needed.
        fn open(&self, user: UserId, other: UserId, absent: bool) -> (Need, Opened) {
            let opening = self.opening(user, other, absent);
            let need = need(&self.conn, &opening).unwrap();
            let opened = match need {
                Need::Refusal => Opened::Forbidden,
                Need::Nothing => Opened::Granted(None),
                Need::Write => open(&self.conn, &opening, MOST).unwrap(),
            };
            (need, opened)
        }

        fn decline(&self, user: UserId, other: UserId) -> Option<Notification> {
            decline(&self.conn, &self.channel, user, other, NOW).unwrap()
        }

        fn block(&self, by: UserId, user: UserId) {
            let sql = "INSERT INTO friend_edge
                (user_id, other_id, state, since, change_time, metadata)
                VALUES (?1, ?2, 3, 0, 0, '{}')";
            self.conn.execute(sql, params![by.0, user.0]).unwrap();
        }

        /// Of a user's notifications, whether each is read and what it asks about.
        fn kept(&self, user: UserId) -> Vec<(bool, Option<String>)> {
            let sql = "SELECT read, about FROM notification WHERE user_id = ?1 ORDER BY seq";
            let mut select = self.conn.prepare(sql).unwrap();
            let kept = select.query_map([user.0], |row| Ok((row.get(0)?, row.get(1)?)));
            kept.unwrap().map(Result::unwrap).collect()
        }

        fn read_all(&self, user: UserId) {
            let sql = "UPDATE notification SET read = 1 WHERE user_id = ?1";
            self.conn.execute(sql, [user.0]).unwrap();
        }
    }

    #[test]
    fn the_absent_other_is_asked_once_until_they_have_read_it() {
        let scene = Scene::new();
        let (ada, bob) = (scene.ada, scene.bob);
        let (_, opened) = scene.open(ada, bob, true);
        let Opened::Granted(Some(request)) = opened else {
            panic!("{opened:?}")
        };
        assert_eq!((request.user, request.sender), (bob, ada));
        assert_eq!((request.code, request.created), (-1, NOW));
        assert_eq!(request.subject, "ada wants to chat");
        assert_eq!(request.content, r#"{"username":"ada"}"#);
        assert_eq!(request.about.as_deref(), Some(scene.channel.as_str()));
        let again = scene.open(ada, bob, true);
        assert!(matches!(again, (Need::Nothing, Opened::Granted(None))));
        scene.read_all(bob);
        let again = scene.open(ada, bob, true);
        assert!(matches!(again, (Need::Write, Opened::Granted(Some(_)))));
        assert_eq!(scene.kept(bob).len(), 2);
    }

    #[test]
    fn nobody_is_asked_who_is_there_already() {
        let scene = Scene::new();
        let opened = scene.open(scene.ada, scene.bob, false);
        assert!(matches!(opened, (Need::Nothing, Opened::Granted(None))));
    }

    #[test]
    fn entering_closes_what_the_other_has_asked() {
        let scene = Scene::new();
        let (ada, bob) = (scene.ada, scene.bob);
        let cy = sign_up(&scene.conn, "cy");
        // One that was read, one that was not, and one of somebody else.
        scene.open(ada, bob, true);
        scene.read_all(bob);
        scene.open(ada, bob, true);
        scene.open(cy, bob, true);
        let entered = scene.open(bob, ada, false);
        assert!(matches!(entered, (Need::Write, Opened::Granted(None))));
        let theirs = ChannelId::direct(bob, cy).to_string();
        assert_eq!(
            scene.kept(bob),
            [(true, None), (true, None), (false, Some(theirs))]
        );
        let again = scene.open(bob, ada, false);
        assert!(matches!(again, (Need::Nothing, Opened::Granted(None))));
        // Both at once: the other has left meanwhile, and is asked in turn.
        scene.open(ada, bob, true);
        let (_, opened) = scene.open(bob, ada, true);
        assert!(matches!(opened, Opened::Granted(Some(request)) if request.user == ada));
        assert_eq!(scene.kept(ada).len(), 1);
    }

    #[test]
    fn who_is_blocked_or_alone_does_not_enter() {
        let scene = Scene::new();
        let (ada, bob) = (scene.ada, scene.bob);
        for other in [UserId::random(), UserId::SERVER] {
            let opened = scene.open(ada, other, true);
            assert!(matches!(opened, (Need::Refusal, Opened::Forbidden)));
        }
        // The block comes between the look and the write.
        scene.open(ada, bob, true);
        let opening = scene.opening(bob, ada, true);
        assert_eq!(need(&scene.conn, &opening).unwrap(), Need::Write);
        scene.block(ada, bob);
        let opened = open(&scene.conn, &opening, MOST).unwrap();
        assert!(matches!(opened, Opened::Forbidden));
        assert_eq!((scene.kept(ada).len(), scene.kept(bob)[0].0), (0, false));
        let opened = scene.open(bob, ada, true);
        assert!(matches!(opened, (Need::Refusal, Opened::Forbidden)));
        // Whoever blocks may still enter.
        let (_, opened) = scene.open(ada, bob, false);
        assert!(matches!(opened, Opened::Granted(None)));
    }

    #[test]
    fn declining_deletes_the_request_and_tells_who_asked() {
        let scene = Scene::new();
        let (ada, bob) = (scene.ada, scene.bob);
        assert_eq!(scene.decline(bob, ada), None);
        scene.open(ada, bob, true);
        // Nobody declines for the other.
        assert_eq!(scene.decline(ada, bob), None);
        scene.read_all(bob);
        let told = scene.decline(bob, ada).unwrap();
        assert_eq!((told.user, told.sender, told.code), (ada, bob, 10_000));
        assert_eq!((told.persistent, told.created), (false, NOW));
        assert_eq!(told.subject, "bob declined to chat");
        let content: serde_json::Value = serde_json::from_str(&told.content).unwrap();
        let expected = serde_json::json!({"channel_id": scene.channel.as_str(), "username": "bob"});
        assert_eq!(content, expected);
        assert!(scene.kept(bob).is_empty() && scene.kept(ada).is_empty());
        assert_eq!(scene.decline(bob, ada), None);
        // What was answered by entering is no longer open.
        scene.open(ada, bob, true);
        scene.open(bob, ada, false);
        assert_eq!(scene.decline(bob, ada), None);
        assert_eq!(scene.kept(bob).len(), 1);
    }

    #[test]
    fn who_has_blocked_the_decliner_hears_nothing() {
        let scene = Scene::new();
        let (ada, bob) = (scene.ada, scene.bob);
        scene.open(ada, bob, true);
        scene.block(ada, bob);
        assert_eq!(scene.decline(bob, ada), None);
        assert!(scene.kept(bob).is_empty());
    }

    #[tokio::test]
    async fn what_changes_nothing_does_without_the_writer() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path(), &crate::config::Settings::default()).unwrap();
        let names = ["ada", "bob"];
        let users = store.write(move |conn| Ok::<_, StoreError>(names.map(|it| sign_up(conn, it))));
        let [ada, bob] = users.await.unwrap();
        let channel = ChannelId::direct(ada, bob);
        let opening = Opening {
            channel: channel.clone(),
            user: ada,
            other: bob,
            absent: true,
            now: NOW,
        };
        let opened = store.open_direct(opening.clone()).await.unwrap();
        assert!(matches!(opened, Opened::Granted(Some(_))));
        assert_eq!(NotificationStore::unread(&store, bob).await.unwrap(), 1);
        store.writer.close();
        let opened = store.open_direct(opening.clone()).await.unwrap();
        assert!(matches!(opened, Opened::Granted(None)));
        let nothing = ChatRequestStore::decline(&store, channel.clone(), ada, bob, NOW).await;
        assert_eq!(nothing.unwrap(), None);
        let passing = declined(bob, &channel, ada, "ada", NOW);
        assert!(store.notify(passing).await.unwrap());
        let refused = ChatRequestStore::decline(&store, channel, bob, ada, NOW).await;
        assert!(matches!(refused, Err(StoreError::Closed)));
        store.close();
    }

    #[test]
    fn requests_are_found_by_what_they_ask() {
        let scene = Scene::new();
        for sql in [IS_OPEN, IS_UNREAD, CLOSE, DELETE] {
            let plan = query_plan(&scene.conn, sql);
            let exact = "(user_id=? AND sender=? AND code=? AND about=?)";
            assert!(plan[0].contains(exact), "{sql}: {plan:?}");
        }
    }
}
