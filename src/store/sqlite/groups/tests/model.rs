//! Random changes against the rules applied in memory.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::group::state::{self, Headcount, Leaving, Step, Verb};

const MAX: u32 = 4;
const USERS: usize = 6;

/// What a group should be after some changes; `None` once it has ended.
type Model = Option<BTreeMap<UserId, Role>>;

/// The deed of one user, and to whom, by their numbers.
#[derive(Debug, Clone)]
struct Deed {
    kind: u8,
    caller: usize,
    targets: Vec<usize>,
}

fn deeds() -> impl Strategy<Value = (bool, Vec<Deed>)> {
    let targets = prop::collection::vec(0..USERS, 0..4);
    // A deletion is rare, so that most sequences are long.
    let kind = prop_oneof![30 => 0..8u8, 1 => Just(8)];
    let deed = (kind, 0..USERS, targets).prop_map(|(kind, caller, targets)| Deed {
        kind,
        caller,
        targets,
    });
    (any::<bool>(), prop::collection::vec(deed, 1..60))
}

fn action(deed: &Deed, users: &[UserId]) -> Action {
    let targets = deed.targets.iter().map(|&n| users[n]).collect();
    match deed.kind {
        0 => Action::Join,
        1 => Action::Leave,
        2 => Action::Depart,
        3 => Action::Add(targets),
        4 => Action::Kick(targets),
        5 => Action::Ban(targets),
        6 => Action::Promote(targets),
        7 => Action::Demote(targets),
        _ => Action::Delete,
    }
}

fn members(roles: &BTreeMap<UserId, Role>) -> u32 {
    let count = roles.values().filter(|role| role.is_member()).count();
    u32::try_from(count).unwrap()
}

/// What becomes of the group, and the events; `None` when the change is refused.
fn expected(
    model: &Model,
    open: bool,
    caller: UserId,
    action: &Action,
) -> Option<(Model, Vec<(UserId, MessageCode)>)> {
    let Some(before) = model else {
        let left = matches!(action, Action::Leave | Action::Depart);
        return left.then(|| (None, Vec::new()));
    };
    let (mut roles, mut events) = (before.clone(), Vec::new());
    let mine = before.get(&caller).copied();
    let others = before
        .iter()
        .any(|(&user, &role)| user != caller && role == Role::Superadmin);
    let head = Headcount {
        open,
        members: members(before),
        max: MAX,
    };
    let mut take = |roles: &mut BTreeMap<UserId, Role>, user, step| {
        let event = match step {
            Step::Nothing => None,
            Step::Becomes(role, event) => {
                roles.insert(user, role);
                event
            }
            Step::Goes(event) => {
                roles.remove(&user);
                event
            }
        };
        events.extend(event.map(|code| (user, code)));
        (members(roles) <= MAX).then_some(())
    };
    let (verb, targets) = match action {
        Action::Join => {
            take(&mut roles, caller, state::join(head, mine).ok()?)?;
            return Some((Some(roles), events));
        }
        Action::Leave | Action::Depart => {
            let leaving = match action {
                Action::Leave => state::leave(head, mine, others).ok()?,
                _ => state::depart(mine, others),
            };
            let Leaving::Step(step) = leaving else {
                return Some((None, Vec::new()));
            };
            take(&mut roles, caller, step)?;
            return Some((Some(roles), events));
        }
        Action::Delete => return (mine == Some(Role::Superadmin)).then(|| (None, Vec::new())),
        Action::Add(targets) => (Verb::Add, targets),
        Action::Kick(targets) => (Verb::Kick, targets),
        Action::Ban(targets) => (Verb::Ban, targets),
        Action::Promote(targets) => (Verb::Promote, targets),
        Action::Demote(targets) => (Verb::Demote, targets),
    };
    let by = mine.filter(|role| role.is_admin())?;
    for &user in targets.iter().filter(|&&user| user != caller) {
        let step = state::step(verb, by, roles.get(&user).copied());
        take(&mut roles, user, step)?;
    }
    Some((Some(roles), events))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_stored_group_is_what_the_rules_say((open, deeds) in deeds()) {
        let (mut scene, ada) = Scene::new(open, MAX);
        let mut users = vec![ada];
        users.extend((1..USERS).map(|n| sign_up(&scene.conn, &format!("user{n}"))));
        let mut model: Model = Some([(ada, Role::Superadmin)].into());
        let mut stored = 0;
        for deed in deeds {
            let (caller, action) = (users[deed.caller], action(&deed, &users));
            let expected = expected(&model, open, caller, &action);
            let before = scene.position();
            match (scene.change(caller, action), expected) {
                (Ok(changed), Some((after, events))) => {
                    prop_assert_eq!(told(&changed.events), &events[..]);
                    prop_assert_eq!(changed.events.ended, model.is_some() && after.is_none());
                    stored += events.len();
                    model = after;
                }
                (Err(_), None) => prop_assert_eq!(scene.position(), before),
                (got, expected) => {
                    prop_assert!(false, "{:?} instead of {expected:?}", got.map(|it| it.events));
                }
            }
            let roles: BTreeMap<_, _> = users
                .iter()
                .filter_map(|&user| scene.role(user).map(|role| (user, role)))
                .collect();
            prop_assert_eq!(scene.count("group_edge"), roles.len());
            prop_assert_eq!(scene.count("message"), stored);
            prop_assert_eq!(scene.edge_count(), model.as_ref().map(members));
            if model.is_some() {
                prop_assert!(roles.values().any(|&role| role == Role::Superadmin));
            }
            prop_assert_eq!(roles, model.clone().unwrap_or_default());
        }
    }
}
