use std::fmt;

use uuid::Uuid;

/// A user, for as long as the account exists. Shown to clients as a lower case UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub Uuid);

impl UserId {
    /// The sender of messages that the server itself sends.
    pub const SERVER: UserId = UserId(Uuid::nil());

    /// A fresh random id.
    #[must_use]
    pub fn random() -> Self {
        UserId(Uuid::new_v4())
    }

    /// Reads the hyphenated form, upper case allowed. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Uuid's own parser also takes braces, URNs and bare hex, which the reference refuses.
        (text.len() == 36).then(|| Uuid::try_parse(text).ok().map(UserId))?
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
