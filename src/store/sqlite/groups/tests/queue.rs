//! Through the writer's queue, as a group's actor and the accounts use it.

use std::{
    sync::{Arc, mpsc},
    time::SystemTime,
};

use tokio::sync::oneshot;

use super::*;
use crate::{
    account::{AccountStore, DeleteError, Ends, Revocation, TokenId},
    channel::{BatchCommitted, CommitSink, MessageStore},
    config::Settings,
};

#[tokio::test]
async fn the_channel_and_the_caller_are_told_after_the_commit() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path(), &Settings::default()).unwrap();
    let users = store.write(|conn| Ok::<_, StoreError>(["ada", "bob"].map(|n| sign_up(conn, n))));
    let [ada, bob] = users.await.unwrap();
    let id = GroupId::random();
    let group = new_group("Group", true, 2);
    GroupStore::create(&store, id, ada, group, NOW)
        .await
        .unwrap();
    let channel = ChannelId::group(id);
    let (outcomes, told) = mpsc::channel();
    let sink: CommitSink = Arc::new(move |batch: BatchCommitted| {
        for outcome in batch.outcomes {
            outcomes.send(outcome).unwrap();
        }
    });
    let (events, changed) = mpsc::channel();
    let place = |seq| Place {
        channel: channel.clone(),
        seq: Seq(seq),
        time: Micros(NOW.0 + 1),
    };
    let ask = |seq, caller, action| {
        let (told, decided) = oneshot::channel();
        let change = change(id, caller, action);
        let events = events.clone();
        let sink = Box::new(move |outcome| events.send(outcome).unwrap());
        GroupStore::change(&store, change, place(seq), sink, told).unwrap();
        decided
    };
    store.submit(said(&place(1), ada), &sink).unwrap();
    let left = ask(2, ada, Action::Leave);
    let joined = ask(2, bob, Action::Join);
    store.submit(said(&place(3), bob), &sink).unwrap();
    assert!(left.await.unwrap().is_ok());
    assert!(matches!(joined.await.unwrap(), Err(GroupError::NotFound)));
    let outcomes: Vec<_> = told.iter().take(2).map(Result::unwrap).collect();
    assert_eq!(outcomes, [Outcome::Appended, Outcome::Forbidden]);
    let [ended, nothing]: [Events; 2] = std::array::from_fn(|_| changed.recv().unwrap().unwrap());
    assert!(ended.ended && !nothing.ended && nothing.messages.is_empty());
    assert!(!store.may_enter(ada, &channel).await.unwrap());
    assert_eq!(store.open(&channel).await.unwrap().last_seq, Seq(1));
    store.close();
}

#[tokio::test]
async fn an_account_ends_only_when_its_user_has_left_all_groups() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path(), &Settings::default()).unwrap();
    let names = ["ada", "bob"];
    let users = store.write(move |conn| Ok::<_, StoreError>(names.map(|n| sign_up(conn, n))));
    let [ada, bob] = users.await.unwrap();
    let id = GroupId::random();
    let group = new_group("Group", false, 2);
    GroupStore::create(&store, id, ada, group, NOW)
        .await
        .unwrap();
    let change = |caller, action| {
        let (told, decided) = oneshot::channel();
        let place = Place {
            channel: ChannelId::group(id),
            seq: Seq(1),
            time: NOW,
        };
        let sink = Box::new(|_| {});
        GroupStore::change(&store, change(id, caller, action), place, sink, told).unwrap();
        decided
    };
    change(bob, Action::Join).await.unwrap().unwrap();
    let delete = |user| {
        let revocation = Revocation {
            user,
            ends: Ends::UpTo(TokenId::MAX),
            until: SystemTime::now(),
        };
        AccountStore::delete(&store, user, revocation)
    };
    assert!(matches!(delete(ada).await, Err(DeleteError::StillInGroups)));
    assert!(store.account(ada).await.unwrap().is_some());
    delete(bob).await.unwrap();
    let everybody = store.members(id, None, None, 5).await.unwrap();
    assert_eq!(everybody.entries.len(), 1);
    change(ada, Action::Depart).await.unwrap().unwrap();
    delete(ada).await.unwrap();
    assert!(store.account(ada).await.unwrap().is_none());
    store.close();
}

#[test]
fn a_change_that_fails_halfway_leaves_nothing_noted_of_its_channel() {
    let fail = "CREATE TEMP TRIGGER fail BEFORE INSERT ON message WHEN NEW.seq % 10 = 2
        BEGIN SELECT RAISE(ABORT, 'no'); END";
    let (mut scene, ada) = Scene::new(true, 5);
    let [bob, cy] = scene.users(["bob", "cy"]);
    scene.conn.execute_batch(fail).unwrap();
    let add = change(scene.group, ada, Action::Add(vec![bob, cy]));
    let mut place = scene.place(2);
    let channel = scene.channel();
    // The first time the channel is made and unmade, the second time it stays with what was said.
    for seq in [3, 23] {
        let said = said(
            &Place {
                seq: Seq(seq),
                ..place.clone()
            },
            ada,
        );
        let written = scene.batch(|batch| {
            let failed = batch.change(&add, &place);
            assert!(matches!(failed, Err(GroupError::Store(_))));
            let before = batch.open(&channel).unwrap().last_seq;
            assert_eq!(before, Seq(if seq == 3 { 0 } else { 3 }));
            let written = batch.write(&said);
            place.seq = Seq(11);
            let failed = batch.change(&add, &place);
            assert!(matches!(failed, Err(GroupError::Store(_))));
            assert_eq!(batch.open(&channel).unwrap().last_seq, Seq(seq));
            written
        });
        assert!(matches!(written, Ok(Outcome::Appended)));
    }
    assert_eq!((scene.position().0, scene.count("message")), (Seq(23), 2));
    assert_eq!((scene.role(bob), scene.edge_count()), (None, Some(1)));
}
