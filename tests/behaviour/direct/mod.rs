//! Direct channels: who may be there and read, how the other is asked, and what a block does to them.

mod blocks;
mod channel;
mod crash;
mod flood;
mod requests;
