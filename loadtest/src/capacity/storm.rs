//! What it takes when many join a room at once: until each of them knows of all the others.

use std::{
    cell::RefCell,
    collections::HashMap,
    error::Error,
    rc::Rc,
    time::{Duration, Instant},
};

use banter_client::{Connection, Disconnected};
use banter_protocol::{Message, UserPresence};
use clap::Args;
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    PATIENCE,
    crowd::{self, Persistence},
    spell::Spell,
};
use crate::{
    causes::with_causes,
    command::Common,
    figure,
    measure::Measure,
    run::{Findings, Run},
    stage::{self, Plan, Stage, StageError},
    violations::Violations,
};

/// Commands that may wait for one channel, in a server's default settings.
const CHANNEL_MAILBOX: u32 = 4096;
/// How long somebody who is refused waits before asking again.
const RETRY: Duration = Duration::from_millis(100);

/// What it takes when many join a room at once.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Sessions that join
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..=50_000))]
    members: u32,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Checks it.
pub(crate) async fn run(options: &Options) -> Result<Run, StageError> {
    let mut server_settings = Vec::new();
    if options.members > CHANNEL_MAILBOX {
        server_settings = vec!["--channel-mailbox".to_owned(), options.members.to_string()];
    }
    let plan = Plan {
        name: "storm",
        setting: vec![("members", figure::count(options.members.into()))],
        connections: options.members as usize,
        expected: None,
        server_settings,
    };
    stage::run(plan, &options.common, async |stage| {
        check(stage, options).await
    })
    .await
}

async fn check(stage: &Stage, options: &Options) -> Result<Findings, Box<dyn Error>> {
    let count = options.members as usize;
    let people = crowd::sign_in(stage, count).await?;
    let connections = crowd::connect(stage, &people).await?;
    let users = people.iter().enumerate();
    let room = Rc::new(Room {
        name: crowd::unique_name(),
        measure: Rc::clone(&stage.measure),
        violations: Rc::clone(&stage.violations),
        users: users
            .map(|(number, person)| (person.session.user_id.clone(), number))
            .collect(),
        state: RefCell::default(),
        changed: Notify::new(),
    });
    stage.measure.begin_phase("storm");
    let spell = Spell::begin(stage);
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, connection) in connections.into_iter().enumerate() {
        let member = Member {
            number,
            connection,
            knows: Known::of(count),
        };
        tasks.spawn_local(member.take_part(Rc::clone(&room), began));
    }
    let complete = timeout(PATIENCE, room.all_know(count));
    let cut_off = tokio::select! {
        _ = complete => None,
        Some(ended) = tasks.join_next() => Some(ended?),
    };
    let spent = spell.end(stage);
    let state = room.state.take();
    if let Some((member, ended)) = cut_off {
        let violation = format!("cut off: member {member}: {}", with_causes(&ended));
        stage.violations.add(violation);
    } else if state.complete < count {
        let ignorant = count - state.complete;
        let violation = format!("lost: {ignorant} of {count} members do not know all others");
        stage.violations.add(violation);
    }
    let all = match state.complete < count {
        true => figure::none(),
        false => figure::time(state.last.saturating_duration_since(began)),
    };
    let frames = state.frames as f64 / count as f64;
    Ok(Findings {
        figures: vec![
            ("until all know all".into(), all),
            ("presence events per member".into(), format!("{frames:.1}")),
            ("server CPU per join".into(), spent.cpu_each(count as u64)),
        ],
        summary: vec![format!(
            "checked that each of {count} members is told of each other one, and of nobody who left"
        )],
    })
}

/// What all members share.
struct Room {
    name: String,
    measure: Rc<Measure>,
    violations: Rc<Violations>,
    /// Numbers of the members by their user ids.
    users: HashMap<String, usize>,
    state: RefCell<State>,
    changed: Notify,
}

struct State {
    /// Members who know of all.
    complete: usize,
    /// When the last of them came to know.
    last: Instant,
    /// Presence events that all members got until then.
    frames: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            complete: 0,
            last: Instant::now(),
            frames: 0,
        }
    }
}

/// Somebody who joins.
struct Member {
    number: usize,
    connection: Connection,
    /// Whom it has been told of.
    knows: Known,
}

/// Which of the members are known, in a bit for each: there are as many of these as members.
struct Known {
    bits: Box<[u64]>,
    missing: usize,
}

impl Known {
    /// None of so many.
    fn of(members: usize) -> Self {
        Self {
            bits: vec![0; members.div_ceil(64)].into(),
            missing: members,
        }
    }

    /// This one is known, whether or not it was before.
    fn add(&mut self, member: usize) {
        let (word, bit) = (&mut self.bits[member / 64], 1 << (member % 64));
        if *word & bit == 0 {
            *word |= bit;
            self.missing -= 1;
        }
    }

    fn all(&self) -> bool {
        self.missing == 0
    }
}

impl Room {
    async fn all_know(&self, members: usize) {
        while self.state.borrow().complete < members {
            self.changed.notified().await;
        }
    }
}

impl Member {
    /// Joins and reads what comes, until it is cut off.
    async fn take_part(mut self, room: Rc<Room>, planned: Instant) -> (usize, Disconnected) {
        let request = crowd::join_request(&room.name, Persistence::Stored);
        let mut done = self.connection.send(&request).await;
        loop {
            let envelope = match done {
                Ok(()) => self.connection.next().await,
                Err(ended) => Err(ended),
            };
            done = match envelope {
                Err(ended) => {
                    room.measure.disconnected();
                    return (self.number, ended);
                }
                Ok(envelope) => match envelope.message {
                    Some(Message::Error(error)) => {
                        room.measure.refused(&error.message);
                        sleep(RETRY).await;
                        self.connection.send(&request).await
                    }
                    Some(message) => {
                        self.hear(&room, &message, planned);
                        Ok(())
                    }
                    None => Ok(()),
                },
            };
        }
    }

    fn hear(&mut self, room: &Room, message: &Message, planned: Instant) {
        match message {
            Message::Channel(channel) => {
                room.measure.joined(planned.elapsed());
                let me = channel.self_.iter();
                self.learn(room, me.chain(&channel.presences));
            }
            Message::ChannelPresenceEvent(event) => {
                room.state.borrow_mut().frames += 1;
                self.learn(room, event.joins.iter());
                if let Some(left) = event.leaves.first() {
                    let (number, name) = (self.number, &left.username);
                    let violation = format!("strange: member {number} heard that {name} left");
                    room.violations.add(violation);
                }
            }
            _ => {}
        }
    }

    fn learn<'a>(&mut self, room: &Room, presences: impl Iterator<Item = &'a UserPresence>) {
        if self.knows.all() {
            return;
        }
        for presence in presences {
            match room.users.get(&presence.user_id) {
                Some(&user) => self.knows.add(user),
                None => {
                    let violation = format!("strange: {} is in the room", presence.username);
                    room.violations.add(violation);
                }
            }
        }
        if self.knows.all() {
            let mut state = room.state.borrow_mut();
            state.complete += 1;
            state.last = Instant::now();
            room.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_known_when_each_is() {
        let mut known = Known::of(130);
        for member in (0..130).rev().chain(1..130).filter(|member| *member != 64) {
            known.add(member);
        }
        assert!(!known.all());
        known.add(64);
        assert!(known.all());
    }
}
