use rusqlite::StatementStatus;
use uuid::Uuid;

use super::*;
use crate::channel::{Content, Direction, MessageCode, MessageId};
use crate::store::sqlite::{migrations, query_plan, sign_up};

struct Scene {
    conn: Connection,
    keys: ChannelKeys,
}

impl Scene {
    fn new() -> (Self, [UserId; 2]) {
        let mut conn = Connection::open_in_memory().unwrap();
        migrations().to_latest(&mut conn).unwrap();
        let users = ["ada", "bob"].map(|name| sign_up(&conn, name));
        let keys = ChannelKeys::default();
        (Self { conn, keys }, users)
    }

    fn say(&mut self, channel: &ChannelId, seq: u64, code: MessageCode, by: UserId) -> Outcome {
        let time = Micros(i64::try_from(seq).unwrap());
        let message = Message {
            id: MessageId(Uuid::new_v4()),
            channel: channel.clone(),
            seq: Some(Seq(seq)),
            code,
            sender: by,
            username: "somebody".into(),
            content: Content::empty(),
            create_time: time,
            update_time: time,
            persistent: true,
        };
        let mut batch = Batch::new(&self.conn, &mut self.keys, 100).unwrap();
        let outcome = batch.write(&Write::Append(message.into())).unwrap();
        batch.finish().unwrap();
        outcome
    }

    fn block(&self, by: UserId, user: UserId) {
        let sql = "INSERT INTO friend_edge
            (user_id, other_id, state, since, change_time, metadata)
            VALUES (?1, ?2, 3, 0, 0, '{}')";
        self.conn.execute(sql, params![by.0, user.0]).unwrap();
    }
}

#[test]
fn a_direct_channel_is_closed_to_whom_the_other_has_blocked() {
    let (mut scene, [ada, bob]) = Scene::new();
    let channel = ChannelId::direct(ada, bob);
    let stranger = sign_up(&scene.conn, "cy");
    let say = |scene: &mut Scene, by, seq| scene.say(&channel, seq, MessageCode::Chat, by);
    assert_eq!(say(&mut scene, ada, 1), Outcome::Appended);
    assert_eq!(say(&mut scene, stranger, 2), Outcome::Forbidden);
    scene.block(ada, bob);
    assert_eq!(say(&mut scene, bob, 2), Outcome::Forbidden);
    assert_eq!(say(&mut scene, ada, 2), Outcome::Appended);
    assert_eq!(say(&mut scene, UserId::SERVER, 3), Outcome::Appended);
    // With oneself there is nobody to ask.
    let own = ChannelId::direct(bob, bob);
    let said = scene.say(&own, 1, MessageCode::Chat, bob);
    assert_eq!(said, Outcome::Appended);
}

#[tokio::test]
async fn a_block_keeps_from_entering_but_not_from_reading() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path(), &crate::config::Settings::default()).unwrap();
    let users = store.write(|conn| {
        let [ada, bob, cy] = ["ada", "bob", "cy"].map(|name| sign_up(conn, name));
        conn.execute(
            "INSERT INTO friend_edge (user_id, other_id, state, since, change_time, metadata)
            VALUES (?1, ?2, 3, 0, 0, '{}')",
            params![ada.0, bob.0],
        )?;
        Ok::<_, StoreError>([ada, bob, cy])
    });
    let [ada, bob, cy] = users.await.unwrap();
    let channel = ChannelId::direct(ada, bob);
    let may = async |user, channel: &ChannelId| {
        let enter = store.may_enter(user, channel).await.unwrap();
        (enter, store.may_read(user, channel).await.unwrap())
    };
    assert_eq!(may(ada, &channel).await, (true, true));
    assert_eq!(may(bob, &channel).await, (false, true));
    assert_eq!(may(cy, &channel).await, (false, false));
    assert_eq!(may(cy, &ChannelId::direct(cy, ada)).await, (true, true));
    assert_eq!(may(cy, &ChannelId::direct(cy, cy)).await, (true, true));
    for nobody in [UserId::random(), UserId::SERVER] {
        let channel = ChannelId::direct(cy, nobody);
        assert_eq!(may(cy, &channel).await, (false, true));
    }
    store.close();
}

