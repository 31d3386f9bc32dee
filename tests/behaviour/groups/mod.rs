//! Groups: who may do what to whom, what the channel of a group is told, and that all of it agrees at
//! any time, also when many change a group at once or the program dies.

mod account;
mod adding;
mod channel;
mod crash;
mod events;
mod kicks;
mod ledger;
mod lists;
mod membership;
mod model;
mod notifications;
mod profile;
mod races;
mod storm;
mod trouble;
