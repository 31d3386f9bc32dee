//! Thousands of random steps, one at a time, beside a model that says what each has to lead to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::ledger::{members, replay};
use crate::harness::{
    BAD, Client, DONE, Dice, NOT_FOUND, Person, Roles, Server, Verdict, codes, group_channel,
    join_request,
};

const PEOPLE: usize = 8;
const GROUPS: usize = 3;
const STEPS: usize = 2500;
/// Steps between comparisons of everything.
const STRIDE: usize = 50;

/// A notification: code, group, what its content says beside, sender.
type Note = (i64, String, String, String);

/// A group as it has to be.
struct Group {
    id: String,
    name: String,
    creator: usize,
    open: bool,
    max: usize,
    roles: BTreeMap<usize, u8>,
    /// Code and user of each message.
    log: Vec<(i64, usize)>,
    /// Those whose session is in the channel.
    joined: BTreeSet<usize>,
    alive: bool,
}

/// What else has to be there, by person.
struct World {
    people: Vec<Person>,
    /// What is kept; nothing of it is read.
    notes: Vec<Vec<Note>>,
    pushed: Vec<Vec<Note>>,
    /// What each session has to hear, by group.
    heard: Vec<HashMap<String, Vec<(i64, usize)>>>,
}

impl World {
    /// A message in a group, heard by all who are there.
    fn publish(&mut self, group: &mut Group, code: i64, who: usize) {
        group.log.push((code, who));
        for listener in &group.joined {
            let heard = self.heard[*listener].entry(group.id.clone()).or_default();
            heard.push((code, who));
        }
        if matches!(code, 5 | 6 | 8) {
            group.joined.remove(&who);
        }
    }

    fn note(&mut self, to: usize, code: i64, group: &Group, text: &str, from: usize) {
        let sender = self.people[from].id.clone();
        let note = (code, group.id.clone(), text.to_owned(), sender);
        if self.notes[to].contains(&note) {
            // A question is asked once while it is unread; of other news the last stays.
            if code == -5 {
                return;
            }
            self.notes[to].retain(|kept| *kept != note);
        }
        self.notes[to].push(note.clone());
        self.pushed[to].push(note);
    }
}

impl Group {
    fn count(&self) -> usize {
        self.roles.values().filter(|role| **role <= 2).count()
    }

    fn superadmins(&self) -> usize {
        self.roles.values().filter(|role| **role == 0).count()
    }

    fn end(&mut self) {
        self.alive = false;
        self.roles.clear();
        self.joined.clear();
    }

    fn join(&mut self, who: usize, world: &mut World) -> Verdict {
        if !self.alive {
            return NOT_FOUND;
        }
        if self.roles.contains_key(&who) {
            return DONE;
        }
        if self.count() >= self.max {
            return BAD;
        }
        if self.open {
            self.roles.insert(who, 2);
            world.publish(self, 3, who);
        } else {
            let admins: Vec<usize> = self
                .roles
                .iter()
                .filter(|(_, r)| **r <= 1)
                .map(|(w, _)| *w)
                .collect();
            self.roles.insert(who, 3);
            let name = world.people[who].name.clone();
            for admin in admins {
                world.note(admin, -5, self, &name, who);
            }
        }
        DONE
    }

    fn leave(&mut self, who: usize, world: &mut World) -> Verdict {
        match self.roles.get(&who) {
            None | Some(4) => return DONE,
            Some(3) => {
                self.roles.remove(&who);
                return DONE;
            }
            Some(0) if self.superadmins() == 1 && self.count() == 1 => {
                self.end();
                return DONE;
            }
            Some(0) if self.superadmins() == 1 => return BAD,
            Some(_) => {}
        }
        self.roles.remove(&who);
        world.publish(self, 5, who);
        DONE
    }

