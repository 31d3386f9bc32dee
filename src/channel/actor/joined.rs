//! Who is in the channel: how they get in, how they are taken out, and what the others hear of it.

use std::{
    task::{self, Poll, Waker},
    time::Duration,
};

use actix::prelude::*;
use tokio::sync::oneshot;

use super::Channel;
use crate::{
    channel::{
        Entered, Join, JoinError, Micros, Opening, SessionId,
        metrics::PRESENCE_CHANGES,
        state::{Expelled, Joined},
    },
    relay::{self, Admit, Event, Expel, Flush, Relay, RelayId, SocketKey, Stay},
    store::StoreError,
    user::UserId,
    wire::{JoinAnswer, Outgoing, PresenceNews},
};

/// A session that waits for the store to say whether it may come in.
pub(super) struct Entering {
    user: UserId,
    /// The user was taken out since the store was asked.
    outdated: bool,
}

pub(super) type JoinResult = Result<Entered, JoinError>;

/// A relay that has, or had, members of this channel.
pub(super) struct Branch {
    pub(super) id: RelayId,
    pub(super) addr: Addr<Relay>,
    pub(super) members: usize,
}

/// Where a member's socket is.
#[derive(Clone, Copy)]
pub(super) struct Home {
    /// Index into `relays`.
    pub(super) branch: usize,
    pub(super) socket: SocketKey,
    pub(super) stay: Stay,
}

impl Channel {
    fn branch(&mut self, id: RelayId, addr: Addr<Relay>) -> usize {
        self.relays
            .iter()
            .position(|branch| branch.id == id)
            .unwrap_or_else(|| {
                self.relays.push(Branch {
                    id,
                    addr,
                    members: 0,
                });
                self.relays.len() - 1
            })
    }

    /// Lets a session in that may be here, and answers it.
    fn enter(&mut self, join: Join, ctx: &mut Context<Self>) -> JoinResult {
        let session = join.presence.session;
        let Joined {
            presence,
            others,
            first,
        } = self.state.join(join.presence, join.hidden)?;
        let branch = self.branch(join.relay_id, join.relay);
        if first {
            if let Some(lingering) = self.lingering.take() {
                ctx.cancel_future(lingering);
            }
            self.relays[branch].members += 1;
        }
        let home = self.homes.entry(session).or_insert_with(|| Home {
            branch,
            socket: join.socket,
            stay: Stay::new(),
        });
        let entered = Entered {
            channel: self.state.id().clone(),
            live: self.live,
            stay: home.stay,
        };
        let answer = join.ticket.map(|ticket| {
            let channel = self.state.id().clone();
            (
                ticket,
                Outgoing::Joined(JoinAnswer {
                    channel,
                    others,
                    presence,
                }),
            )
        });
        let admit = Admit {
            channel: self.live,
            socket: join.socket,
            enter: first.then(|| ctx.address().recipient()),
            answer,
        };
        self.relays[branch].addr.do_send(admit);
        self.returned(session, ctx);
        self.announce(ctx);
        Ok(entered)
    }

    /// As [`enter`](Self::enter), and notes it when a session that was awaited cannot come back.
    pub(super) fn enter_or_give_up(&mut self, join: Join, ctx: &mut Context<Self>) -> JoinResult {
        let session = join.presence.session;
        let result = self.enter(join, ctx);
        if result.is_err() {
            self.given_up(session, ctx);
        }
        result
    }

    /// Lets a session into a room. The store knows at once that everybody may be there, unless a host program has
    /// put something in front of it; then it is asked as for any other channel.
    pub(super) fn enter_room(
        &mut self,
        join: Join,
        ctx: &mut Context<Self>,
    ) -> ActorResponse<Self, JoinResult> {
        let (store, id) = (self.store.clone(), self.state.id().clone());
        let user = join.presence.user;
        let mut allowed = Box::pin(async move { store.may_enter(user, &id).await });
        let mut at_once = task::Context::from_waker(Waker::noop());
        let error = match allowed.as_mut().poll(&mut at_once) {
            Poll::Ready(Ok(true)) => {
                return ActorResponse::reply(self.enter_or_give_up(join, ctx));
            }
            Poll::Pending => {
                self.note_entering(&join);
                return ActorResponse::r#async(self.enter_when_allowed(join, None, allowed));
            }
            Poll::Ready(Ok(false)) => JoinError::Forbidden,
            Poll::Ready(Err(_)) => JoinError::Unavailable,
        };
        self.given_up(join.presence.session, ctx);
        ActorResponse::reply(Err(error))
    }

