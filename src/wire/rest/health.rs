//! Whether the server can do its work.

use serde::Serialize;

use crate::readiness::NotReady;

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub(crate) struct Ready {
    ready: bool,
    /// For people; nothing when it is ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

impl From<&[NotReady]> for Ready {
    fn from(reasons: &[NotReady]) -> Self {
        Self {
            ready: reasons.is_empty(),
            reasons: reasons.iter().map(NotReady::to_string).collect(),
        }
    }
}
