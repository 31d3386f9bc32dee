//! Signing in, opening sockets, losing them.

use std::time::Duration;

use banter_client::{ApiError, ConnectError, Disconnected};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Asked, Player};
use crate::{
    causes::with_causes,
    tournament::{referee::Violation, steps::Skip},
};

/// Tries to get in before giving up, and the pause after the first, which doubles each time.
pub(super) const TRIES: u32 = 5;
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// How long to wait for the next answer before closing the connection.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often to look whether somebody else has done something.
const LOOK: Duration = Duration::from_millis(50);

impl Player {
    /// Signs in and opens a socket.
    pub(super) async fn arrive(&mut self) -> Result<(), Skip> {
        let (game, id) = (self.game.clone(), self.id);
        let mut why = String::new();
        for attempt in 0..TRIES {
            match Box::pin(game.sign_in(id)).await {
                Ok(_) => return self.connect().await,
                Err(error) => {
                    why = with_causes(&error);
                    game.count_failure(matches!(error, ApiError::Refused { .. }), &why);
                }
            }
            sleep(PAUSE * 2_u32.pow(attempt)).await;
        }
        Err(self.shut_out("sign in", why))
    }

    /// Opens a socket.
    pub(super) async fn connect(&mut self) -> Result<(), Skip> {
        self.rejoin = None;
        let (game, id) = (self.game.clone(), self.id);
        let mut session = game.session(id).ok_or(Skip::Session)?;
        let mut why = String::new();
        for attempt in 0..TRIES {
            let opened = game.client(id).connect(&session, game.socket);
            let error = match Box::pin(game.handshake(opened)).await {
                Ok(connection) => {
                    self.connection = Some(connection);
                    game.measure.connected();
                    return Ok(());
                }
                Err(error) => error,
            };
            why = with_causes(&error);
            if error.is_unauthenticated()
                && let Ok(renewed) = Box::pin(game.renew(id, &session)).await
            {
                session = renewed;
                continue;
            }
            game.count_failure(matches!(error, ConnectError::Refused { .. }), &why);
            sleep(PAUSE * 2_u32.pow(attempt)).await;
        }
        Err(self.shut_out("connect", why))
    }

    /// Gives up.
    pub(super) fn shut_out(&self, what: &'static str, why: String) -> Skip {
        let player = self.id;
        self.game
            .hinder(player, Violation::ShutOut { player, what, why });
        Skip::Failed
    }

    /// Drops the connection.
    pub(super) fn lose(&mut self) {
        self.rejoin = None;
        if self.connection.take().is_some() {
            self.game.measure.disconnected();
            self.end_stays();
        }
    }

    /// Nothing more will come of what was joined and asked for.
    fn end_stays(&mut self) {
        self.been_in.clear();
        let mut referee = self.game.referee.borrow_mut();
        for joined in self.stays.drain(..) {
            let last = referee.last_stored(joined.stay);
            match self
                .known
                .iter_mut()
                .find(|(channel, _)| *channel == joined.channel)
            {
                Some((_, known)) => *known = last.or(*known),
                None => self.known.push((joined.channel, last)),
            }
            referee.lose(joined.stay);
        }
        drop(referee);
        for (_, asked) in self.asked().drain(..) {
            if let Asked::Say { number, .. } = asked {
                self.game.referee.borrow_mut().unanswered(number);
            }
        }
    }

    /// The connection has ended, and not by the plan.
    pub(super) fn cut_off(&mut self, reason: &Disconnected) {
        let referee = self.game.referee.borrow();
        // What was being left need not be joined again.
        let open = self
            .stays
            .iter()
            .filter(|joined| referee.is_open(joined.stay));
        let stays: Vec<_> = open.map(|joined| (joined.channel, joined.manner)).collect();
        drop(referee);
        let (player, why) = (self.id, with_causes(reason));
        self.game
            .hinder(player, Violation::Disconnected { player, why });
        self.lose();
        if self.game.is_playing() {
            self.rejoin = Some(stays);
        }
    }

    /// Connects again, and joins what was joined.
    pub(super) async fn come_back_after_loss(&mut self) {
        let channels = self.rejoin.take().unwrap_or_default();
        let planned = self.game.now();
        if self.connect().await.is_err() {
            return;
        }
        let mut channels = channels.into_iter();
        while self.rejoin.is_none()
            && let Some((channel, manner)) = channels.next()
        {
            // What cannot be joined now was reported.
            let _ = self.join(channel, manner, planned).await;
        }
        if let Some(rejoin) = &mut self.rejoin {
            // Lost again: the others are still to be joined.
            rejoin.extend(channels);
        }
    }

    /// Closes the connection for good. Everything was left before.
    pub(super) async fn quit(&mut self) {
        self.rejoin = None;
        // Answers to what was asked just before still count.
        let mut progress = self.game.received.get();
        let mut patience = Box::pin(sleep(PATIENCE));
        while !self.asked().is_empty() && self.connection.is_some() {
            tokio::select! {
                () = &mut patience => {
                    // A server that is slow with all is waited for.
                    if self.game.received.get() == progress {
                        break;
                    }
                    progress = self.game.received.get();
                    patience.set(sleep(PATIENCE));
                }
                received = super::next(&mut self.connection) => self.take(received),
            }
        }
        self.rejoin = None;
        if let Some(connection) = self.connection.take() {
            self.game.measure.disconnected();
            self.report_unanswered();
            Box::pin(connection.close()).await;
            self.end_stays();
        }
    }

    /// Reports whatever waits for an answer.
    fn report_unanswered(&self) {
        let mut referee = self.game.referee.borrow_mut();
        for (_, asked) in self.asked().iter() {
            match asked {
                Asked::Say { number, .. } => referee.never_answered(*number),
                asked => {
                    if let Some((what, channel)) = asked.about() {
                        referee.report_unanswered(self.id, channel, what);
                    }
                }
            }
        }
    }

    /// Waits until something is so, while reading the socket, but neither for longer nor when it is over.
    pub(super) async fn until<T>(
        &mut self,
        longest: Duration,
        is_so: impl Fn() -> Option<T>,
    ) -> Option<T> {
        let until = Instant::now() + longest;
        loop {
            if let Some(found) = is_so() {
                return Some(found);
            }
            if Instant::now() >= until || !self.game.is_playing() {
                return None;
            }
            self.reading(sleep_until(Instant::now() + LOOK)).await;
        }
    }
}
