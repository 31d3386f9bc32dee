//! What messages say: their number, when they were due, and a text.
//!
//! Written as databases write JSON that take it apart: short keys first, one blank after each colon and comma. So
//! servers that store it in their own form give it back as it was.

use std::{
    hash::{DefaultHasher, Hasher},
    time::Duration,
};

use serde_json::Value;

/// The content of a message with a text of so many bytes.
pub(crate) fn write(number: u32, planned: Duration, bytes: u16) -> String {
    let words = "well played. good luck, have fun! ";
    let text: String = words.chars().cycle().take(bytes.into()).collect();
    format!(
        r#"{{"n": {number}, "at": {}, "text": "{text}"}}"#,
        planned.as_micros()
    )
}

/// The number of the message with this content.
pub(crate) fn number(content: &str) -> Option<u32> {
    let content: Value = serde_json::from_str(content).ok()?;
    u32::try_from(content.get("n")?.as_u64()?).ok()
}

/// What two messages have to agree in to be the same.
pub(crate) fn digest(sender_id: &str, code: i32, content: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(sender_id.as_bytes());
    hasher.write_i32(code);
    hasher.write(content.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_back() {
        let content = write(17, Duration::from_millis(5), 100);
        assert_eq!(number(&content), Some(17));
        assert_eq!(
            content.len(),
            100 + r#"{"n": 17, "at": 5000, "text": ""}"#.len()
        );
        assert_eq!(number("{}"), None);
        assert_eq!(number("no"), None);
    }
}
