//! The hot path: outboxes and fan-out, nothing else.
//!
//! One `Relay` per worker thread owns the outboxes of that thread's sockets and knows which of them
//! are in which channel. A channel sends each relay ONE message per batch of events, whatever the
//! number of members; the relay encodes once per format and shares the bytes.
//!
//! Invariant: what a channel sends to a relay reaches every outbox in the order in which the channel
//! sent it. Not here: who may hear what (`channel`), what the bytes mean (`wire`), how they reach
//! the peer (`gateway`).

mod actor;
#[cfg(feature = "bench")]
mod bench;
mod closing;
mod command;
mod event;
mod fanout;
mod line;
pub(crate) mod metrics;
mod outbox;

#[cfg(feature = "bench")]
pub use self::bench::Audience;
pub(crate) use self::{
    actor::{Relay, RelayHandle},
    closing::Closing,
    command::{
        Admit, ChannelLost, CloseSocket, Crowded, Deliver, Dismiss, Expel, Expelled, Flush, Hide,
        LiveChannel, News, Push, RelayId, Reply, ReplyAddress, ReplyTo, SocketKey, Stay, StayEnded,
    },
    event::Event,
    line::{Sent, Ticket},
    outbox::{Outbox, OutboxLimits, Transport},
};
