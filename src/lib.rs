//! banter: realtime chat for games over the Nakama protocol.
//!
//! The binary `banter` is one user of this library. A program of your own starts the chat with a
//! [`Builder`], mounts it into its actix-web `App` with [`Chat::configure`], and acts on it through
//! the [`Chat`] handle; or it serves the chat on a listener of its own with [`Server`].
//!
//! The house, the way of a message and the invariants are told in ARCHITECTURE.md.

mod account;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod channel;
mod chat;
pub mod config;
mod directory;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod gateway;
mod group;
mod metric;
mod name;
mod open_files;
mod page;
mod private;
mod rate;
mod readiness;
mod relay;
mod serve;
mod session;
mod signals;
mod store;
mod upkeep;
mod user;
mod wire;

pub use account::KeyError;
pub use channel::{
    BatchCommitted, ChannelId, ChannelIdError, CommitSink, Content, ContentError, Direction,
    GroupId, JoinError, Message, MessageCode, MessageId, MessageStore, Micros, Outcome, Page,
    PageQuery, Position, Presence, PublishError, RoomName, RoomNameError, Seq, SessionId, Write,
};
pub use chat::{Builder, Chat, SendError, StartError};
pub use config::Settings;
pub use gateway::{MetricsError, TlsError};
#[doc(hidden)]
pub use gateway::{echo, log_lines_dropped};
pub use rate::Limited;
pub use serve::{ServeError, Server, serve};
pub use store::{DataDirError, OpenError, StoreError, StoreFuture};
pub use upkeep::{UpkeepError, backup, check, restore};
pub use user::{NewNotification, NotifyError, UserId};

/// The snippets of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
