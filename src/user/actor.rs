//! The actor of a user: who of their sessions is open, what others are told of them, and what they are told
//! beside the channels.
//!
//! What it owns is of this moment. It ends when nobody needs it and starts anew from nothing; should it
//! end in a panic, it closes the sockets that relied on it, so that their clients start anew, too.

mod changes;
mod sockets;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use actix::prelude::*;

use self::{
    changes::Changes,
    sockets::{Branch, Seat},
};
use super::{
    Arrive, CloseSessions, Depart, Follow, Followed, FriendStore, Notification, NotificationCode,
    Notify, SetStatus, Status, StatusPresence, Unfollow, UserId, metrics, state::Statuses,
};
use crate::{
    account::TokenId,
    channel::{Micros, SessionId},
    directory::Directory,
    relay::{Closing, Event, Flush, News, Reply},
    store::StoreError,
    wire::Outgoing,
};

/// What every user's actor is made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UserSettings {
    /// Whether messages of those whom a user has blocked are kept from the user's sessions in rooms and groups, too.
    pub(crate) hide_blocked: bool,
    /// Whether a new socket takes the place of those there are.
    pub(crate) single_socket: bool,
    pub(crate) mailbox: usize,
    /// The time within which a few changes of status are told, and not more.
    pub(crate) news_window: Duration,
    /// How long an actor that nobody needs stays.
    pub(crate) linger: Duration,
}

pub(crate) struct UserParts {
    pub(crate) id: UserId,
    pub(crate) settings: Arc<UserSettings>,
    pub(crate) friends: Arc<dyn FriendStore>,
    pub(crate) directory: Directory,
}

pub(crate) struct UserActor {
    parts: UserParts,
    /// One or two, as a rule.
    sessions: Vec<OpenSession>,
    statuses: Statuses,
    /// The last news that was told.
    news: News,
    /// Pieces of news that are being written, or were told within the window.
    lately_told: usize,
    /// Sessions of others that are told of status news.
    followers: HashMap<SessionId, Follower>,
    relays: Vec<Branch>,
    /// Whom the user has blocked: with `hide_blocked`, from the first session on, all of them, otherwise those
    /// blocked in this life. Before that the store has seen to it.
    blocked: HashSet<UserId>,
    knows_blocked: bool,
    changes: Changes,
    lingering: Option<SpawnHandle>,
}

struct OpenSession {
    id: SessionId,
    username: Arc<str>,
    token: TokenId,
    seat: Seat,
}

/// A session of somebody else.
struct Follower {
    user: UserId,
    seat: Seat,
}

impl UserActor {
    pub(crate) fn start_on(arbiter: &ArbiterHandle, parts: UserParts) -> Addr<Self> {
        Self::start_in_arbiter(arbiter, move |_| {
            metrics::LIVE.add_one();
            let id = parts.id;
            Self {
                parts,
                sessions: Vec::new(),
                statuses: Statuses::default(),
                news: News::of(id),
                lately_told: 0,
                followers: HashMap::new(),
                relays: Vec::new(),
                blocked: HashSet::new(),
                knows_blocked: false,
                changes: Changes::default(),
                lingering: None,
            }
        })
    }

    /// Closes the sessions there are: there is another one now.
    fn make_way(&self) {
        let told = Notification {
            persistent: false,
            ..Notification::new(
                self.parts.id,
                NotificationCode::SingleSocket,
                "single_socket".into(),
                &serde_json::json!({}),
                UserId::SERVER,
                Micros::now(),
            )
        };
        let event = Arc::new(Event::new(Outgoing::Notification(told)));
        for session in &self.sessions {
            self.close(session.seat, Closing::REPLACED, Some(event.clone()));
        }
    }

    fn is_idle(&self) -> bool {
        self.sessions.is_empty() && self.followers.is_empty() && self.changes.is_empty()
    }

    /// Starts the clock of an actor that nobody needs; who needs it stops the clock.
    fn linger_if_idle(&mut self, ctx: &mut Context<Self>) {
        if !self.is_idle() || self.lingering.is_some() {
            return;
        }
        let linger = self.parts.settings.linger;
        self.lingering = Some(ctx.run_later(linger, |user, ctx| {
            user.lingering = None;
            if !user.is_idle() {
                return;
            }
            let directory = &user.parts.directory;
            if directory.release_user(user.parts.id, &ctx.address()) {
                ctx.stop();
            } else {
                // A session is about to arrive, unless its handshake fails.
                user.linger_if_idle(ctx);
            }
        }));
    }

    /// Reads whom the user has blocked; nothing else is done until that is known.
    fn learn_blocked(&mut self, ctx: &mut Context<Self>) {
        /// Between two tries.
        const PATIENCE: Duration = Duration::from_secs(1);
        if !self.parts.settings.hide_blocked || std::mem::replace(&mut self.knows_blocked, true) {
            return;
        }
        let (store, user) = (self.parts.friends.clone(), self.parts.id);
        let blocked = async move {
            loop {
                match store.blocked(user).await {
                    Ok(blocked) => break blocked,
                    Err(StoreError::Closed) => break Vec::new(),
                    Err(error) => tracing::warn!(%error, "blocks of a user cannot be read"),
                }
                actix_rt::time::sleep(PATIENCE).await;
            }
        };
        let blocked = blocked.into_actor(self);
        ctx.wait(blocked.map(|blocked, user, _| user.blocked.extend(blocked)));
    }

