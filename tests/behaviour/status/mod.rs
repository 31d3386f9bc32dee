//! Who is shown as online, and what those who follow them hear of it.

mod blocks;
mod follow;
mod reconnects;
mod sockets;
