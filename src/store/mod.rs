//! What must survive: one folder per database, each implementing the domain's seams
//! (`channel::MessageStore`, `account::AccountStore`, `group::GroupStore`, and of `user` the
//! `NotificationStore`, `ChatRequestStore` and `FriendStore`).
//!
//! The domain knows the seams and [`StoreError`]; it never names a database.

mod data_dir;
mod sqlite;

pub use self::{data_dir::DataDirError, sqlite::OpenError};
pub(crate) use self::{
    data_dir::{DataDir, list},
    sqlite::{DatabaseFiles, METRICS, Sqlite, copy, find_damage},
};

use std::{future::Future, pin::Pin};

/// The answer of a seam method, boxed so that seams can be trait objects.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why the store did not do what it was asked. In every case nothing of the request was kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The queue of the store is full; the same request may succeed a moment later.
    #[error("the store is busy")]
    Busy,
    /// A search was ended because its time was up; a narrower one may succeed.
    #[error("the search took too long")]
    TooLong,
    /// The store could not write or read: disk full, device gone, file damaged. The text is for
    /// the log, not for clients.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The server is shutting down.
    #[error("the store is closed")]
    Closed,
}
