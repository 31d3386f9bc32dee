//! The ids of channels and the names of rooms.

use std::{borrow::Borrow, fmt, hash, sync::Arc};

use super::GroupId;
use crate::user::UserId;

/// Longest room name, in bytes of UTF-8.
const ROOM_NAME_BYTES: usize = 64;

/// A channel: room `2...NAME`, group `3.GROUPID..`, direct `4.LOWERID.HIGHERID.`
/// (ids compared as text). Cheap to clone, and small; equal when they name the same channel, whatever the
/// case of the ids in them, and the order of users.
#[derive(Clone)]
pub struct ChannelId(Arc<Named>);

struct Named {
    /// With all ids in lower case.
    text: Box<str>,
    /// As the client wrote it, where that differs.
    written: Option<Box<str>>,
    kind: ChannelKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelKind {
    Room,
    Group(GroupId),
    Direct(UserId, UserId),
}

/// Whether a user may be in a channel and write to it. Who may, may read its history; in a direct channel
/// both always may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Granted,
    Denied,
    /// Granted to the members of a group.
    MembersOf(GroupId),
    /// Granted unless this user, the other of a direct channel, has blocked the one who asks.
    UnlessBlockedBy(UserId),
}

/// The text is not the id of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChannelIdError {
    /// Not four parts, or a first part other than 2, 3 or 4, or a part that must be empty is not.
    #[error("channel_id is malformed")]
    Malformed,
    /// The name of the room is empty or too long.
    #[error("room name must have 1 to 64 bytes")]
    RoomName,
    /// A group or user id in it is not a UUID.
    #[error("channel_id holds an id that is not a UUID")]
    NotUuid,
}

impl ChannelId {
    fn named(text: String, written: Option<&str>, kind: ChannelKind) -> Self {
        Self(Arc::new(Named {
            text: text.into_boxed_str(),
            written: written.map(Box::from),
            kind,
        }))
    }

    /// The channel of a room.
    #[must_use]
    pub fn room(name: &RoomName) -> Self {
        Self::named(format!("2...{}", name.0), None, ChannelKind::Room)
    }

    /// The channel of a group.
    #[must_use]
    pub fn group(group: GroupId) -> Self {
        Self::named(format!("3.{group}.."), None, ChannelKind::Group(group))
    }

    /// The direct channel of two users, in any order; or of one with themselves.
    #[must_use]
    pub fn direct(one: UserId, two: UserId) -> Self {
        Self::direct_as(one, two, None)
    }

    fn direct_as(one: UserId, two: UserId, written: Option<&str>) -> Self {
        // Their texts compare as they do.
        let (low, high) = (one.min(two), one.max(two));
        let text = format!("4.{low}.{high}.");
        let written = written.filter(|written| *written != text);
        Self::named(text, written, ChannelKind::Direct(low, high))
    }

    /// Reads what a client wrote.
    ///
    /// # Errors
    /// When the text is not a channel id; nothing is said about whether the channel exists.
    pub fn parse(text: &str) -> Result<Self, ChannelIdError> {
        use ChannelIdError::{Malformed, NotUuid, RoomName};
        // Only the first three dots part: a room name may contain dots.
        let mut parts = text.splitn(4, '.');
        let mut part = || parts.next().ok_or(Malformed);
        let (kind, first, second, label) = (part()?, part()?, part()?, part()?);
        let kind = match (kind, first, second, label) {
            ("2", "", "", "") => return Err(RoomName),
            ("2", "", "", name) if name.len() > ROOM_NAME_BYTES => return Err(RoomName),
            ("2", "", "", _) => ChannelKind::Room,
            ("3", group, "", "") => ChannelKind::Group(GroupId::parse(group).ok_or(NotUuid)?),
            ("4", low, high, "") => {
                let (low, high) = UserId::parse(low).zip(UserId::parse(high)).ok_or(NotUuid)?;
                return Ok(Self::direct_as(low, high, Some(text)));
            }
            _ => return Err(Malformed),
        };
        let lower_case = kind == ChannelKind::Room || !text.bytes().any(|b| b.is_ascii_uppercase());
        Ok(if lower_case {
            Self::named(text.to_owned(), None, kind)
        } else {
            Self::named(text.to_ascii_lowercase(), Some(text), kind)
        })
    }

    /// The id by which the channel is known: ids in it are in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The same id without the spelling of whoever wrote it.
    pub(crate) fn known(&self) -> Self {
        match self.0.written {
            None => self.clone(),
            Some(_) => Self::named(self.as_str().to_owned(), None, self.0.kind),
        }
    }

    /// The id as it was [parsed](Self::parse): answers repeat what a client wrote.
    #[must_use]
    pub fn written(&self) -> &str {
        self.0.written.as_ref().unwrap_or(&self.0.text)
    }

    pub(crate) fn kind(&self) -> ChannelKind {
        self.0.kind
    }

    /// Whether a user may be in the channel, or what that depends on.
    pub(crate) fn access(&self, user: UserId) -> Access {
        match self.0.kind {
            ChannelKind::Room => Access::Granted,
            ChannelKind::Group(group) => Access::MembersOf(group),
            ChannelKind::Direct(one, two) if user == one && user == two => Access::Granted,
            ChannelKind::Direct(..) => self
                .direct_with(user)
                .map_or(Access::Denied, Access::UnlessBlockedBy),
        }
    }

