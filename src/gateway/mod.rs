//! The outside wall: WebSocket handshake and frames, REST by resource, authentication, limits,
//! health and metrics. Bytes come in and go out here; what they mean is decided further in.
//!
//! Sockets have two doors with the same session behind them. On the server's own listener
//! (`listener`, `socket`) an upgraded connection is a raw stream, with or without TLS, that one small task reads and
//! writes. Inside somebody else's `App` (`embedded`) it is an actix-web request with a streaming
//! response. Both feed a `Peer` and drain an `Outbox`; neither is driven by the other side's reading.

mod address;
mod connection;
mod embedded;
mod frames;
mod handshake;
mod heads;
mod inbox;
mod listener;
mod metrics;
mod peer;
pub(crate) mod rest;
mod scrape;
mod socket;
mod stream;
mod tls;
mod worker;

#[cfg(any(test, fuzzing))]
pub(crate) use self::frames::{FrameReader, Incoming};
pub(crate) use self::{
    address::client_address,
    connection::to_accept,
    embedded::configure_socket,
    listener::{Listener, announce_routes, listen},
    scrape::{MetricsServer, announce_metrics, record_metrics, serve_metrics},
    tls::Tls,
};
pub use self::{listener::echo, metrics::log_lines_dropped, scrape::MetricsError, tls::TlsError};
