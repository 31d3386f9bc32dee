//! Which steps of the plan were taken, which were not, and whether it is known why.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use super::plan::{Action, Channel, Plan, PlayerId, Tally};

/// Why a step could not be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Skip {
    /// The player, or the other one of a direct channel, is not signed in.
    Session,
    Connection,
    /// The group was not made, or the other one of a direct channel never came.
    Channel,
    /// The player is not in the channel.
    Stay,
    /// It was tried, and what came of it was reported.
    Failed,
    /// A block has ended the stay. That is no fault.
    Blocked,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Session => "nobody was signed in",
            Self::Connection => "there was no connection",
            Self::Channel => "there was no such channel",
            Self::Stay => "the player was not in the channel",
            Self::Failed => "it failed",
            Self::Blocked => "of a block",
        })
    }
}

/// A step that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) player: PlayerId,
    pub(crate) action: Action,
    pub(crate) why: Skip,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Tally,
    skipped: Vec<Skipped>,
    hindered: HashSet<PlayerId>,
}

impl Steps {
    /// A step was taken, whatever came of it later.
    pub(crate) fn done(&mut self, action: Action) {
        self.done.add(action);
    }

    pub(crate) fn skip(&mut self, skipped: Skipped) {
        self.skipped.push(skipped);
    }

    /// Something that was reported keeps a player from steps.
    pub(crate) fn hinder(&mut self, player: PlayerId) {
        self.hindered.insert(player);
    }

    /// How many steps were not taken although nothing was reported that explains it, and the first of them, by why.
    pub(crate) fn unexplained(&self, plan: &Plan) -> BTreeMap<Skip, (usize, Skipped)> {
        let mut unexplained = BTreeMap::new();
        for skipped in &self.skipped {
            if skipped.why != Skip::Blocked && !self.is_explained(plan, skipped) {
                let (count, _) = unexplained.entry(skipped.why).or_insert((0, *skipped));
                *count += 1;
            }
        }
        unexplained
    }

    /// Whether the player was hindered, or somebody without whom there is no such channel.
    fn is_explained(&self, plan: &Plan, skipped: &Skipped) -> bool {
        let hindered = |player: &PlayerId| self.hindered.contains(player);
        let channel = skipped.action.channel();
        hindered(&skipped.player)
            || channel.is_some_and(|channel| match &plan.channels[channel.index()] {
                Channel::Room(_) => false,
                Channel::Team(team) => hindered(&plan.teams[*team as usize][0]),
                Channel::Direct(one, two) => hindered(one) || hindered(two),
            })
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.done)?;
        let mut counts = BTreeMap::<_, u64>::new();
        for skipped in &self.skipped {
            *counts.entry(skipped.why).or_default() += 1;
        }
        for (number, (why, count)) in counts.iter().enumerate() {
            let lead = if number == 0 { "; not taken: " } else { ", " };
            write!(f, "{lead}{count} because {why}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tournament::plan::{ChannelNo, Manner};

    #[test]
    fn a_step_not_taken_is_explained_by_what_was_reported_of_those_it_takes() {
        let plan = Plan::new(1, 40, Duration::from_secs(20));
        let find = |wanted: fn(&Channel) -> bool| {
            let place = plan.channels.iter().position(wanted).unwrap();
            ChannelNo(place as u32)
        };
        let room = find(|channel| matches!(channel, Channel::Room(_)));
        let team = find(|channel| matches!(channel, Channel::Team(0)));
        let (captain, member) = (plan.teams[0][0], plan.teams[0][1]);
        let skip = |channel| Skipped {
            player: member,
            action: Action::Join(channel, Manner::Seen),
            why: Skip::Channel,
        };
        let unexplained = |steps: &Steps| {
            let found = steps.unexplained(&plan);
            found.get(&Skip::Channel).map_or(0, |(count, _)| *count)
        };
        let mut steps = Steps::default();
        steps.skip(skip(room));
        steps.skip(skip(team));
        steps.skip(Skipped {
            why: Skip::Blocked,
            ..skip(team)
        });
        assert_eq!(unexplained(&steps), 2);
        steps.hinder(captain);
        assert_eq!(unexplained(&steps), 1);
        steps.hinder(member);
        assert!(steps.unexplained(&plan).is_empty());
        assert!(steps.to_string().contains("2 because there was no such"));
    }
}
