//! What banter does, by behaviour, as clients and operators see it: each test has a server of its own,
//! in this process or as the real program, and speaks to it over real sockets.

// A test that cannot go on should say so at once, in helper functions as well.
#![allow(clippy::unwrap_used)]

mod bad_frames;
mod command_line;
mod crash;
mod data_dir;
mod direct;
mod disk;
mod door;
mod embed;
mod failing_store;
mod field;
mod formats;
mod friends;
mod fuzz;
mod groups;
mod harness;
mod heartbeat;
mod hide_blocked;
mod history;
mod limits;
mod logins;
mod logs;
mod messages;
mod metrics;
mod names;
mod notifications;
mod openapi;
mod operators;
mod outsiders;
mod panic;
mod pipelining;
mod presence;
mod rooms;
mod sessions;
mod shutdown;
mod single_socket;
mod slow_consumer;
mod status;
mod tls;
mod upkeep;
