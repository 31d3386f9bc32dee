//! The rules of groups as a value: who may do what to whom, and what it leads to. No I/O, no clock.
//!
//! The tables read like the reference server's rules. What they refuse without an error is left as it
//! is: the protocol answers such a request with success.

use super::{Action, GroupError, Role};
use crate::{
    channel::MessageCode,
    config::GroupAdd,
    user::friend::state::{Bond, FriendState},
};

/// What an admin does to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Add,
    Kick,
    Ban,
    Promote,
    Demote,
}

/// What becomes of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Everything stays as it is.
    Nothing,
    /// The user has this role from now on, and the channel is told by the event.
    Becomes(Role, Option<MessageCode>),
    /// The user has no role any more, and the channel is told by the event.
    Goes(Option<MessageCode>),
}

/// What the rules need to know of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Headcount {
    pub(crate) open: bool,
    /// Superadmins, admins and members.
    pub(crate) members: u32,
    pub(crate) max: u32,
}

/// How a leave ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    Step(Step),
    /// The group ends with its last member.
    GroupEnds,
}

impl Headcount {
    /// How many members there are after one user's role has changed.
    ///
    /// # Errors
    /// `Full`.
    pub(crate) fn after(
        self,
        before: Option<Role>,
        after: Option<Role>,
    ) -> Result<Self, GroupError> {
        let counts = |role: Option<Role>| role.is_some_and(Role::is_member);
        let members = match (counts(before), counts(after)) {
            (false, true) if self.members >= self.max => return Err(GroupError::Full),
            (false, true) => self.members + 1,
            (true, false) => self.members.saturating_sub(1),
            (true, true) | (false, false) => self.members,
        };
        Ok(Self { members, ..self })
    }
}

/// What becomes of a change of a group that does not exist.
///
/// # Errors
/// What outsiders are told of groups that do.
pub(crate) fn without_group(action: &Action) -> Result<(), GroupError> {
    match action {
        Action::Join => Err(GroupError::NotFound),
        Action::Leave | Action::Depart => Ok(()),
        Action::Delete => Err(GroupError::NotSuperadmin),
        Action::Add(_)
        | Action::Kick(_)
        | Action::Ban(_)
        | Action::Promote(_)
        | Action::Demote(_) => Err(GroupError::NotAdmin),
    }
}

/// The role of a caller who may do something to others.
///
/// # Errors
/// `NotAdmin`.
pub(crate) fn admin(caller: Option<Role>) -> Result<Role, GroupError> {
    caller
        .filter(|role| role.is_admin())
        .ok_or(GroupError::NotAdmin)
}

/// Whether a caller may delete the group.
///
/// # Errors
/// `NotSuperadmin`.
pub(crate) fn may_delete(caller: Option<Role>) -> Result<(), GroupError> {
    match caller {
        Some(Role::Superadmin) => Ok(()),
        _ => Err(GroupError::NotSuperadmin),
    }
}

/// What an admin's deed does to somebody else. Nobody does anything to themselves this way.
pub(crate) fn step(verb: Verb, caller: Role, target: Option<Role>) -> Step {
    use MessageCode::{GroupAdd, GroupBan, GroupDemote, GroupKick, GroupPromote};
    use Role::{Admin, Banned, JoinRequest, Member, Superadmin};
    use Step::{Becomes, Goes, Nothing};
    match (verb, caller, target) {
        (_, Member | JoinRequest | Banned, _) => Nothing,

        (Verb::Add, _, None | Some(JoinRequest)) => Becomes(Member, Some(GroupAdd)),

        (Verb::Kick, Superadmin, Some(Superadmin | Admin | Member))
        | (Verb::Kick, Admin, Some(Member)) => Goes(Some(GroupKick)),
        (Verb::Kick, _, Some(JoinRequest | Banned)) => Goes(None),

        (Verb::Ban, Superadmin, Some(Superadmin | Admin | Member))
        | (Verb::Ban, Admin, Some(Member)) => Becomes(Banned, Some(GroupBan)),
        (Verb::Ban, _, Some(JoinRequest)) => Becomes(Banned, None),

        (Verb::Promote, Superadmin, Some(Admin)) => Becomes(Superadmin, Some(GroupPromote)),
        (Verb::Promote, _, Some(Member)) => Becomes(Admin, Some(GroupPromote)),

        (Verb::Demote, Superadmin, Some(Superadmin)) => Becomes(Admin, Some(GroupDemote)),
        (Verb::Demote, _, Some(Admin)) => Becomes(Member, Some(GroupDemote)),

        _ => Nothing,
    }
}