    fn note_entering(&mut self, join: &Join) {
        let entering = Entering {
            user: join.presence.user,
            outdated: false,
        };
        self.entering.insert(join.presence.session, entering);
    }

    fn given_up(&mut self, session: SessionId, ctx: &mut Context<Self>) {
        self.returned(session, ctx);
        self.announce(ctx);
        self.linger_if_idle(ctx);
    }

    /// Asks the store whether the user may be here, and then lets the session in. Others are served
    /// meanwhile; if the user is taken out, the answer may be about an earlier time, so it is asked again.
    pub(super) fn enter_if_allowed(&mut self, join: Join) -> ResponseActFuture<Self, JoinResult> {
        let user = join.presence.user;
        let id = self.state.id().clone();
        let opening = id.direct_with(user).map(|other| Opening {
            channel: id.clone(),
            user,
            other,
            // Who comes back to a channel that was lost has asked before.
            absent: join.ticket.is_some() && !self.is_here(other),
            now: Micros::now(),
        });
        let asked = opening.as_ref().filter(|it| it.absent).map(|it| it.other);
        self.note_entering(&join);
        let (store, entrance) = (self.store.clone(), self.entrance.clone());
        let allowed = async move {
            match opening {
                Some(opening) => entrance.open(opening).await,
                None => store.may_enter(user, &id).await,
            }
        };
        self.enter_when_allowed(join, asked, allowed)
    }

    /// `asked` is the other user of a direct channel who has just been asked to come in.
    fn enter_when_allowed(
        &mut self,
        join: Join,
        asked: Option<UserId>,
        allowed: impl Future<Output = Result<bool, StoreError>> + 'static,
    ) -> ResponseActFuture<Self, JoinResult> {
        let session = join.presence.session;
        Box::pin(allowed.into_actor(self).then(
            move |allowed, channel, ctx| -> ResponseActFuture<Self, JoinResult> {
                if let (Ok(true), Some(answer)) = (&allowed, channel.answer_meanwhile(asked)) {
                    return channel.enter_when_allowed(join, None, answer);
                }
                let result = match (channel.entering.remove(&session), allowed) {
                    // The session has ended meanwhile.
                    (None, _) => Err(JoinError::Unavailable),
                    // So has the stay that it comes back to.
                    _ if channel.not_returning.remove(&session) => Err(JoinError::Forbidden),
                    (Some(Entering { outdated: true, .. }), Ok(true)) => {
                        return channel.enter_if_allowed(join);
                    }
                    (Some(_), Ok(true)) => channel.enter(join, ctx),
                    (Some(_), Ok(false)) => Err(JoinError::Forbidden),
                    (Some(_), Err(_)) => Err(JoinError::Unavailable),
                };
                if result.is_err() {
                    channel.given_up(session, ctx);
                }
                Box::pin(std::future::ready(result).into_actor(channel))
            },
        ))
    }

    /// Answers a request for a user who has come in meanwhile, on their own account, and has not seen it.
    fn answer_meanwhile(
        &self,
        asked: Option<UserId>,
    ) -> Option<impl Future<Output = Result<bool, StoreError>> + use<>> {
        let user = asked.filter(|user| self.is_here(*user))?;
        let id = self.state.id();
        let opening = Opening {
            channel: id.clone(),
            user,
            other: id.direct_with(user)?,
            absent: false,
            now: Micros::now(),
        };
        let entrance = self.entrance.clone();
        Some(async move {
            if let Err(error) = entrance.open(opening).await {
                tracing::debug!(%error, "a chat request stays open");
            }
            Ok(true)
        })
    }

    /// Whether a user has a session here, or one that is about to come in.
    fn is_here(&self, user: UserId) -> bool {
        let mut entering = self.entering.values();
        self.state.has_user(user) || entering.any(|entering| entering.user == user)
    }

