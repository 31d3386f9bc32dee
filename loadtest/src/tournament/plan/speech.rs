//! Who says what, where and when.

use std::time::Duration;

use rand::{RngExt, rngs::StdRng, seq::IndexedRandom};

use super::{
    Channel, ChannelNo, PlayerId, Rates, Span, Timeline,
    crowd::{Crowd, Stay},
    rates::{poisson, text_bytes},
};

/// Shares of the budget. Those of the lobby, the teams and the matches are used at the same time, and so are
/// those of the lobby, the teams and the final.
const LOBBY: f64 = 0.2;
const TEAMS: f64 = 0.1;
const MATCHES: f64 = 0.6;
const FINAL: f64 = 0.7;

/// Messages per second in a direct channel.
const DIRECT: f64 = 3.0;

/// Something said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub(crate) at: Duration,
    pub(crate) channel: ChannelNo,
    pub(crate) by: PlayerId,
    pub(crate) bytes: u16,
}

/// All that is said.
pub(crate) fn plan_speech(
    rng: &mut StdRng,
    crowd: &Crowd,
    timeline: &Timeline,
    rates: &Rates,
) -> Vec<Said> {
    let mut speech = Speech {
        crowd,
        says: Vec::new(),
    };
    let ends = timeline.closing.begins;
    let everybody = crowd.players.len();
    let talk = Span {
        begins: timeline.arrival.part(0.2, 1.0).begins,
        ends,
    };
    speech.fill(rng, crowd.lobby, talk, rates.of_channel(LOBBY, everybody));
    let cheer = Span {
        begins: timeline.last_match.part(0.1, 1.0).begins,
        ends,
    };
    speech.fill(
        rng,
        crowd.last_match,
        cheer,
        rates.of_channel(FINAL, everybody),
    );
    let chat = Span {
        begins: timeline.teams.part(0.5, 1.0).begins,
        ends,
    };
    speech.fill_all(rng, &crowd.team_channels, chat, TEAMS, rates);
    for (round, rooms) in timeline.rounds.iter().zip(&crowd.match_channels) {
        speech.fill_all(rng, rooms, *round, MATCHES, rates);
    }
    for (number, channel) in crowd.channels.iter().enumerate() {
        let stays = &crowd.stays[number];
        if let (Channel::Direct(..), [one, two]) = (channel, stays.as_slice()) {
            let span = Span {
                begins: one.span.begins,
                ends: two.span.ends,
            };
            speech.fill(rng, ChannelNo(number as u32), span, DIRECT);
        }
    }
    speech.announce(rng, timeline);
    speech.says
}

struct Speech<'a> {
    crowd: &'a Crowd,
    says: Vec<Said>,
}

impl Speech<'_> {
    /// Talk in channels that have a share of the budget together; all speak as much.
    fn fill_all(
        &mut self,
        rng: &mut StdRng,
        channels: &[ChannelNo],
        span: Span,
        share: f64,
        rates: &Rates,
    ) {
        let audience = |channel: &ChannelNo| self.crowd.stays[channel.index()].len();
        // A message for each of them would be so many deliveries.
        let square: usize = channels
            .iter()
            .map(|channel| audience(channel).pow(2))
            .sum();
        let each = rates.of_channel(share, square.max(1));
        for channel in channels {
            let audience = audience(channel);
            // Per second and person, times persons.
            let rate = rates.of_channel(1.0, audience).min(each * audience as f64);
            self.fill(rng, *channel, span, rate);
        }
    }

    /// Talk in one channel.
    fn fill(&mut self, rng: &mut StdRng, channel: ChannelNo, span: Span, rate: f64) {
        for at in poisson(rng, span, rate) {
            let bytes = text_bytes(rng);
            if let Some(by) = self.speaker(rng, channel, at) {
                self.says.push(Said {
                    at,
                    channel,
                    by,
                    bytes,
                });
            }
        }
    }

    /// One of those who are there, if a few tries find one.
    fn speaker(&self, rng: &mut StdRng, channel: ChannelNo, at: Duration) -> Option<PlayerId> {
        let stays = &self.crowd.stays[channel.index()];
        let here = |stay: &&Stay| {
            stay.span.contains(at) && self.crowd.players[stay.player.index()].is_there(at)
        };
        (0..16)
            .filter_map(|_| stays.choose(rng))
            .find(here)
            .map(|stay| stay.player)
    }

    /// The beginning of every phase is announced in the lobby.
    fn announce(&mut self, rng: &mut StdRng, timeline: &Timeline) {
        let announcer = PlayerId(0);
        let Some(attendance) = self.crowd.players.first() else {
            return;
        };
        for (_, phase) in timeline.phases() {
            let at = phase.begins + phase.length().mul_f64(0.05 + 0.05 * rng.random::<f64>());
            let joined = self.crowd.stays[self.crowd.lobby.index()]
                .iter()
                .any(|stay| stay.player == announcer && stay.span.contains(at));
            if joined && attendance.is_there(at) && at < timeline.closing.begins {
                let channel = self.crowd.lobby;
                self.says.push(Said {
                    at,
                    channel,
                    by: announcer,
                    bytes: text_bytes(rng),
                });
            }
        }
    }
}
