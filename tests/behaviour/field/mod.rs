//! What clients and proxies in the field send, byte by byte, where it is not what a library would.

mod bodies;
mod handshake;
mod heads;
mod http;
mod joins;
mod unserved;