/// Whether an admin may make a member of somebody who has not asked for it; `bond` is what the two are to each
/// other, seen by the admin. Accepting a request needs no leave: it is the user's own wish.
///
/// # Errors
/// `UserNotFound` when the user has blocked the admin, who is to learn nothing of it; `NotFriend`.
pub(crate) fn may_add(who: GroupAdd, bond: Bond) -> Result<(), GroupError> {
    match (who, bond.mine) {
        _ if bond.theirs == Some(FriendState::Blocked) => Err(GroupError::UserNotFound),
        (GroupAdd::Anybody, _) | (GroupAdd::Friends, Some(FriendState::Friend)) => Ok(()),
        (GroupAdd::Friends, _) => Err(GroupError::NotFriend),
    }
}

/// What becomes of a user who wants to join.
///
/// # Errors
/// `Full`.
pub(crate) fn join(group: Headcount, caller: Option<Role>) -> Result<Step, GroupError> {
    match caller {
        Some(_) => Ok(Step::Nothing),
        None if group.members >= group.max => Err(GroupError::Full),
        None if group.open => Ok(Step::Becomes(Role::Member, Some(MessageCode::GroupJoin))),
        None => Ok(Step::Becomes(Role::JoinRequest, None)),
    }
}

/// What becomes of a user who wants to leave. A ban stays: nobody lifts their own.
///
/// # Errors
/// `LastSuperadmin` while others are in the group.
pub(crate) fn leave(
    group: Headcount,
    caller: Option<Role>,
    other_superadmins: bool,
) -> Result<Leaving, GroupError> {
    let gone = Step::Goes(Some(MessageCode::GroupLeave));
    Ok(match caller {
        None | Some(Role::Banned) => Leaving::Step(Step::Nothing),
        Some(Role::JoinRequest) => Leaving::Step(Step::Goes(None)),
        Some(Role::Member | Role::Admin) => Leaving::Step(gone),
        Some(Role::Superadmin) if other_superadmins => Leaving::Step(gone),
        Some(Role::Superadmin) if group.members <= 1 => Leaving::GroupEnds,
        Some(Role::Superadmin) => return Err(GroupError::LastSuperadmin),
    })
}

