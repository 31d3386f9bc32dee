//! How fast messages are stored: each sender has a few unconfirmed ones at a time, and in the end the histories are
//! read.

mod room;

use std::{
    collections::HashSet,
    error::Error,
    rc::Rc,
    time::{Duration, Instant},
};

use banter_client::{Connection, Disconnected};
use banter_protocol::Message;
use clap::Args;
use tokio::{task::JoinSet, time::timeout_at};

use self::room::Room;
use super::{
    CLOSED_LOOP, PATIENCE,
    chatter::send_request,
    crowd::{self, Persistence},
    order::Reader,
    spell::Spell,
};
use crate::{
    causes::with_causes,
    command::{Common, seconds},
    figure,
    run::{Findings, NAKAMA_ORDER, Run},
    stage::{self, Plan, Stage, StageError},
};

/// How fast messages are stored.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Sessions that send
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    senders: u32,

    /// Rooms they are in, each sender in one
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rooms: u32,

    /// Messages of each sender that are not confirmed
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=4096))]
    window: u32,

    /// How long messages are sent, in seconds
    #[arg(long, default_value = "5", value_parser = seconds)]
    seconds: Duration,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Checks it.
pub(crate) async fn run(options: &Options) -> Result<Run, StageError> {
    let plan = Plan {
        name: "persist",
        setting: vec![
            ("senders", figure::count(options.senders.into())),
            ("rooms", figure::count(options.rooms.into())),
            (
                "window",
                format!("{} messages of each; {CLOSED_LOOP}", options.window),
            ),
        ],
        connections: options.senders as usize,
        expected: None,
        server_settings: Vec::new(),
    };
    stage::run(plan, &options.common, async |stage| {
        check(stage, options).await
    })
    .await
}

async fn check(stage: &Stage, options: &Options) -> Result<Findings, Box<dyn Error>> {
    let people = crowd::sign_in(stage, options.senders as usize).await?;
    let connections = crowd::connect(stage, &people).await?;
    stage.measure.begin_phase("join");
    let run = crowd::unique_name();
    let rooms = options.rooms.min(options.senders) as usize;
    let joining = connections
        .into_iter()
        .enumerate()
        .map(|(number, mut connection)| {
            let name = format!("{run}-{}", number % rooms);
            async move {
                let channel = crowd::join(&mut connection, &name, Persistence::Stored).await?;
                Ok((connection, channel.id))
            }
        });
    let joined = crowd::some_at_once(joining).await?;
    let rooms: Vec<_> = (joined.iter().take(rooms))
        .map(|(_, id)| Rc::new(Room::new(id.clone(), stage)))
        .collect();

    stage.measure.begin_phase("send");
    let spell = Spell::begin(stage);
    let end = Instant::now() + options.seconds;
    let mut tasks = JoinSet::new();
    for (number, (connection, _)) in joined.into_iter().enumerate() {
        let sender = Sender {
            number,
            connection,
            room: Rc::clone(&rooms[number % rooms.len()]),
            reader: Reader::default(),
            unanswered: HashSet::new(),
        };
        tasks.spawn_local(sender.send_all(options.window as usize, end));
    }
    let mut senders = Vec::new();
    while let Some(done) = tasks.join_next().await {
        match done? {
            (sender, None) => senders.push(sender),
            (sender, Some(why)) => sender.room.cut_off(sender.number, &why),
        }
    }
    let spent = spell.end(stage);
    stage.measure.begin_phase("read");
    // A sender that is ready may yet have to hear what others in its room have sent.
    let hearing = senders.into_iter().map(|sender| async move {
        sender.hear_the_rest().await;
        Ok(())
    });
    crowd::some_at_once(hearing).await?;
    let reading = rooms.iter().cloned().zip(people);
    let reading = reading.map(|(room, person)| async move {
        room.compare_history(&person).await;
        Ok(())
    });
    crowd::some_at_once(reading).await?;
    let acked = rooms.iter().map(|room| room.acks()).sum();
    let mut summary = vec![format!(
        "checked that the histories hold the {} confirmed messages once, in the order they were delivered",
        figure::count(acked)
    )];
    if options.common.url.is_some() {
        summary.push(NAKAMA_ORDER.to_owned());
    }
    Ok(Findings {
        figures: vec![
            ("acks per second".into(), figure::rate(acked, spent.time)),
            (
                "server CPU per ack, sending only".into(),
                spent.cpu_each(acked),
            ),
        ],
        summary,
    })
}

/// Somebody in it.
struct Sender {
    number: usize,
    connection: Connection,
    room: Rc<Room>,
    reader: Reader,
    /// Messages that were neither confirmed nor refused.
    unanswered: HashSet<u64>,
}

impl Sender {
    /// Sends until the end, and waits for all confirmations; tells what was wrong if that does not come to pass.
    async fn send_all(mut self, window: usize, end: Instant) -> (Self, Option<String>) {
        let patience = end + PATIENCE;
        loop {
            while self.unanswered.len() < window && Instant::now() < end {
                if let Err(ended) = self.send().await {
                    return self.ended(&ended);
                }
            }
            if self.unanswered.is_empty() {
                return (self, None);
            }
            match timeout_at(patience.into(), self.hear()).await {
                Ok(Ok(())) => {}
                Ok(Err(ended)) => return self.ended(&ended),
                Err(_) => {
                    let unanswered = self.unanswered.len();
                    for _ in 0..unanswered {
                        self.room.measure.failed("a send was not answered");
                    }
                    return (
                        self,
                        Some(format!("{unanswered} messages were not answered")),
                    );
                }
            }
        }
    }

    fn ended(self, why: &Disconnected) -> (Self, Option<String>) {
        self.room.measure.disconnected();
        (self, Some(with_causes(why)))
    }

    async fn send(&mut self) -> Result<(), Disconnected> {
        let message = self.room.plan();
        self.unanswered.insert(message);
        self.connection
            .send(&send_request(&self.room.id, message))
            .await
    }

    /// Takes one envelope.
    async fn hear(&mut self) -> Result<(), Disconnected> {
        let envelope = self.connection.next().await?;
        match envelope.message {
            Some(Message::ChannelMessage(message)) => {
                let (sender, reader) = (self.number, &mut self.reader);
                self.room.delivered(sender, reader, &message.content);
            }
            Some(Message::ChannelMessageAck(ack)) => {
                if let Some(message) = self.answered(&envelope.cid) {
                    self.room.acked(message, ack.message_id);
                }
            }
            Some(Message::Error(error)) => {
                self.answered(&envelope.cid);
                self.room.measure.refused(&error.message);
            }
            _ => {}
        }
        Ok(())
    }

    fn answered(&mut self, cid: &str) -> Option<u64> {
        self.unanswered.take(&cid.parse().ok()?)
    }

    /// Waits for what others in the room have sent.
    async fn hear_the_rest(mut self) {
        let patience = Instant::now() + PATIENCE;
        while self.room.has_more_for(&self.reader) {
            match timeout_at(patience.into(), self.hear()).await {
                Ok(Ok(())) => {}
                Ok(Err(ended)) => {
                    self.room.cut_off(self.number, &with_causes(&ended));
                    break;
                }
                Err(_) => {
                    self.room.lost(self.number, &self.reader);
                    break;
                }
            }
        }
        self.room.measure.disconnected();
    }
}
