//! Thousands of random deeds, one at a time, beside a model that says what lists and notifications have to be.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::{Client, DONE, Dice, Person, Server, id_of, senders, settings};

const PEOPLE: usize = 6;
const STEPS: usize = 1500;
/// Steps between comparisons of what everybody was told.
const STRIDE: usize = 60;

/// What somebody is told.
struct Note {
    code: i64,
    from: usize,
    read: bool,
}

/// What has to be, by person.
struct World {
    people: Vec<Person>,
    /// The state of each entry, and its age.
    lists: Vec<BTreeMap<usize, (u8, usize)>>,
    /// What is kept.
    notes: Vec<Vec<Note>>,
    /// Code and sender of what was pushed.
    pushed: Vec<Vec<(i64, usize)>>,
}

impl World {
    fn state(&self, of: usize, about: usize) -> Option<u8> {
        self.lists[of].get(&about).map(|(state, _)| *state)
    }

    fn set(&mut self, of: usize, about: usize, state: u8, since: usize) {
        self.lists[of].insert(about, (state, since));
    }

    fn act(&mut self, who: usize, verb: &str, other: usize, now: usize) {
        let (mine, theirs) = (self.state(who, other), self.state(other, who));
        // Since the first of what the other is to the one who acts.
        let since = self.lists[who].get(&other).map_or(now, |(_, since)| *since);
        let notice = match (verb, mine, theirs) {
            ("add", None, None) => {
                self.set(who, other, 1, since);
                self.set(other, who, 2, since);
                Some(-2)
            }
            ("add", Some(2), _) => {
                self.set(who, other, 0, since);
                self.set(other, who, 0, since);
                Some(-3)
            }
            ("delete", Some(3), _) => {
                self.lists[who].remove(&other);
                None
            }
            ("delete", Some(_), _) => {
                self.lists[who].remove(&other);
                self.lists[other].remove(&who);
                Some(-9)
            }
            ("block", state, theirs) if state != Some(3) => {
                self.set(who, other, 3, since);
                if theirs != Some(3) {
                    self.lists[other].remove(&who);
                }
                None
            }
            _ => None,
        };
        if verb == "block" {
            self.notes[who].retain(|note| (note.code, note.from) != (-2, other));
        }
        if let Some(code) = notice {
            // What has not been read makes room for the same news.
            let same = |note: &Note| !note.read && (note.code, note.from) == (code, who);
            self.notes[other].retain(|note| !same(note));
            self.notes[other].push(Note {
                code,
                from: who,
                read: false,
            });
            self.pushed[other].push((code, who));
        }
    }

    fn unread(&self, who: usize) -> usize {
        self.notes[who].iter().filter(|note| !note.read).count()
    }

    /// Notes by the ids of their senders, in an order of their own: a deed about several is told in any.
    fn by_id(&self, notes: impl Iterator<Item = (i64, usize)>) -> Vec<(i64, &str)> {
        let id = |(code, from): (i64, usize)| (code, self.people[from].id.as_str());
        let mut notes: Vec<(i64, &str)> = notes.map(id).collect();
        notes.sort_unstable();
        notes
    }

    /// The list of somebody, in its order; those of the same deed in any.
    fn listed(&self, of: usize) -> Vec<(u8, usize, BTreeSet<&str>)> {
        let mut groups: BTreeMap<(u8, usize), BTreeSet<&str>> = BTreeMap::new();
        for (about, (state, since)) in &self.lists[of] {
            let same = groups.entry((*state, *since)).or_default();
            same.insert(&self.people[*about].name);
        }
        groups
            .into_iter()
            .map(|((state, since), who)| (state, since, who))
            .collect()
    }
}

