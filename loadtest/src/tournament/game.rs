//! What all players of a running tournament share.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    time::{Duration, SystemTime},
};

use banter_client::{ApiError, Client, Session, SocketOptions, UrlError};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

use super::{
    TournamentError,
    plan::{Channel, ChannelNo, Plan, PlayerId},
    player::Asked,
    referee::{Referee, Violation},
    steps::Steps,
};
use crate::{measure::Measure, target::Target};

/// REST calls and handshakes that take longer have failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// REST calls, and handshakes, that are under way at the same time; more wait for their turn, and their latency
/// counts all the same. Otherwise a slow moment would need as many connections as there are players.
const AT_ONCE: usize = 128;

/// How far a tournament has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Players follow their scripts.
    Playing,
    /// All scripts are at their end, or broken off. What was asked is to be answered.
    Settling,
    /// Everybody goes home.
    Over,
}

/// See the module. Of one thread.
pub(crate) struct Game {
    pub(crate) plan: Plan,
    pub(crate) referee: RefCell<Referee>,
    pub(crate) measure: Rc<Measure>,
    pub(crate) socket: SocketOptions,
    pub(crate) stage: watch::Sender<Stage>,
    /// When it began.
    pub(crate) began: Instant,
    /// Turns for REST calls and handshakes.
    calls: Semaphore,
    handshakes: Semaphore,
    /// Part of all names on the server, so that they are not those of another run.
    pub(crate) tag: String,
    /// Players whose script is not at its end, and those who still wait for answers in the end.
    pub(crate) unfinished: RefCell<BTreeSet<PlayerId>>,
    pub(crate) unsettled: RefCell<BTreeSet<PlayerId>>,
    pub(crate) steps: RefCell<Steps>,
    /// What each player has asked for on the socket and waits to be answered, by cid.
    pub(crate) asked: Vec<RefCell<Vec<(u32, Asked)>>>,
    /// Catching up that goes on.
    pub(crate) reading: Cell<usize>,
    /// Messages and presences received.
    pub(crate) received: Cell<u64>,
    /// Whatever was received, done, or answered well.
    pub(crate) progress: Cell<u64>,
    clients: Vec<Client>,
    sessions: RefCell<Vec<Option<Rc<Session>>>>,
    /// What the server calls the channels, as far as that is known.
    channel_ids: RefCell<Vec<Option<Rc<str>>>>,
    /// The groups, by the number of their team.
    group_ids: RefCell<Vec<Option<Rc<str>>>>,
}

impl Game {
    pub(crate) fn new(
        plan: Plan,
        target: &Target,
        measure: &Rc<Measure>,
    ) -> Result<Self, UrlError> {
        let addresses = target.local_addresses.len().max(1);
        let clients = (0..addresses).map(|number| {
            let client = Client::new(target.url.as_str())?;
            let client = client.server_key(&target.server_key).timeout(PATIENCE);
            Ok(match target.local_address(number) {
                Some(address) => client.local_address(address),
                None => client,
            })
        });
        let players = plan.scripts.len();
        let everybody = || RefCell::new((0..players as u32).map(PlayerId).collect());
        let game = Self {
            referee: RefCell::new(Referee::new(&plan.channels)),
            measure: measure.clone(),
            socket: SocketOptions {
                format: target.format,
                ..SocketOptions::default()
            },
            stage: watch::Sender::new(Stage::Playing),
            began: Instant::now(),
            calls: Semaphore::new(AT_ONCE),
            handshakes: Semaphore::new(AT_ONCE),
            tag: tag(),
            unfinished: everybody(),
            unsettled: everybody(),
            steps: RefCell::default(),
            asked: vec![RefCell::default(); players],
            reading: Cell::new(0),
            received: Cell::new(0),
            progress: Cell::new(0),
            clients: clients.collect::<Result<_, UrlError>>()?,
            sessions: RefCell::new(vec![None; players]),
            channel_ids: RefCell::new(vec![None; plan.channels.len()]),
            group_ids: RefCell::new(vec![None; plan.teams.len()]),
            plan,
        };
        for (number, channel) in (0..).zip(&game.plan.channels) {
            if let Channel::Room(name) = channel {
                game.know_channel(ChannelNo(number), &format!("2...{}", game.room(name)));
            }
        }
        Ok(game)
    }

    /// Sees whether one can sign in and connect at all.
    pub(crate) async fn try_server(&self) -> Result<(), TournamentError> {
        let visitor = PlayerId(0);
        let device = format!("{}-visitor", self.tag);
        let signed_in = self.client(visitor).authenticate_device(&device, None);
        let session = signed_in.await?;
        let connection = self.client(visitor).connect(&session, self.socket).await?;
        connection.close().await;
        Ok(())
    }

    /// All times count from now on.
    pub(crate) fn begin(&mut self) {
        self.began = Instant::now();
    }

