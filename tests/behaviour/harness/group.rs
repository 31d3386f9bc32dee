//! Groups as clients handle them: by REST, and in their channels.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Client, History, Roster, Site, Tokens, client::ack, escape};

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) tokens: Tokens,
}

/// Status and error code of an answer; the code of success is 0.
pub(crate) type Verdict = (u16, i64);

pub(crate) const DONE: Verdict = (200, 0);
pub(crate) const BAD: Verdict = (400, 3);
pub(crate) const NOT_FOUND: Verdict = (404, 5);
pub(crate) const TAKEN: Verdict = (409, 6);

/// Everybody who is something to a group, by name: 0 superadmin, 1 admin, 2 member, 3 request, 4 banned.
pub(crate) type Roles = BTreeMap<String, u8>;

/// The channel of a group.
pub(crate) fn group_channel(group: &str) -> String {
    format!("3.{group}..")
}

/// The verdict on a call; insists that a refusal says why.
pub(crate) fn verdict((status, body): &(u16, Value)) -> Verdict {
    if *status == 200 {
        return DONE;
    }
    assert!(
        body["message"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{status} without a reason: {body}"
    );
    (*status, body["code"].as_i64().unwrap())
}

/// The elements of a list that is left out when empty.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Code and username of each message.
pub(crate) fn codes(messages: &[Value]) -> Vec<(i64, &str)> {
    let code = |m: &Value| m["code"].as_i64().unwrap();
    messages
        .iter()
        .map(|m| (code(m), m["username"].as_str().unwrap()))
        .collect()
}

/// Whether a message is the record of an event.
pub(crate) fn is_event(message: &Value) -> bool {
    (3..=9).contains(&message["code"].as_i64().unwrap())
}

impl Site {
    pub(crate) async fn person(&self, name: &str) -> Person {
        let tokens = self.sign_in(name).await;
        Person {
            name: name.to_owned(),
            id: tokens.user(),
            tokens,
        }
    }

    pub(crate) async fn people<const N: usize>(&self, names: [&str; N]) -> [Person; N] {
        let mut people = Vec::with_capacity(N);
        for name in names {
            people.push(self.person(name).await);
        }
        people.try_into().unwrap()
    }

    /// People by number: `name0`, `name1` and so on.
    pub(crate) async fn crowd(&self, name: &str, count: usize) -> Vec<Person> {
        let mut people = Vec::with_capacity(count);
        for n in 0..count {
            people.push(self.person(&format!("{name}{n}")).await);
        }
        people
    }

    /// One more session of a person.
    pub(crate) async fn socket(&self, person: &Person) -> Client {
        self.connect(&person.name, &person.tokens)
            .await
            .expect("the socket opens")
    }

    /// A session of a person that is in the channel of a group.
    pub(crate) async fn socket_in(&self, person: &Person, group: &str) -> Client {
        let mut client = self.socket(person).await;
        client.join_group(group).await;
        client
    }

    /// Sessions of some people, one each, in the channel of a group. All joins are announced and forgotten.
    pub(crate) async fn sockets_in<const N: usize>(
        &self,
        people: [&Person; N],
        group: &str,
    ) -> [Client; N] {
        let mut clients = Vec::with_capacity(N);
        for person in people {
            clients.push(self.socket_in(person, group).await);
        }
        let sessions: Vec<String> = clients.iter().map(|c| c.session.clone()).collect();
        for (n, client) in clients.iter_mut().enumerate() {
            for session in &sessions[n..] {
                let joined = client.presence().await;
                assert_eq!(joined["joins"][0]["session_id"], *session);
            }
        }
        clients
            .try_into()
            .unwrap_or_else(|_| unreachable!("as many as people"))
    }

    /// A REST call of a person.
    pub(crate) async fn ask(
        &self,
        who: &Person,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        self.call(method, path, &who.tokens.token, body).await
    }

    /// A REST call that must go well.
    pub(crate) async fn get(&self, who: &Person, path: &str) -> Value {
        let (status, answer) = self.ask(who, "GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Makes a group with the fields given; its id.
    pub(crate) async fn create_group(&self, creator: &Person, name: &str, fields: Value) -> String {
        let mut body = json!({"name": name});
        for (key, value) in fields.as_object().unwrap() {
            body[key] = value.clone();
        }
        let (status, group) = self.ask(creator, "POST", "/v2/group", body).await;
        assert_eq!(status, 200, "{group}");
        group["id"].as_str().unwrap().to_owned()
    }

    /// Does something to a group: join, leave, add, kick, ban, promote, demote.
    pub(crate) async fn change(
        &self,
        caller: &Person,
        verb: &str,
        group: &str,
        users: &[&Person],
    ) -> Verdict {
        let answer = self
            .ask(
                caller,
                "POST",
                &change_path(verb, group, users),
                Value::Null,
            )
            .await;
        if answer.0 == 200 {
            assert_eq!(answer.1, json!({}), "{verb}");
        }
        verdict(&answer)
    }

    /// Does something to a group that must go well.
    pub(crate) async fn done(&self, caller: &Person, verb: &str, group: &str, users: &[&Person]) {
        let verdict = self.change(caller, verb, group, users).await;
        assert_eq!(verdict, DONE, "{verb} by {}", caller.name);
    }

    pub(crate) async fn update_group(
        &self,
        caller: &Person,
        group: &str,
        fields: Value,
    ) -> Verdict {
        let path = format!("/v2/group/{group}");
        verdict(&self.ask(caller, "PUT", &path, fields).await)
    }

    pub(crate) async fn delete_group(&self, caller: &Person, group: &str) -> Verdict {
        let path = format!("/v2/group/{group}");
        verdict(&self.ask(caller, "DELETE", &path, Value::Null).await)
    }

    /// Brings a stranger into a standing in a closed group, with the help of a superadmin.
    pub(crate) async fn bring(&self, admin: &Person, group: &str, who: &Person, role: Option<u8>) {
        let verbs: &[&str] = match role {
            None => &[],
            Some(0) => &["add", "promote", "promote"],
            Some(1) => &["add", "promote"],
            Some(2) => &["add"],
            Some(3) => return self.done(who, "join", group, &[]).await,
            Some(_) => &["add", "ban"],
        };
        for verb in verbs {
            self.done(admin, verb, group, &[who]).await;
        }
    }

    /// Everybody who is something to a group. Insists that nobody is two things.
    pub(crate) async fn roles(&self, asking: &Person, group: &str) -> Roles {
        let mut roles = Roles::new();
        for state in ["", "&state=4"] {
            let path = format!("/v2/group/{group}/user?limit=100{state}");
            for entry in self.pages(asking, &path, "group_users").await {
                let name = entry["user"]["username"].as_str().unwrap();
                let role = u8::try_from(entry["state"].as_u64().unwrap()).unwrap();
                let before = roles.insert(name.to_owned(), role);
                assert_eq!(before, None, "{name} is {role} as well");
            }
        }
        roles
    }

    /// What a person is to a group.
    pub(crate) async fn role(&self, asking: &Person, group: &str, who: &Person) -> Option<u8> {
        self.roles(asking, group).await.get(&who.name).copied()
    }

    /// All entries of a listing, page by page. `path` has its limit.
    pub(crate) async fn pages(&self, asking: &Person, path: &str, entries: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut page = self.get(asking, &format!("{path}{cursor}")).await;
            all.append(
                page[entries]
                    .take()
                    .as_array_mut()
                    .unwrap_or(&mut Vec::new()),
            );
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={}", escape(next)),
                None => return all,
            }
        }
    }

    /// A group as its listing by name tells it.
    pub(crate) async fn group_named(&self, asking: &Person, name: &str) -> Option<Value> {
        let found = self
            .get(asking, &format!("/v2/group?name={}", escape(name)))
            .await;
        list(&found["groups"]).first().cloned()
    }

    /// All notifications of a person, oldest first.
    pub(crate) async fn notifications(&self, who: &Person) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/v2/notification?limit=100{cursor}");
            let page = self.get(who, &path).await;
            let next = page["cacheable_cursor"].as_str().unwrap();
            cursor = format!("&cacheable_cursor={}", escape(next));
            match list(&page["notifications"]) {
                [] => return all,
                some => all.extend_from_slice(some),
            }
        }
    }

    /// The whole history of a channel, oldest first; or why it is not to be had.
    pub(crate) async fn try_log(&self, who: &Person, channel: &str) -> Result<Vec<Value>, Verdict> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let ask = History {
                limit: Some(100),
                cursor: cursor.as_deref(),
                ..History::default()
            };
            let answer = self.try_history(&who.tokens.token, channel, ask).await;
            if answer.0 != 200 {
                return Err(verdict(&answer));
            }
            all.extend_from_slice(list(&answer.1["messages"]));
            match answer.1["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(all),
            }
        }
    }

    /// The whole history of a group's channel, oldest first.
    pub(crate) async fn log_of(&self, who: &Person, group: &str) -> Vec<Value> {
        let log = self.try_log(who, &group_channel(group)).await;
        log.expect("members read the history")
    }
}

