//! REST: query parameters and JSON bodies in, JSON bodies out.
//!
//! Reads as the reference does: names in snake_case or camelCase, unknown ones ignored, `null` for
//! absent, integers also as text. Writes snake_case and leaves out fields at their default.

pub(crate) mod account;
pub(crate) mod body;
pub(crate) mod channel;
pub(crate) mod group;
pub(crate) mod notification;
pub(crate) mod query;
pub(crate) mod time;

use std::time::{Duration, UNIX_EPOCH};

use serde::Serializer;

use crate::channel::Micros;

/// For `#[serde(serialize_with)]`: a time of a group or notification, in whole seconds.
fn seconds<S: Serializer>(time: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
    let since = Duration::from_micros(u64::try_from(time.0).unwrap_or(0));
    serializer.serialize_str(&time::whole_seconds(UNIX_EPOCH + since))
}

/// `{}`, the answer of calls that have nothing to say.
#[derive(serde::Serialize)]
pub(crate) struct Empty {}
