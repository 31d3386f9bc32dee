//! The users who are online or followed: how many sessions each has, and the actor of each.
//!
//! Invariant: while a session of a user is counted, the user's actor does not end but by a panic.

use std::{
    cell::Cell,
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix::{dev::Request, prelude::*};
use parking_lot::{Mutex, MutexGuard};

use super::{Directory, SessionLimits, names::Names};
use crate::{
    account::{Ends, OpenSessions, TokenId, TokensEnded},
    channel::SessionId,
    relay::Closing,
    user::{
        Arrive, CloseSessions, Depart, Home, Notification, Notify, UserActor, UserId, UserParts,
        UserSettings, metrics,
    },
};

pub(super) struct Users {
    /// Several maps, so that users do not wait for each other.
    shards: Vec<Mutex<HashMap<UserId, LiveUser>>>,
    /// Sessions that are open or opening.
    sessions: AtomicUsize,
    /// Of these sessions.
    names: Names,
    limits: SessionLimits,
    settings: Arc<UserSettings>,
}

struct LiveUser {
    addr: Addr<UserActor>,
    /// Open or opening.
    sessions: usize,
    /// How many of them show the user as online.
    visible: usize,
    /// The channels they have joined.
    channels: usize,
}

/// As many sessions are open as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionLimit {
    #[error("the server has as many sessions as it may have")]
    Server,
    #[error("this user has as many sessions as one may have")]
    User,
}

/// A session's place among the open ones, given back when dropped.
pub(crate) struct OnlineSession {
    directory: Directory,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    name: Arc<str>,
    addr: Addr<UserActor>,
    visible: Cell<bool>,
    arrived: Cell<bool>,
    /// Those among the user's that this session has joined.
    channels: Cell<usize>,
}

/// Comes when a session may get messages.
pub(crate) type Arrival = Pin<Box<dyn Future<Output = Result<(), MailboxError>>>>;

const SHARDS: usize = 64;

impl Users {
    pub(super) fn new(settings: UserSettings, limits: SessionLimits) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self {
            shards,
            sessions: AtomicUsize::new(0),
            names: Names::default(),
            limits,
            settings: Arc::new(settings),
        }
    }

    fn shard(&self, user: UserId) -> MutexGuard<'_, HashMap<UserId, LiveUser>> {
        // The ids are random, so any of their bytes will do.
        self.shards[usize::from(user.0.as_bytes()[15]) % SHARDS].lock()
    }
}

impl Directory {
    /// The entry of a user; one without a life gets one.
    fn live<'u>(&self, users: &'u mut HashMap<UserId, LiveUser>, user: UserId) -> &'u mut LiveUser {
        let start = || {
            let parts = UserParts {
                id: user,
                settings: self.0.users.settings.clone(),
                friends: self.0.stores.friends.clone(),
                directory: self.clone(),
            };
            UserActor::start_on(self.arbiter(user), parts)
        };
        let live = users.entry(user).or_insert_with(|| LiveUser {
            addr: start(),
            sessions: 0,
            visible: 0,
            channels: 0,
        });
        if !live.addr.connected() {
            live.addr = start();
        }
        live
    }

    /// Counts a session that is about to open. Ask for the token's validity after it has
    /// [arrived](OnlineSession::arrive): what ends the token from then on ends the session, too.
    pub(crate) fn enter(
        &self,
        user: UserId,
        session: SessionId,
        name: Arc<str>,
        visible: bool,
    ) -> Result<OnlineSession, SessionLimit> {
        let Users {
            sessions,
            limits,
            names,
            ..
        } = &self.0.users;
        let mut users = self.0.users.shard(user);
        let open = users.get(&user).map_or(0, |live| live.sessions);
        if open >= limits.of_one_user {
            return Err(SessionLimit::User);
        }
        if sessions.fetch_add(1, Ordering::Relaxed) >= limits.total {
            sessions.fetch_sub(1, Ordering::Relaxed);
            return Err(SessionLimit::Server);
        }
        let live = self.live(&mut users, user);
        live.sessions += 1;
        live.visible += usize::from(visible);
        names.carry(name.clone(), user);
        Ok(OnlineSession {
            directory: self.clone(),
            user,
            session,
            name,
            addr: live.addr.clone(),
            visible: Cell::new(visible),
            arrived: Cell::new(false),
            channels: Cell::new(0),
        })
    }

    /// How many sessions are open or opening.
    pub(crate) fn sessions(&self) -> usize {
        self.0.users.sessions.load(Ordering::Relaxed)
    }

    /// How many sessions of a user are open or opening.
    pub(crate) fn sessions_of(&self, user: UserId) -> usize {
        let users = self.0.users.shard(user);
        users.get(&user).map_or(0, |live| live.sessions)
    }

    /// Whether the user shows as online.
    pub(crate) fn is_visible(&self, user: UserId) -> bool {
        let users = self.0.users.shard(user);
        users.get(&user).is_some_and(|live| live.visible > 0)
    }

    /// The actor of a user, if it is live.
    pub(crate) fn live_user(&self, user: UserId) -> Option<Addr<UserActor>> {
        let users = self.0.users.shard(user);
        users.get(&user).map(|live| live.addr.clone())
    }

    /// Sends a question to the actor of a user who exists, starting it if need be.
    pub(crate) fn send_user<M>(&self, user: UserId, question: M) -> Request<UserActor, M>
    where
        UserActor: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let mut users = self.0.users.shard(user);
        // An address of its own has room for one message, so none waits for another.
        self.live(&mut users, user).addr.clone().send(question)
    }

    /// As [`send_user`](Self::send_user), and again if the life that was asked ended before it answered. So
    /// `question` must do no harm when it is asked twice.
    ///
    /// # Errors
    /// `None` when life after life ends.
    pub(crate) async fn ask_user<M>(
        &self,
        user: UserId,
        question: impl Fn() -> M,
    ) -> Option<M::Result>
    where
        UserActor: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        /// A life may end just as it is asked, but hardly one after the other.
        const LIVES: usize = 4;
        for _ in 0..LIVES {
            if let Ok(answer) = self.send_user(user, question()).await {
                return Some(answer);
            }
        }
        None
    }

    /// A user's life ends, unless a session is counted meanwhile. Nothing happens when another one has
    /// begun by now.
    pub(crate) fn release_user(&self, user: UserId, ended: &Addr<UserActor>) -> bool {
        let mut users = self.0.users.shard(user);
        match users.get(&user) {
            Some(live) if live.addr != *ended => true,
            Some(live) if live.sessions > 0 => false,
            Some(_) => {
                users.remove(&user);
                true
            }
            None => true,
        }
    }

    /// Shows a notification to all open sessions of its user. Those that open at this moment may miss
    /// it, and find it in the list.
    pub(crate) fn notify(&self, notification: Notification) {
        metrics::NOTIFICATIONS.increment(1);
        if let Some(user) = self.live_user(notification.user) {
            user.do_send(Notify(notification));
        }
    }

    /// Ends all sessions of everybody.
    pub(crate) fn close_all(&self, why: Closing) {
        for shard in &self.0.users.shards {
            for live in shard.lock().values() {
                live.addr.do_send(CloseSessions {
                    tokens: Ends::UpTo(TokenId::MAX),
                    why,
                });
            }
        }
    }
}

