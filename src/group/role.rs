//! What a user is to a group.

/// A user's standing in a group, by the protocol's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Role {
    Superadmin = 0,
    Admin = 1,
    Member = 2,
    /// Asked to join a closed group. Not a member.
    JoinRequest = 3,
    /// May not come back. Not a member.
    Banned = 4,
}

impl Role {
    /// By its number; `None` for numbers that are no role.
    pub(crate) fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            0 => Self::Superadmin,
            1 => Self::Admin,
            2 => Self::Member,
            3 => Self::JoinRequest,
            4 => Self::Banned,
            _ => return None,
        })
    }

    /// Whether it counts, may be in the group's channel, and reads its history.
    pub(crate) fn is_member(self) -> bool {
        self <= Self::Member
    }

    /// Whether it may change who is in the group.
    pub(crate) fn is_admin(self) -> bool {
        self <= Self::Admin
    }
}