    fn change(&mut self, verb: &str, caller: usize, users: &[usize], world: &mut World) -> Verdict {
        let rank = match self.roles.get(&caller) {
            Some(rank @ 0..=1) => *rank,
            _ => return NOT_FOUND,
        };
        let users = users.iter().copied().filter(|user| *user != caller);
        if verb == "add" {
            let new: Vec<usize> = users
                .filter(|user| matches!(self.roles.get(user), None | Some(3)))
                .collect();
            if !new.is_empty() && self.count() + new.len() > self.max {
                return BAD;
            }
            for user in new {
                self.roles.insert(user, 2);
                world.publish(self, 4, user);
                let name = self.name.clone();
                world.note(user, -4, self, &name, caller);
            }
            return DONE;
        }
        for user in users {
            let Some(role) = self.roles.get(&user).copied() else {
                continue;
            };
            // Whom the caller may put out or ban.
            let below = role <= 2 && (rank == 0 || role == 2);
            let (next, event) = match (verb, role) {
                ("kick", 3 | 4) => (None, None),
                ("kick", _) if below => (None, Some(6)),
                ("ban", 3) => (Some(4), None),
                ("ban", _) if below => (Some(4), Some(8)),
                ("promote", 1 | 2) if rank < role => (Some(role - 1), Some(7)),
                ("demote", 0 | 1) if rank <= role => (Some(role + 1), Some(9)),
                _ => continue,
            };
            match next {
                Some(role) => self.roles.insert(user, role),
                None => self.roles.remove(&user),
            };
            if let Some(code) = event {
                world.publish(self, code, user);
            }
        }
        DONE
    }
}

async fn create(server: &Server, world: &World, dice: &mut Dice, number: usize) -> Group {
    let (creator, open, max) = (dice.roll(PEOPLE), dice.roll(2) == 0, 3 + dice.roll(5));
    let name = format!("group {number}");
    let fields = json!({"open": open, "max_count": max});
    let id = server
        .create_group(&world.people[creator], &name, fields)
        .await;
    Group {
        id,
        name,
        creator,
        open,
        max,
        roles: [(creator, 0)].into(),
        log: Vec::new(),
        joined: BTreeSet::new(),
        alive: true,
    }
}

#[actix_web::test]
async fn each_step_leads_to_what_the_rules_say() {
    let mut dice = Dice::new();
    let server = Server::start().await;
    let people = server.crowd("user", PEOPLE).await;
    let mut sessions = Vec::new();
    for person in &people {
        sessions.push(server.socket(person).await);
    }
    let mut world = World {
        notes: vec![Vec::new(); PEOPLE],
        pushed: vec![Vec::new(); PEOPLE],
        heard: vec![HashMap::new(); PEOPLE],
        people,
    };
    let mut groups = Vec::new();
    for number in 0..GROUPS {
        groups.push(create(&server, &world, &mut dice, number).await);
    }
    let mut made = GROUPS;
    let mut events = 0;
    for step in 0..STEPS {
        let slot = dice.roll(GROUPS);
        if !groups[slot].alive && dice.roll(4) == 0 {
            check_group(&server, &world, &groups[slot]).await;
            events += groups[slot].log.len();
            groups[slot] = create(&server, &world, &mut dice, made).await;
            made += 1;
        }
        let did = take_step(
            &server,
            &mut world,
            &mut groups[slot],
            &mut sessions,
            &mut dice,
        )
        .await;
        let found = server.roles(&world.people[0], &groups[slot].id).await;
        assert_eq!(found, named(&world, &groups[slot]), "step {step}: {did}");
        if step % STRIDE == STRIDE - 1 {
            for group in &groups {
                check_group(&server, &world, group).await;
            }
            check_people(&server, &mut world, &mut sessions).await;
        }
    }
    events += groups.iter().map(|group| group.log.len()).sum::<usize>();
    println!("{made} groups, {events} messages and events");
    assert!(events > STEPS / 20, "too little has happened: {events}");
    server.stop().await;
}

