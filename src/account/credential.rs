//! What people sign in with, checked once: whoever holds one of these types need not check again.
//!
//! Limits are in bytes of UTF-8. None of them shows its text in `Debug`, as each opens an account or
//! tells who owns it; a [`Username`] is public.

use std::fmt;

/// Why a text is not a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialError {
    #[error("{field} is required")]
    Missing { field: &'static str },
    #[error("{field} must be {min} to {max} bytes")]
    Length {
        field: &'static str,
        min: usize,
        max: usize,
    },
    #[error("{field} must be at least {min} bytes")]
    TooShort { field: &'static str, min: usize },
    #[error("{field} must not contain blanks or control characters")]
    Blank { field: &'static str },
    #[error("{field} must not contain control characters")]
    Control { field: &'static str },
    #[error("{field} is not an email address")]
    NotAnAddress { field: &'static str },
}

/// Without a text there is one error; a text of the wrong length has another.
fn sized(text: &str, field: &'static str, min: usize, max: usize) -> Result<(), CredentialError> {
    match text.len() {
        0 => Err(CredentialError::Missing { field }),
        n if n < min || n > max => Err(CredentialError::Length { field, min, max }),
        _ => Ok(()),
    }
}

fn without_blanks(text: &str, field: &'static str) -> Result<(), CredentialError> {
    // ASCII only, as the reference: U+0085 and the like are letters to it.
    if text.bytes().any(|b| b == b' ' || b.is_ascii_control()) {
        return Err(CredentialError::Blank { field });
    }
    Ok(())
}

macro_rules! hidden_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

hidden_debug!(DeviceId, CustomId, Email, Password);

/// The id of a device, 10 to 128 bytes without blanks and control characters. A user may have several.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DeviceId(String);

impl DeviceId {
    pub(crate) fn parse(text: &str) -> Result<Self, CredentialError> {
        sized(text, "id", 10, 128)?;
        without_blanks(text, "id")?;
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// An id from another system, 6 to 128 bytes without blanks and control characters. One per user.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CustomId(String);

impl CustomId {
    pub(crate) fn parse(text: &str) -> Result<Self, CredentialError> {
        sized(text, "id", 6, 128)?;
        without_blanks(text, "id")?;
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// An email address, 10 to 255 bytes, kept in lower case. One per user.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    pub(crate) fn parse(text: &str) -> Result<Self, CredentialError> {
        let field = "email";
        let address = text.to_lowercase();
        sized(&address, field, 10, 255)?;
        without_blanks(&address, field)?;
        if !looks_like_an_address(&address) {
            return Err(CredentialError::NotAnAddress { field });
        }
        Ok(Self(address))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Something, `@`, something, `.`, something: the whole of what the reference asks.
fn looks_like_an_address(text: &str) -> bool {
    let at = text.bytes().skip(1).position(|b| b == b'@').map(|i| i + 1);
    let dot = text
        .len()
        .checked_sub(1)
        .and_then(|end| text.as_bytes()[..end].iter().rposition(|&b| b == b'.'));
    matches!((at, dot), (Some(at), Some(dot)) if dot > at + 1)
}

/// A password as typed, at least 8 bytes. Only ever hashed or compared with a hash.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(String);

impl Password {
    pub(crate) fn parse(text: &str) -> Result<Self, CredentialError> {
        let field = "password";
        match text.len() {
            0 => Err(CredentialError::Missing { field }),
            n if n < 8 => Err(CredentialError::TooShort { field, min: 8 }),
            _ => Ok(Self(text.to_owned())),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A unique public name, 1 to 128 bytes without control characters, case sensitive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Username(String);

impl Username {
    pub(crate) fn parse(text: &str) -> Result<Self, CredentialError> {
        let field = "username";
        sized(text, field, 1, 128)?;
        if text.bytes().any(|b| b.is_ascii_control()) {
            return Err(CredentialError::Control { field });
        }
        Ok(Self(text.to_owned()))
    }

    /// Ten random letters, for accounts made without a name.
    pub(crate) fn random() -> Self {
        const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        Self(
            (0..10)
                .map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())]))
                .collect(),
        )
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What opens an account, and can be linked to one.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    Device(DeviceId),
    Custom(CustomId),
    Email(Email, Password),
}

/// What is linked to an account and leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    Device(DeviceId),
    Custom(CustomId),
    Email(Email),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_counted_in_bytes() {
        for (len, ok) in [
            (0, false),
            (9, false),
            (10, true),
            (128, true),
            (129, false),
        ] {
            assert_eq!(
                DeviceId::parse(&"d".repeat(len)).is_ok(),
                ok,
                "device of {len}"
            );
        }
        for (len, ok) in [(5, false), (6, true), (128, true), (129, false)] {
            assert_eq!(
                CustomId::parse(&"c".repeat(len)).is_ok(),
                ok,
                "custom of {len}"
            );
        }
        for (len, ok) in [(7, false), (8, true), (5000, true)] {
            assert_eq!(
                Password::parse(&"p".repeat(len)).is_ok(),
                ok,
                "password of {len}"
            );
        }
        assert!(Username::parse(&"ü".repeat(64)).is_ok());
        assert!(Username::parse(&"ü".repeat(65)).is_err());
    }

    #[test]
    fn blanks_and_control_characters() {
        for text in [
            "device id with blank",
            "device\u{1}device",
            "device\tdevice",
            "device\u{7f}device",
        ] {
            assert_eq!(
                DeviceId::parse(text),
                Err(CredentialError::Blank { field: "id" })
            );
        }
        assert!(Username::parse("a name with blanks\u{85}").is_ok());
        assert_eq!(
            Username::parse("a\nb"),
            Err(CredentialError::Control { field: "username" })
        );
    }

    #[test]
    fn addresses() {
        for good in [
            "ada@example.com",
            "a@b@c.example",
            "x@localhost.d",
            "@@example.com",
        ] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "@example.com.",
            "adaexample.com",
            "ada@example.",
            "ada@.comcom",
            "ada@examplecom",
            "a b@example.com",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            Email::parse("Ada@Example.COM").unwrap().as_str(),
            "ada@example.com"
        );
    }

    #[test]
    fn secrets_do_not_show() {
        let credential = Credential::Email(
            Email::parse("ada@example.com").unwrap(),
            Password::parse("password-1").unwrap(),
        );
        assert_eq!(format!("{credential:?}"), "Email(Email(..), Password(..))");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = (DeviceId::parse(&text), Email::parse(&text), Username::parse(&text));
        }

        #[test]
        fn an_address_parsed_twice_stays_the_same(text in "\\PC{1,9}@\\PC{3,9}\\.\\PC{3,9}") {
            if let Ok(address) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(address.as_str()).unwrap(), address);
            }
        }
    }
}
