//! Ids of messages, users and sessions, as numbers.

use std::fmt;

/// A UUID.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Uuid(u128);

/// The id of a message.
pub(crate) type MessageId = Uuid;

impl Uuid {
    /// Reads the usual text with four hyphens, in either case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut digits = 0;
        let mut value = 0_u128;
        for (place, byte) in text.bytes().enumerate() {
            let digit = match byte {
                b'-' if matches!(place, 8 | 13 | 18 | 23) => continue,
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                _ => return None,
            };
            digits += 1;
            value = value << 4 | u128::from(digit);
        }
        (digits == 32 && text.len() == 36).then_some(Self(value))
    }

    #[cfg(test)]
    pub(crate) fn of(value: u128) -> Self {
        Self(value)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let (a, b, c, d, e) = (
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..],
        );
        write!(f, "{a}-{b}-{c}-{d}-{e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_writes() {
        let text = "0193a5f2-7c1e-7b9a-8f00-00ffeeddccbb";
        assert_eq!(Uuid::parse(text).unwrap().to_string(), text);
        assert_eq!(Uuid::parse(&text.to_uppercase()).unwrap().to_string(), text);
        for bad in [
            "",
            "0193a5f27c1e7b9a8f0000ffeeddccbb",
            "0193a5f2-7c1e-7b9a-8f00-00ffeeddccb",
            "g193a5f2-7c1e-7b9a-8f00-00ffeeddccbb",
        ] {
            assert_eq!(Uuid::parse(bad), None, "{bad}");
        }
    }
}