/// Does something by chance, and insists on the answer; what it was.
async fn take_step(
    server: &Server,
    world: &mut World,
    group: &mut Group,
    sessions: &mut [Client],
    dice: &mut Dice,
) -> String {
    let mut who = dice.roll(PEOPLE);
    // Most changes come from those who may make them.
    let admins: Vec<usize> = group
        .roles
        .iter()
        .filter(|(_, r)| **r <= 1)
        .map(|(w, _)| *w)
        .collect();
    if dice.roll(3) > 0 && !admins.is_empty() {
        who = admins[dice.roll(admins.len())];
    }
    let caller = world.people[who].clone();
    let deeds = [
        "join",
        "join",
        "join",
        "leave",
        "add",
        "add",
        "add",
        "kick",
        "kick",
        "ban",
        "promote",
        "promote",
        "demote",
        "update",
        "delete",
        "add nobody",
        "enter",
        "enter",
        "enter",
        "exit",
        "say",
        "say",
        "read",
    ];
    let deed = dice.pick(&deeds);
    let did = format!("{deed} by {}", caller.name);
    match deed {
        "join" | "leave" => {
            who = dice.roll(PEOPLE);
            let got = server
                .change(&world.people[who], deed, &group.id, &[])
                .await;
            let wanted = if deed == "join" {
                group.join(who, world)
            } else {
                group.leave(who, world)
            };
            assert_eq!(got, wanted, "{deed} by {}", world.people[who].name);
        }
        "update" => {
            let open = dice.roll(2) == 0;
            let may = group.roles.get(&who).is_some_and(|role| *role <= 1);
            let got = server
                .update_group(&caller, &group.id, json!({"open": open}))
                .await;
            assert_eq!(got, if may { DONE } else { NOT_FOUND }, "{did}");
            group.open = if may { open } else { group.open };
        }
        "delete" => {
            let may = group.roles.get(&who) == Some(&0) && dice.roll(8) == 0;
            if may || group.roles.get(&who) != Some(&0) {
                let got = server.delete_group(&caller, &group.id).await;
                assert_eq!(got, if may { DONE } else { BAD }, "{did}");
            }
            if may {
                group.end();
            }
        }
        "add nobody" => {
            let nobody = Person {
                id: "00000000-0000-4000-8000-000000000001".to_owned(),
                ..caller.clone()
            };
            if admins.contains(&who) {
                let other = &world.people[dice.roll(PEOPLE)];
                let got = server
                    .change(&caller, "add", &group.id, &[other, &nobody])
                    .await;
                assert_eq!(got, BAD, "{did}");
            }
        }
        "enter" | "exit" | "say" | "read" => {
            who = dice.roll(PEOPLE);
            do_in_channel(server, world, group, &mut sessions[who], who, deed).await;
        }
        verb => {
            let mut users: Vec<usize> = (0..=dice.roll(3)).map(|_| dice.roll(PEOPLE)).collect();
            let mut known = BTreeSet::new();
            users.retain(|user| known.insert(*user));
            let named: Vec<&Person> = users.iter().map(|user| &world.people[*user]).collect();
            let got = server.change(&caller, verb, &group.id, &named).await;
            let wanted = group.change(verb, who, &users, world);
            assert_eq!(got, wanted, "{did} to {users:?}");
        }
    }
    did
}

/// What somebody does in the channel of a group, or in vain before it.
async fn do_in_channel(
    server: &Server,
    world: &mut World,
    group: &mut Group,
    session: &mut Client,
    who: usize,
    deed: &str,
) {
    let member = group.roles.get(&who).is_some_and(|role| *role <= 2);
    let channel = group_channel(&group.id);
    match deed {
        "enter" => {
            let reply = session.request(join_request(&group.id, &json!({}))).await;
            assert_eq!(
                reply.get("channel").is_some(),
                member,
                "{who} joins: {reply}"
            );
            if !member {
                assert_eq!(reply["error"]["code"], 3, "{reply}");
                return;
            }
            let others: BTreeSet<&str> = crate::harness::list(&reply["channel"]["presences"])
                .iter()
                .map(|p| p["username"].as_str().unwrap())
                .collect();
            group.joined.insert(who);
            let joined = group.joined.iter().map(|n| world.people[*n].name.as_str());
            let joined: BTreeSet<&str> = joined.collect();
            // Itself only if it was in before.
            assert!(others.is_subset(&joined), "{others:?} of {joined:?}");
            assert!(joined.len() - others.len() <= 1, "{others:?} of {joined:?}");
        }
        "exit" => {
            let leave = json!({"channel_leave": {"channel_id": channel}});
            assert_eq!(session.request(leave).await, json!({}));
            group.joined.remove(&who);
        }
        "say" => {
            let reply = session.try_say(&group.id, "{}").await;
            if group.joined.contains(&who) {
                assert!(reply.get("channel_message_ack").is_some(), "{who}: {reply}");
                world.publish(group, 0, who);
            } else {
                assert_eq!(reply["error"]["code"], 3, "{who}: {reply}");
            }
        }
        _ => {
            let log = server.try_log(&world.people[who], &channel).await;
            match log {
                Ok(log) => assert_eq!((member, log.len()), (true, group.log.len()), "{who} reads"),
                Err(error) => assert_eq!((member, error), (false, BAD), "{who} reads"),
            }
        }
    }
}

