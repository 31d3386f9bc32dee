//! The rules of friends and blocks, as a value: no I/O, no clock.

/// What the other user is to the owner of a list, by the protocol's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum FriendState {
    Friend = 0,
    /// The owner has invited the other.
    InvitationSent = 1,
    /// The other has invited the owner.
    InvitationReceived = 2,
    /// The owner has blocked the other.
    Blocked = 3,
}

impl FriendState {
    /// By its number; `None` for numbers that are no state.
    pub(crate) fn from_number(number: i32) -> Option<Self> {
        const ALL: [FriendState; 4] = [
            FriendState::Friend,
            FriendState::InvitationSent,
            FriendState::InvitationReceived,
            FriendState::Blocked,
        ];
        ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Of what it takes room, which is the owner's doing. Invitations received are that of others.
    pub(crate) fn room(self) -> Option<Room> {
        match self {
            Self::Friend | Self::InvitationSent => Some(Room::Friends),
            Self::Blocked => Some(Room::Blocks),
            Self::InvitationReceived => None,
        }
    }
}

/// What a user may have so many of. Blocks have room of their own: however many friends there are, somebody
/// can be blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Friends and invitations sent.
    Friends,
    Blocks,
}

/// What two users are to each other, seen by one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bond {
    /// What the other is to this one.
    pub(crate) mine: Option<FriendState>,
    /// What this one is to the other.
    pub(crate) theirs: Option<FriendState>,
}

impl Bond {
    const fn new(mine: Option<FriendState>, theirs: Option<FriendState>) -> Self {
        Self { mine, theirs }
    }
}

/// What one user does about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Invites, or accepts an invitation.
    Add,
    /// Ends a friendship, withdraws or rejects an invitation, or lifts a block.
    Delete,
    Block,
}

/// What the other is told of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    Invited,
    Accepted,
    /// As a friend, or an invitation was rejected or withdrawn.
    Removed,
}

/// A change of a bond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) bond: Bond,
    pub(crate) notice: Option<Notice>,
}

/// What comes of it when one of two users acts. `None` when nothing does: then it is no error, and the
/// other hears nothing.
pub(crate) fn step(verb: Verb, before: Bond) -> Option<Step> {
    use FriendState::{Blocked, Friend, InvitationReceived, InvitationSent};
    let (bond, notice) = match (verb, before.mine, before.theirs) {
        // Neither invites across a block; for the blocked one it looks as if it had worked.
        (Verb::Add, None, None) => (
            Bond::new(Some(InvitationSent), Some(InvitationReceived)),
            Some(Notice::Invited),
        ),
        (Verb::Add, Some(InvitationReceived), _) => (
            Bond::new(Some(Friend), Some(Friend)),
            Some(Notice::Accepted),
        ),
        (Verb::Add, _, _) => return None,
        (Verb::Delete, None, _) => return None,
        (Verb::Delete, Some(Blocked), theirs) => (Bond::new(None, theirs), None),
        (Verb::Delete, Some(_), _) => (Bond::default(), Some(Notice::Removed)),
        (Verb::Block, Some(Blocked), _) => return None,
        (Verb::Block, _, theirs) => {
            let theirs = theirs.filter(|state| *state == Blocked);
            (Bond::new(Some(Blocked), theirs), None)
        }
    };
    Some(Step { bond, notice })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FriendState::*, *};

    const NONE: Bond = Bond::new(None, None);
    const FRIENDS: Bond = Bond::new(Some(Friend), Some(Friend));
    const SENT: Bond = Bond::new(Some(InvitationSent), Some(InvitationReceived));
    const RECEIVED: Bond = Bond::new(Some(InvitationReceived), Some(InvitationSent));
    const BLOCKED: Bond = Bond::new(Some(Blocked), None);
    const BLOCKED_BY: Bond = Bond::new(None, Some(Blocked));
    const BOTH_BLOCKED: Bond = Bond::new(Some(Blocked), Some(Blocked));

    /// All that two users can be to each other.
    const BONDS: [Bond; 7] = [
        NONE,
        FRIENDS,
        SENT,
        RECEIVED,
        BLOCKED,
        BLOCKED_BY,
        BOTH_BLOCKED,
    ];

    #[test]
    fn each_deed_does_to_each_bond_what_the_table_says() {
        use Notice::{Accepted, Invited, Removed};
        use Verb::{Add, Block, Delete};
        let table = [
            (Add, NONE, Some((SENT, Some(Invited)))),
            (Add, FRIENDS, None),
            (Add, SENT, None),
            (Add, RECEIVED, Some((FRIENDS, Some(Accepted)))),
            (Add, BLOCKED, None),
            (Add, BLOCKED_BY, None),
            (Add, BOTH_BLOCKED, None),
            (Delete, NONE, None),
            (Delete, FRIENDS, Some((NONE, Some(Removed)))),
            (Delete, SENT, Some((NONE, Some(Removed)))),
            (Delete, RECEIVED, Some((NONE, Some(Removed)))),
            (Delete, BLOCKED, Some((NONE, None))),
            (Delete, BLOCKED_BY, None),
            (Delete, BOTH_BLOCKED, Some((BLOCKED_BY, None))),
            (Block, NONE, Some((BLOCKED, None))),
            (Block, FRIENDS, Some((BLOCKED, None))),
            (Block, SENT, Some((BLOCKED, None))),
            (Block, RECEIVED, Some((BLOCKED, None))),
            (Block, BLOCKED, None),
            (Block, BLOCKED_BY, Some((BOTH_BLOCKED, None))),
            (Block, BOTH_BLOCKED, None),
        ];
        for (verb, before, after) in table {
            let after = after.map(|(bond, notice)| Step { bond, notice });
            assert_eq!(step(verb, before), after, "{verb:?} {before:?}");
        }
    }

    #[test]
    fn a_state_is_found_by_its_number_and_no_other() {
        for state in [Friend, InvitationSent, InvitationReceived, Blocked] {
            assert_eq!(FriendState::from_number(state as i32), Some(state));
        }
        for number in [-1, 4, i32::MIN, i32::MAX] {
            assert_eq!(FriendState::from_number(number), None);
        }
    }

    proptest! {
        #[test]
        fn two_users_are_always_something_that_fits(
            deeds in prop::collection::vec((any::<bool>(), 0..3u8), 0..40),
        ) {
            let flip = |bond: Bond| Bond::new(bond.theirs, bond.mine);
            let mut bond = NONE;
            for (other_acts, verb) in deeds {
                let verb = [Verb::Add, Verb::Delete, Verb::Block][usize::from(verb)];
                let before = if other_acts { flip(bond) } else { bond };
                if let Some(step) = step(verb, before) {
                    // A change changes something, and nobody lifts the block of the other.
                    prop_assert_ne!(step.bond, before);
                    if before.theirs == Some(Blocked) {
                        prop_assert_eq!(step.bond.theirs, Some(Blocked));
                        prop_assert_eq!(step.notice, None);
                    }
                    bond = if other_acts { flip(step.bond) } else { step.bond };
                }
                prop_assert!(BONDS.contains(&bond), "{bond:?}");
            }
        }
    }
}