impl OpenSessions for Directory {
    fn close(&self, user: UserId, tokens: Ends, why: TokensEnded) {
        if let Some(live) = self.live_user(user) {
            let why = match why {
                TokensEnded::LoggedOut => Closing::LOGGED_OUT,
                TokensEnded::AccountDeleted => Closing::ACCOUNT_DELETED,
                TokensEnded::PasswordChanged => Closing::PASSWORD_CHANGED,
                TokensEnded::RefreshTokenReused => Closing::REFRESH_TOKEN_REUSED,
                TokensEnded::ByTheHost => Closing::BY_THE_HOST,
            };
            live.do_send(CloseSessions { tokens, why });
        }
    }

    fn name_is_carried_by_others(&self, name: &str, user: UserId) -> bool {
        self.0.users.names.is_carried_by_others(name, user)
    }
}

impl OnlineSession {
    /// The name its user goes by in this session.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The session is open: tells the user's actor.
    pub(crate) fn arrive(&self, token: TokenId, home: Home) -> Arrival {
        self.arrived.set(true);
        // An address of its own has room for one message.
        let arrive = self.addr.clone().send(Arrive {
            session: self.session,
            username: self.name.clone(),
            token,
            home,
            visible: self.visible.get(),
        });
        Box::pin(arrive)
    }

    /// The user's actor.
    pub(crate) fn actor(&self) -> &Addr<UserActor> {
        &self.addr
    }

    /// The session is in so many channels now.
    pub(crate) fn is_in(&self, channels: usize) {
        let before = self.channels.replace(channels);
        let mut users = self.directory.0.users.shard(self.user);
        if let Some(live) = users.get_mut(&self.user) {
            live.channels = live.channels + channels - before;
        }
    }

    /// How many channels all sessions of the user are in.
    pub(crate) fn user_is_in(&self) -> usize {
        let users = self.directory.0.users.shard(self.user);
        users.get(&self.user).map_or(0, |live| live.channels)
    }

    /// The session shows its user as online from now on, or no more.
    pub(crate) fn show(&self, visible: bool) {
        if self.visible.replace(visible) == visible {
            return;
        }
        let mut users = self.directory.0.users.shard(self.user);
        if let Some(live) = users.get_mut(&self.user) {
            match visible {
                true => live.visible += 1,
                false => live.visible -= 1,
            }
        }
    }
}

impl Drop for OnlineSession {
    fn drop(&mut self) {
        if self.arrived.get() {
            // Without a bound: once for each session.
            self.addr.do_send(Depart {
                session: self.session,
            });
        }
        self.show(false);
        self.is_in(0);
        self.directory.0.users.names.drop(&self.name, self.user);
        let mut users = self.directory.0.users.shard(self.user);
        if let Some(live) = users.get_mut(&self.user) {
            live.sessions -= 1;
            if live.sessions == 0 && !live.addr.connected() {
                // Ended in a panic, and nobody has asked for it since.
                users.remove(&self.user);
            }
        }
        self.directory
            .0
            .users
            .sessions
            .fetch_sub(1, Ordering::Relaxed);
    }
}
