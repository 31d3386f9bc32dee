//! Friends and blocks as clients handle them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{DONE, Person, Site, Verdict, verdict};

/// Everybody in a user's list, by name: 0 friend, 1 invitation sent, 2 invitation received, 3 blocked.
pub(crate) type Bonds = BTreeMap<String, u8>;

impl Site {
    /// Does something about others: add, delete, block.
    pub(crate) async fn befriend(&self, who: &Person, verb: &str, users: &[&Person]) -> Verdict {
        let ids = users.iter().map(|user| format!("ids={}", user.id));
        self.befriend_as(who, verb, &ids.collect::<Vec<_>>().join("&"))
            .await
    }

    /// As [`befriend`](Self::befriend), with a query as given.
    pub(crate) async fn befriend_as(&self, who: &Person, verb: &str, query: &str) -> Verdict {
        let (method, path) = match verb {
            "add" => ("POST", "/v2/friend"),
            "delete" => ("DELETE", "/v2/friend"),
            "block" => ("POST", "/v2/friend/block"),
            other => panic!("{other} is nothing to do to a friend"),
        };
        let path = format!("{path}?{query}");
        let answer = self.ask(who, method, &path, Value::Null).await;
        if answer.0 == 200 {
            assert_eq!(answer.1, json!({}), "{verb}");
        }
        verdict(&answer)
    }

    /// Does something about somebody that must go well.
    pub(crate) async fn bond(&self, who: &Person, verb: &str, other: &Person) {
        let verdict = self.befriend(who, verb, &[other]).await;
        assert_eq!(verdict, DONE, "{verb} {} by {}", other.name, who.name);
    }

    /// Makes two people friends.
    pub(crate) async fn make_friends(&self, one: &Person, other: &Person) {
        self.bond(one, "add", other).await;
        self.bond(other, "add", one).await;
    }

    /// The list of a person, in its order.
    pub(crate) async fn friends(&self, who: &Person) -> Vec<Value> {
        self.pages(who, "/v2/friend?limit=1000", "friends").await
    }

    /// What others are to a person. Insists that nobody is two things.
    pub(crate) async fn bonds(&self, who: &Person) -> Bonds {
        let mut bonds = Bonds::new();
        for entry in self.friends(who).await {
            let name = entry["user"]["username"].as_str().unwrap();
            let state = u8::try_from(entry["state"].as_u64().unwrap()).unwrap();
            let before = bonds.insert(name.to_owned(), state);
            assert_eq!(before, None, "{name} is {state} as well");
        }
        bonds
    }
}
