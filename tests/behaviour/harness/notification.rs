//! Notifications as clients handle them.

use banter::{NewNotification, UserId};
use serde_json::{Value, json};

use super::{Client, Person, Server, Site, list};

/// Code and content of each.
pub(crate) fn told(notifications: &[Value]) -> Vec<(i64, Value)> {
    let content = |n: &Value| serde_json::from_str(n["content"].as_str().unwrap()).unwrap();
    notifications
        .iter()
        .map(|n| (n["code"].as_i64().unwrap(), content(n)))
        .collect()
}

/// Code and sender of each.
pub(crate) fn senders(notifications: &[Value]) -> Vec<(i64, &str)> {
    notifications
        .iter()
        .map(|n| {
            (
                n["code"].as_i64().unwrap(),
                n["sender_id"].as_str().unwrap(),
            )
        })
        .collect()
}

/// The id of a notification.
pub(crate) fn id_of(notification: &Value) -> String {
    notification["id"].as_str().unwrap().to_owned()
}

impl Site {
    /// How many unread notifications a person has.
    pub(crate) async fn unread(&self, who: &Person) -> usize {
        let answer = self.get(who, "/v2/notification/unread").await;
        count(&answer)
    }

    /// Marks notifications of a person as read; how many are unread then.
    pub(crate) async fn mark_read(&self, who: &Person, ids: &[String]) -> usize {
        let ids: Vec<String> = ids.iter().map(|id| format!("ids={id}")).collect();
        self.mark_as_read(who, &ids.join("&")).await
    }

    pub(crate) async fn mark_all_read(&self, who: &Person) -> usize {
        self.mark_as_read(who, "all=true").await
    }

    async fn mark_as_read(&self, who: &Person, query: &str) -> usize {
        let path = format!("/v2/notification/read?{query}");
        let (status, answer) = self.ask(who, "POST", &path, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        count(&answer)
    }

    /// Deletes notifications of a person.
    pub(crate) async fn forget(&self, who: &Person, ids: &[String]) {
        for ids in ids.chunks(50) {
            let query: Vec<String> = ids.iter().map(|id| format!("ids={id}")).collect();
            let path = format!("/v2/notification?{}", query.join("&"));
            let (status, answer) = self.ask(who, "DELETE", &path, Value::Null).await;
            assert_eq!((status, answer), (200, json!({})));
        }
    }
}

impl Client {
    /// So many notifications as they are pushed, and no more up to the answer of a ping.
    pub(crate) async fn notified(&mut self, count: usize) -> Vec<Value> {
        let mut all = Vec::new();
        while all.len() < count {
            all.extend(self.pushed().await);
        }
        let more = pushed_in(&self.everything().await);
        assert!(
            more.is_empty() && all.len() == count,
            "{}: {all:?} {more:?}",
            self.name
        );
        all
    }
}

fn count(answer: &Value) -> usize {
    let count = answer["unread_count"].as_u64();
    count.unwrap_or_else(|| panic!("no count in {answer}")) as usize
}

/// The pushed notifications among some envelopes.
fn pushed_in(envelopes: &[Value]) -> Vec<Value> {
    envelopes
        .iter()
        .flat_map(|v| list(&v["notifications"]["notifications"]))
        .cloned()
        .collect()
}

impl Server {
    /// Has a person's sessions told of something that stands behind all that was handed to them up to now.
    pub(crate) async fn mark(&self, who: &Person) {
        let mark = NewNotification {
            user: UserId::parse(&who.id).unwrap(),
            subject: "mark".to_owned(),
            content: "{}".to_owned(),
            code: 1,
            sender: UserId::SERVER,
            persistent: false,
        };
        self.chat.notify(mark).await.unwrap();
    }
}

impl Client {
    /// What comes before a [mark](Server::mark).
    pub(crate) async fn up_to_mark(&mut self) -> Vec<Value> {
        let mut before = Vec::new();
        loop {
            let next = self.next().await;
            if next["notifications"]["notifications"][0]["subject"] == "mark" {
                return before;
            }
            before.push(next);
        }
    }
}
