//! Channels, and who is in them.

use banter_protocol as wire;

/// How to join a channel, for [`Socket::join`](crate::Socket::join).
///
/// ```
/// # use banter_client::JoinOptions;
/// let watch = JoinOptions { hidden: true, ..JoinOptions::room("finals") };
/// assert!(watch.persistence);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinOptions {
    /// Which channel.
    pub target: Target,
    /// Whether what this session sends is kept in the history; `true` unless changed.
    pub persistence: bool,
    /// Whether the others do not see this session; `false` unless changed.
    pub hidden: bool,
}

/// Which channel to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The room with this name of 1 to 64 bytes.
    Room(String),
    /// The channel of the group with this id. Only its members get in.
    Group(String),
    /// The channel with the user with this id, who is asked by a notification.
    Direct(String),
}

impl JoinOptions {
    /// Stored and seen by all.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            persistence: true,
            hidden: false,
        }
    }

    /// The room with a name of 1 to 64 bytes.
    pub fn room(name: impl Into<String>) -> Self {
        Self::new(Target::Room(name.into()))
    }

    /// The channel of the group with an id.
    pub fn group(id: impl Into<String>) -> Self {
        Self::new(Target::Group(id.into()))
    }

    /// The channel with the user with an id.
    pub fn direct(user_id: impl Into<String>) -> Self {
        Self::new(Target::Direct(user_id.into()))
    }
}

impl From<JoinOptions> for wire::ChannelJoin {
    fn from(options: JoinOptions) -> Self {
        let (r#type, target) = match options.target {
            Target::Room(name) => (1, name),
            Target::Direct(user_id) => (2, user_id),
            Target::Group(id) => (3, id),
        };
        Self {
            target,
            r#type,
            persistence: Some(options.persistence),
            hidden: Some(options.hidden),
        }
    }
}

/// A channel that was joined.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Channel {
    /// Names it in requests, and in the history.
    pub id: String,
    /// What it is.
    pub kind: ChannelKind,
    /// The other sessions in it, but for hidden ones. Those of the own user's other sockets are among them.
    pub presences: Vec<Presence>,
    /// This session.
    pub me: Presence,
}

/// What a channel is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelKind {
    /// A room.
    Room {
        /// Its name.
        name: String,
    },
    /// A group's channel.
    Group {
        /// The group.
        id: String,
    },
    /// Between two users.
    Direct {
        /// Their ids, the lower one first.
        user_ids: [String; 2],
    },
    /// The server did not say.
    Unknown,
}

impl ChannelKind {
    /// Of the fields that the messages of the protocol have for it.
    pub(crate) fn new(room: String, group: String, one: String, two: String) -> Self {
        if !room.is_empty() {
            Self::Room { name: room }
        } else if !group.is_empty() {
            Self::Group { id: group }
        } else if !one.is_empty() {
            Self::Direct {
                user_ids: [one, two],
            }
        } else {
            Self::Unknown
        }
    }
}

impl From<wire::Channel> for Channel {
    fn from(channel: wire::Channel) -> Self {
        Self {
            id: channel.id,
            kind: ChannelKind::new(
                channel.room_name,
                channel.group_id,
                channel.user_id_one,
                channel.user_id_two,
            ),
            presences: presences(channel.presences),
            me: channel.self_.unwrap_or_default().into(),
        }
    }
}

/// One session of a user, in a channel or shown as online.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Presence {
    /// The user.
    pub user_id: String,
    /// One of the user's sockets.
    pub session_id: String,
    /// The user's name.
    pub username: String,
    /// In channels: whether what the session sends is kept in the history.
    pub persistence: bool,
    /// In news of status: what the user says of themselves, which may be empty. `None` in channels.
    pub status: Option<String>,
}

impl From<wire::UserPresence> for Presence {
    fn from(presence: wire::UserPresence) -> Self {
        Self {
            user_id: presence.user_id,
            session_id: presence.session_id,
            username: presence.username,
            persistence: presence.persistence,
            status: presence.status,
        }
    }
}

pub(crate) fn presences(presences: Vec<wire::UserPresence>) -> Vec<Presence> {
    presences.into_iter().map(Presence::from).collect()
}
