//! Request bodies: JSON with the leniency of the protocol.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, Visitor},
};

use crate::wire::error::ApiError;

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
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("body is not valid: {}", describe(&error))))
}

/// The place and kind of a mistake. The full text of serde may quote the value, which may be secret.
fn describe(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "a field has the wrong type",
        serde_json::error::Category::Eof => "the JSON ends early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "not JSON",
    };
    format!("{kind} at line {} column {}", error.line(), error.column())
}

/// For `#[serde(deserialize_with)]`: a whole number, also written as text or as `5.0`.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the first body with a number is that of groups")
)]
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    struct Integer;

    impl Visitor<'_> for Integer {
        type Value = i32;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number of 32 bits")
        }

        fn visit_i64<E: de::Error>(self, n: i64) -> Result<i32, E> {
            i32::try_from(n).map_err(|_| E::custom("number out of range"))
        }

        fn visit_u64<E: de::Error>(self, n: u64) -> Result<i32, E> {
            i32::try_from(n).map_err(|_| E::custom("number out of range"))
        }

        fn visit_f64<E: de::Error>(self, n: f64) -> Result<i32, E> {
            if n.fract() != 0.0 || n < f64::from(i32::MIN) || n > f64::from(i32::MAX) {
                return Err(E::custom("not a whole number of 32 bits"));
            }
            // Whole and in range, so nothing is cut off.
            Ok(n as i32)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<i32, E> {
            text.parse()
                .map_err(|_| E::custom("not a whole number of 32 bits"))
        }
    }

    struct Given(i32);

    impl<'de> Deserialize<'de> for Given {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Integer).map(Given)
        }
    }

    Ok(Option::<Given>::deserialize(deserializer)?.map(|given| given.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
    fn numbers_in_every_spelling() {
        for (text, value) in [
            ("5", Some(5)),
            ("5.0", Some(5)),
            ("\"-5\"", Some(-5)),
            ("null", None),
        ] {
            let sample: Sample = parse(format!("{{\"maxCount\": {text}}}").as_bytes()).unwrap();
            assert_eq!(sample.max_count, value);
        }
        for text in ["5.5", "3000000000", "\"\"", "\"x\"", "true", "[]", "1e99"] {
            assert!(
                parse::<Sample>(format!("{{\"maxCount\": {text}}}").as_bytes()).is_err(),
                "{text}"
            );
        }
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
