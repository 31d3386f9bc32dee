//! Lasting communities: who is in a group, with which role, and who may change that.
//!
//! [`Groups`] is the service REST asks. A change of membership goes through the group's actor to the
//! group's channel, which gives the event messages their places, and from there to the store, where one
//! transaction applies the rules (`state`), changes the roles and writes events and notifications.
//!
//! Invariants, all held by that transaction: a user has at most one role in a group; a group has at
//! least one superadmin, at most `max_count` members, and a name of its own; its `edge_count` is the
//! number of its members; an event message is stored if and only if its change is.
//!
//! Not here: the live channel (`channel`), HTTP (`gateway::rest`), SQL (`store::sqlite`).

mod actor;
mod change;
mod error;
mod groups;
pub(crate) mod metrics;
mod notice;
mod profile;
mod role;
mod searches;
pub(crate) mod state;
mod store;

pub(crate) use self::{
    actor::{ChangeGroup, GroupActor, GroupParts},
    change::{Action, Change, Decision, Told},
    error::GroupError,
    groups::Groups,
    metrics::{SEARCHES_REFUSED, SearchRefusal},
    notice::{added, wants_to_join},
    profile::{Group, GroupUpdate, NewGroup},
    role::Role,
    store::{EdgePosition, GroupFilter, GroupPosition, GroupStore, Member, Membership},
};
pub(crate) use crate::channel::GroupId;