    /// Takes out who may no longer be here. They hear nothing more, but when the channel ends they are
    /// told that they have left; the others are told of their leaves.
    /// When each relay has told its sockets, so far as they take it, there is an answer.
    pub(super) fn expel(
        &mut self,
        who: Expelled,
        ctx: &mut Context<Self>,
    ) -> Vec<oneshot::Receiver<()>> {
        let ended = matches!(who, Expelled::Everybody);
        for entering in self.entering.values_mut() {
            entering.outdated |= who.includes(entering.user);
        }
        let gone = self.state.expel(who);
        let mut expelled: Vec<Vec<relay::Expelled>> =
            self.relays.iter().map(|_| Vec::new()).collect();
        for session in &gone {
            let Some(home) = self.homes.remove(session) else {
                continue;
            };
            self.relays[home.branch].members -= 1;
            let presence = self.state.presence(*session).filter(|_| ended);
            expelled[home.branch].push(relay::Expelled {
                socket: home.socket,
                stay: home.stay,
                news: presence.map(|presence| {
                    let news = PresenceNews::leave(self.state.id().clone(), presence);
                    Outgoing::Presence(news)
                }),
            });
        }
        let mut told = Vec::new();
        for (branch, expelled) in self.relays.iter().zip(expelled) {
            if !expelled.is_empty() {
                let (done, end) = oneshot::channel();
                // Without a bound: once for each join that was answered.
                branch.addr.do_send(Expel {
                    channel: self.live,
                    expelled,
                    done: Some(done),
                });
                told.push(end);
            }
        }
        for session in gone {
            self.state.leave(session);
            self.announce(ctx);
        }
        told
    }

    /// A session of a lost life is back, or will not come.
    pub(super) fn returned(&mut self, session: SessionId, ctx: &mut Context<Self>) {
        if self.awaited.remove(&session) && self.awaited.is_empty() {
            self.deliver_released(ctx);
        }
    }

    /// Announces joins and leaves, now or after gathering more of them.
    pub(super) fn announce(&mut self, ctx: &mut Context<Self>) {
        if !self.awaited.is_empty() || self.announcing.is_some() {
            return;
        }
        match self.state.announce_in(Micros::now()) {
            None => {}
            Some(Duration::ZERO) => self.announce_now(),
            Some(window) => {
                self.announcing = Some(ctx.run_later(window, |channel, ctx| {
                    channel.announce_now();
                    channel.announce_when_written(ctx);
                    channel.linger_if_idle(ctx);
                }));
            }
        }
    }

    /// Goes on announcing when the sockets have been written what was announced: to relays that are behind,
    /// more pieces of news would only be more to do. One that stands still does not keep the others waiting for ever.
    fn announce_when_written(&mut self, ctx: &mut Context<Self>) {
        const PATIENCE: Duration = Duration::from_secs(1);
        let relays = self.relays.iter().filter(|branch| branch.members > 0);
        let written: Vec<_> = relays
            .map(|branch| {
                let (done, written) = oneshot::channel();
                // Without a bound: each second one at most.
                branch.addr.do_send(Flush { done });
                written
            })
            .collect();
        let all_written = async move {
            for relay in written {
                // A relay that is lost has nobody left to write to.
                let _ = relay.await;
            }
        };
        let waited = actix_rt::time::timeout(PATIENCE, all_written);
        let go_on = waited.into_actor(self).map(|_, channel, ctx| {
            channel.announcing = None;
            channel.announce(ctx);
            channel.linger_if_idle(ctx);
        });
        self.announcing = Some(ctx.spawn(go_on));
    }

    pub(super) fn announce_now(&mut self) {
        /// Bytes of presences in one event: Godot's sockets take no more than 64 KiB in one message.
        const IN_ONE_EVENT: usize = 60_000;
        let Some(delta) = self.state.take_delta() else {
            return;
        };
        let changes = delta.joins.len() + delta.leaves.len();
        PRESENCE_CHANGES.increment(changes);
        for delta in delta.parts(IN_ONE_EVENT) {
            let channel = self.state.id().clone();
            let mut portion = self.portion();
            let news = PresenceNews { channel, delta };
            portion.events.push(Event::new(Outgoing::Presence(news)));
            self.deliver(portion);
        }
    }
}
