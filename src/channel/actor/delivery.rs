//! Delivery: what has its turn goes to everybody, then its sender is answered.

use std::sync::Arc;

use actix::prelude::*;

use super::{CallAnswer, Channel};
use crate::{
    channel::{
        Message, PublishError,
        in_flight::{End, Released},
        state::Expelled,
    },
    relay::{Deliver, Event, RelayId, Reply, ReplyTo},
    wire::Outgoing,
};

/// Events for all members, and the answers that follow them, by relay.
pub(super) struct Portion {
    pub(super) events: Vec<Event>,
    replies: Vec<Vec<Reply>>,
    /// Told when everybody has been delivered to.
    calls: Vec<Box<dyn FnOnce()>>,
    /// About the bytes of the frames of `events`.
    bytes: usize,
}

impl Channel {
    /// Delivers at the end of this turn of the mailbox: what came with it leaves together, and a
    /// member gets one piece of bytes for all of it.
    pub(super) fn deliver_soon(&mut self, ctx: &mut Context<Self>) {
        if !std::mem::replace(&mut self.delivering, true) {
            let end_of_turn = std::future::ready(()).into_actor(self);
            ctx.spawn(end_of_turn.map(|(), channel, ctx| {
                channel.delivering = false;
                channel.deliver_released(ctx);
            }));
        }
    }

    /// Delivers and answers everything whose turn has come, in portions that let the sockets have
    /// their turn in between.
    pub(super) fn deliver_released(&mut self, ctx: &mut Context<Self>) {
        /// Bytes of frames in one portion, about.
        const PORTION: usize = 64 * 1024;
        if !self.awaited.is_empty() {
            return;
        }
        let mut portion = self.portion();
        while let Some(Released { reply_to, end }) = self.state.release() {
            match end {
                End::Message(result) => self.release_message(reply_to, result, &mut portion),
                End::Events(Ok(events)) => {
                    for message in &events.messages {
                        self.include(message, &mut portion);
                        if events.removed.contains(&message.sender) {
                            // The last they hear.
                            self.deliver_so_far(&mut portion);
                            self.expel(Expelled::User(message.sender), ctx);
                        }
                    }
                    if events.ended {
                        self.deliver_so_far(&mut portion);
                        self.expel(Expelled::Everybody, ctx);
                    }
                    self.release_events(reply_to, Ok(()), &mut portion);
                }
                End::Events(Err(error)) => {
                    self.release_events(reply_to, Err(error), &mut portion);
                }
            }
            if portion.bytes >= PORTION {
                self.deliver_so_far(&mut portion);
            }
        }
        self.deliver(portion);
        self.linger_if_idle(ctx);
    }

    fn deliver_so_far(&self, portion: &mut Portion) {
        self.deliver(std::mem::replace(portion, self.portion()));
    }

    fn release_message(
        &mut self,
        reply_to: ReplyTo,
        result: Result<Arc<Message>, PublishError>,
        portion: &mut Portion,
    ) {
        if let Ok(message) = &result {
            self.include(message, portion);
        }
        match reply_to {
            ReplyTo::Socket(address) => {
                let answer = result.map_or_else(|error| error.into(), Outgoing::Ack);
                if let Some(at) = self.relay(address.relay) {
                    portion.replies[at].push(Reply {
                        socket: address.socket,
                        ticket: address.ticket,
                        answer,
                    });
                }
            }
            ReplyTo::Call(call) => {
                if let Some(CallAnswer::Message(caller)) = self.calls.remove(&call) {
                    // A caller that no longer waits has lost nothing but the news.
                    portion.calls.push(Box::new(|| drop(caller.send(result))));
                }
            }
        }
    }

    fn release_events(
        &mut self,
        reply_to: ReplyTo,
        result: Result<(), PublishError>,
        portion: &mut Portion,
    ) {
        if let ReplyTo::Call(call) = reply_to
            && let Some(CallAnswer::Events(caller)) = self.calls.remove(&call)
        {
            portion.calls.push(Box::new(|| drop(caller.send(result))));
        }
    }

    fn include(&self, message: &Arc<Message>, portion: &mut Portion) {
        self.sent.count(message.code);
        portion.bytes += message.weight();
        let event = Event::new(Outgoing::Message(message.clone()));
        portion.events.push(event);
    }

    /// Where a relay stands in `relays`. None is ever removed, and a request comes from a session that has
    /// joined through one, so it is found.
    pub(super) fn relay(&self, id: RelayId) -> Option<usize> {
        self.relays.iter().position(|branch| branch.id == id)
    }

    pub(super) fn portion(&self) -> Portion {
        Portion {
            events: Vec::new(),
            replies: self.relays.iter().map(|_| Vec::new()).collect(),
            calls: Vec::new(),
            bytes: 0,
        }
    }

    pub(super) fn deliver(&self, portion: Portion) {
        let events: Arc<[Event]> = portion.events.into();
        for (branch, replies) in self.relays.iter().zip(portion.replies) {
            let concerned = (branch.members > 0 && !events.is_empty()) || !replies.is_empty();
            if concerned {
                branch.addr.do_send(Deliver {
                    channel: self.live,
                    events: events.clone(),
                    replies,
                });
            }
        }
        for tell in portion.calls {
            tell();
        }
    }
}
