//! One socket's login: turns envelopes into commands, and has them answered in order.
//!
//! Invariants: a request is answered exactly once, and the answers of one session leave in the order
//! of its requests; a look-up (a join) is awaited before the next request is taken. Not here: bytes
//! and frames (`gateway`, `wire`), the rules of a channel (`channel`).

mod actor;
pub(crate) mod metrics;
mod statuses;

pub(crate) use actor::{Inbound, Session, SessionParts, SocketClosed, Surroundings};
