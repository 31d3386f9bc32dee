//! Who is where and when: arrivals, absences, and stays in channels.

use std::{collections::HashSet, time::Duration};

use rand::{RngExt, rngs::StdRng, seq::IndexedRandom};

use super::{
    Channel, ChannelNo, Manner, PlayerId, Rates, Span, Timeline,
    bracket::{Bracket, Match},
    rates::{exponential, uniform},
};

/// Drops of a player, on average.
const DROPS: f64 = 0.3;

/// Part of a round in which those who watch come.
const JOINING: f64 = 0.35;

/// A player's time in a channel, as if they never dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stay {
    pub(crate) player: PlayerId,
    pub(crate) span: Span,
    pub(crate) manner: Manner,
}

/// When a player is connected.
#[derive(Debug, Clone)]
pub(crate) struct Attendance {
    /// From arrival to the end, or until they quit.
    pub(crate) span: Span,
    /// Whether they quit before the end.
    pub(crate) quits: bool,
    /// When they were away, in order.
    pub(crate) away: Vec<Span>,
}

impl Attendance {
    pub(crate) fn is_there(&self, at: Duration) -> bool {
        self.span.contains(at) && !self.away.iter().any(|away| away.contains(at))
    }

    /// Whether they are there all that time.
    pub(crate) fn stays(&self, span: Span) -> bool {
        self.span.begins <= span.begins
            && span.ends <= self.span.ends
            && !self
                .away
                .iter()
                .any(|away| away.begins < span.ends && span.begins < away.ends)
    }
}

/// A block that ends a direct channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) channel: ChannelNo,
    pub(crate) by: PlayerId,
    pub(crate) at: Duration,
}

/// Joining a group by REST. The first of each team makes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Enlisting {
    pub(crate) channel: ChannelNo,
    pub(crate) player: PlayerId,
    pub(crate) at: Duration,
    pub(crate) founds: bool,
}

/// All players, channels, and stays.
#[derive(Debug)]
pub(crate) struct Crowd {
    pub(crate) players: Vec<Attendance>,
    pub(crate) channels: Vec<Channel>,
    /// Of each channel.
    pub(crate) stays: Vec<Vec<Stay>>,
    pub(crate) enlistings: Vec<Enlisting>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) lobby: ChannelNo,
    pub(crate) last_match: ChannelNo,
    pub(crate) team_channels: Vec<ChannelNo>,
    pub(crate) match_channels: Vec<Vec<ChannelNo>>,
}

impl Crowd {
    pub(crate) fn new(
        rng: &mut StdRng,
        teams: &[Vec<PlayerId>],
        bracket: &Bracket,
        timeline: &Timeline,
        rates: &Rates,
    ) -> Self {
        let mut crowd = Self {
            players: attendances(rng, teams, bracket, timeline, rates),
            channels: Vec::new(),
            stays: Vec::new(),
            enlistings: Vec::new(),
            blocks: Vec::new(),
            lobby: ChannelNo(0),
            last_match: ChannelNo(0),
            team_channels: Vec::new(),
            match_channels: Vec::new(),
        };
        crowd.lobby = crowd.open(Channel::Room("lobby".into()));
        // A stay begins with the arrival at the earliest.
        crowd.gather(
            rng,
            crowd.lobby,
            timeline.arrival.part(0.0, 0.9),
            timeline.closing.ends,
        );
        for (number, team) in teams.iter().enumerate() {
            crowd.make_team(rng, number as u32, team, timeline);
        }
        for (round, matches) in bracket.rounds.iter().enumerate() {
            crowd.play_round(rng, round, matches, teams, timeline.rounds[round]);
        }
        crowd.last_match = crowd.open(Channel::Room("final".into()));
        let joining = timeline.last_match.part(0.0, 0.25);
        crowd.gather(rng, crowd.last_match, joining, timeline.closing.ends);
        crowd
    }

    /// A new channel.
    pub(crate) fn open(&mut self, channel: Channel) -> ChannelNo {
        let number = ChannelNo(self.channels.len() as u32);
        self.channels.push(channel);
        self.stays.push(Vec::new());
        number
    }

    /// A stay, cut to the time between the player's arrival and end.
    pub(crate) fn stay(
        &mut self,
        channel: ChannelNo,
        player: PlayerId,
        span: Span,
        manner: Manner,
    ) {
        let there = self.players[player.index()].span;
        let span = Span {
            begins: span.begins.max(there.begins),
            ends: span.ends.min(there.ends),
        };
        if span.begins < span.ends {
            self.stays[channel.index()].push(Stay {
                player,
                span,
                manner,
            });
        }
    }

    /// Everybody in one room, of whom as many are shown as can be when they join in such a time.
    fn gather(&mut self, rng: &mut StdRng, room: ChannelNo, joining: Span, ends: Duration) {
        let players = self.players.len();
        let shown = Rates::shown(joining, 1, players as f64);
        for player in (0..players as u32).map(PlayerId) {
            let begins = uniform(rng, joining);
            // The announcer is to be seen.
            let manner = match player.0 != 0 && !rng.random_bool(shown) {
                true => Manner::Hidden,
                false => Manner::Seen,
            };
            self.stay(room, player, Span { begins, ends }, manner);
        }
    }

