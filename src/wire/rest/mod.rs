//! REST: query parameters and JSON bodies in, JSON bodies out.
//!
//! Reads as the reference does: names in snake_case or camelCase, unknown ones ignored, `null` for
//! absent, integers also as text. Writes snake_case and leaves out fields at their default.

pub(crate) mod account;
pub(crate) mod body;
pub(crate) mod channel;
pub(crate) mod friend;
pub(crate) mod group;
pub(crate) mod health;
pub(crate) mod notification;
pub(crate) mod query;
pub(crate) mod time;

/// `{}`, the answer of calls that have nothing to say.
#[derive(serde::Serialize)]
pub(crate) struct Empty {}
