//! Times of accounts, which clients see in whole seconds.

use std::time::SystemTime;

/// RFC 3339 in UTC without a fraction: `2026-07-01T12:00:00Z`.
pub(crate) fn whole_seconds(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn fractions_are_cut() {
        assert_eq!(
            whole_seconds(UNIX_EPOCH + Duration::from_millis(1_782_907_200_999)),
            "2026-07-01T12:00:00Z"
        );
    }
}
