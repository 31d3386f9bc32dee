//! A player: follows a script, on one socket at a time, and tells the referee everything.
//!
//! Steps are taken when they are due, whether earlier ones were answered or not; what is late because something
//! before it took long counts from when it was due all the same. Only REST calls are waited for, and the socket
//! is read meanwhile.

mod asking;
mod catching_up;
mod connecting;
mod evidence;
mod receiving;

use std::{cell::RefMut, future::pending, iter::Peekable, pin::pin, rc::Rc, time::Duration};

use banter_client::{Connection, Disconnected, Envelope};
use tokio::{select, time::sleep_until};

use super::{
    game::{Game, Stage},
    plan::{Action, ChannelNo, Manner, PlayerId, Step},
    referee::{Place, StayId},
    steps::Skipped,
};

/// See the module.
pub(crate) struct Player {
    game: Rc<Game>,
    id: PlayerId,
    connection: Option<Connection>,
    /// Where the connection is to be made again since it was lost, and not on purpose.
    rejoin: Option<Vec<(ChannelNo, Manner)>>,
    next_cid: u32,
    stays: Vec<Joined>,
    /// The last stored message heard in channels that were lost.
    known: Vec<(ChannelNo, Option<Place>)>,
    /// Channels that were joined on this connection.
    been_in: Vec<ChannelNo>,
    settling: Settling,
}

/// A channel that was joined, or asked to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joined {
    pub(crate) channel: ChannelNo,
    manner: Manner,
    stay: StayId,
}

/// What an answer is to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    /// A message, by its number, said in this stay unless a block has ended it.
    Say {
        number: u32,
        stay: Option<StayId>,
    },
    Join {
        joined: Joined,
        planned: Duration,
    },
    Leave(Joined),
    /// A ping after a block: what comes after its answer was sent after the block.
    Blocked(ChannelNo),
    /// The last ping.
    Settle,
}

impl Asked {
    /// What it is, and the channel; `None` for messages, which have numbers, and the last ping.
    pub(crate) fn about(&self) -> Option<(&'static str, ChannelNo)> {
        match self {
            Self::Say { .. } | Self::Settle => None,
            Self::Join { joined, .. } => Some(("a join", joined.channel)),
            Self::Leave(joined) => Some(("a leave", joined.channel)),
            Self::Blocked(channel) => Some(("a ping after a block", *channel)),
        }
    }
}

/// Whether all is answered in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settling {
    NotYet,
    /// Waits for answers.
    Begun,
    /// Waits for the last pong.
    Asked,
    Done,
}

impl Player {
    pub(crate) fn new(game: &Rc<Game>, id: PlayerId) -> Self {
        Self {
            game: game.clone(),
            id,
            connection: None,
            rejoin: None,
            next_cid: 0,
            stays: Vec::new(),
            known: Vec::new(),
            been_in: Vec::new(),
            settling: Settling::NotYet,
        }
    }

    /// Follows the script to its end, and stays until the tournament is over.
    pub(crate) async fn play(mut self) {
        let game = self.game.clone();
        let mut stage = game.stage.subscribe();
        let mut steps = game.plan.scripts[self.id.index()].iter().peekable();
        let mut alarm = pin!(sleep_until(game.began + due(&mut steps)));
        loop {
            if self.rejoin.is_some() {
                self.come_back_after_loss().await;
            }
            let playing = steps.peek().is_some() && game.is_playing();
            select! {
                received = next(&mut self.connection) => self.take(received),
                () = &mut alarm, if playing => {
                    if let Some(step) = steps.next() {
                        self.act(*step).await;
                        alarm.as_mut().reset(game.began + due(&mut steps));
                    }
                    if steps.peek().is_none() {
                        game.unfinished.borrow_mut().remove(&self.id);
                    }
                }
                changed = stage.changed() => match *stage.borrow_and_update() {
                    Stage::Settling if changed.is_ok() => self.settling = Settling::Begun,
                    Stage::Playing if changed.is_ok() => {}
                    _ => break,
                },
            }
            self.settle().await;
        }
        if self.connection.take().is_some() {
            game.measure.disconnected();
        }
    }

    async fn act(&mut self, step: Step) {
        let planned = step.at;
        let taken = match step.action {
            Action::Arrive => self.arrive().await,
            Action::ComeBack => self.connect().await,
            Action::Found(channel) => self.found(channel).await,
            Action::Enlist(channel) => self.enlist(channel, planned).await,
            Action::Join(channel, manner) => self.join(channel, manner, planned).await,
            Action::Say(channel, bytes) => self.say(channel, bytes, planned).await,
            Action::Block(channel) => self.block(channel).await,
            Action::Leave(channel) => self.leave(channel).await,
            Action::Drop => {
                self.lose();
                Ok(())
            }
            Action::Quit => {
                self.quit().await;
                Ok(())
            }
        };
        self.game.progressed();
        let mut steps = self.game.steps.borrow_mut();
        match taken {
            Ok(()) => steps.done(step.action),
            Err(why) => steps.skip(Skipped {
                player: self.id,
                action: step.action,
                why,
            }),
        }
    }

    /// What is not answered yet, by cid.
    fn asked(&self) -> RefMut<'_, Vec<(u32, Asked)>> {
        self.game.asked[self.id.index()].borrow_mut()
    }

    /// What has come, or that nothing will come any more.
    fn take(&mut self, received: Result<Envelope, Disconnected>) {
        match received {
            Ok(envelope) => {
                self.game.progressed();
                let (at, words) = (self.game.began.elapsed(), evidence::in_words(&envelope));
                self.game.referee.borrow_mut().received(self.id, at, words);
                self.receive(envelope);
            }
            Err(reason) => self.cut_off(&reason),
        }
    }

    /// In the end: waits for answers, then for a pong, behind which nothing is left that was sent before.
    async fn settle(&mut self) {
        if self.settling == Settling::Begun && self.asked().is_empty() {
            self.settling = Settling::Asked;
            if self.connection.is_some() {
                self.ping(Asked::Settle).await;
            }
        }
        if self.settling == Settling::Asked && self.asked().is_empty() {
            self.settling = Settling::Done;
            self.game.unsettled.borrow_mut().remove(&self.id);
        }
    }

    /// Waits for something while reading the socket.
    async fn reading<T>(&mut self, call: impl Future<Output = T>) -> T {
        let mut call = Box::pin(call);
        loop {
            select! {
                done = &mut call => return done,
                received = next(&mut self.connection) => self.take(received),
            }
        }
    }
}

/// The next envelope; without a connection there is none.
async fn next(connection: &mut Option<Connection>) -> Result<Envelope, Disconnected> {
    match connection {
        Some(connection) => connection.next().await,
        None => pending().await,
    }
}

/// When the next step is to be taken.
fn due<'a>(steps: &mut Peekable<impl Iterator<Item = &'a Step>>) -> Duration {
    steps.peek().map_or(Duration::ZERO, |step| step.at)
}