#[actix_web::test]
async fn each_deed_leads_to_what_the_rules_say() {
    let mut dice = Dice::new();
    let mut server = Server::start().await;
    let people = server.crowd("user", PEOPLE).await;
    let mut world = World {
        people,
        lists: vec![BTreeMap::new(); PEOPLE],
        notes: (0..PEOPLE).map(|_| Vec::new()).collect(),
        pushed: vec![Vec::new(); PEOPLE],
    };
    let mut sessions = open(&server, &world).await;
    let mut heard = vec![Vec::new(); PEOPLE];
    for step in 0..STEPS {
        let who = dice.roll(PEOPLE);
        let verb = dice.pick(&["add", "add", "add", "add", "delete", "delete", "block"]);
        let others: BTreeSet<usize> = (0..=dice.roll(3))
            .map(|_| dice.roll(PEOPLE))
            .filter(|other| *other != who)
            .collect();
        let named: Vec<&Person> = others.iter().map(|n| &world.people[*n]).collect();
        let caller = world.people[who].clone();
        let what = format!("step {step}: {verb} {others:?} by {who}");
        assert_eq!(server.befriend(&caller, verb, &named).await, DONE, "{what}");
        for other in &others {
            world.act(who, verb, *other, step);
        }
        if dice.roll(20) == 0 {
            let reader = dice.roll(PEOPLE);
            assert_eq!(server.mark_all_read(&world.people[reader]).await, 0);
            for note in &mut world.notes[reader] {
                note.read = true;
            }
        }
        for n in others.into_iter().chain([who]) {
            check_list(&server, &world, n, &what).await;
        }
        if step % STRIDE == STRIDE - 1 {
            check_notes(&server, &mut world, &mut sessions, &mut heard).await;
        }
        if step == STEPS / 2 {
            check_notes(&server, &mut world, &mut sessions, &mut heard).await;
            drop(sessions);
            server = server.restart(settings()).await;
            sessions = open(&server, &world).await;
            for n in 0..PEOPLE {
                check_list(&server, &world, n, "after a restart").await;
            }
        }
    }
    check_notes(&server, &mut world, &mut sessions, &mut heard).await;
    let all: usize = heard.iter().map(Vec::len).sum();
    println!("{all} notifications");
    assert!(all > STEPS / 10, "too little has happened: {all}");
    server.stop().await;
}

async fn open(server: &Server, world: &World) -> Vec<Client> {
    let mut sessions = Vec::new();
    for person in &world.people {
        sessions.push(server.socket(person).await);
    }
    sessions
}

async fn check_list(server: &Server, world: &World, of: usize, what: &str) {
    let entries = server.friends(&world.people[of]).await;
    let mut entries = entries.iter().map(|e| {
        let state = u8::try_from(e["state"].as_u64().unwrap()).unwrap();
        (state, e["user"]["username"].as_str().unwrap())
    });
    for (state, _, same) in world.listed(of) {
        let found: Vec<(u8, &str)> = entries.by_ref().take(same.len()).collect();
        let names: BTreeSet<&str> = found.iter().map(|(_, name)| *name).collect();
        assert!(found.iter().all(|(s, _)| *s == state), "{what}: {found:?}");
        assert_eq!(names, same, "{what}: the list of {of}");
    }
    assert_eq!(entries.next(), None, "{what}: the list of {of}");
}

/// Everybody was told what they had to be, live and for later; it is deleted then.
async fn check_notes(
    server: &Server,
    world: &mut World,
    sessions: &mut [Client],
    heard: &mut [Vec<(i64, usize)>],
) {
    for (who, session) in sessions.iter_mut().enumerate() {
        let person = &world.people[who];
        assert_eq!(server.unread(person).await, world.unread(who));
        let listed = server.notifications(person).await;
        let mut found = senders(&listed);
        found.sort_unstable();
        let kept = world.notes[who].iter().map(|note| (note.code, note.from));
        assert_eq!(found, world.by_id(kept), "{}", person.name);
        let live = session.notified(world.pushed[who].len()).await;
        let mut found = senders(&live);
        found.sort_unstable();
        let pushed = world.pushed[who].iter().copied();
        assert_eq!(found, world.by_id(pushed), "{}", person.name);
        let still_listed = live.into_iter().filter(|note| listed.contains(note));
        assert_eq!(still_listed.collect::<Vec<_>>(), listed, "the same order");
        let ids: Vec<String> = listed.iter().map(id_of).collect();
        server.forget(person, &ids).await;
        world.notes[who].clear();
        heard[who].append(&mut world.pushed[who]);
        assert_eq!(server.unread(person).await, 0);
    }
}
