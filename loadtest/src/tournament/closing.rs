//! The end of a tournament: everything is answered, everybody has heard everything, and the histories are read.
//!
//! A slow server is waited for as long as anything goes on; then what is missing is missing.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use banter_client::HistoryQuery;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    game::{Game, Stage},
    history::{heard, page},
    plan::{Channel, ChannelNo, PlayerId},
    player::Asked,
    referee::{Docket, Violation},
};
use crate::causes::with_causes;

/// When nothing was done, answered or delivered for so long, nothing will be.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longest time that all of it may take.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// How often to look whether scripts are at their end and everything is answered.
const LOOK: Duration = Duration::from_millis(20);

/// How often to look whether everything was heard, which costs more. Nothing may come meanwhile.
const QUIET: Duration = Duration::from_millis(500);

/// Histories that are read at the same time.
const READERS: usize = 16;

/// After so many histories that cannot be read no others are tried.
const HOPELESS: usize = 5;

/// Waits until all has come to rest and judges it. Players are still connected after it.
pub(crate) async fn close(game: &Rc<Game>) {
    if timeout(LONGEST, settle_and_judge(game)).await.is_err() {
        game.report(Violation::Endless { longest: LONGEST });
    }
}

async fn settle_and_judge(game: &Rc<Game>) {
    wait(game, LOOK, || game.unfinished.borrow().is_empty()).await;
    stop_scripts(game);
    wait(game, LOOK, || {
        game.unsettled.borrow().is_empty() && game.reading.get() == 0
    })
    .await;
    judge_answers(game);
    rest(game).await;
    game.referee.borrow_mut().judge_presences();
    judge_steps(game);
    read_histories(game).await;
}

/// Waits until something is so, or nothing has gone on for too long.
async fn wait(game: &Game, look: Duration, is_so: impl Fn() -> bool) {
    let (mut progress, mut since) = (game.progress.get(), Instant::now());
    while !is_so() && since.elapsed() < PATIENCE {
        sleep(look).await;
        if game.progress.get() != progress {
            (progress, since) = (game.progress.get(), Instant::now());
        }
    }
}

/// Nobody begins anything any more.
fn stop_scripts(game: &Game) {
    game.stage.send_replace(Stage::Settling);
    let unfinished = game.unfinished.borrow();
    for player in unfinished.iter() {
        game.steps.borrow_mut().hinder(*player);
    }
    if let Some(first) = unfinished.first() {
        game.report(Violation::Unfinished {
            players: unfinished.len(),
            first: *first,
        });
    }
}

/// Reports what was never answered, and who has not settled.
fn judge_answers(game: &Game) {
    let unsettled = game.unsettled.borrow();
    let mut referee = game.referee.borrow_mut();
    referee.judge_answers();
    for (number, asked) in (0..).zip(&game.asked) {
        let player = PlayerId(number);
        for (_, asked) in asked.borrow().iter() {
            // The referee knows of messages and joins; whoever waits for the last pong is unsettled.
            if let (Asked::Leave(_) | Asked::Blocked(_), Some((what, channel))) =
                (asked, asked.about())
            {
                referee.report_unanswered(player, channel, what);
            }
        }
    }
    if let Some(first) = unsettled.first() {
        referee.report(Violation::Unsettled {
            players: unsettled.len(),
            first: *first,
        });
    }
    for player in unsettled.iter() {
        referee.unsettled(*player);
    }
}

/// Waits until everybody has heard everything and sees who is there, and nothing comes any more.
async fn rest(game: &Game) {
    let received = Cell::new(u64::MAX);
    wait(game, QUIET, || {
        let before = received.replace(game.received.get());
        let referee = game.referee.borrow();
        before == received.get() && referee.heard_all() && referee.sees_right()
    })
    .await;
}

/// Reports steps that were not taken for no reason that was reported.
fn judge_steps(game: &Game) {
    for (why, (steps, first)) in game.steps.borrow().unexplained(&game.plan) {
        let first = format!("{:?} of {}", first.action, first.player);
        game.report(Violation::Skipped { steps, why, first });
    }
}

/// Reads the whole history of each channel and judges it.
async fn read_histories(game: &Rc<Game>) {
    let docket = Rc::new(game.referee.borrow().docket());
    let left = (0..game.plan.channels.len() as u32).map(ChannelNo);
    let left = Rc::new(RefCell::new(left));
    let unread = Rc::new(RefCell::new(Vec::new()));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (game, docket) = (game.clone(), docket.clone());
        let (left, unread) = (left.clone(), unread.clone());
        readers.spawn_local(async move {
            while unread.borrow().len() < HOPELESS {
                let next = left.borrow_mut().next();
                let Some(channel) = next else { break };
                if let Err(why) = judge(&game, channel, &docket).await {
                    unread.borrow_mut().push((channel, why));
                }
            }
        });
    }
    while let Some(read) = readers.join_next().await {
        if let Err(error) = read {
            let why = with_causes(&error);
            let channel = "some channel".to_owned();
            game.report(Violation::HistoryUnread { channel, why });
        }
    }
    let (unread, left) = (unread.borrow(), left.borrow().len());
    if let Some((_, why)) = unread.first().filter(|_| unread.len() >= HOPELESS) {
        let (histories, why) = (unread.len() + left, why.clone());
        return game.report(Violation::HistoriesUnread { histories, why });
    }
    for (channel, why) in unread.iter() {
        let (channel, why) = (game.referee.borrow().name(*channel), why.clone());
        game.report(Violation::HistoryUnread { channel, why });
    }
}

/// Why the history cannot be read, if it cannot. What nobody could use has none.
async fn judge(game: &Game, channel: ChannelNo, docket: &Docket) -> Result<(), String> {
    if game.channel_id(channel).is_none() || docket.is_empty(channel) {
        return Ok(());
    }
    let reader = reader(game, channel);
    let mut query = HistoryQuery::oldest();
    let mut history = Vec::new();
    loop {
        let (messages, next) = page(game, reader, channel, &query).await?;
        let mut referee = game.referee.borrow_mut();
        referee.read_history(reader, channel, messages.iter().map(heard), &mut history);
        query.cursor = next;
        if query.cursor.is_none() {
            referee.judge_channel(channel, docket, &history);
            return Ok(());
        }
    }
}

/// Somebody who may read the channel's history.
fn reader(game: &Game, channel: ChannelNo) -> PlayerId {
    match &game.plan.channels[channel.index()] {
        // The announcer may lack a session like everybody else; then somebody has one.
        Channel::Room(_) => (0..game.plan.scripts.len() as u32)
            .map(PlayerId)
            .find(|player| game.session(*player).is_some())
            .unwrap_or(PlayerId(0)),
        Channel::Team(team) => game.plan.teams[*team as usize][0],
        Channel::Direct(one, _) => *one,
    }
}