#[test]
fn a_reader_does_not_see_what_those_they_have_blocked_said() {
    let (mut scene, [ada, bob]) = Scene::new();
    let channel = ChannelId::parse("2...lobby").unwrap();
    for seq in 1..=9 {
        let (by, code) = match seq % 3 {
            0 => (ada, MessageCode::Chat),
            1 => (bob, MessageCode::Chat),
            _ => (bob, MessageCode::GroupJoin),
        };
        scene.say(&channel, seq, code, by);
    }
    scene.block(ada, bob);
    let read = |reader, direction, beyond: Option<u64>, limit| {
        let query = PageQuery {
            channel: channel.clone(),
            beyond: beyond.map(Seq),
            direction,
            limit,
            reader,
        };
        let page = page::page(&scene.conn, &query).unwrap();
        let seqs: Vec<_> = page.messages.iter().map(|it| it.seq.unwrap().0).collect();
        (seqs, page.more)
    };
    use Direction::{NewestFirst, OldestFirst};
    let all: Vec<_> = (1..=9).collect();
    assert_eq!(read(None, OldestFirst, None, 9), (all.clone(), false));
    assert_eq!(read(Some(bob), OldestFirst, None, 9), (all, false));
    let seen = vec![2, 3, 5, 6, 8, 9];
    assert_eq!(read(Some(ada), OldestFirst, None, 6), (seen, false));
    assert_eq!(read(Some(ada), OldestFirst, Some(3), 2), (vec![5, 6], true));
    assert_eq!(
        read(Some(ada), NewestFirst, Some(5), 2),
        (vec![3, 2], false)
    );
    assert_eq!(read(Some(ada), NewestFirst, None, 1), (vec![9], true));
}

#[test]
fn a_page_is_one_range_and_a_block_one_look_up() {
    let (scene, _) = Scene::new();
    for direction in [Direction::OldestFirst, Direction::NewestFirst] {
        for has_reader in [false, true] {
            let sql = page::select_page(direction, has_reader);
            let plan = query_plan(&scene.conn, &sql);
            let range = "SEARCH m USING PRIMARY KEY (channel=? AND seq";
            assert!(plan[0].starts_with(range), "{sql}: {plan:?}");
            let costly = |step: &String| step.contains("SCAN") || step.contains("B-TREE");
            assert!(!plan.iter().any(costly), "{sql}: {plan:?}");
            let look_up = "SEARCH friend_edge USING PRIMARY KEY (user_id=? AND other_id=?)";
            let looked_up = plan.iter().any(|step| step.starts_with(look_up));
            assert_eq!(looked_up, has_reader, "{sql}: {plan:?}");
        }
    }
}

#[tokio::test]
async fn pages_from_other_places_are_not_planned_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path(), &crate::config::Settings::default()).unwrap();
    let planned_anew = store.read(|conn| {
        let sql = page::select_page(Direction::OldestFirst, false);
        let mut select = conn.prepare(&sql)?;
        for beyond in 0..3 {
            select.query(params!["2...lobby", beyond, 100])?.next()?;
        }
        Ok::<_, StoreError>(select.get_status(StatementStatus::RePrepare))
    });
    assert_eq!(planned_anew.await.unwrap(), 0);
    store.close();
}

#[test]
fn a_page_looks_at_so_many_messages_and_says_how_far_it_came() {
    let (mut scene, [ada, bob]) = Scene::new();
    let channel = ChannelId::parse("2...lobby").unwrap();
    let most = page::MOST_PASSED as u64;
    scene.conn.execute_batch("BEGIN").unwrap();
    scene.say(&channel, 1, MessageCode::Chat, ada);
    for seq in 2..=most + 2 {
        scene.say(&channel, seq, MessageCode::Chat, bob);
    }
    scene.say(&channel, most + 3, MessageCode::Chat, ada);
    scene.conn.execute_batch("COMMIT").unwrap();
    scene.block(ada, bob);
    let read = |direction, beyond: Option<Seq>| {
        let query = PageQuery {
            channel: channel.clone(),
            beyond,
            direction,
            limit: 2,
            reader: Some(ada),
        };
        let page = page::page(&scene.conn, &query).unwrap();
        let seqs: Vec<_> = page.messages.iter().map(|it| it.seq.unwrap().0).collect();
        (seqs, page.more, page.passed)
    };
    for (direction, first, last, passed) in [
        (Direction::OldestFirst, 1, most + 3, Seq(most)),
        (Direction::NewestFirst, most + 3, 1, Seq(4)),
    ] {
        let page = read(direction, None);
        assert_eq!(page, (vec![first], true, Some(passed)));
        assert_eq!(read(direction, page.2), (vec![last], false, None));
    }
}
