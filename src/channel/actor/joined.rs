//! Who is in the channel: how they get in, how they are taken out, and what the others hear of it.

use std::time::Duration;

use actix::prelude::*;

use super::Channel;
use crate::{
    channel::{
        Entered, Join, JoinError, SessionId,
        state::{Expelled, Joined},
    },
    relay::{self, Admit, Event, Expel, Relay, RelayId, SocketKey, Stay},
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
            enter: first,
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

    fn given_up(&mut self, session: SessionId, ctx: &mut Context<Self>) {
        self.returned(session, ctx);
        self.announce(ctx);
        self.linger_if_idle(ctx);
    }

    /// Asks the store whether the user may be here, and then lets the session in. Others are served
    /// meanwhile; if the user is taken out, the answer may be about an earlier time, so it is asked again.
    pub(super) fn enter_if_allowed(&mut self, join: Join) -> ResponseActFuture<Self, JoinResult> {
        let (session, user) = (join.presence.session, join.presence.user);
        let (store, id) = (self.store.clone(), self.state.id().clone());
        let asked = Entering {
            user,
            outdated: false,
        };
        self.entering.insert(session, asked);
        let allowed = async move { store.may_enter(user, &id).await };
        Box::pin(allowed.into_actor(self).then(
            move |allowed, channel, ctx| -> ResponseActFuture<Self, JoinResult> {
                let result = match (channel.entering.remove(&session), allowed) {
                    // The session has ended meanwhile.
                    (None, _) => Err(JoinError::Unavailable),
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

    /// Takes out who may no longer be here. They hear nothing more, but when the channel ends they are
    /// told that they have left; the others are told of their leaves.
    pub(super) fn expel(&mut self, who: Expelled, ctx: &mut Context<Self>) {
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
        for (branch, expelled) in self.relays.iter().zip(expelled) {
            if !expelled.is_empty() {
                // Without a bound: once for each join that was answered.
                branch.addr.do_send(Expel {
                    channel: self.live,
                    expelled,
                });
            }
        }
        for session in gone {
            self.state.leave(session);
            self.announce(ctx);
        }
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
        match self.state.announce_in() {
            None => {}
            Some(Duration::ZERO) => self.announce_now(),
            Some(window) => {
                self.announcing = Some(ctx.run_later(window, |channel, ctx| {
                    channel.announcing = None;
                    channel.announce_now();
                    channel.linger_if_idle(ctx);
                }));
            }
        }
    }

    pub(super) fn announce_now(&mut self) {
        /// Presences in one event: about 150 kB, so that no single frame fills an outbox.
        const IN_ONE_EVENT: usize = 1000;
        let Some(delta) = self.state.take_delta() else {
            return;
        };
        let changes = delta.joins.len() + delta.leaves.len();
        metrics::counter!("banter_presence_changes_total").increment(changes as u64);
        for delta in delta.parts(IN_ONE_EVENT) {
            let channel = self.state.id().clone();
            let mut portion = self.portion();
            let news = PresenceNews { channel, delta };
            portion.events.push(Event::new(Outgoing::Presence(news)));
            self.deliver(portion);
        }
    }
}
