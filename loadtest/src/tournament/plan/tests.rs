//! What holds for every plan.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// Where a player is while their script is walked through.
#[derive(Default)]
struct Walk {
    connected: bool,
    gone: bool,
    member: Vec<ChannelNo>,
    joined: HashMap<ChannelNo, Manner>,
    manners: HashMap<ChannelNo, Manner>,
}

impl Walk {
    fn take(&mut self, plan: &Plan, action: Action) {
        assert!(!self.gone, "nothing comes after quitting");
        match action {
            Action::Arrive | Action::ComeBack => {
                assert!(!self.connected);
                self.connected = true;
            }
            Action::Found(channel) | Action::Enlist(channel) => {
                assert!(self.connected);
                self.member.push(channel);
            }
            Action::Join(channel, manner) => {
                assert!(self.connected);
                if let Channel::Team(_) = plan.channels[channel.index()] {
                    assert!(self.member.contains(&channel));
                }
                assert_eq!(self.joined.insert(channel, manner), None);
                assert_eq!(*self.manners.entry(channel).or_insert(manner), manner);
            }
            Action::Say(channel, bytes) => {
                assert!(self.joined.contains_key(&channel));
                assert!((1..=3000).contains(&bytes));
            }
            Action::Block(channel) => assert!(self.joined.contains_key(&channel)),
            Action::Leave(channel) => assert!(self.joined.remove(&channel).is_some()),
            Action::Drop => {
                assert!(self.connected);
                self.connected = false;
                self.joined.clear();
            }
            Action::Quit => {
                assert!(self.connected);
                assert!(self.joined.is_empty(), "who quits has left");
                self.gone = true;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn scripts_make_sense(seed: u64, players in 1_usize..400, seconds in 5_u64..120) {
        let duration = Duration::from_secs(seconds);
        let plan = Plan::new(seed, players, duration);
        prop_assert_eq!(plan.scripts.len(), players);
        prop_assert_eq!(plan.teams.iter().map(Vec::len).sum::<usize>(), players);
        for script in &plan.scripts {
            prop_assert!(script.is_sorted_by_key(|step| step.at));
            prop_assert!(script.iter().all(|step| step.at <= duration));
            prop_assert_eq!(script.first().map(|step| step.action), Some(Action::Arrive));
            let mut walk = Walk::default();
            for step in script {
                walk.take(&plan, step.action);
            }
            prop_assert!(walk.connected, "all who drop come back");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_plan(seed: u64, players in 1_usize..200) {
        let duration = Duration::from_secs(20);
        prop_assert_eq!(Plan::new(seed, players, duration), Plan::new(seed, players, duration));
    }
}

#[test]
fn a_tournament_has_everything() {
    let plan = Plan::new(1, 200, Duration::from_secs(20));
    let steps: Vec<_> = plan
        .scripts
        .iter()
        .flatten()
        .map(|step| step.action)
        .collect();
    let count = |of: fn(&Action) -> bool| steps.iter().filter(|action| of(action)).count();
    assert_eq!(count(|action| matches!(action, Action::Found(_))), 40);
    assert_eq!(count(|action| matches!(action, Action::Enlist(_))), 160);
    assert!(count(|action| matches!(action, Action::Block(_))) > 0);
    assert!(count(|action| matches!(action, Action::Drop)) > 20);
    assert!(count(|action| matches!(action, Action::Quit)) > 5);
    assert!(count(|action| matches!(action, Action::Join(_, Manner::Fleeting))) > 20);
    assert!(count(|action| matches!(action, Action::Join(_, Manner::Hidden))) > 20);
    assert_eq!(
        plan.timeline.rounds.len(),
        5,
        "40 teams come down to two in five rounds"
    );
}

#[test]
fn deliveries_stay_within_the_budget() {
    for players in [200, 2000] {
        let plan = Plan::new(7, players, Duration::from_secs(60));
        let mut audience = vec![0_usize; plan.channels.len()];
        let mut steps: Vec<_> = plan
            .scripts
            .iter()
            .enumerate()
            .flat_map(|(player, script)| {
                script
                    .iter()
                    .map(move |step| (step.at, player, step.action))
            })
            .collect();
        steps.sort_by_key(|(at, ..)| *at);
        let mut joined: HashMap<usize, Vec<ChannelNo>> = HashMap::new();
        let mut deliveries = 0;
        for (_, player, action) in steps {
            match action {
                Action::Join(channel, _) => {
                    audience[channel.index()] += 1;
                    joined.entry(player).or_default().push(channel);
                }
                Action::Leave(channel) => {
                    audience[channel.index()] -= 1;
                    joined
                        .entry(player)
                        .or_default()
                        .retain(|other| *other != channel);
                }
                Action::Drop => {
                    for channel in joined.remove(&player).unwrap_or_default() {
                        audience[channel.index()] -= 1;
                    }
                }
                Action::Say(channel, _) => deliveries += audience[channel.index()],
                _ => {}
            }
        }
        let per_second = deliveries as f64 / 60.0;
        let budget = plan.rates.budget;
        assert!(per_second < budget, "{per_second} of {budget}");
        assert!(per_second > budget / 5.0, "{per_second} of {budget}");
    }
}
