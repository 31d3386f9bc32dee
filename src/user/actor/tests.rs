use std::{rc::Rc, time::Instant};

use uuid::Uuid;

use super::*;
use crate::{
    channel::ChannelLimits,
    config::Settings,
    directory::{ChannelSettings, OnlineSession, SessionLimits, Stores},
    page::{Found, ListPage},
    relay::{Outbox, OutboxLimits, Relay, RelayHandle},
    store::{Sqlite, StoreFuture},
    user::{
        ChangeFriends, Friend, FriendAction, FriendChange, FriendError, FriendOfFriend,
        FriendOfFriendPosition, FriendPosition, FriendState, FriendsChanged, Home,
    },
    wire::Format,
};

/// Panics when it is to change something.
struct Panicking;

impl FriendStore for Panicking {
    fn change_friends(
        &self,
        _: FriendChange,
    ) -> StoreFuture<'_, Result<FriendsChanged, FriendError>> {
        panic!("as it was told to")
    }

    fn friends(
        &self,
        _: UserId,
        _: Option<FriendState>,
        _: Option<FriendPosition>,
        _: usize,
    ) -> StoreFuture<'_, Result<Found<Friend>, StoreError>> {
        unimplemented!()
    }

    fn friends_of_friends(
        &self,
        _: UserId,
        _: Option<FriendOfFriendPosition>,
        _: usize,
    ) -> StoreFuture<'_, Result<ListPage<FriendOfFriend, FriendOfFriendPosition>, StoreError>> {
        unimplemented!()
    }

    fn blocked(&self, _: UserId) -> StoreFuture<'_, Result<Vec<UserId>, StoreError>> {
        unimplemented!()
    }

    fn who_blocked(
        &self,
        _: UserId,
        _: Vec<UserId>,
    ) -> StoreFuture<'_, Result<HashSet<UserId>, StoreError>> {
        unimplemented!()
    }
}

const LINGER: Duration = Duration::from_millis(20);

/// Users of whom only one session each may be open.
struct Users {
    directory: Directory,
    relay: RelayHandle,
    _arbiter: Arbiter,
}

impl Users {
    fn start() -> Self {
        let arbiter = Arbiter::new();
        let channels = ChannelSettings {
            limits: ChannelLimits {
                rate: None,
                sessions: 1,
                ephemeral_memory: 0,
                presence_immediate: 0,
                presence_window: Duration::ZERO,
            },
            mailbox: 16,
            linger: LINGER,
            most: 1,
        };
        let users = UserSettings {
            hide_blocked: false,
            single_socket: false,
            news_window: Duration::ZERO,
            mailbox: 16,
            linger: LINGER,
        };
        let limits = SessionLimits {
            total: 10,
            of_one_user: 1,
        };
        // Never asked; the directory it is in may go.
        let dir = tempfile::tempdir().unwrap();
        let unused = Arc::new(Sqlite::open(dir.path(), &Settings::default()).unwrap());
        let stores = Stores {
            messages: unused.clone(),
            groups: unused.clone(),
            friends: Arc::new(Panicking),
            chat_requests: unused,
        };
        let handles = vec![arbiter.handle()];
        Self {
            directory: Directory::new(handles, channels, users, limits, stores),
            relay: Relay::start_here(Duration::from_secs(1)),
            _arbiter: arbiter,
        }
    }

    fn socket(&self) -> (Rc<Outbox>, Home) {
        let limits = OutboxLimits {
            bytes: 1 << 20,
            pipeline: 1,
            ping_period: Duration::from_secs(60),
            pong_wait: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            close_wait: Duration::from_secs(60),
        };
        let outbox = Rc::new(Outbox::new(Format::Json, limits));
        let home = Home {
            relay: self.relay.addr.clone(),
            relay_id: self.relay.id,
            socket: self.relay.attach(outbox.clone(), None),
        };
        (outbox, home)
    }

    fn enter(&self, user: UserId) -> Option<OnlineSession> {
        let session = SessionId(Uuid::new_v4());
        self.directory.enter(user, session, "ana".into(), true).ok()
    }

    async fn arrive(&self, session: &OnlineSession) -> Rc<Outbox> {
        let (outbox, home) = self.socket();
        let token = TokenId(Uuid::new_v4());
        session.arrive(token, home).await.unwrap();
        outbox
    }

    async fn follow(&self, user: UserId) -> (Rc<Outbox>, usize) {
        let (outbox, home) = self.socket();
        let follower = SessionId(Uuid::new_v4());
        let follow = || Follow {
            follower,
            user: UserId::SERVER,
            home: home.clone(),
        };
        let shown = self.directory.ask_user(user, follow).await;
        (outbox, shown.unwrap().shown.len())
    }
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        actix_rt::time::sleep(Duration::from_millis(1)).await;
    }
}

#[actix_web::test]
async fn a_user_that_is_lost_closes_the_sockets_that_rely_on_it() {
    let (users, ana) = (Users::start(), UserId::random());
    let session = users.enter(ana).unwrap();
    let own = users.arrive(&session).await;
    let (follower, shown) = users.follow(ana).await;
    assert_eq!(shown, 1);
    assert!(!own.is_closing() && !follower.is_closing());
    let change = || {
        ChangeFriends(FriendChange {
            caller: ana,
            ids: vec![UserId::random()],
            usernames: Vec::new(),
            action: FriendAction::Block,
            now: Micros(0),
        })
    };
    let lost = users.directory.ask_user(ana, change).await;
    assert!(matches!(lost, Some(Err(FriendError::Unavailable))));
    until("both closed", || own.is_closing() && follower.is_closing()).await;
    // What was counted is given back to the life that follows.
    assert!(users.enter(ana).is_none());
    drop(session);
    let session = users.enter(ana).unwrap();
    users.arrive(&session).await;
    assert_eq!(users.follow(ana).await.1, 1);
}

#[actix_web::test]
async fn nobody_stays_in_memory_who_is_neither_online_nor_followed() {
    let (users, ana) = (Users::start(), UserId::random());
    assert_eq!(users.follow(ana).await.1, 0);
    let actor = users.directory.live_user(ana).unwrap();
    let session = users.enter(ana).unwrap();
    users.arrive(&session).await;
    drop(session);
    assert!(!users.directory.is_visible(ana));
    actix_rt::time::sleep(LINGER * 3).await;
    assert!(users.directory.live_user(ana).is_some(), "is followed");
    drop(actor);
    let ben = UserId::random();
    drop(users.enter(ben).unwrap());
    until("the end of who never arrived", || {
        users.directory.live_user(ben).is_none()
    })
    .await;
    assert_eq!(users.directory.sessions(), 0);
}

#[actix_web::test]
async fn a_session_finds_its_user_however_long_it_takes_to_arrive() {
    let (users, ana) = (Users::start(), UserId::random());
    let session = users.enter(ana).unwrap();
    actix_rt::time::sleep(LINGER * 3).await;
    users.arrive(&session).await;
    assert_eq!(users.follow(ana).await.1, 1);
}
