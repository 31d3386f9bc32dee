//! What a group tells about itself.

use super::{GroupError, GroupId};
use crate::{channel::Micros, user::UserId};

/// A group as everybody sees it. Texts never set are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) id: GroupId,
    /// Who made it; may have left since.
    pub(crate) creator: UserId,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) lang_tag: String,
    pub(crate) avatar_url: String,
    /// Whether whoever joins is a member at once.
    pub(crate) open: bool,
    /// Superadmins, admins and members.
    pub(crate) edge_count: u32,
    /// The most there may be of them.
    pub(crate) max_count: u32,
    pub(crate) created: Micros,
    /// When the group or its number of members last changed.
    pub(crate) updated: Micros,
}

/// A group to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewGroup {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) lang_tag: String,
    pub(crate) avatar_url: String,
    pub(crate) open: bool,
    pub(crate) max_count: u32,
}

/// Changes of a group: `None` keeps a field; an empty text clears the description or the avatar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GroupUpdate {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) lang_tag: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) open: Option<bool>,
}

impl NewGroup {
    /// Of a group made without a word about its language.
    pub(crate) const LANG_TAG: &str = "en";
    /// Of a group made without a word about its size.
    pub(crate) const MAX_COUNT: u32 = 100;

    /// Checks the texts.
    pub(crate) fn check(&self) -> Result<(), GroupError> {
        check_texts([
            Some(&self.name),
            Some(&self.description),
            Some(&self.lang_tag),
            Some(&self.avatar_url),
        ])
    }
}

impl GroupUpdate {
    /// Checks that there is something to change, and the texts.
    pub(crate) fn check(&self) -> Result<(), GroupError> {
        if *self == Self::default() {
            return Err(GroupError::NothingToUpdate);
        }
        check_texts([
            self.name.as_ref(),
            self.description.as_ref(),
            self.lang_tag.as_ref(),
            self.avatar_url.as_ref(),
        ])
    }
}

/// The texts of a group with their least and greatest length in characters, as in the tables of the
/// reference.
const TEXTS: [(&str, usize, usize); 4] = [
    ("name", 1, 255),
    ("description", 0, 255),
    ("lang_tag", 1, 18),
    ("avatar_url", 0, 512),
];

/// Checks those that are given, in the order of [`TEXTS`].
fn check_texts(given: [Option<&String>; 4]) -> Result<(), GroupError> {
    for ((field, min, max), text) in TEXTS.into_iter().zip(given) {
        let Some(text) = text else { continue };
        if !(min..=max).contains(&text.chars().count()) {
            return Err(GroupError::Length { field, min, max });
        }
        if text.contains('\0') {
            return Err(GroupError::Nul { field });
        }
    }
    Ok(())
}
