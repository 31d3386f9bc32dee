//! Request bodies: JSON with the leniency of the protocol.

use serde::de::DeserializeOwned;

use crate::wire::{error::ApiError, quote::one_line};

/// Reads a body. An empty one is `{}`, as many calls need none.
///
/// `T` is a struct with `#[serde(default)]`, an `Option` for each field, and the camelCase spelling
/// of a field as its alias.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let bytes = bytes.trim_ascii();
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    // serde would read a struct from an array as well, field by field.
    if bytes.first() != Some(&b'{') {
        return Err(ApiError::invalid("body must be a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let body = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        ApiError::invalid(format!(
            "body is not valid: {}",
            describe(&field, error.inner())
        ))
    })?;
    json.end().map_err(|error| {
        ApiError::invalid(format!("body is not valid: {}", describe(".", &error)))
    })?;
    Ok(body)
}

/// The place and kind of a mistake. The full text of serde may quote the value, which may be secret.
fn describe(field: &str, error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    match error.classify() {
        Category::Data => format!("field {} has the wrong type", one_line(field)),
        Category::Eof => "the JSON ends early".to_owned(),
        Category::Syntax | Category::Io => {
            format!(
                "not JSON at line {} column {}",
                error.line(),
                error.column()
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::wire::integer;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Sample {
        #[serde(alias = "displayName")]
        display_name: Option<String>,
        #[serde(alias = "maxCount", deserialize_with = "integer")]
        max_count: Option<i32>,
        open: Option<bool>,
    }

    #[test]
    fn both_spellings_null_and_unknown_fields() {
        let sample: Sample =
            parse(br#" {"displayName": "a", "max_count": "7", "open": null, "colour": [1]} "#)
                .unwrap();
        assert_eq!(
            sample,
            Sample {
                display_name: Some("a".into()),
                max_count: Some(7),
                open: None
            }
        );
        assert_eq!(parse::<Sample>(b" \n").unwrap(), Sample::default());
    }

    #[test]
    fn wrong_shapes_are_refused_without_quoting_them() {
        for text in [
            "{nope",
            "[1]",
            "\"x\"",
            "null",
            "{} {}",
            "{\"display_name\": 5}",
            "{\"open\": \"maybe\"}",
            "{\"a\":",
        ] {
            assert!(parse::<Sample>(text.as_bytes()).is_err(), "{text}");
        }
        let error = parse::<Sample>(br#"{"open": "secret"}"#).unwrap_err();
        assert!(!error.message.contains("secret"), "{error}");
        let twice = parse::<Sample>(br#"{"open": true, "open": false}"#);
        assert!(twice.is_err());
    }

    #[test]
    fn deep_nesting_is_an_error() {
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(parse::<Sample>(deep.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
            let _ = parse::<Sample>(&bytes);
        }
    }
}