pub(crate) fn change_path(verb: &str, group: &str, users: &[&Person]) -> String {
    let mut path = format!("/v2/group/{group}/{verb}");
    for (n, user) in users.iter().enumerate() {
        path.push(if n == 0 { '?' } else { '&' });
        path.push_str("user_ids=");
        path.push_str(&user.id);
    }
    path
}

/// The request to join the channel of a group.
pub(crate) fn join_request(group: &str, flags: &Value) -> Value {
    let mut join = json!({"target": group, "type": 3});
    for (key, value) in flags.as_object().unwrap() {
        join[key] = value.clone();
    }
    json!({ "channel_join": join })
}

impl Client {
    /// Asks to be let into the channel of a group.
    pub(crate) async fn try_join_group(&mut self, group: &str) -> Value {
        self.request(join_request(group, &json!({}))).await
    }

    /// Joins the channel of a group and returns the answer's `channel`.
    pub(crate) async fn join_group(&mut self, group: &str) -> Value {
        self.join_group_as(group, json!({})).await
    }

    pub(crate) async fn join_group_as(&mut self, group: &str, flags: Value) -> Value {
        let mut reply = self.request(join_request(group, &flags)).await;
        assert!(
            reply["channel"].is_object(),
            "{} could not join the group: {reply}",
            self.name
        );
        let channel = reply["channel"].take();
        self.session = channel["self"]["session_id"].as_str().unwrap().to_owned();
        channel
    }

