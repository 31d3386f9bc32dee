use std::{fmt, sync::Arc};

use serde::de::IgnoredAny;

/// What a message says: the text of one JSON object, kept byte for byte. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(Arc<str>);

/// Why a text is no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// It is not one JSON object.
    #[error("content must be the text of one JSON object")]
    NotAnObject,
    /// Who reads it level by level might not come to an end.
    #[error("content must be nested at most {} levels deep", Content::MAX_DEPTH)]
    TooDeep,
}

impl Content {
    /// Objects and arrays within each other, the outermost counted: readers of JSON take 64 and more, and many
    /// call themselves for each.
    pub const MAX_DEPTH: usize = 64;

    /// # Errors
    /// When the text is anything but one JSON object, white space around it allowed, or nested too deep.
    pub fn new(text: &str) -> Result<Self, ContentError> {
        let opens = text
            .trim_start_matches([' ', '\t', '\n', '\r'])
            .starts_with('{');
        if !opens || serde_json::from_str::<IgnoredAny>(text).is_err() {
            return Err(ContentError::NotAnObject);
        }
        if is_deeper_than(text, Self::MAX_DEPTH) {
            return Err(ContentError::TooDeep);
        }
        Ok(Self(text.into()))
    }

    /// The content of a removal.
    pub(crate) fn empty() -> Self {
        Self("{}".into())
    }

    /// Takes a text that was checked before it was stored.
    pub(crate) fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The text as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text that is JSON is nested deeper than that. Reads it once, and calls nothing for a level, as does the
/// check that it is JSON.
fn is_deeper_than(json: &str, most: usize) -> bool {
    // Each level takes two bytes: most messages are too short.
    if json.len() <= 2 * most {
        return false;
    }
    let (mut depth, mut bytes) = (0, json.bytes());
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' if depth == most => return true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => loop {
                match bytes.next() {
                    Some(b'\\') => drop(bytes.next()),
                    Some(b'"') | None => break,
                    Some(_) => {}
                }
            },
            _ => {}
        }
    }
    false
}

impl fmt::Debug for Content {
    /// Leaves out what was said: logs must not hold it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_one_json_object_and_nothing_else() {
        for good in [
            "{}",
            " {\"a\": [1, {\"b\": null}]}\n",
            r#"{"nul":"\u0000"}"#,
            r#"{"a":1,"a":2}"#,
        ] {
            assert_eq!(
                Content::new(good).map(|c| c.as_str().to_owned()).as_deref(),
                Ok(good)
            );
        }
        for bad in [
            "",
            "   ",
            "hello",
            "[1,2]",
            "5",
            "\"text\"",
            "null",
            "true",
            "{",
            "{} {}",
            "{'a':1}",
            "{\"a\":1,}",
            "\u{a0}{}",
            "{\"a\":1",
        ] {
            assert!(Content::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn content_is_nested_64_levels_deep_and_no_deeper() {
        let arrays = |n| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        let objects = |n| format!("{}{{}}{}", "{\"a\":".repeat(n), "}".repeat(n));
        for good in [
            arrays(63),
            objects(63),
            // Brackets that are text, and those that were closed before.
            format!(r#"{{"a":"{}\"{{\\"}}"#, "[{".repeat(100)),
            format!(r#"{{"{}":[{}[]]}}"#, "[".repeat(100), "[[{}]],".repeat(100)),
        ] {
            assert!(Content::new(&good).is_ok(), "{good}");
        }
        for bad in [
            arrays(64),
            objects(64),
            arrays(100_000),
            objects(100_000),
            format!(r#"{{"a":"\\","b":{}{}}}"#, "[".repeat(64), "]".repeat(64)),
        ] {
            assert_eq!(Content::new(&bad).err(), Some(ContentError::TooDeep));
        }
    }
}
