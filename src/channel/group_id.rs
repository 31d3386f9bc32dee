//! The ids of groups. Here and not with the groups: a group's channel is named by it, and a channel knows
//! nothing of groups.

use std::fmt;

use uuid::Uuid;

use crate::user::UserId;

/// A group, for as long as it exists. Shown to clients as a lower case UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub Uuid);

impl GroupId {
    /// A fresh random id.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Reads the hyphenated form, upper case allowed. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        UserId::parse(text).map(|id| Self(id.0))
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
