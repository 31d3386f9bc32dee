//! Each player's part of the plan, in order of time, with what absences change.

use std::time::Duration;

use super::{
    Action, Channel, ChannelNo, PlayerId, Step, Timeline,
    crowd::{Attendance, Crowd, Stay},
    speech::Said,
};

/// The scripts in the making.
pub(crate) struct Scripts {
    scripts: Vec<Vec<Step>>,
}

impl Scripts {
    pub(crate) fn new(crowd: &Crowd, says: Vec<Said>, timeline: &Timeline) -> Self {
        let mut scripts = Self {
            scripts: vec![Vec::new(); crowd.players.len()],
        };
        for (player, attendance) in crowd.players.iter().enumerate() {
            scripts.attend(PlayerId(player as u32), attendance);
        }
        for enlisting in &crowd.enlistings {
            let action = match enlisting.founds {
                true => Action::Found(enlisting.channel),
                false => Action::Enlist(enlisting.channel),
            };
            scripts.add(enlisting.player, enlisting.at, action);
        }
        for (number, stays) in crowd.stays.iter().enumerate() {
            for stay in stays {
                let away = &crowd.players[stay.player.index()];
                scripts.stay(ChannelNo(number as u32), stay, away, timeline);
            }
        }
        for block in &crowd.blocks {
            scripts.add(block.by, block.at, Action::Block(block.channel));
        }
        for said in says {
            let blocked = crowd
                .blocks
                .iter()
                .find(|block| block.channel == said.channel);
            // Who has blocked somebody has nothing more to say to them.
            if blocked.is_none_or(|block| block.by != said.by || said.at < block.at) {
                scripts.add(said.by, said.at, Action::Say(said.channel, said.bytes));
            }
        }
        debug_assert!(crowd.blocks.iter().all(|block| {
            matches!(crowd.channels[block.channel.index()], Channel::Direct(by, _) if by == block.by)
        }));
        scripts
    }

    fn add(&mut self, player: PlayerId, at: Duration, action: Action) {
        self.scripts[player.index()].push(Step { at, action });
    }

    fn attend(&mut self, player: PlayerId, attendance: &Attendance) {
        self.add(player, attendance.span.begins, Action::Arrive);
        for away in &attendance.away {
            self.add(player, away.begins, Action::Drop);
            self.add(player, away.ends, Action::ComeBack);
        }
        if attendance.quits {
            self.add(player, attendance.span.ends, Action::Quit);
        }
    }

    /// Joins after each absence, and leaves unless away by then or there until the very end.
    fn stay(&mut self, channel: ChannelNo, stay: &Stay, there: &Attendance, timeline: &Timeline) {
        let (player, span) = (stay.player, stay.span);
        let mut begins = Some(span.begins);
        for away in &there.away {
            let Some(from) = begins.filter(|_| away.begins < span.ends) else {
                break;
            };
            if from < away.begins {
                self.add(player, from, Action::Join(channel, stay.manner));
                begins = Some(away.ends);
            } else if from < away.ends {
                begins = Some(away.ends);
            }
            begins = begins.filter(|begins| *begins < span.ends);
        }
        if let Some(from) = begins {
            self.add(player, from, Action::Join(channel, stay.manner));
            if span.ends < timeline.closing.ends {
                self.add(player, span.ends, Action::Leave(channel));
            }
        }
    }

    /// Sorts by time and, at the same time, by what has to come first.
    pub(crate) fn finish(mut self) -> Vec<Vec<Step>> {
        for script in &mut self.scripts {
            script.sort_by_key(|step| (step.at, rank(step.action)));
            script.shrink_to_fit();
        }
        self.scripts
    }
}

fn rank(action: Action) -> u8 {
    match action {
        Action::Arrive | Action::ComeBack => 0,
        Action::Found(_) | Action::Enlist(_) => 1,
        Action::Join(..) => 2,
        Action::Say(..) => 3,
        Action::Block(_) => 4,
        Action::Leave(_) => 5,
        Action::Drop => 6,
        Action::Quit => 7,
    }
}
