//! Broken promises, as they are found.

use std::cell::{Cell, RefCell};

/// Kept in words; of more only how many there are. A broken server breaks its promises millions of times.
const MOST_KEPT: usize = 2000;
/// Told one by one to people.
const MOST_TOLD: usize = 20;

/// The broken promises of a run. One thread's: methods take `&self` and never wait, so what was found stays even
/// when the run is broken off.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    kept: RefCell<Vec<String>>,
    more: Cell<u64>,
}

impl Violations {
    /// One was found.
    pub(crate) fn add(&self, violation: String) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() < MOST_KEPT {
            kept.push(violation);
        } else {
            self.add_untold(1);
        }
    }

    /// So many were found that nobody has kept in words.
    pub(crate) fn add_untold(&self, number: u64) {
        self.more.set(self.more.get() + number);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.kept.borrow().len() as u64 + self.more.get()
    }

    /// Those that are kept in words, in the order in which they were found.
    pub(crate) fn kept(&self) -> Vec<String> {
        self.kept.borrow().clone()
    }

    /// The first of them for people to read, and how many more there are. Empty if there are none.
    pub(crate) fn told(&self) -> Vec<String> {
        let mut told: Vec<_> = self.kept.borrow().iter().take(MOST_TOLD).cloned().collect();
        let more = self.count() - told.len() as u64;
        if more > 0 {
            told.push(format!("and {} more", crate::figure::count(more)));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_some_kept_and_few_told() {
        let violations = Violations::default();
        assert_eq!((violations.count(), violations.told()), (0, Vec::new()));
        for number in 1..=MOST_KEPT + 5 {
            violations.add(format!("lost: {number}"));
        }
        violations.add_untold(10_000);
        assert_eq!(violations.count(), 12_005);
        assert_eq!(violations.kept().len(), MOST_KEPT);
        let told = violations.told();
        assert_eq!((told[19].as_str(), told.len()), ("lost: 20", 21));
        assert_eq!(told[20], "and 11,985 more");
    }

    #[test]
    fn a_few_are_told_in_full() {
        let violations = Violations::default();
        violations.add("lost: 1".to_owned());
        assert_eq!(violations.told(), ["lost: 1"]);
        violations.add_untold(1);
        assert_eq!(violations.told(), ["lost: 1", "and 1 more"]);
    }
}
