use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

/// For `#[serde(deserialize_with)]`: an integer as protobuf JSON has it, `1`, `1.0` or `"1"`; null is
/// none.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    let given = Option::<Given>::deserialize(deserializer)?;
    Ok(given.map(|given| given.0))
}

struct Given(i32);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Integer).map(Given)
    }
}

struct Integer;

impl Visitor<'_> for Integer {
    type Value = i32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a 32-bit integer")
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<i32, E> {
        i32::try_from(v).map_err(|_| E::invalid_value(de::Unexpected::Signed(v), &self))
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<i32, E> {
        i32::try_from(v).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(v), &self))
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<i32, E> {
        let whole = v.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&v);
        // In range and whole, so nothing is cut off.
        whole
            .then_some(v as i32)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Float(v), &self))
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<i32, E> {
        v.parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Str(v), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Sample {
        #[serde(deserialize_with = "integer")]
        n: Option<i32>,
    }

    fn read(n: &str) -> Option<Option<i32>> {
        let sample = serde_json::from_str::<Sample>(&format!("{{\"n\": {n}}}"));
        sample.ok().map(|sample| sample.n)
    }

    #[test]
    fn an_integer_is_read_in_every_spelling_of_protobuf_json() {
        for (text, value) in [
            ("5", Some(5)),
            ("5.0", Some(5)),
            ("\"-5\"", Some(-5)),
            ("null", None),
        ] {
            assert_eq!(read(text), Some(value), "{text}");
        }
        for text in ["5.5", "3000000000", "\"\"", "\"x\"", "true", "[]", "1e99"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
