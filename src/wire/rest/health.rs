//! Whether the server can do its work.

use serde::Serialize;

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub(crate) struct Ready {
    ready: bool,
    /// For people; nothing when it is ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

impl Ready {
    /// Ready, unless there are reasons why not.
    pub(crate) fn unless(reasons: Vec<String>) -> Self {
        Self {
            ready: reasons.is_empty(),
            reasons,
        }
    }
}