    fn stay(&mut self, ctx: &mut Context<Self>) {
        if let Some(lingering) = self.lingering.take() {
            ctx.cancel_future(lingering);
        }
    }
}

impl Actor for UserActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.parts.settings.mailbox);
        self.linger_if_idle(ctx);
    }
}

impl Drop for UserActor {
    /// After a panic nobody knows any more who was to be told what: all who relied on it start anew.
    fn drop(&mut self) {
        metrics::LIVE.take_one();
        if !std::thread::panicking() {
            return;
        }
        tracing::error!(user = %self.parts.id, "user lost");
        metrics::LOST.increment(1);
        let own = self.sessions.iter().map(|session| session.seat);
        for seat in own.chain(self.followers.values().map(|follower| follower.seat)) {
            self.close(seat, Closing::BROKEN, None);
        }
    }
}

impl Handler<Arrive> for UserActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, arrive: Arrive, ctx: &mut Context<Self>) -> Self::Result {
        self.stay(ctx);
        if self.parts.settings.single_socket {
            self.make_way();
        }
        let seat = self.seat(arrive.home);
        let session = OpenSession {
            id: arrive.session,
            username: arrive.username.clone(),
            token: arrive.token,
            seat,
        };
        // Most users have one session, and there may be very many users.
        self.sessions.reserve_exact(1);
        self.sessions.push(session);
        if arrive.visible {
            // One more than may be shown is online all the same, with the others.
            let _ = self.statuses.set(StatusPresence {
                session: arrive.session,
                user: self.parts.id,
                username: arrive.username,
                status: Status::empty(),
            });
            self.tell(ctx);
        }
        self.learn_blocked(ctx);
        // After that: a future of its own waits for it, too.
        let hidden = std::future::ready(()).into_actor(self);
        Box::pin(hidden.then(move |(), user, _| user.hide_all(seat).into_actor(user)))
    }
}

impl Handler<Depart> for UserActor {
    type Result = ();

    fn handle(&mut self, Depart { session }: Depart, ctx: &mut Context<Self>) {
        let gone = self.sessions.iter().position(|open| open.id == session);
        if let Some(gone) = gone.map(|place| self.sessions.swap_remove(place)) {
            self.relays[gone.seat.branch].audience = None;
        }
        self.statuses.clear(session);
        self.tell(ctx);
        self.linger_if_idle(ctx);
    }
}

impl Handler<SetStatus> for UserActor {
    type Result = ();

    fn handle(&mut self, set: SetStatus, ctx: &mut Context<Self>) {
        let SetStatus {
            session,
            status,
            reply_to,
        } = set;
        let open = self.sessions.iter().find(|open| open.id == session);
        let result = match (status, open) {
            (Some(status), Some(open)) => self.statuses.set(StatusPresence {
                session,
                user: self.parts.id,
                username: open.username.clone(),
                status,
            }),
            (None, _) => {
                self.statuses.clear(session);
                Ok(())
            }
            // Has ended meanwhile.
            (Some(_), None) => Ok(()),
        };
        // The answer goes first: whoever has asked knows that it worked before it hears the news.
        if let Some(relay) = self.relays.iter().find(|relay| relay.id == reply_to.relay) {
            relay.addr.do_send(Reply {
                socket: reply_to.socket,
                ticket: reply_to.ticket,
                answer: match result {
                    Ok(()) => Outgoing::Empty,
                    Err(error) => Outgoing::Error(error.into()),
                },
            });
        }
        self.tell(ctx);
    }
}

impl Handler<Follow> for UserActor {
    type Result = Followed;

    fn handle(
        &mut self,
        Follow {
            follower,
            user,
            home,
        }: Follow,
        ctx: &mut Context<Self>,
    ) -> Self::Result {
        self.stay(ctx);
        self.tell_before_answer(ctx);
        let seat = self.seat(home);
        self.followers.insert(follower, Follower { user, seat });
        Followed {
            shown: self.statuses.told(),
            news: self.news,
        }
    }
}

impl Handler<Unfollow> for UserActor {
    type Result = ();

    fn handle(&mut self, Unfollow { follower, done }: Unfollow, ctx: &mut Context<Self>) {
        if let Some(gone) = self.followers.remove(&follower) {
            let relay = &mut self.relays[gone.seat.branch];
            relay.audience = None;
            if let Some(done) = done {
                relay.addr.do_send(Flush { done });
            }
        }
        self.linger_if_idle(ctx);
    }
}

impl Handler<Notify> for UserActor {
    type Result = ();

    fn handle(&mut self, Notify(notification): Notify, _: &mut Context<Self>) {
        // It may have been on its way while the sender was blocked.
        if !self.blocked.contains(&notification.sender) {
            self.push(notification);
        }
    }
}

impl Handler<CloseSessions> for UserActor {
    type Result = ();

    fn handle(&mut self, CloseSessions { tokens, why }: CloseSessions, _: &mut Context<Self>) {
        let ends = |session: &&OpenSession| tokens.include(session.token);
        for session in self.sessions.iter().filter(ends) {
            self.close(session.seat, why, None);
        }
    }
}

#[cfg(test)]
mod tests;
