//! What can go wrong, by what the caller does next.

use std::{io, sync::Arc};

/// A URL that is not that of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Not a URL.
    #[error("not a URL: {0}")]
    Malformed(#[from] url::ParseError),
    /// Neither http nor https.
    #[error("the scheme must be http or https, not {0}")]
    Scheme(String),
    /// https, but the crate was built without its feature `tls`.
    #[error("https needs the feature tls of banter-client")]
    NoTls,
}

/// Why a REST call had no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The server said no, and why.
    #[error("refused with {code} (HTTP status {status}): {message}")]
    Refused {
        /// Of HTTP: 400 bad argument, 401 not signed in, 404 not found, 409 already exists, 503 for now.
        status: u16,
        /// Of gRPC: 3, 16, 5, 6 and 14 for those; 2 (unknown) when the server named none.
        code: i32,
        /// For people.
        message: String,
    },
    /// No answer in [`Client::timeout`](crate::Client::timeout). The server may have done it all the same.
    #[error("no answer in time")]
    Timeout,
    /// The server could not be reached, or the connection broke. It may have done it all the same.
    #[error("the server could not be asked")]
    Transport(#[source] TransportError),
    /// An id that no path can hold: it is empty, `.` or `..`. Nothing was asked.
    #[error("{id:?} is not an id")]
    Id {
        /// What was given.
        id: String,
    },
    /// The answer is not what the protocol says, or too big.
    #[error("the answer is not that of a Nakama server: {why}")]
    Unexpected {
        /// For people.
        why: String,
    },
}

/// What failed below HTTP.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TransportError(Box<dyn std::error::Error + Send + Sync>);

impl ApiError {
    /// Whether the same call may go well a little later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
            Self::Timeout | Self::Transport(_) => true,
            Self::Id { .. } | Self::Unexpected { .. } => false,
        }
    }

    /// Whether the session (or the server key) is no good (any more): refresh it, or sign in again.
    pub fn is_unauthenticated(&self) -> bool {
        matches!(self, Self::Refused { status: 401, .. })
    }

    pub(crate) fn transport(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Transport(TransportError(Box::new(error)))
    }
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Timeout;
        }
        // URLs can hold credentials of somebody's, and errors end up in logs.
        Self::transport(error.without_url())
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server answered, but did not let the socket in.
    #[error("refused with HTTP status {status}: {message}")]
    Refused {
        /// Of HTTP: 401 when the session is no good (any more), 400 for a format it does not serve, 503 for now.
        status: u16,
        /// For people; may be empty.
        message: String,
    },
    /// Nothing complete in [`Client::timeout`](crate::Client::timeout).
    #[error("no connection in time")]
    Timeout,
    /// No TCP (or TLS) connection, or it broke during the handshake.
    #[error("the server could not be reached")]
    Transport(#[source] io::Error),
    /// What answers does not speak WebSocket.
    #[error("the WebSocket handshake failed: {why}")]
    Handshake {
        /// For people.
        why: String,
    },
}

impl ConnectError {
    /// Whether connecting may go well a little later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
            Self::Timeout | Self::Transport(_) => true,
            Self::Handshake { .. } => false,
        }
    }

    /// Whether the session is no good (any more): refresh it, or sign in again.
    pub fn is_unauthenticated(&self) -> bool {
        matches!(self, Self::Refused { status: 401, .. })
    }
}

