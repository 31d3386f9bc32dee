//! Quick checks of what a server can take, each of one thing: how much it does, what that costs it, and whether it
//! was right.

pub(crate) mod fanout;
pub(crate) mod idle;
pub(crate) mod persist;
pub(crate) mod storm;

mod chatter;
mod crowd;
mod order;
mod spell;

use std::time::Duration;

use banter_client::{ApiError, ConnectError, Disconnected, UrlError};

/// The longest that anything may take that is to happen at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// Said in the settings of a check whose clients wait for the server.
const CLOSED_LOOP: &str = "closed loop: each is planned when one before it is done";

/// Why a check could not be made.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    /// The URL is not that of a server.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A call failed.
    #[error("a call failed")]
    Call(#[from] ApiError),
    /// A connection was not made.
    #[error("cannot connect")]
    Connect(#[from] ConnectError),
    /// A connection has ended.
    #[error("a connection ended")]
    Disconnected(#[from] Disconnected),
    /// A request was refused.
    #[error("refused with {code}: {message}")]
    Refused {
        /// Of the protocol.
        code: i32,
        /// For people.
        message: String,
    },
    /// There was no answer.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Timeout,
    /// A part of this program has come to grief.
    #[error("a task failed")]
    Task(#[from] tokio::task::JoinError),
}
