//! An error with all that lies behind it, in one line.

use std::error::Error;

/// Tells of it and of its causes, the deepest last.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line += &format!(": {error}");
        cause = error.source();
    }
    line
}