/// Why a connection has ended.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Disconnected {
    /// The server sent a close frame.
    #[error("closed by the server with code {code}: {reason}")]
    Closed {
        /// Of WebSocket; 1005 if the frame held none. banter: 1000 malformed envelope or silence, 1001 shutdown,
        /// 1002 broken frames, 1007 text that is not UTF-8, 1008 too slow, logged out or connected elsewhere, 1009
        /// message too big, 1011 a fault of the server.
        code: u16,
        /// For people; may be empty.
        reason: String,
    },
    /// The connection broke without a close frame.
    #[error("the connection broke")]
    Dropped(#[source] Arc<io::Error>),
    /// The server was silent for two [`heartbeat`](crate::SocketOptions::heartbeat)s, and did not answer a ping.
    #[error("nothing was heard of the server")]
    Silent,
    /// A message of the server was bigger than
    /// [`max_message_bytes`](crate::SocketOptions::max_message_bytes).
    #[error("a message of the server is bigger than {limit} bytes")]
    TooBig {
        /// Bytes.
        limit: usize,
    },
    /// What the server sent is not WebSocket, or not an envelope in the format agreed upon.
    #[error("what the server sent cannot be read: {why}")]
    Undecodable {
        /// For people.
        why: String,
    },
    /// [`Events`](crate::Events) were not read, and as many as
    /// [`event_buffer`](crate::SocketOptions::event_buffer) waited. None of those is lost.
    #[error("{waiting} events were waiting to be read")]
    EventsNotRead {
        /// Events.
        waiting: usize,
    },
    /// Closed from this side, by [`Socket::close`](crate::Socket::close) or by dropping the handles.
    #[error("closed by this side")]
    Local,
    /// The task of the connection panicked, which is a fault of this crate.
    #[error("the task of the connection panicked")]
    Panicked,
}

impl Disconnected {
    /// Whether connecting again may go well. Not after code 1008: somebody has decided that this session
    /// is to end, or it cannot keep up; and not after what this side did wrong (codes 1002, 1003, 1007 and 1009) or
    /// wanted.
    ///
    /// Code 1000 does not tell: servers of this protocol use it for silence and for malformed envelopes, too. It counts
    /// as temporary, so let the pauses grow also between connections that end soon.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Closed { code, .. } => !matches!(code, 1002 | 1003 | 1007 | 1008 | 1009),
            Self::Dropped(_) | Self::Silent | Self::EventsNotRead { .. } => true,
            Self::TooBig { .. } | Self::Undecodable { .. } | Self::Local | Self::Panicked => false,
        }
    }
}

/// An error that the server tells on the socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused with {code}: {message}")]
pub struct Refusal {
    /// 0 internal, 1 not a request the server knows, 2 no request, 3 bad input; others are a server's own.
    pub code: i32,
    /// For people.
    pub message: String,
}

/// Why a request on a [`Socket`](crate::Socket) had no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The server said no. The connection stays.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No answer in [`request_timeout`](crate::SocketOptions::request_timeout). The server may have done it
    /// all the same, or may still do it.
    #[error("no answer in time")]
    Timeout,
    /// The connection has ended. The server may have done it all the same.
    #[error("disconnected")]
    Disconnected(#[from] Disconnected),
    /// The content could not be made into JSON; nothing was sent.
    #[error("the content cannot be written as JSON")]
    Content(#[source] serde_json::Error),
    /// The message is longer than the server takes; nothing was sent.
    #[error("the message has {bytes} bytes, more than {max}")]
    TooLong {
        /// Of the message as it would have been sent.
        bytes: usize,
        /// [`max_request_bytes`](crate::SocketOptions::max_request_bytes).
        max: usize,
    },
    /// The answer is not what the protocol says. The connection stays.
    #[error("the server answered with {answer}")]
    Unexpected {
        /// The name of the message it answered with.
        answer: &'static str,
    },
}

impl RequestError {
    /// Whether the same request may go well a little later on the same socket. After a timeout it may have
    /// been done already.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.code == 0,
            Self::Timeout => true,
            Self::Disconnected(_)
            | Self::Content(_)
            | Self::TooLong { .. }
            | Self::Unexpected { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_side_did_wrong_is_not_worth_another_try() {
        let is_temporary = |code| {
            let reason = String::new();
            Disconnected::Closed { code, reason }.is_temporary()
        };
        for code in [1002, 1003, 1007, 1008, 1009] {
            assert!(!is_temporary(code), "{code}");
        }
        for code in [1000, 1001, 1005, 1011, 1012, 1013, 4000] {
            assert!(is_temporary(code), "{code}");
        }
    }
}
