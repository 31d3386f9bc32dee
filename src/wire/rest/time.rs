//! Times of users, groups and notifications, which clients see in whole seconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serializer;

use crate::channel::Micros;

/// For `#[serde(serialize_with)]`: [`whole_seconds`] of a time in microseconds.
pub(super) fn seconds<S: Serializer>(time: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
    let since = Duration::from_micros(u64::try_from(time.0).unwrap_or(0));
    serializer.serialize_str(&whole_seconds(UNIX_EPOCH + since))
}

/// RFC 3339 in UTC without a fraction: `2026-07-01T12:00:00Z`.
pub(crate) fn whole_seconds(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_cut() {
        assert_eq!(
            whole_seconds(UNIX_EPOCH + Duration::from_millis(1_782_907_200_999)),
            "2026-07-01T12:00:00Z"
        );
    }
}