    /// How long it has been going on.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// How long something that was due then has taken.
    pub(crate) fn since(&self, planned: Duration) -> Duration {
        self.now().saturating_sub(planned)
    }

    /// Something was asked and not done: the server has said no, or has not said anything.
    pub(super) fn count_failure(&self, is_refused: bool, why: &str) {
        if is_refused {
            self.measure.refused(why);
        } else {
            self.measure.failed(why);
        }
    }

    pub(crate) fn client(&self, player: PlayerId) -> &Client {
        &self.clients[player.index() % self.clients.len()]
    }

    /// Something goes on.
    pub(crate) fn progressed(&self) {
        self.progress.set(self.progress.get() + 1);
    }

    pub(crate) fn is_playing(&self) -> bool {
        *self.stage.borrow() == Stage::Playing
    }

    /// Tells the referee of something wrong that is of no one player.
    pub(crate) fn report(&self, violation: Violation) {
        self.referee.borrow_mut().report(violation);
    }

    /// Tells the referee of something wrong that keeps a player from steps.
    pub(crate) fn hinder(&self, player: PlayerId, violation: Violation) {
        self.steps.borrow_mut().hinder(player);
        self.report(violation);
    }

    /// Makes a REST call when it is its turn.
    pub(crate) async fn call<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        // Refused only if it were closed.
        let _turn = self.calls.acquire().await;
        let answer = call.await;
        if answer.is_ok() {
            self.progressed();
        }
        answer
    }

    /// Makes a handshake when it is its turn.
    pub(crate) async fn handshake<T, E>(
        &self,
        handshake: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let _turn = self.handshakes.acquire().await;
        let answer = handshake.await;
        if answer.is_ok() {
            self.progressed();
        }
        answer
    }

    /// The name on the server of a room of the plan.
    pub(crate) fn room(&self, name: &str) -> String {
        format!("{}-{name}", self.tag)
    }

    pub(crate) fn session(&self, player: PlayerId) -> Option<Rc<Session>> {
        self.sessions.borrow()[player.index()].clone()
    }

    pub(crate) async fn sign_in(&self, player: PlayerId) -> Result<Rc<Session>, ApiError> {
        let device = format!("{}-device-{}", self.tag, player.0);
        let name = format!("{}-p{}", self.tag, player.0);
        let signed_in = self
            .client(player)
            .authenticate_device(&device, Some(&name));
        let session = self.call(signed_in).await?;
        Ok(self.signed_in(player, session))
    }

    /// A session in place of one that is no good any more. The same to all who ask at the same time.
    pub(crate) async fn renew(
        &self,
        player: PlayerId,
        old: &Rc<Session>,
    ) -> Result<Rc<Session>, ApiError> {
        if let Some(session) = self.session(player)
            && !Rc::ptr_eq(&session, old)
        {
            return Ok(session);
        }
        match self.call(self.client(player).refresh(old)).await {
            Ok(session) => Ok(self.signed_in(player, session)),
            Err(_) => self.sign_in(player).await,
        }
    }

    fn signed_in(&self, player: PlayerId, session: Session) -> Rc<Session> {
        let mut referee = self.referee.borrow_mut();
        referee.know_user(player, &session.user_id);
        let session = Rc::new(session);
        self.sessions.borrow_mut()[player.index()] = Some(session.clone());
        session
    }

    /// The group of a team, once it is made.
    pub(crate) fn group(&self, team: u32) -> Option<Rc<str>> {
        self.group_ids.borrow()[team as usize].clone()
    }

    pub(crate) fn know_group(&self, channel: ChannelNo, team: u32, id: &str) {
        self.group_ids.borrow_mut()[team as usize] = Some(id.into());
        self.know_channel(channel, &format!("3.{id}.."));
    }

    /// What the server calls a channel; `None` while its group, or one of its users, does not exist.
    pub(crate) fn channel_id(&self, channel: ChannelNo) -> Option<Rc<str>> {
        if let Some(id) = &self.channel_ids.borrow()[channel.index()] {
            return Some(id.clone());
        }
        let Channel::Direct(one, two) = self.plan.channels[channel.index()] else {
            return None;
        };
        let (one, two) = (self.session(one)?, self.session(two)?);
        let mut ids = [&one.user_id, &two.user_id];
        ids.sort();
        let id = format!("4.{}.{}.", ids[0], ids[1]);
        self.know_channel(channel, &id);
        self.channel_ids.borrow()[channel.index()].clone()
    }

    fn know_channel(&self, channel: ChannelNo, id: &str) {
        self.referee.borrow_mut().know_channel(channel, id);
        self.channel_ids.borrow_mut()[channel.index()] = Some(id.into());
    }
}

/// Different in every run.
fn tag() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let micros = since.map_or(0, |since| since.as_micros());
    format!("cup{:x}", micros & 0xffff_ffff_ffff)
}
