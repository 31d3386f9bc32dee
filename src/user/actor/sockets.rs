//! Where the sockets are of those whom a user's actor tells something, and how they are told: with one message
//! to each relay.

use std::{collections::HashSet, sync::Arc};

use actix::prelude::*;
use tokio::sync::oneshot;

use super::UserActor;
use crate::{
    relay::{CloseSocket, Closing, Event, Flush, Hide, News, Push, Relay, RelayId, SocketKey},
    user::{Home, Notification, UserId, metrics},
    wire::Outgoing,
};

/// Where a session's socket is.
#[derive(Clone, Copy)]
pub(super) struct Seat {
    /// Index into `relays`.
    pub(super) branch: usize,
    pub(super) socket: SocketKey,
}

/// A relay with sockets that are told of status news.
pub(super) struct Branch {
    pub(super) id: RelayId,
    pub(super) addr: Addr<Relay>,
    /// These sockets; made when it is first needed after they have changed.
    pub(super) audience: Option<Arc<[SocketKey]>>,
}

/// Pieces of news that may have been told within one window.
const AT_ONCE: usize = 8;

impl UserActor {
    pub(super) fn seat(&mut self, home: Home) -> Seat {
        let known = self
            .relays
            .iter()
            .position(|relay| relay.id == home.relay_id);
        let branch = known.unwrap_or_else(|| {
            // There are as many as workers, and most users meet one.
            self.relays.reserve_exact(1);
            self.relays.push(Branch {
                id: home.relay_id,
                addr: home.relay,
                audience: None,
            });
            self.relays.len() - 1
        });
        self.relays[branch].audience = None;
        Seat {
            branch,
            socket: home.socket,
        }
    }

    /// Tells what is news of the user's status. Some changes are told at once; of those that come faster than that,
    /// only what they lead to: however often a user speaks of themselves, others hear of it so often.
    pub(super) fn tell(&mut self, ctx: &mut Context<Self>) {
        self.tell_unless(AT_ONCE, ctx);
    }

    /// As [`tell`](Self::tell), before a follow is answered: the answer shall be the truth, not what was told of
    /// it. Only that many more, as a flood and followers who ask again and again may be one and the same.
    pub(super) fn tell_before_answer(&mut self, ctx: &mut Context<Self>) {
        self.tell_unless(2 * AT_ONCE, ctx);
    }

    /// Tells followers and the user's own sessions what is news, each relay with one message; unless so many
    /// have been told lately.
    fn tell_unless(&mut self, most: usize, ctx: &mut Context<Self>) {
        if self.lately_told >= most {
            return;
        }
        let mut written = Vec::new();
        for news in self.statuses.take_news() {
            metrics::STATUS_EVENTS.increment(1);
            self.news = News::of(self.parts.id);
            let event = Arc::new(Event::new(Outgoing::StatusNews(news)));
            for branch in 0..self.relays.len() {
                let sockets = self.audience(branch);
                if sockets.is_empty() {
                    continue;
                }
                let (done, end) = oneshot::channel();
                self.relays[branch].addr.do_send(Push {
                    sockets,
                    event: event.clone(),
                    news: Some(self.news),
                    done: Some(done),
                });
                written.push(end);
            }
        }
        if written.is_empty() {
            return;
        }
        self.lately_told += 1;
        let window = actix_rt::time::sleep(self.parts.settings.news_window);
        let told = async move {
            for relay in written {
                // A relay that is gone has nobody left to tell.
                let _ = relay.await;
            }
            window.await;
        };
        ctx.spawn(told.into_actor(self).map(|(), user, ctx| {
            user.lately_told -= 1;
            user.tell(ctx);
        }));
    }

