//! What a relay is told, and the names of those it deals with.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use actix::prelude::*;
use tokio::sync::oneshot;

use super::{Closing, Event, Ticket};
use crate::{user::UserId, wire::Outgoing};

/// A relay, for as long as the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RelayId(u64);

/// A socket, for as long as the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SocketKey(u64);

/// One life of a channel actor. A channel that was started anew is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LiveChannel(u64);

/// Names one session's time in a channel, from a join to its end. A later join begins another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stay(u64);

impl Stay {
    pub(crate) fn new() -> Self {
        Self(next_number())
    }
}

fn next_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

impl RelayId {
    pub(super) fn new() -> Self {
        Self(next_number())
    }
}

impl SocketKey {
    pub(super) fn new() -> Self {
        Self(next_number())
    }
}

impl LiveChannel {
    pub(crate) fn new() -> Self {
        Self(next_number())
    }
}

/// Where the answer to a request belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyTo {
    /// A client's request.
    Socket(ReplyAddress),
    /// A call that came from no socket, by the channel's own count.
    Call(u64),
}

/// Where a client's request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReplyAddress {
    pub(crate) relay: RelayId,
    pub(crate) socket: SocketKey,
    pub(crate) ticket: Ticket,
}

/// An answer on its way to a socket. By itself it is taken without a bound: its request holds a place in the
/// line.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Reply {
    pub(crate) socket: SocketKey,
    pub(crate) ticket: Ticket,
    pub(crate) answer: Outgoing,
}

/// Fact: these events happened in the channel; all members get them, in this order, before the
/// answers leave. Sent once per relay and batch.
///
/// Relays take these without a bound of their own. A client's message holds a place in its sender's
/// line until its answer is here, a call waits for its own, and presence events are coalesced: so
/// no more can be under way than all lines, calls and channels together hold. The events of a group wait
/// in the writer's queue first.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Deliver {
    pub(crate) channel: LiveChannel,
    pub(crate) events: Arc<[Event]>,
    pub(crate) replies: Vec<Reply>,
}

/// Fact: what a channel sends fills most of a socket that cannot read as fast. Taken without a bound: each relay tells
/// each channel a few times a second at most.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct Crowded;

/// Adds a socket to a channel, and answers its join. Everything sent later reaches the socket. Taken
/// without a bound: a session joins one channel at a time.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Admit {
    pub(crate) channel: LiveChannel,
    pub(crate) socket: SocketKey,
    /// Where the socket is to become a member, whom to tell when it cannot read as fast; not when it is one already.
    pub(crate) enter: Option<Recipient<Crowded>>,
    pub(crate) answer: Option<(Ticket, Outgoing)>,
}

/// Takes a socket out of a channel, and answers its leave. Taken without a bound: once for each [`Admit`].
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Dismiss {
    pub(crate) channel: LiveChannel,
    pub(crate) socket: SocketKey,
    pub(crate) answer: Option<Ticket>,
}

/// Takes sockets out of a channel that did not ask for it, and tells their sessions. Taken without a
/// bound: each socket once for its [`Admit`].
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Expel {
    pub(crate) channel: LiveChannel,
    pub(crate) expelled: Vec<Expelled>,
    /// Told when they have been told, as far as they take it.
    pub(crate) done: Option<oneshot::Sender<()>>,
}

/// A socket to be taken out.
pub(crate) struct Expelled {
    pub(crate) socket: SocketKey,
    pub(crate) stay: Stay,
    /// The last that the client hears of the channel, if anything.
    pub(crate) news: Option<Outgoing>,
}

/// Sends something to sockets. May arrive too late. Taken without a bound of its own: it tells of what the
/// writer, whose queue is bounded, has committed, or of a status, of which a user has one piece of news
/// under way; what a socket does not take counts against its outbox.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Push {
    pub(crate) sockets: Arc<[SocketKey]>,
    pub(crate) event: Arc<Event>,
    /// What it tells of; it then leaves behind the answers to all requests that have been read.
    pub(crate) news: Option<News>,
    /// Told when it has been written, as far as the peers take it.
    pub(crate) done: Option<oneshot::Sender<()>>,
}

/// News of a user, in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) user: UserId,
    pub(crate) number: u64,
}

impl News {
    pub(crate) fn of(user: UserId) -> Self {
        Self {
            user,
            number: next_number(),
        }
    }

    /// No news of the user is newer.
    pub(crate) fn last_of(user: UserId) -> Self {
        Self {
            user,
            number: u64::MAX,
        }
    }
}

/// Keeps the messages of some senders from the sockets of a user, in whatever channel, or no more. Taken
/// without a bound: once for a session and for each change of a block.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Hide {
    pub(crate) user: UserId,
    pub(crate) senders: Arc<[UserId]>,
    pub(crate) hidden: bool,
}

/// Asks to be told when what came before has been done and written, as far as peers take it. Taken without a
/// bound: once for each change of a block, and for each follow that ends; from a channel one at a time, or one each second.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Flush {
    pub(crate) done: oneshot::Sender<()>,
}

/// Closes a socket with a close frame: logout, deletion, shutdown. May arrive twice, or too late.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct CloseSocket {
    pub(crate) socket: SocketKey,
    pub(crate) why: Closing,
    /// What the client is told before.
    pub(crate) last_word: Option<Arc<Event>>,
}

/// Fact: this life of a channel ended in a panic. Told by the channel to relays, and by these to the
/// sessions concerned, which join the next life. Taken without a bound: once for a life.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ChannelLost {
    pub(crate) channel: LiveChannel,
}

/// Fact: a session is no longer in a channel. Told by its relay. Taken without a bound: at most once for
/// each join that was answered, and once for each life of a channel.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) enum StayEnded {
    /// With the channel, which ended in a panic. Also told to sessions that were not in it.
    Lost(LiveChannel),
    /// Alone.
    Expelled(Stay),
}
