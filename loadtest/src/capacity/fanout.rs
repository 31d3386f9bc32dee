//! How fast one room is told what is said in it: messages that are not stored, each sent by another member.

mod room;

use std::{error::Error, rc::Rc, time::Duration};

use banter_client::{Connection, Disconnected};
use banter_protocol::Message;
use clap::Args;
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use self::room::{Outcome, Room};
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
    run::{Findings, Run},
    stage::{self, Plan, Stage, StageError},
};

/// How fast one room is told what is said in it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Sessions in the room
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    members: u32,

    /// How long messages are sent, in seconds
    #[arg(long, default_value = "5", value_parser = seconds)]
    seconds: Duration,

    /// Messages sent each second, whether those before have arrived or not
    #[arg(long, conflicts_with = "window", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,

    /// Messages on their way at once: the next is sent when all members have one of them
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=4096))]
    window: u32,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Checks it.
pub(crate) async fn run(options: &Options) -> Result<Run, StageError> {
    let pace = match options.rate {
        Some(rate) => ("rate", format!("{} messages/s", figure::count(rate.into()))),
        None => (
            "window",
            format!("{} messages; {CLOSED_LOOP}", options.window),
        ),
    };
    let plan = Plan {
        name: "fanout",
        setting: vec![("members", figure::count(options.members.into())), pace],
        connections: options.members as usize,
        expected: None,
        server_settings: Vec::new(),
    };
    stage::run(plan, &options.common, async |stage| {
        check(stage, options).await
    })
    .await
}

async fn check(stage: &Stage, options: &Options) -> Result<Findings, Box<dyn Error>> {
    let members = options.members as usize;
    let people = crowd::sign_in(stage, members).await?;
    let connections = crowd::connect(stage, &people).await?;
    stage.measure.begin_phase("join");
    let name = crowd::unique_name();
    let joining = connections.into_iter().map(|mut connection| {
        let name = name.clone();
        async move {
            let channel = crowd::join(&mut connection, &name, Persistence::NotStored).await?;
            Ok((connection, channel.id))
        }
    });
    let joined = crowd::some_at_once(joining).await?;

    let room = Rc::new(Room::new(members, stage));
    let mut tasks = JoinSet::new();
    let mut senders = Vec::new();
    for (number, (connection, channel_id)) in joined.into_iter().enumerate() {
        // One at a time: the next turn of this member is after that of all others.
        let (sender, orders) = mpsc::channel(options.window as usize);
        senders.push(sender);
        let member = Member {
            number,
            connection,
            channel_id,
            reader: Reader::default(),
        };
        tasks.spawn_local(member.take_part(Rc::clone(&room), orders));
    }
    stage.measure.begin_phase("chat");
    let spell = Spell::begin(stage);
    let talking = async {
        room.talk(options, &senders).await;
        // All that was sent is to arrive.
        timeout(PATIENCE, room.all_arrived()).await.is_ok()
    };
    let cut_off = tokio::select! {
        _ = talking => None,
        Some(ended) = tasks.join_next() => Some(ended?),
    };
    let spent = spell.end(stage);
    if cut_off.is_none() {
        room.find_lost();
    }
    if let Some((member, ended)) = cut_off {
        let violation = format!("cut off: member {member}: {}", with_causes(&ended));
        stage.violations.add(violation);
    }
    let Outcome { sent, delivered } = room.outcome();
    Ok(Findings {
        figures: vec![
            (
                "deliveries per second".into(),
                figure::rate(delivered, spent.time),
            ),
            ("messages per second".into(), figure::rate(sent, spent.time)),
            (
                "server CPU per delivery, chat only".into(),
                spent.cpu_each(delivered),
            ),
        ],
        summary: vec![format!(
            "checked that each of {members} members gets each of {} messages once, all in one order",
            figure::count(sent)
        )],
    })
}

/// One of them.
struct Member {
    number: usize,
    connection: Connection,
    channel_id: String,
    reader: Reader,
}

impl Member {
    /// Sends what it is told to and reads what comes, until it is cut off.
    async fn take_part(
        mut self,
        room: Rc<Room>,
        mut orders: mpsc::Receiver<u64>,
    ) -> (usize, Disconnected) {
        loop {
            let done = tokio::select! {
                received = self.connection.next() => received.map(|envelope| match envelope.message {
                    Some(Message::ChannelMessage(message)) => {
                        room.delivered(self.number, &mut self.reader, &message.content);
                    }
                    Some(Message::ChannelMessageAck(_)) => room.acked(&envelope.cid),
                    Some(Message::Error(error)) => room.refused(&envelope.cid, &error.message),
                    _ => {}
                }),
                Some(turn) = orders.recv() => {
                    room.measure.sent();
                    self.connection.send(&send_request(&self.channel_id, turn)).await
                }
            };
            if let Err(ended) = done {
                room.measure.disconnected();
                return (self.number, ended);
            }
        }
    }
}
