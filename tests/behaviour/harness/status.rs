//! Online status as clients see it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Client, Person, Site, list};

/// Who is shown as online, as one client sees it: the answers to its follows, and every event since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Online {
    /// Status and user by session.
    sessions: BTreeMap<String, (String, String)>,
}

impl Online {
    /// Takes the answer to a follow.
    pub(crate) fn enter(&mut self, presences: &Value) {
        for presence in list(presences) {
            self.sessions
                .insert(text(presence, "session_id"), shown(presence));
        }
    }

    /// Takes an event, and insists that it fits what is known.
    pub(crate) fn apply(&mut self, event: &Value) {
        for gone in list(&event["leaves"]) {
            let before = self.sessions.remove(&text(gone, "session_id"));
            assert_eq!(before, Some(shown(gone)), "not known as it left: {event}");
        }
        for new in list(&event["joins"]) {
            let before = self.sessions.insert(text(new, "session_id"), shown(new));
            assert_eq!(before, None, "took no leave: {event}");
        }
    }

    /// Takes an event that what is known may be ahead of.
    pub(crate) fn catch_up(&mut self, event: &Value) {
        for gone in list(&event["leaves"]) {
            self.sessions.remove(&text(gone, "session_id"));
        }
        self.enter(&event["joins"]);
    }

    /// The statuses of a user's sessions, sorted.
    pub(crate) fn of(&self, user: &Person) -> Vec<&str> {
        let sessions = self.sessions.values();
        let own = sessions.filter(|(_, id)| *id == user.id);
        let mut statuses: Vec<&str> = own.map(|(status, _)| status.as_str()).collect();
        statuses.sort_unstable();
        statuses
    }

    /// What a session says; `None` when it is not shown.
    pub(crate) fn status(&self, session: &str) -> Option<&str> {
        self.sessions
            .get(session)
            .map(|(status, _)| status.as_str())
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Takes one status away from all that are known: those of a user who is followed no more.
    pub(crate) fn forget(&mut self, user: &Person) {
        self.sessions.retain(|_, (_, id)| *id != user.id);
    }
}

fn text(presence: &Value, key: &str) -> String {
    presence[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key} in {presence}"))
        .to_owned()
}

fn shown(presence: &Value) -> (String, String) {
    assert!(presence.get("persistence").is_none(), "{presence}");
    (text(presence, "status"), text(presence, "user_id"))
}

impl Site {
    /// A session of a person that shows them as online from the start.
    pub(crate) async fn shown_socket(&self, person: &Person) -> Client {
        let opened = Client::open(self.address, &person.name, &person.tokens, "&status=true").await;
        let mut client = opened.expect("the socket opens");
        let own = client.status_event().await;
        client.session = text(&own["joins"][0], "session_id");
        client
    }
}

impl Client {
    /// Shows this session with a status, or no more.
    pub(crate) async fn post_status(&mut self, status: Option<&str>) -> String {
        self.post(json!({"status_update": {"status": status}}))
            .await
    }

    /// As [`post_status`](Self::post_status), and waits for the answer.
    pub(crate) async fn set_status(&mut self, status: Option<&str>) {
        let cid = self.post_status(status).await;
        let reply = self.reply(&cid).await;
        assert_eq!(reply, json!({}), "{}: {status:?}", self.name);
    }

    pub(crate) async fn post_follow(&mut self, users: &[&Person]) -> String {
        let ids: Vec<&str> = users.iter().map(|user| user.id.as_str()).collect();
        self.post(json!({"status_follow": {"user_ids": ids}})).await
    }

    /// Follows users; who of them is shown as online.
    pub(crate) async fn follow(&mut self, users: &[&Person]) -> Value {
        let cid = self.post_follow(users).await;
        let mut reply = self.reply(&cid).await;
        assert!(reply["status"].is_object(), "{}: {reply}", self.name);
        reply["status"]["presences"].take()
    }

    pub(crate) async fn unfollow(&mut self, users: &[&Person]) {
        let ids: Vec<&str> = users.iter().map(|user| user.id.as_str()).collect();
        let unfollow = json!({"status_unfollow": {"user_ids": ids}});
        assert_eq!(self.request(unfollow).await, json!({}), "{}", self.name);
    }

    /// The next status event.
    pub(crate) async fn status_event(&mut self) -> Value {
        self.event("status_presence_event").await
    }

    /// Reads status events until what is known is as wanted.
    pub(crate) async fn look(&mut self, online: &mut Online, wanted: impl Fn(&Online) -> bool) {
        while !wanted(online) {
            let event = self.status_event().await;
            online.apply(&event);
        }
    }

    /// Takes every status event up to the answer of a ping sent now; what else came.
    pub(crate) async fn look_at_all(&mut self, online: &mut Online) -> Vec<Value> {
        let mut others = Vec::new();
        for envelope in self.everything().await {
            match envelope.get("status_presence_event") {
                Some(event) => online.apply(event),
                None => others.push(envelope),
            }
        }
        others
    }
}