    /// Joins, and says who is in the channel of a group; feed it all presence events to come.
    pub(crate) async fn join_group_and_look(&mut self, group: &str) -> Roster {
        Roster::from_join(&self.join_group(group).await)
    }

    /// Sends to any channel without waiting for the answer.
    pub(crate) async fn post_to(&mut self, channel: &str, content: &str) -> String {
        self.post(json!({"channel_message_send": {"channel_id": channel, "content": content}}))
            .await
    }

    /// Sends to the channel of a group and returns the answer, whatever it is.
    pub(crate) async fn try_say(&mut self, group: &str, content: &str) -> Value {
        let cid = self.post_to(&group_channel(group), content).await;
        self.reply(&cid).await
    }

    /// Sends to the channel of a group and returns the ack.
    pub(crate) async fn say(&mut self, group: &str, content: &str) -> Value {
        ack(self.try_say(group, content).await)
    }

    /// Insists that the session is out of the channel of a group, and cannot get in.
    pub(crate) async fn is_shut_out(&mut self, group: &str) {
        let sent = self.try_say(group, "{}").await;
        assert_eq!(sent["error"]["code"], 3, "{} sends: {sent}", self.name);
        let joined = self.try_join_group(group).await;
        assert_eq!(joined["error"]["code"], 3, "{} joins: {joined}", self.name);
    }

    /// The next message of any channel.
    pub(crate) async fn message(&mut self) -> Value {
        self.event("channel_message").await
    }

    /// The next presence event of any channel.
    pub(crate) async fn presence(&mut self) -> Value {
        self.event("channel_presence_event").await
    }

    /// The next notifications that were pushed.
    pub(crate) async fn pushed(&mut self) -> Vec<Value> {
        let mut event = self.event("notifications").await;
        event["notifications"].take().as_array().unwrap().clone()
    }
}
