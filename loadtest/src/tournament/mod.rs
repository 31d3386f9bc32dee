//! A tournament: hundreds or thousands of players who chat as games do, and a referee who checks what the server
//! promises them.
//!
//! [`plan`] decides everything beforehand; [`player`] does it; [`referee`] judges it; [`game`] is what players share,
//! [`steps`] what they did of the plan, [`closing`] the end. One thread, one task for each player, no locks.

mod closing;
mod game;
mod history;
mod plan;
mod player;
mod referee;
mod steps;

use std::{rc::Rc, time::Duration};

use banter_client::{ApiError, ConnectError, UrlError};
use tokio::{
    task::{JoinError, JoinSet},
    time::{sleep_until, timeout},
};

use self::{
    game::{Game, Stage},
    plan::{Channel, Plan, PlayerId},
    player::Player,
};
use crate::{measure::Measure, target::Target};

/// Longest time for players to close their connections.
const GOING_HOME: Duration = Duration::from_secs(5);

/// How a tournament is played.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// How many take part.
    pub(crate) players: usize,
    /// How long it lasts.
    pub(crate) duration: Duration,
    /// What all chance comes from.
    pub(crate) seed: u64,
}

/// How a tournament went.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Broken promises, in the order in which they were found; at most some thousand.
    pub(crate) violations: Vec<String>,
    /// How many more there were.
    pub(crate) more: u64,
    /// What was played and checked.
    pub(crate) summary: Vec<String>,
}

/// Why there was no tournament.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TournamentError {
    #[error("the server's address is not one")]
    Url(#[from] UrlError),
    #[error("nobody can sign in")]
    SignIn(#[from] ApiError),
    #[error("nobody can connect")]
    Connect(#[from] ConnectError),
    #[error("a player broke down")]
    Player(#[from] JoinError),
}

/// Plays one, in the `LocalSet` of the caller. What players see of the server's faults is in the outcome, not an error.
pub(crate) async fn run(
    target: &Target,
    options: &Options,
    measure: &Rc<Measure>,
) -> Result<Outcome, TournamentError> {
    let plan = Plan::new(options.seed, options.players, options.duration);
    let mut game = Game::new(plan, target, measure)?;
    game.try_server().await?;
    game.begin();
    let game = Rc::new(game);
    play(&game).await?;
    let referee = game.referee.borrow();
    Ok(Outcome {
        violations: referee.told().collect(),
        more: referee.count() - referee.violations().len() as u64,
        summary: summary(&game),
    })
}

async fn play(game: &Rc<Game>) -> Result<(), JoinError> {
    let mut tasks = JoinSet::new();
    for player in (0..game.plan.scripts.len() as u32).map(PlayerId) {
        tasks.spawn_local(Player::new(game, player).play());
    }
    let phases = tokio::task::spawn_local(announce_phases(game.clone()));
    phases.await?;
    closing::close(game).await;
    game.stage.send_replace(Stage::Over);
    let all_home = async {
        while let Some(player) = tasks.join_next().await {
            player?;
        }
        Ok(())
    };
    // Who still waits for a call waits for nothing.
    let home = timeout(GOING_HOME, all_home).await;
    tasks.shutdown().await;
    home.unwrap_or(Ok(()))
}

/// Tells the measure in which part of the plan we are, until its end.
async fn announce_phases(game: Rc<Game>) {
    for (name, span) in game.plan.timeline.phases() {
        sleep_until(game.began + span.begins).await;
        game.measure.begin_phase(name);
    }
    sleep_until(game.began + game.plan.timeline.closing.ends).await;
}

fn summary(game: &Game) -> Vec<String> {
    let referee = game.referee.borrow();
    let (channels, messages, stays) = referee.size();
    let plan = &game.plan;
    let talks = plan
        .channels
        .iter()
        .filter(|channel| matches!(channel, Channel::Direct(..)));
    vec![
        format!(
            "{} players in {} teams, {} rounds and a final, {} direct talks, in {:.0?}",
            plan.scripts.len(),
            plan.teams.len(),
            plan.timeline.rounds.len(),
            talks.count(),
            plan.timeline.closing.ends
        ),
        plan.rates.to_string(),
        format!("planned: {}", plan.tally()),
        format!("done: {}", game.steps.borrow()),
        format!(
            "checked: {messages} messages in {channels} channels, {} deliveries and presence events to {stays} stays",
            game.received.get()
        ),
    ]
}