/// As [`leave`], for a user whose account ends: nothing can hold them.
pub(crate) fn depart(caller: Option<Role>, other_superadmins: bool) -> Leaving {
    match caller {
        None => Leaving::Step(Step::Nothing),
        Some(Role::JoinRequest | Role::Banned) => Leaving::Step(Step::Goes(None)),
        Some(Role::Superadmin) if !other_superadmins => Leaving::GroupEnds,
        Some(_) => Leaving::Step(Step::Goes(Some(MessageCode::GroupLeave))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const ROLES: [Option<Role>; 6] = [
        Some(Role::Superadmin),
        Some(Role::Admin),
        Some(Role::Member),
        Some(Role::JoinRequest),
        Some(Role::Banned),
        None,
    ];

    /// What a deed makes of each role in `ROLES`: the number of the new role, `-` for none, `.` for no
    /// change; behind it the code of the event.
    fn row(verb: Verb, caller: Role) -> String {
        let cells = ROLES.map(|target| match step(verb, caller, target) {
            Step::Nothing => ".".to_owned(),
            Step::Becomes(role, event) => format!("{}{}", role as u8, code(event)),
            Step::Goes(event) => format!("-{}", code(event)),
        });
        cells.join(" ")
    }

    fn code(event: Option<MessageCode>) -> String {
        event.map_or_else(String::new, |code| format!("({})", code as u8))
    }

    #[test]
    fn admins_do_to_others_what_the_table_says() {
        use Role::{Admin, Superadmin};
        for (verb, caller, becomes) in [
            (Verb::Add, Superadmin, ". . . 2(4) . 2(4)"),
            (Verb::Add, Admin, ". . . 2(4) . 2(4)"),
            (Verb::Kick, Superadmin, "-(6) -(6) -(6) - - ."),
            (Verb::Kick, Admin, ". . -(6) - - ."),
            (Verb::Ban, Superadmin, "4(8) 4(8) 4(8) 4 . ."),
            (Verb::Ban, Admin, ". . 4(8) 4 . ."),
            (Verb::Promote, Superadmin, ". 0(7) 1(7) . . ."),
            (Verb::Promote, Admin, ". . 1(7) . . ."),
            (Verb::Demote, Superadmin, "1(9) 2(9) . . . ."),
            (Verb::Demote, Admin, ". 2(9) . . . ."),
        ] {
            assert_eq!(row(verb, caller), becomes, "{verb:?} by {caller:?}");
        }
    }

    #[test]
    fn others_do_nothing_to_anybody() {
        for verb in [
            Verb::Add,
            Verb::Kick,
            Verb::Ban,
            Verb::Promote,
            Verb::Demote,
        ] {
            for caller in [Role::Member, Role::JoinRequest, Role::Banned] {
                assert_eq!(row(verb, caller), ". . . . . .", "{verb:?} by {caller:?}");
            }
        }
    }

    #[test]
    fn strangers_are_added_by_whom_they_have_not_blocked_and_by_setting_by_friends_only() {
        use FriendState::{Blocked, Friend, InvitationReceived, InvitationSent};
        for (mine, theirs, anybody, friends) in [
            (None, None, "done", "not a friend"),
            (Some(Friend), Some(Friend), "done", "done"),
            (
                Some(InvitationSent),
                Some(InvitationReceived),
                "done",
                "not a friend",
            ),
            (
                Some(InvitationReceived),
                Some(InvitationSent),
                "done",
                "not a friend",
            ),
            (Some(Blocked), None, "done", "not a friend"),
            (None, Some(Blocked), "not found", "not found"),
            (Some(Blocked), Some(Blocked), "not found", "not found"),
        ] {
            for (who, verdict) in [(GroupAdd::Anybody, anybody), (GroupAdd::Friends, friends)] {
                let told = match may_add(who, Bond { mine, theirs }) {
                    Ok(()) => "done",
                    Err(GroupError::UserNotFound) => "not found",
                    Err(GroupError::NotFriend) => "not a friend",
                    Err(error) => panic!("{error}"),
                };
                assert_eq!(told, verdict, "{who:?} {mine:?} {theirs:?}");
            }
        }
    }

    fn group(open: bool, members: u32, max: u32) -> Headcount {
        Headcount { open, members, max }
    }

    #[test]
    fn strangers_join_open_groups_and_ask_closed_ones() {
        let joined = Step::Becomes(Role::Member, Some(MessageCode::GroupJoin));
        assert_eq!(join(group(true, 1, 2), None).unwrap(), joined);
        let asked = Step::Becomes(Role::JoinRequest, None);
        assert_eq!(join(group(false, 1, 2), None).unwrap(), asked);
        for open in [true, false] {
            let full = join(group(open, 2, 2), None);
            assert!(matches!(full, Err(GroupError::Full)));
            for role in ROLES.into_iter().flatten() {
                let again = join(group(open, 2, 2), Some(role)).unwrap();
                assert_eq!(again, Step::Nothing, "{role:?}");
            }
        }
    }

    #[test]
    fn everybody_may_leave_but_the_last_superadmin_of_others() {
        let left = Leaving::Step(Step::Goes(Some(MessageCode::GroupLeave)));
        let two = group(true, 2, 9);
        for (role, other_superadmins, leaving) in [
            (Some(Role::Superadmin), true, left),
            (Some(Role::Admin), true, left),
            (Some(Role::Member), true, left),
            (
                Some(Role::JoinRequest),
                true,
                Leaving::Step(Step::Goes(None)),
            ),
            (Some(Role::Banned), true, Leaving::Step(Step::Nothing)),
            (None, true, Leaving::Step(Step::Nothing)),
        ] {
            assert_eq!(leave(two, role, other_superadmins).unwrap(), leaving);
        }
        let last = leave(two, Some(Role::Superadmin), false);
        assert!(matches!(last, Err(GroupError::LastSuperadmin)));
        let alone = leave(group(true, 1, 9), Some(Role::Superadmin), false);
        assert_eq!(alone.unwrap(), Leaving::GroupEnds);
    }

    #[derive(Debug, Clone, Copy)]
    enum Op {
        Join,
        Leave,
        Depart,
        Act(Verb, usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        let verb = prop::sample::select(vec![
            Verb::Add,
            Verb::Kick,
            Verb::Ban,
            Verb::Promote,
            Verb::Demote,
        ]);
        prop_oneof![
            3 => Just(Op::Join),
            1 => Just(Op::Leave),
            1 => Just(Op::Depart),
            6 => (verb, 0..5usize).prop_map(|(verb, target)| Op::Act(verb, target)),
        ]
    }

    proptest! {
        /// Whatever anybody does, in any order: somebody is always in charge, until the group ends.
        #[test]
        fn a_group_has_a_superadmin_for_as_long_as_it_lasts(
            open: bool,
            ops in prop::collection::vec((0..5usize, op()), 0..80),
        ) {
            let mut roles = BTreeMap::from([(0, Role::Superadmin)]);
            for (caller, op) in ops {
                let role = roles.get(&caller).copied();
                let members = roles.values().filter(|role| role.is_member()).count();
                let group = group(open, u32::try_from(members).unwrap(), 4);
                let superadmins = roles.iter().filter(|(_, role)| **role == Role::Superadmin);
                let others = superadmins.filter(|(user, _)| **user != caller).count() > 0;
                let (user, step) = match op {
                    Op::Join => (caller, join(group, role).unwrap_or(Step::Nothing)),
                    Op::Leave | Op::Depart => {
                        let leaving = match op {
                            Op::Leave => leave(group, role, others),
                            _ => Ok(depart(role, others)),
                        };
                        match leaving {
                            Ok(Leaving::GroupEnds) => return Ok(()),
                            Ok(Leaving::Step(step)) => (caller, step),
                            Err(_) => continue,
                        }
                    }
                    Op::Act(_, target) if target == caller => continue,
                    Op::Act(verb, target) => {
                        let Ok(role) = admin(role) else { continue };
                        (target, step(verb, role, roles.get(&target).copied()))
                    }
                };
                let before = roles.get(&user).copied();
                let after = match step {
                    Step::Nothing => continue,
                    Step::Becomes(role, _) => Some(role),
                    Step::Goes(_) => None,
                };
                let Ok(counted) = group.after(before, after) else { continue };
                match after {
                    Some(role) => drop(roles.insert(user, role)),
                    None => drop(roles.remove(&user)),
                }
                let members = roles.values().filter(|role| role.is_member()).count();
                prop_assert_eq!(counted.members as usize, members);
                prop_assert!(roles.values().any(|role| *role == Role::Superadmin), "{roles:?}");
                prop_assert!(roles.values().filter(|role| role.is_member()).count() <= 4);
            }
        }
    }
}
