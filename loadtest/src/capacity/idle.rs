//! What connections cost that do nothing: memory while they stand and after they have closed, and the CPU to
//! open one.

use std::{cell::Cell, error::Error, rc::Rc, time::Duration};

use banter_client::{Connection, Envelope};
use banter_protocol::{Message, Ping};
use clap::Args;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    CheckError, PATIENCE,
    crowd::{self, Persistence},
    spell::Spell,
};
use crate::{
    causes::with_causes,
    command::{Common, seconds},
    figure,
    run::{Findings, Run},
    stage::{self, Plan, Stage, StageError},
};

/// What connections cost that do nothing.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many, each of another user
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    connections: u32,

    /// Lets all of them into one room
    #[arg(long)]
    join_room: bool,

    /// How long they stand, and as long again is waited when they have closed, in seconds
    #[arg(long, default_value = "5", value_parser = seconds)]
    seconds: Duration,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Checks it.
pub(crate) async fn run(options: &Options) -> Result<Run, StageError> {
    let joined = if options.join_room {
        "one for all"
    } else {
        "none"
    };
    let plan = Plan {
        name: "idle",
        setting: vec![
            ("connections", figure::count(options.connections.into())),
            ("room", joined.to_owned()),
        ],
        connections: options.connections as usize,
        expected: None,
        server_settings: Vec::new(),
    };
    stage::run(plan, &options.common, async |stage| {
        check(stage, options).await
    })
    .await
}

/// What all connections are told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Stay,
    Ping,
    Leave,
}

async fn check(stage: &Stage, options: &Options) -> Result<Findings, Box<dyn Error>> {
    let count = u64::from(options.connections);
    let people = crowd::sign_in(stage, options.connections as usize).await?;
    // The connections that signed in are the server's to forget.
    sleep(Duration::from_secs(1)).await;
    let before = stage.server_usage();
    let spell = Spell::begin(stage);
    let connections = crowd::connect(stage, &people).await?;
    let connecting = spell.end(stage);

    let (orders, order) = watch::channel(Order::Stay);
    let answers = Rc::new(Cell::new(0_u64));
    let mut tasks = JoinSet::new();
    let room = options.join_room.then(crowd::unique_name);
    if room.is_some() {
        stage.measure.begin_phase("join");
    }
    for connection in connections {
        let join = (room.as_deref()).map(|room| crowd::join_request(room, Persistence::Stored));
        tasks.spawn_local(stand(connection, order.clone(), Rc::clone(&answers), join));
    }
    if room.is_some() {
        reached(&answers, count).await;
    }
    let joined = answers.replace(0);
    stage.measure.begin_phase("stand");
    sleep(options.seconds).await;
    let standing = stage.server_usage();
    orders.send_replace(Order::Ping);
    reached(&answers, count).await;
    let answered = answers.get();

    stage.measure.begin_phase("close");
    orders.send_replace(Order::Leave);
    while let Some(done) = tasks.join_next().await {
        stage.measure.disconnected();
        if let Err(error) = done? {
            stage
                .violations
                .add(format!("cut off: {}", with_causes(&error)));
        }
    }
    if room.is_some() && joined < count {
        stage.violations.add(format!(
            "lost: {} of {count} joins were not answered",
            count - joined
        ));
    }
    if answered < count {
        stage.violations.add(format!(
            "lost: {} of {count} pings were not answered",
            count - answered
        ));
    }
    stage.measure.begin_phase("after");
    sleep(options.seconds).await;
    let after = stage.server_usage();
    let memory = |usage: Option<crate::process::Usage>| {
        usage.map_or_else(|| "unknown".into(), |usage| figure::bytes(usage.rss_bytes))
    };
    let each = before.zip(standing).map(|(before, standing)| {
        let grown = standing.rss_bytes.saturating_sub(before.rss_bytes);
        figure::bytes(grown / count)
    });
    Ok(Findings {
        figures: vec![
            ("server memory before".into(), memory(before)),
            ("server memory while they stand".into(), memory(standing)),
            (
                "for each connection".into(),
                each.unwrap_or_else(|| "unknown".into()),
            ),
            ("server memory after they closed".into(), memory(after)),
            ("server CPU per connect".into(), connecting.cpu_each(count)),
            (
                "connects per second".into(),
                figure::rate(count, connecting.time),
            ),
        ],
        summary: vec![format!(
            "checked that all {} connections stand until the end and answer a ping",
            figure::count(count)
        )],
    })
}

/// Waits until so many have answered, but not for ever.
async fn reached(answers: &Cell<u64>, count: u64) {
    let waiting = async {
        while answers.get() < count {
            sleep(Duration::from_millis(20)).await;
        }
    };
    // Those who do not answer are counted.
    let _ = timeout(PATIENCE, waiting).await;
}

/// Joins if it is to, reads what comes, and does what it is told, until it is told to leave. Counts the answer to its join and that to
/// its ping.
async fn stand(
    mut connection: Connection,
    mut orders: watch::Receiver<Order>,
    answers: Rc<Cell<u64>>,
    join: Option<Envelope>,
) -> Result<(), CheckError> {
    let mut awaits_join = join.is_some();
    if let Some(join) = join {
        connection.send(&join).await?;
    }
    let mut awaits_pong = false;
    loop {
        tokio::select! {
            envelope = connection.next() => match envelope?.message {
                Some(Message::Channel(_)) if awaits_join => {
                    awaits_join = false;
                    answers.set(answers.get() + 1);
                }
                Some(Message::Pong(_)) if awaits_pong => {
                    awaits_pong = false;
                    answers.set(answers.get() + 1);
                }
                Some(Message::Error(error)) => {
                    let (code, message) = (error.code, error.message);
                    return Err(CheckError::Refused { code, message });
                }
                _ => {}
            },
            changed = orders.changed() => {
                let order = *orders.borrow_and_update();
                if changed.is_err() || order == Order::Leave {
                    // As most clients go: without a word.
                    return Ok(());
                }
                if order == Order::Ping {
                    awaits_pong = true;
                    let ping = Envelope { cid: "ping".into(), message: Some(Message::Ping(Ping {})) };
                    connection.send(&ping).await?;
                }
            }
        }
    }
}