    /// The other user of a direct channel; `None` when `user` is not one of its two users, or both.
    pub(crate) fn direct_with(&self, user: UserId) -> Option<UserId> {
        match self.0.kind {
            ChannelKind::Direct(one, two) if one == two => None,
            ChannelKind::Direct(one, two) if user == one => Some(two),
            ChannelKind::Direct(one, two) if user == two => Some(one),
            ChannelKind::Direct(..) | ChannelKind::Room | ChannelKind::Group(_) => None,
        }
    }

    /// The name of the room; `None` for groups and direct channels.
    #[must_use]
    pub fn room_name(&self) -> Option<&str> {
        (self.0.kind == ChannelKind::Room).then(|| &self.0.text["2...".len()..])
    }

    /// The group; `None` for rooms and direct channels.
    #[must_use]
    pub fn group_id(&self) -> Option<GroupId> {
        match self.0.kind {
            ChannelKind::Group(group) => Some(group),
            ChannelKind::Room | ChannelKind::Direct(..) => None,
        }
    }
}

// By this text alone, so that a map of channels can be asked with the text of a request.
impl PartialEq for ChannelId {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for ChannelId {}

impl hash::Hash for ChannelId {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for ChannelId {
    fn borrow(&self) -> &str {
        &self.0.text
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelId({})", self.as_str())
    }
}

/// The name of a room: 1 to 64 bytes of UTF-8 without ASCII control characters, case sensitive.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoomName(Box<str>);

impl RoomName {
    /// # Errors
    /// What is wrong with the name.
    pub fn new(name: &str) -> Result<Self, RoomNameError> {
        if name.is_empty() || name.len() > ROOM_NAME_BYTES {
            return Err(RoomNameError::Length);
        }
        if name.bytes().any(|b| b.is_ascii_control()) {
            return Err(RoomNameError::Control);
        }
        Ok(Self(name.into()))
    }
}

/// Why a text cannot be the name of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoomNameError {
    /// Empty or too long.
    #[error("room name must have 1 to 64 bytes")]
    Length,
    /// Has an ASCII control character.
    #[error("room name must not have control characters")]
    Control,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_have_exactly_the_parts_of_their_kind() {
        let uuid = "0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a0a";
        for good in [
            "2...x",
            "2....a..b.",
            "2... ",
            &format!("3.{uuid}.."),
            &format!("4.{uuid}.{uuid}."),
        ] {
            assert_eq!(
                ChannelId::parse(good).map(|id| id.to_string()).as_deref(),
                Ok(good)
            );
        }
        for bad in [
            "",
            "2",
            "garbage",
            "2..x",
            "2...",
            "2.a..x",
            "2..a.x",
            "02...x",
            "5...x",
            "3...x",
            "3.x..",
            "4.a.b.",
            &format!("3.{uuid}..x"),
            &format!("4.{uuid}.."),
            &format!("3.{{{uuid}}}.."),
        ] {
            assert!(ChannelId::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            ChannelId::parse(&format!("2...{}", "é".repeat(33))),
            Err(ChannelIdError::RoomName)
        );
    }

    #[test]
    fn the_case_of_an_id_makes_no_other_channel() {
        let group = GroupId::random();
        let lower = ChannelId::group(group);
        let upper = ChannelId::parse(&format!("3.{group:#}..").to_ascii_uppercase()).unwrap();
        assert_eq!((&upper, upper.group_id()), (&lower, Some(group)));
        assert_eq!(upper.as_str(), lower.as_str());
        assert_eq!(upper.written(), lower.written().to_ascii_uppercase());
        let rooms = ["2...Lobby", "2...lobby"].map(|id| ChannelId::parse(id).unwrap());
        assert_ne!(rooms[0], rooms[1]);
    }

    #[test]
    fn the_order_of_users_makes_no_other_channel() {
        let (ana, ben) = (UserId::random(), UserId::random());
        let channel = ChannelId::direct(ana, ben);
        assert_eq!(channel, ChannelId::direct(ben, ana));
        let (low, high) = (ana.to_string().min(ben.to_string()), ana.max(ben));
        assert_eq!(channel.as_str(), format!("4.{low}.{high}."));
        let turned = format!("4.{high}.{low}.");
        let read = ChannelId::parse(&turned).unwrap();
        assert_eq!((&read, read.written()), (&channel, turned.as_str()));
    }

    #[test]
    fn a_direct_channel_is_for_its_two_users() {
        let (ana, ben) = (UserId::random(), UserId::random());
        let channel = ChannelId::direct(ana, ben);
        assert_eq!(channel.access(ana), Access::UnlessBlockedBy(ben));
        assert_eq!(channel.access(ben), Access::UnlessBlockedBy(ana));
        assert_eq!(channel.access(UserId::random()), Access::Denied);
        let own = ChannelId::direct(ana, ana);
        assert_eq!(own.access(ana), Access::Granted);
        assert_eq!(own.access(ben), Access::Denied);
        assert_eq!(own.direct_with(ana), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".*") {
            if let Ok(id) = ChannelId::parse(&text) {
                prop_assert_eq!(id.written(), text);
            }
        }

        #[test]
        fn a_room_is_found_again_by_its_id(name in "[^\\x00-\\x1f\\x7f]{1,16}") {
            let id = ChannelId::room(&RoomName::new(&name).unwrap());
            let read = ChannelId::parse(id.as_str()).unwrap();
            prop_assert_eq!(read.room_name(), Some(name.as_str()));
            prop_assert_eq!(read, id);
        }
    }
}
