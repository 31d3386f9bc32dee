use std::collections::BTreeMap;

use serde_json::Value;

/// Who is in a room as one client sees it: the answer to its join, and every event since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Roster(BTreeMap<String, String>);

impl Roster {
    pub(crate) fn from_join(channel: &Value) -> Self {
        let mut roster = Self::default();
        roster.enter(&channel["presences"]);
        roster
    }

    /// Takes one presence event, and insists that it fits what is known.
    pub(crate) fn apply(&mut self, event: &Value) {
        for gone in list(&event["leaves"]) {
            let session = gone["session_id"].as_str().unwrap();
            assert!(
                self.0.remove(session).is_some(),
                "left without having been there: {gone}"
            );
        }
        self.enter(&event["joins"]);
    }

    fn enter(&mut self, presences: &Value) {
        for new in list(presences) {
            let text = |key: &str| new[key].as_str().unwrap().to_owned();
            let known = self.0.insert(text("session_id"), text("username"));
            assert!(known.is_none(), "joined twice: {new}");
        }
    }

    pub(crate) fn has(&self, session: &str) -> bool {
        self.0.contains_key(session)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The names, sorted.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.0.values().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