    /// Ends what followers of some users hear: to them the user goes offline now. Told when it has been written, as
    /// far as they take it.
    pub(super) fn end_follows_by(&mut self, users: &[UserId]) -> Vec<oneshot::Receiver<()>> {
        let mut ended = vec![Vec::new(); self.relays.len()];
        self.followers.retain(|_, follower| {
            let stays = !users.contains(&follower.user);
            if !stays {
                ended[follower.seat.branch].push(follower.seat.socket);
            }
            stays
        });
        if ended.iter().all(Vec::is_empty) {
            return Vec::new();
        }
        let farewell = self.statuses.farewell();
        let mut written = Vec::new();
        for (branch, sockets) in self.relays.iter_mut().zip(ended) {
            if sockets.is_empty() {
                continue;
            }
            branch.audience = None;
            let sockets: Arc<[SocketKey]> = sockets.into();
            for news in &farewell {
                // In no follow that is answered from now on.
                self.news = News::of(self.parts.id);
                let (done, end) = oneshot::channel();
                branch.addr.do_send(Push {
                    sockets: sockets.clone(),
                    event: Arc::new(Event::new(Outgoing::StatusNews(news.clone()))),
                    news: Some(self.news),
                    done: Some(done),
                });
                written.push(end);
            }
        }
        written
    }

    fn audience(&mut self, branch: usize) -> Arc<[SocketKey]> {
        let (sessions, followers) = (&self.sessions, &self.followers);
        let audience = self.relays[branch].audience.get_or_insert_with(|| {
            let own = sessions.iter().map(|session| session.seat);
            let all = own.chain(followers.values().map(|follower| follower.seat));
            let here = all.filter(|seat| seat.branch == branch);
            here.map(|seat| seat.socket).collect()
        });
        audience.clone()
    }

    /// Tells the user's own sessions.
    pub(super) fn push(&self, notification: Notification) {
        let event = Arc::new(Event::new(Outgoing::Notification(notification)));
        for (at, branch) in self.relays.iter().enumerate() {
            let seats = self.sessions.iter().map(|session| session.seat);
            let here = seats.filter(|seat| seat.branch == at);
            let sockets: Arc<[SocketKey]> = here.map(|seat| seat.socket).collect();
            if !sockets.is_empty() {
                branch.addr.do_send(Push {
                    sockets,
                    event: event.clone(),
                    news: None,
                    done: None,
                });
            }
        }
    }

    /// Without a bound: once for each session and reason to end it, never in a loop.
    pub(super) fn close(&self, seat: Seat, why: Closing, last_word: Option<Arc<Event>>) {
        self.relays[seat.branch].addr.do_send(CloseSocket {
            socket: seat.socket,
            why,
            last_word,
        });
    }

    /// Tells relays whose messages are kept from the user's sockets, or no more.
    pub(super) fn hide(&self, senders: &[UserId], hidden: bool) {
        if !self.parts.settings.hide_blocked || senders.is_empty() {
            return;
        }
        let senders: Arc<[UserId]> = senders.into();
        for relay in self.own_relays() {
            // Without a bound: for each change of a block, and these are made one at a time.
            relay.do_send(Hide {
                user: self.parts.id,
                senders: senders.clone(),
                hidden,
            });
        }
    }

    /// Tells the relay of a session that has just arrived whose messages are kept from it. Done when it knows.
    pub(super) fn hide_all(&self, seat: Seat) -> impl Future<Output = ()> + use<> {
        let mut known = None;
        if self.parts.settings.hide_blocked && !self.blocked.is_empty() {
            let relay = &self.relays[seat.branch].addr;
            relay.do_send(Hide {
                user: self.parts.id,
                senders: self.blocked.iter().copied().collect(),
                hidden: true,
            });
            let (done, end) = oneshot::channel();
            relay.do_send(Flush { done });
            known = Some(end);
        }
        async move {
            if let Some(known) = known {
                // A relay that is gone shows nothing to anybody.
                let _ = known.await;
            }
        }
    }

    /// Has all that is on its way to the user's own sockets written, as far as they take it.
    pub(super) fn flush(&self) -> Vec<oneshot::Receiver<()>> {
        let flush = |relay: &Addr<Relay>| {
            let (done, end) = oneshot::channel();
            relay.do_send(Flush { done });
            end
        };
        self.own_relays().map(flush).collect()
    }

    /// The relays of the user's own sessions, each once.
    fn own_relays(&self) -> impl Iterator<Item = &Addr<Relay>> {
        let own: HashSet<usize> = self
            .sessions
            .iter()
            .map(|session| session.seat.branch)
            .collect();
        let relays = self.relays.iter().enumerate();
        relays
            .filter(move |(at, _)| own.contains(at))
            .map(|(_, branch)| &branch.addr)
    }
}
