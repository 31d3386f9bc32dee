use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::*;
use crate::{
    channel::{
        ChannelLimits, CommitSink, EventSink, Events, MessageStore, Micros, Page, PageQuery, Place,
        Position, Write,
    },
    config::{GroupAdd, Settings},
    directory::{ChannelSettings, SessionLimits, Stores},
    group::{
        Action, EdgePosition, Group, GroupFilter, GroupPosition, GroupUpdate, Member, Membership,
        NewGroup, Role, Told,
    },
    page::Found,
    store::{Sqlite, StoreError, StoreFuture},
    user::{UserId, UserSettings},
};

/// Makes every change at once and counts them, and is asked for nothing else.
#[derive(Clone, Default)]
struct Obliging {
    made: Arc<AtomicUsize>,
    /// Opens no channel.
    hangs: bool,
}

impl MessageStore for Obliging {
    fn may_enter<'a>(
        &'a self,
        _: UserId,
        _: &ChannelId,
    ) -> StoreFuture<'a, Result<bool, StoreError>> {
        unimplemented!()
    }

    fn may_read<'a>(
        &'a self,
        _: UserId,
        _: &ChannelId,
    ) -> StoreFuture<'a, Result<bool, StoreError>> {
        unimplemented!()
    }

    fn open<'a>(&'a self, _: &ChannelId) -> StoreFuture<'a, Result<Position, StoreError>> {
        let hangs = self.hangs;
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            Ok(Position::default())
        })
    }

    fn submit(&self, _: Write, _: &CommitSink) -> Result<(), StoreError> {
        unimplemented!()
    }

    fn page(&self, _: PageQuery) -> StoreFuture<'_, Result<Page, StoreError>> {
        unimplemented!()
    }
}

impl GroupStore for Obliging {
    fn create(
        &self,
        _: GroupId,
        _: UserId,
        _: NewGroup,
        _: Micros,
    ) -> StoreFuture<'_, Result<Group, GroupError>> {
        unimplemented!()
    }

    fn update(
        &self,
        _: GroupId,
        _: UserId,
        _: GroupUpdate,
        _: Micros,
    ) -> StoreFuture<'_, Result<(), GroupError>> {
        unimplemented!()
    }

    fn exists(&self, _: GroupId) -> StoreFuture<'_, Result<bool, StoreError>> {
        unimplemented!()
    }

    fn change(&self, _: Change, _: Place, sink: EventSink, told: Told) -> Result<(), StoreError> {
        self.made.fetch_add(1, Ordering::SeqCst);
        sink(Ok(Events::default()));
        told.send(Ok(Decision::default())).unwrap();
        Ok(())
    }

    fn list(
        &self,
        _: GroupFilter,
        _: Option<GroupPosition>,
        _: usize,
    ) -> StoreFuture<'_, Result<Found<Group>, StoreError>> {
        unimplemented!()
    }

    fn members(
        &self,
        _: GroupId,
        _: Option<Role>,
        _: Option<EdgePosition>,
        _: usize,
    ) -> StoreFuture<'_, Result<Found<Member>, StoreError>> {
        unimplemented!()
    }

    fn memberships(
        &self,
        _: UserId,
        _: Option<Role>,
        _: Option<EdgePosition>,
        _: usize,
    ) -> StoreFuture<'_, Result<Found<Membership>, StoreError>> {
        unimplemented!()
    }
}

async fn change(group: &Addr<GroupActor>, id: GroupId) -> Option<Result<(), GroupError>> {
    let change = Change {
        group: id,
        caller: UserId::random(),
        action: Action::Join,
        group_add: GroupAdd::Anybody,
        now: Micros(0),
    };
    let (answer, answered) = oneshot::channel();
    group.do_send(ChangeGroup { change, answer });
    answered.await.ok()
}

fn directory(arbiter: &Arbiter, store: &Obliging, mailbox: usize, linger: Duration) -> Directory {
    let limits = ChannelLimits {
        rate: None,
        sessions: 1,
        ephemeral_memory: 0,
        presence_immediate: 0,
        presence_window: Duration::ZERO,
    };
    let settings = ChannelSettings {
        limits,
        mailbox,
        linger,
        most: 1000,
    };
    let users = UserSettings {
        hide_blocked: false,
        single_socket: false,
        news_window: Duration::ZERO,
        mailbox,
        linger,
    };
    let limits = SessionLimits {
        total: 1,
        of_one_user: 1,
    };
    // Never asked; the directory it is in may go.
    let dir = tempfile::tempdir().unwrap();
    let unused = Arc::new(Sqlite::open(dir.path(), &Settings::default()).unwrap());
    let stores = Stores {
        messages: Arc::new(store.clone()),
        groups: Arc::new(store.clone()),
        friends: unused.clone(),
        chat_requests: unused,
    };
    Directory::new(vec![arbiter.handle()], settings, users, limits, stores)
}

#[actix_web::test]
async fn while_the_channel_cannot_be_opened_only_so_many_changes_wait() {
    let arbiter = Arbiter::new();
    let store = Obliging {
        hangs: true,
        ..Obliging::default()
    };
    let id = GroupId::random();
    let group = directory(&arbiter, &store, 3, Duration::from_secs(10)).group(id);
    for _ in 0..3 {
        // Who asks does not wait for the answer.
        let asked = tokio::time::timeout(Duration::ZERO, change(&group, id)).await;
        assert!(asked.is_err(), "{asked:?}");
    }
    let refused = change(&group, id).await;
    let busy = GroupError::Store(StoreError::Busy).to_string();
    assert_eq!(refused.unwrap().unwrap_err().to_string(), busy);
    arbiter.stop();
}

/// The clock of an idle group goes off in the moment in which a change comes: cancelling it is too late
/// then. A change that was taken on must not be dropped, as whoever asked would ask again.
#[actix_web::test]
async fn a_group_that_is_about_to_stop_finishes_what_it_has_begun() {
    const LINGER: Duration = Duration::from_millis(3);
    let arbiter = Arbiter::new();
    let store = Obliging::default();
    let directory = directory(&arbiter, &store, 16, LINGER);
    let mut made = 0;
    for _ in 0..100 {
        let id = GroupId::random();
        let group = directory.group(id);
        assert!(matches!(change(&group, id).await, Some(Ok(()))));
        // The group's thread is busy while its clock runs out and the next change comes.
        arbiter.spawn(async { thread::sleep(LINGER + Duration::from_millis(2)) });
        // No answer: it had stopped before.
        made += 1 + usize::from(change(&group, id).await.is_some());
    }
    // Another group, so that all that was sent to channels has been taken by now.
    let id = GroupId::random();
    assert!(change(&directory.group(id), id).await.is_some());
    assert_eq!(store.made.load(Ordering::SeqCst), made + 1);
    arbiter.stop();
}
