//! One person: who they are to the chat, and which of their sessions are open right now.
//!
//! Credentials and profiles are in `account`; what a single socket does is in `session`.

mod id;
mod online;

pub use id::UserId;
pub(crate) use online::{Online, OnlineSession};
