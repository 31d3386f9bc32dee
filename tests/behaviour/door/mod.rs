//! Those who hold what others need: each beside somebody well-behaved, who notices nothing.

mod rates;
mod requests;
mod sockets;
