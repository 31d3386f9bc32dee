//! One conversation: who is joined, in what order its messages stand, who gets a copy.
//!
//! `Channel` (actor.rs) turns actor messages into calls on `ChannelState` (state.rs) and sends what
//! comes out. `MessageStore` (store.rs) is the seam to what must survive.
//!
//! Invariants: a message gets its place and its time inside the handler that admits it, before
//! anything is awaited; everybody sees a channel's messages in that one order; a persistent message
//! is delivered and acked only after the store has committed it.
//!
//! Not here: bytes (`wire`), sockets (`gateway`), who sits on which thread (`relay`).

mod actor;
mod clock;
mod command;
mod content;
mod entrance;
mod error;
mod events;
mod group_id;
mod history;
mod id;
mod in_flight;
mod message;
pub(crate) mod metrics;
mod presence;
mod state;
mod store;
mod traffic;

#[cfg(feature = "bench")]
pub(crate) use self::presence::PresenceBook;
pub(crate) use self::{
    actor::Channel,
    command::{
        ChannelParts, EndStays, Entered, EventsCommitted, GetPresences, Join, Leave, Legacy,
        Publish, PublishEvents, PublishFromServer,
    },
    entrance::{Entrance, Opening},
    events::{EventSink, Events, Place},
    history::{Cursor, HistoryError, HistoryPage, HistoryRequest, Side},
    id::{Access, ChannelKind},
    presence::{Announced, PresenceDelta},
    state::{ChannelLimits, Edit},
};
pub use self::{
    content::{Content, ContentError},
    error::{JoinError, PublishError},
    group_id::GroupId,
    id::{ChannelId, ChannelIdError, RoomName, RoomNameError},
    message::{Message, MessageCode, MessageId, Micros, Seq},
    presence::{Presence, SessionId},
    store::{
        BatchCommitted, CommitSink, Direction, MessageStore, Outcome, Page, PageQuery, Position,
        Write,
    },
};
