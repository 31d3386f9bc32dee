use std::{fmt, sync::Arc};

use serde::de::IgnoredAny;

/// What a message says: the text of one JSON object, kept byte for byte. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(Arc<str>);

/// The text is not one JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("content must be the text of one JSON object")]
pub struct ContentError;

impl Content {
    /// # Errors
    /// When the text is anything but one JSON object, white space around it allowed.
    pub fn new(text: &str) -> Result<Self, ContentError> {
        let opens = text
            .trim_start_matches([' ', '\t', '\n', '\r'])
            .starts_with('{');
        if !opens || serde_json::from_str::<IgnoredAny>(text).is_err() {
            return Err(ContentError);
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
    fn deep_nesting_is_refused_or_read_but_never_overflows() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let _ = Content::new(&deep);
    }
}
