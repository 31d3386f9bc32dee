use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix::Addr;
use parking_lot::{Mutex, MutexGuard};

use super::{Notification, UserId};
use crate::{
    account::TokenId,
    channel::SessionId,
    relay::{CloseSocket, Closing, Event, Push, Relay, SocketKey},
    wire::{CloseCode, Outgoing},
};

/// The open sessions of all users of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Online(Arc<Inner>);

struct Inner {
    /// Several maps, so that users do not wait for each other.
    shards: Vec<Mutex<HashMap<UserId, Vec<Entry>>>>,
    total: AtomicUsize,
    max_sessions: usize,
    max_user_sessions: usize,
}

struct Entry {
    session: SessionId,
    /// The token it was opened with.
    token: TokenId,
    /// Whether it shows its user as online.
    visible: bool,
    stage: Stage,
}

enum Stage {
    /// The handshake is under way.
    Opening,
    /// It was ended while it opened.
    Doomed(Closing),
    Open {
        relay: Addr<Relay>,
        socket: SocketKey,
    },
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
    online: Online,
    user: UserId,
    session: SessionId,
}

const SHARDS: usize = 64;

impl Online {
    pub(crate) fn new(max_sessions: usize, max_user_sessions: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self(Arc::new(Inner {
            shards,
            total: AtomicUsize::new(0),
            max_sessions,
            max_user_sessions,
        }))
    }

    /// Counts a session that is about to open. Ask for the token's validity after this: what ends
    /// the token from now on ends the session, too.
    pub(crate) fn enter(
        &self,
        user: UserId,
        session: SessionId,
        token: TokenId,
        visible: bool,
    ) -> Result<OnlineSession, SessionLimit> {
        let mut users = self.shard(user);
        let sessions = users.entry(user).or_default();
        let result = if sessions.len() >= self.0.max_user_sessions {
            Err(SessionLimit::User)
        } else if self.0.total.fetch_add(1, Ordering::Relaxed) >= self.0.max_sessions {
            self.0.total.fetch_sub(1, Ordering::Relaxed);
            Err(SessionLimit::Server)
        } else {
            sessions.push(Entry {
                session,
                token,
                visible,
                stage: Stage::Opening,
            });
            Ok(OnlineSession {
                online: self.clone(),
                user,
                session,
            })
        };
        if sessions.is_empty() {
            users.remove(&user);
        }
        result
    }

    /// How many sessions are open or opening.
    pub(crate) fn sessions(&self) -> usize {
        self.0.total.load(Ordering::Relaxed)
    }

    /// Whether the user shows as online.
    pub(crate) fn is_visible(&self, user: UserId) -> bool {
        self.shard(user)
            .get(&user)
            .is_some_and(|sessions| sessions.iter().any(|entry| entry.visible))
    }

    /// Shows a notification to all open sessions of its user. Those that open at this moment may miss
    /// it, and find it in the list.
    pub(crate) fn notify(&self, notification: Notification) {
        metrics::counter!("banter_notifications_total").increment(1);
        let users = self.shard(notification.user);
        let Some(sessions) = users.get(&notification.user) else {
            return;
        };
        let event = Arc::new(Event::new(Outgoing::Notification(notification)));
        for entry in sessions {
            if let Stage::Open { relay, socket } = &entry.stage {
                relay.do_send(Push {
                    socket: *socket,
                    event: event.clone(),
                });
            }
        }
    }

    /// Ends the sessions that were opened with a token.
    pub(crate) fn close_token(&self, user: UserId, token: TokenId, reason: &'static str) -> usize {
        self.close_where(user, reason, |entry| entry.token == token)
    }

    /// Ends the sessions that were opened with a token not younger than `cut`.
    pub(crate) fn close_tokens_until(
        &self,
        user: UserId,
        cut: TokenId,
        reason: &'static str,
    ) -> usize {
        self.close_where(user, reason, |entry| entry.token <= cut)
    }

    /// Ends all sessions of a user; how many these were.
    pub(crate) fn close_user(&self, user: UserId, reason: &'static str) -> usize {
        self.close_where(user, reason, |_| true)
    }

    /// Ends all sessions of everybody.
    pub(crate) fn close_all(&self, why: Closing) {
        for shard in &self.0.shards {
            shard
                .lock()
                .values_mut()
                .flatten()
                .for_each(|entry| entry.end(why));
        }
    }

    fn close_where(
        &self,
        user: UserId,
        reason: &'static str,
        concerned: impl Fn(&Entry) -> bool,
    ) -> usize {
        let why = Closing {
            code: CloseCode::POLICY,
            reason,
        };
        let mut users = self.shard(user);
        let sessions = users.get_mut(&user).into_iter().flatten();
        sessions
            .filter(|entry| concerned(entry))
            .map(|entry| entry.end(why))
            .count()
    }

    fn shard(&self, user: UserId) -> MutexGuard<'_, HashMap<UserId, Vec<Entry>>> {
        // The ids are random, so any of their bytes will do.
        self.0.shards[usize::from(user.0.as_bytes()[15]) % SHARDS].lock()
    }
}

impl Entry {
    fn end(&mut self, why: Closing) {
        match &self.stage {
            // Without a bound: once for each session and reason to end it, never in a loop.
            Stage::Open { relay, socket } => relay.do_send(CloseSocket {
                socket: *socket,
                why,
            }),
            Stage::Opening | Stage::Doomed(_) => self.stage = Stage::Doomed(why),
        }
    }
}

impl OnlineSession {
    /// The session is open. If it was ended meanwhile, it ends now.
    pub(crate) fn opened(&self, relay: Addr<Relay>, socket: SocketKey) {
        let mut users = self.online.shard(self.user);
        let mut sessions = users.get_mut(&self.user).into_iter().flatten();
        if let Some(entry) = sessions.find(|entry| entry.session == self.session) {
            if let Stage::Doomed(why) = entry.stage {
                relay.do_send(CloseSocket { socket, why });
            }
            entry.stage = Stage::Open { relay, socket };
        }
    }
}

impl Drop for OnlineSession {
    fn drop(&mut self) {
        let mut users = self.online.shard(self.user);
        if let Some(sessions) = users.get_mut(&self.user) {
            sessions.retain(|entry| entry.session != self.session);
            if sessions.is_empty() {
                users.remove(&self.user);
            }
        }
        self.online.0.total.fetch_sub(1, Ordering::Relaxed);
    }
}
