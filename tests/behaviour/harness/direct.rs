//! Direct channels as clients handle them.

use serde_json::{Value, json};

use super::{Client, Person, Site, Verdict, client::ack, escape, verdict};

/// The direct channel of two people, or of one with themselves.
pub(crate) fn direct_channel(one: &Person, other: &Person) -> String {
    let (low, high) = ((&one.id).min(&other.id), (&one.id).max(&other.id));
    format!("4.{low}.{high}.")
}

/// The request to join the direct channel with a user.
pub(crate) fn direct_request(target: &str, flags: &Value) -> Value {
    let mut join = json!({"target": target, "type": 2});
    for (key, value) in flags.as_object().unwrap() {
        join[key] = value.clone();
    }
    json!({ "channel_join": join })
}

impl Site {
    /// A session of a person that is in the direct channel with another.
    pub(crate) async fn socket_with(&self, person: &Person, other: &Person) -> Client {
        let mut client = self.socket(person).await;
        client.join_direct(other).await;
        client
    }

    /// Declines by REST what the other user of a direct channel has requested.
    pub(crate) async fn decline(&self, who: &Person, channel: &str) -> Verdict {
        let path = format!("/v2/channel/{}/decline", escape(channel));
        let answer = self.ask(who, "POST", &path, Value::Null).await;
        if answer.0 == 200 {
            assert_eq!(answer.1, json!({}));
        }
        verdict(&answer)
    }
}

impl Client {
    pub(crate) async fn try_join_direct(&mut self, other: &Person) -> Value {
        self.request(direct_request(&other.id, &json!({}))).await
    }

    /// Joins the direct channel with somebody and returns the answer's `channel`.
    pub(crate) async fn join_direct(&mut self, other: &Person) -> Value {
        self.join_direct_as(other, json!({})).await
    }

    pub(crate) async fn join_direct_as(&mut self, other: &Person, flags: Value) -> Value {
        let mut reply = self.request(direct_request(&other.id, &flags)).await;
        assert!(
            reply["channel"].is_object(),
            "{} could not join {}: {reply}",
            self.name,
            other.name
        );
        let channel = reply["channel"].take();
        self.session = channel["self"]["session_id"].as_str().unwrap().to_owned();
        channel
    }

    /// Leaves any channel.
    pub(crate) async fn leave_channel(&mut self, channel: &str) {
        let leave = json!({"channel_leave": {"channel_id": channel}});
        let reply = self.request(leave).await;
        assert_eq!(reply, json!({}), "{} could not leave {channel}", self.name);
    }

    /// Sends to any channel and returns the answer, whatever it is.
    pub(crate) async fn try_send_to(&mut self, channel: &str, content: &str) -> Value {
        let cid = self.post_to(channel, content).await;
        self.reply(&cid).await
    }

    /// Sends to any channel and returns the ack.
    pub(crate) async fn send_to(&mut self, channel: &str, content: &str) -> Value {
        ack(self.try_send_to(channel, content).await)
    }

    /// Insists that the session is out of the direct channel with somebody, and cannot get in.
    pub(crate) async fn is_shut_out_by(&mut self, channel: &str, other: &Person) {
        let sent = self.try_send_to(channel, "{}").await;
        assert_eq!(sent["error"]["code"], 3, "{} sends: {sent}", self.name);
        let joined = self.try_join_direct(other).await;
        assert_eq!(joined["error"]["code"], 3, "{} joins: {joined}", self.name);
    }

    /// Waits for the news that this very session has left a channel.
    pub(crate) async fn is_told_of_its_leave(&mut self, channel: &str) {
        let session = self.session.clone();
        let left = move |event: &Value| {
            let event = &event["channel_presence_event"];
            let leaves = event["leaves"].as_array();
            event["channel_id"] == *channel
                && leaves.is_some_and(|l| l.iter().any(|p| p["session_id"] == *session))
        };
        self.take("its own leave", left).await;
    }
}