fn named(world: &World, group: &Group) -> Roles {
    let name = |(who, role): (&usize, &u8)| (world.people[*who].name.clone(), *role);
    group.roles.iter().map(name).collect()
}

fn told<'a>(world: &'a World, log: &[(i64, usize)]) -> Vec<(i64, &'a str)> {
    log.iter()
        .map(|(code, who)| (*code, world.people[*who].name.as_str()))
        .collect()
}

/// The history, the count, and the lists of a group are as they have to be.
async fn check_group(server: &Server, world: &World, group: &Group) {
    let profile = server.group_named(&world.people[0], &group.name).await;
    let Some(member) = group.roles.iter().find(|(_, role)| **role <= 2) else {
        assert!(!group.alive);
        assert_eq!(profile, None, "it has ended");
        let creator = &world.people[group.creator];
        let log = server.try_log(creator, &group_channel(&group.id)).await;
        assert_eq!(log.err(), Some(BAD));
        return;
    };
    let log = server.log_of(&world.people[*member.0], &group.id).await;
    assert_eq!(codes(&log), told(world, &group.log), "{}", group.name);
    let creator = &world.people[group.creator].name;
    let replayed = replay(creator, group.max, &log);
    assert_eq!(replayed, members(&named(world, group)), "{}", group.name);
    let profile = profile.unwrap();
    assert_eq!(profile["edge_count"], group.count());
    assert_eq!(profile["open"], group.open);
}

/// What each has been told and has heard is what had to be.
async fn check_people(server: &Server, world: &mut World, sessions: &mut [Client]) {
    for (who, session) in sessions.iter_mut().enumerate() {
        let person = &world.people[who];
        let listed = server.notifications(person).await;
        let note = |n: &Value| -> Note {
            let content: Value = serde_json::from_str(n["content"].as_str().unwrap()).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let code = n["code"].as_i64().unwrap();
            let named = text(&content[if code == -4 { "name" } else { "username" }]);
            (
                code,
                text(&content["group_id"]),
                named,
                text(&n["sender_id"]),
            )
        };
        let notes: Vec<Note> = listed.iter().map(note).collect();
        assert_eq!(notes, world.notes[who], "{}", person.name);
        // Live it is the same, and what newer news have replaced; what was checked is forgotten.
        let wanted = std::mem::take(&mut world.pushed[who]);
        let mut pushed = Vec::new();
        while pushed.len() < wanted.len() {
            pushed.extend(session.pushed().await);
        }
        let notes: Vec<Note> = pushed.iter().map(note).collect();
        assert_eq!(notes, wanted, "{}", person.name);
        pushed.retain(|live| listed.contains(live));
        assert_eq!(pushed, listed, "{}", person.name);
        let ids: Vec<String> = listed
            .iter()
            .map(|n| n["id"].as_str().unwrap().to_owned())
            .collect();
        for ids in ids.chunks(50) {
            let query: Vec<String> = ids.iter().map(|id| format!("ids={id}")).collect();
            let path = format!("/v2/notification?{}", query.join("&"));
            let (status, _) = server.ask(person, "DELETE", &path, Value::Null).await;
            assert_eq!(status, 200);
        }
        world.notes[who].clear();

        let wanted = std::mem::take(&mut world.heard[who]);
        let mut heard: HashMap<String, Vec<Value>> = HashMap::new();
        for _ in 0..wanted.values().map(Vec::len).sum() {
            let message = session.message().await;
            let group = message["group_id"].as_str().unwrap().to_owned();
            heard.entry(group).or_default().push(message);
        }
        for (group, wanted) in &wanted {
            let heard = heard.get(group).map_or(&[][..], Vec::as_slice);
            assert_eq!(codes(heard), told(world, wanted), "{}", session.name);
        }
        for more in session.everything().await {
            assert!(
                more.get("channel_presence_event").is_some(),
                "{}: {more}",
                session.name
            );
        }
    }
}
