//! What others see of a user, and what a user may change of it.

use std::time::SystemTime;

use super::credential::{CustomId, DeviceId, Email, Username};
use crate::user::UserId;

/// The public side of an account. Texts never set are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) username: String,
    pub(crate) display_name: String,
    pub(crate) avatar_url: String,
    /// `"en"` for a new account.
    pub(crate) lang_tag: String,
    pub(crate) location: String,
    pub(crate) timezone: String,
    pub(crate) created: SystemTime,
    pub(crate) updated: SystemTime,
}

/// A user together with what leads to the account, for its owner only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) user: User,
    /// In the order they were linked.
    pub(crate) devices: Vec<DeviceId>,
    pub(crate) custom: Option<CustomId>,
    pub(crate) email: Option<Email>,
}

/// A text of a profile that is too long, or that no text column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProfileError {
    #[error("{field} must be at most {max} characters")]
    TooLong { field: &'static str, max: usize },
    #[error("{field} must not contain the NUL character")]
    Nul { field: &'static str },
}

/// Changes of a profile: `None` keeps a field, an empty text clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ProfileUpdate {
    pub(crate) username: Option<Username>,
    pub(crate) display_name: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) lang_tag: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) timezone: Option<String>,
}

impl ProfileUpdate {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the lengths, counted in characters as in the tables of the reference.
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        for (field, text, max) in [
            ("display_name", &self.display_name, 255),
            ("avatar_url", &self.avatar_url, 512),
            ("lang_tag", &self.lang_tag, 18),
            ("location", &self.location, 255),
            ("timezone", &self.timezone, 255),
        ] {
            let Some(text) = text else { continue };
            if text.chars().count() > max {
                return Err(ProfileError::TooLong { field, max });
            }
            if text.contains('\0') {
                return Err(ProfileError::Nul { field });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_in_characters() {
        let lang_tag = |text: String| {
            ProfileUpdate {
                lang_tag: Some(text),
                ..ProfileUpdate::default()
            }
            .check()
        };
        assert_eq!(lang_tag("é".repeat(18)), Ok(()));
        assert_eq!(
            lang_tag("e".repeat(19)),
            Err(ProfileError::TooLong {
                field: "lang_tag",
                max: 18
            })
        );
        assert_eq!(
            lang_tag("e\0".to_owned()),
            Err(ProfileError::Nul { field: "lang_tag" })
        );
    }
}