    fn make_team(&mut self, rng: &mut StdRng, number: u32, team: &[PlayerId], timeline: &Timeline) {
        let channel = self.open(Channel::Team(number));
        self.team_channels.push(channel);
        for (place, player) in team.iter().enumerate() {
            let when = match place {
                0 => timeline.teams.part(0.0, 0.25),
                _ => timeline.teams.part(0.3, 0.6),
            };
            let at = uniform(rng, when);
            self.enlistings.push(Enlisting {
                channel,
                player: *player,
                at,
                founds: place == 0,
            });
            // Some are in the channel while others become members: they see the events.
            let begins = uniform(
                rng,
                Span {
                    begins: at,
                    ends: timeline.teams.ends,
                },
            );
            let span = Span {
                begins,
                ends: timeline.closing.ends,
            };
            self.stay(channel, *player, span, Manner::Seen);
        }
    }

    fn play_round(
        &mut self,
        rng: &mut StdRng,
        round: usize,
        matches: &[Match],
        teams: &[Vec<PlayerId>],
        span: Span,
    ) {
        let rooms: Vec<_> = (0..matches.len())
            .map(|number| {
                let name = format!("round-{}-match-{}", round + 1, number + 1);
                self.open(Channel::Room(name))
            })
            .collect();
        let mut playing = HashSet::new();
        for (room, played) in rooms.iter().zip(matches) {
            for player in teams[played.winner].iter().chain(&teams[played.loser]) {
                playing.insert(*player);
                let span = presence_in(rng, span, 0.15);
                self.stay(*room, *player, span, Manner::Seen);
            }
        }
        let joining = span.part(0.0, JOINING);
        let watching = Rates::watching(joining, self.players.len());
        let audience = watching * self.players.len() as f64 / rooms.len().max(1) as f64;
        let shown = Rates::shown(joining, rooms.len(), audience).min(2.0 / 3.0);
        for player in (0..self.players.len() as u32).map(PlayerId) {
            let Some(room) = rooms.choose(rng) else { break };
            if playing.contains(&player) || !rng.random_bool(watching) {
                continue;
            }
            let manner = match (rng.random_bool(shown), rng.random_bool(0.25)) {
                (false, _) => Manner::Hidden,
                (true, true) => Manner::Fleeting,
                (true, false) => Manner::Seen,
            };
            let span = presence_in(rng, span, JOINING);
            self.stay(*room, player, span, manner);
        }
        self.match_channels.push(rooms);
    }
}

/// From the first part of a round until shortly before its end.
fn presence_in(rng: &mut StdRng, round: Span, joining: f64) -> Span {
    Span {
        begins: uniform(rng, round.part(0.0, joining)),
        ends: uniform(rng, round.part(0.85, 1.0)),
    }
}

fn attendances(
    rng: &mut StdRng,
    teams: &[Vec<PlayerId>],
    bracket: &Bracket,
    timeline: &Timeline,
    rates: &Rates,
) -> Vec<Attendance> {
    let players = teams.iter().map(Vec::len).sum();
    let mut all: Vec<_> = (0..players)
        .map(|_| Attendance {
            span: Span {
                begins: uniform(rng, timeline.arrival.part(0.0, 0.9)),
                ends: timeline.closing.ends,
            },
            quits: false,
            away: Vec::new(),
        })
        .collect();
    if let Some(announcer) = all.first_mut() {
        announcer.span.begins = Duration::ZERO;
    }
    for (round, matches) in bracket.rounds.iter().enumerate() {
        for player in matches.iter().flat_map(|played| &teams[played.loser]) {
            if player.0 != 0 && rng.random_bool(0.1) {
                let after = timeline.rounds[round];
                let until = Span {
                    begins: after.ends,
                    ends: timeline.last_match.begins,
                };
                let gone = &mut all[player.index()];
                gone.span.ends = uniform(rng, until).max(after.ends);
                gone.quits = true;
            }
        }
    }
    for player in &mut all {
        drop_out(rng, player, timeline, rates);
    }
    all
}

/// Absences after the teams have been made and well before the end, never two within a second.
fn drop_out(rng: &mut StdRng, player: &mut Attendance, timeline: &Timeline, rates: &Rates) {
    let second = Duration::from_secs(1);
    let begins = timeline.teams.ends;
    let ends = timeline.last_match.ends.min(player.span.ends);
    let mean = ends.saturating_sub(begins).div_f64(DROPS);
    if mean.is_zero() {
        return;
    }
    let mut at = begins + exponential(rng, mean);
    loop {
        let back = at + rates.away(rng);
        if back + second > ends {
            return;
        }
        player.away.push(Span {
            begins: at,
            ends: back,
        });
        at = back + second + exponential(rng, mean);
    }
}
