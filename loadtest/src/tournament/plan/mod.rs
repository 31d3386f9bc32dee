//! The plan of a tournament: who does what and when, fixed before it begins.
//!
//! The same seed, players and duration give the same plan with the same build of this program. A plan knows no
//! server: rooms, groups and accounts get the names of a run when it is played.
//!
//! What chance decides, and how:
//!
//! - Arrivals are uniform over the arrival phase, so are joins over the first part of whatever is joined.
//! - Messages are Poisson processes, one per channel. Their rates follow from a budget of deliveries per second
//!   ([`Rates`]): a channel of many is a slow one. Who speaks is uniform among those who are there.
//! - Sizes of texts are log-normal with a median of 60 bytes (sigma 0.7), between 1 and 3000.
//! - Away times are exponential with a mean of a thirtieth of the duration, between 0.3 s and a tenth of it; a
//!   player drops 0.3 times on average (Poisson) between the teams' phase and the end of the final.
//! - Matches are won by a coin's fall. Of those not playing, 60 % watch some match, or fewer where they are too many;
//!   of these at least a third hidden, and a quarter of the others without persistence. One loser in ten quits.
//! - Who is hidden in large rooms is uniform, as many as keep the presences within bounds ([`Rates::shown`]).
//! - Of a match's captains one in four pairs talks directly; one in three of these talks ends with a block.

mod bracket;
mod crowd;
mod direct;
mod rates;
mod script;
mod speech;
mod tally;
#[cfg(test)]
mod tests;
mod timeline;

use std::{fmt, time::Duration};

use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use self::{
    bracket::Bracket, crowd::Crowd, direct::plan_direct_channels, script::Scripts,
    speech::plan_speech,
};
pub(crate) use self::{
    rates::Rates,
    tally::Tally,
    timeline::{Span, Timeline},
};

/// Players of a team, but for the last team, which may have fewer or a few more.
pub(crate) const TEAM: usize = 5;

/// One of those who take part, counted from 0. Number 0 announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PlayerId(pub(crate) u32);

impl PlayerId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for PlayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "player {}", self.0)
    }
}

/// A channel of the plan, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChannelNo(pub(crate) u32);

impl ChannelNo {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What kind of channel one is, and what is to be known of it to find it on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Channel {
    /// A room with this name, unique within the run.
    Room(String),
    /// The group of the team with this number.
    Team(u32),
    /// The direct channel of two players.
    Direct(PlayerId, PlayerId),
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(name) => write!(f, "room {name}"),
            Self::Team(team) => write!(f, "team {team}"),
            Self::Direct(one, two) => write!(f, "direct {} and {}", one.0, two.0),
        }
    }
}

/// How a player is in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Shown to the others; messages are kept.
    Seen,
    /// In nobody's presences; messages are kept.
    Hidden,
    /// Shown to the others; messages are not kept.
    Fleeting,
}

/// Something a player does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Signs in by REST and opens a socket.
    Arrive,
    /// Makes the group of the team, by REST.
    Found(ChannelNo),
    /// Becomes a member of the team's group, by REST.
    Enlist(ChannelNo),
    /// Joins a channel.
    Join(ChannelNo, Manner),
    /// Says something that is so many bytes long.
    Say(ChannelNo, u16),
    /// Blocks the other user of a direct channel, by REST.
    Block(ChannelNo),
    /// Leaves a channel.
    Leave(ChannelNo),
    /// Loses the connection.
    Drop,
    /// Opens a socket again.
    ComeBack,
    /// Closes the socket for good.
    Quit,
}

impl Action {
    /// The channel that it is about.
    pub(crate) fn channel(self) -> Option<ChannelNo> {
        match self {
            Self::Found(channel)
            | Self::Enlist(channel)
            | Self::Join(channel, _)
            | Self::Say(channel, _)
            | Self::Block(channel)
            | Self::Leave(channel) => Some(channel),
            Self::Arrive | Self::Drop | Self::ComeBack | Self::Quit => None,
        }
    }
}

/// An action and when it is due, from the beginning of the tournament.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) at: Duration,
    pub(crate) action: Action,
}

/// A whole tournament.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) timeline: Timeline,
    pub(crate) rates: Rates,
    /// By their [`ChannelNo`].
    pub(crate) channels: Vec<Channel>,
    /// What each player does, in order of time, by their [`PlayerId`].
    pub(crate) scripts: Vec<Vec<Step>>,
    /// The players of each team, the captain first.
    pub(crate) teams: Vec<Vec<PlayerId>>,
}

impl Plan {
    /// The plan that follows from these.
    pub(crate) fn new(seed: u64, players: usize, duration: Duration) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let teams = teams(&mut rng, players);
        let timeline = Timeline::new(duration, teams.len());
        let rates = Rates::new(players, &timeline);
        let bracket = Bracket::new(&mut rng, &teams, &timeline);
        let mut crowd = Crowd::new(&mut rng, &teams, &bracket, &timeline, &rates);
        plan_direct_channels(&mut rng, &mut crowd, &teams, &bracket, &timeline);
        let says = plan_speech(&mut rng, &crowd, &timeline, &rates);
        let scripts = Scripts::new(&crowd, says, &timeline);
        Self {
            timeline,
            rates,
            channels: crowd.channels,
            scripts: scripts.finish(),
            teams,
        }
    }
}

/// Everybody in teams of [`TEAM`]; what is left over joins the last one or, if it is enough, is one.
fn teams(rng: &mut StdRng, players: usize) -> Vec<Vec<PlayerId>> {
    let mut all: Vec<_> = (0..players as u32).map(PlayerId).collect();
    all.shuffle(rng);
    let mut teams: Vec<Vec<_>> = all.chunks(TEAM).map(<[_]>::to_vec).collect();
    if let Some(last) = teams.pop_if(|last| last.len() < TEAM / 2) {
        match teams.last_mut() {
            Some(team) => team.extend(last),
            None => teams.push(last),
        }
    }
    teams
}
