//! How much there is of everything in a plan, or of what was done of it.

use std::fmt;

use super::{Action, Manner, Plan};

/// Counts of steps.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    steps: usize,
    messages: usize,
    joins: usize,
    hidden: usize,
    fleeting: usize,
    drops: usize,
    quits: usize,
    blocks: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, action: Action) {
        self.steps += 1;
        match action {
            Action::Say(..) => self.messages += 1,
            Action::Join(_, manner) => {
                self.joins += 1;
                self.hidden += usize::from(manner == Manner::Hidden);
                self.fleeting += usize::from(manner == Manner::Fleeting);
            }
            Action::Block(_) => self.blocks += 1,
            Action::Drop => self.drops += 1,
            Action::Quit => self.quits += 1,
            Action::Arrive
            | Action::Found(_)
            | Action::Enlist(_)
            | Action::Leave(_)
            | Action::ComeBack => {}
        }
    }
}

impl Plan {
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for step in self.scripts.iter().flatten() {
            tally.add(step.action);
        }
        tally
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} steps: {} messages, {} joins ({} hidden, {} without persistence), {} drops and returns, {} quits, {} \
             blocks",
            self.steps,
            self.messages,
            self.joins,
            self.hidden,
            self.fleeting,
            self.drops,
            self.quits,
            self.blocks
        )
    }
}
