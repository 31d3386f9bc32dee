//! Coming, going, and who sees whom.

use super::{
    ChannelNo, End, Manner, PlayerId, Presences, Referee, Stamp, Stay, StayId, Uuid, Violation,
};

/// A session in a channel, as somebody was shown it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) user_id: &'a str,
    pub(crate) session_id: &'a str,
}

impl Referee {
    /// A player asks to join a channel.
    pub(crate) fn join(&mut self, player: PlayerId, channel: ChannelNo, manner: Manner) -> StayId {
        if manner == Manner::Hidden {
            self.channels[channel.index()].hidden.insert(player);
        }
        let stay = StayId(self.stays.len() as u32);
        self.stays.push(Stay {
            player,
            channel,
            manner,
            joined: None,
            end: End::Open,
            session: None,
            first: None,
            last: None,
            first_stored: None,
            last_stored: None,
            presences: Presences::default(),
        });
        stay
    }

    /// The join was answered: with the own session, and with the others.
    pub(crate) fn joined<'a>(
        &mut self,
        stay: StayId,
        own: Seen<'a>,
        others: impl Iterator<Item = Seen<'a>>,
    ) {
        let now = self.stamp();
        self.stay(stay).joined = Some(now);
        for seen in others {
            if let Some(session) = self.session(stay, seen) {
                self.stay(stay).presences.insert(session);
            }
        }
        let player = self.stay(stay).player;
        self.trails
            .entry(player)
            .or_default()
            .joined_as(own.session_id);
        let session = Uuid::parse(own.session_id).map(|id| self.number(id, player));
        self.stay(stay).session = session;
        if session.is_none() {
            let what = format!("an own session with the id {:?}", own.session_id);
            self.report(Violation::Malformed { player, what });
        }
    }

    /// A join was refused: there is no stay.
    pub(crate) fn not_joined(&mut self, stay: StayId) {
        self.end(stay, End::Lost);
    }

    /// Joins and leaves were shown to a player. Whether the player's own session has left.
    pub(crate) fn see<'a>(
        &mut self,
        stay: StayId,
        joins: impl Iterator<Item = Seen<'a>>,
        leaves: impl Iterator<Item = Seen<'a>>,
    ) -> bool {
        // Who goes and comes again within one event is there. Whoever leaves may never have been shown: servers tell of
        // it to those who are there by then.
        let own = self.stay(stay).session;
        let mut left = false;
        let mut gone = Vec::new();
        for seen in leaves {
            let Some(session) = self.session(stay, seen) else {
                continue;
            };
            left |= own == Some(session);
            if !self.stay(stay).presences.remove(session) {
                gone.push(session);
            }
        }
        for seen in joins {
            if let Some(session) = self.session(stay, seen) {
                self.stay(stay).presences.insert(session);
            }
        }
        // Who was not there before came and went.
        for session in gone {
            self.stay(stay).presences.remove(session);
        }
        left
    }

    /// A player begins to leave.
    pub(crate) fn leave(&mut self, stay: StayId) {
        let now = self.stamp();
        self.end(stay, End::Left(now));
    }

    /// A player has lost the connection, or gives it up, before having left.
    pub(crate) fn lose(&mut self, stay: StayId) {
        self.end(stay, End::Lost);
    }

    /// The server has put a player out of a channel.
    pub(crate) fn put_out(&mut self, stay: StayId) {
        let (player, channel) = (self.stay(stay).player, self.stay(stay).channel);
        self.end(stay, End::PutOut);
        if self.channels[channel.index()].block.is_none() {
            let channel = self.name(channel);
            self.report(Violation::PutOut { player, channel });
        }
    }

    /// A player has not read everything in the end: what is missing then is not held against the server.
    pub(crate) fn unsettled(&mut self, player: PlayerId) {
        self.unsettled.insert(player);
    }

    fn end(&mut self, stay: StayId, end: End) {
        let stay = self.stay(stay);
        stay.end = end;
        stay.presences = Presences::default();
    }

    /// Whether everybody sees who is there, and nobody else.
    pub(crate) fn sees_right(&self) -> bool {
        self.blind().is_empty()
    }

    /// Reports whoever does not see who is there.
    pub(crate) fn judge_presences(&mut self) {
        let there = self.there();
        for stay in self.blind() {
            let stay = &self.stays[stay.0 as usize];
            let (player, channel) = (stay.player, stay.channel);
            let name = &self.channels[channel.index()].name;
            let truth = &there[channel.index()];
            let owner = |session: u32| self.owners[session as usize];
            // Where the unsettled are is not known.
            let known = |session: &u32| !self.unsettled.contains(&owner(*session));
            let gone =
                stay.presences
                    .without(truth)
                    .filter(known)
                    .map(|session| Violation::StillSeen {
                        player,
                        channel: name.clone(),
                        gone: owner(session),
                    });
            let missing =
                truth
                    .without(&stay.presences)
                    .filter(known)
                    .map(|session| Violation::Unseen {
                        player,
                        channel: name.clone(),
                        other: owner(session),
                    });
            for violation in gone.chain(missing).collect::<Vec<_>>() {
                self.report(violation);
            }
        }
    }

    /// Stays whose presences are not right. Channels with a block are not looked at: who is in them is not told
    /// by all servers.
    fn blind(&self) -> Vec<StayId> {
        let there = self.there();
        let stays = (0..).map(StayId).zip(&self.stays);
        stays
            .filter(|(_, stay)| {
                stay.end == End::Open
                    && stay.joined.is_some()
                    && !self.unsettled.contains(&stay.player)
                    && self.channels[stay.channel.index()].block.is_none()
                    && !stay.presences.same(&there[stay.channel.index()])
            })
            .map(|(id, _)| id)
            .collect()
    }

    /// Who is in each channel and not hidden.
    fn there(&self) -> Vec<Presences> {
        let mut there = vec![Presences::default(); self.channels.len()];
        for stay in &self.stays {
            if let (End::Open, Some(session)) = (stay.end, stay.session)
                && stay.manner != Manner::Hidden
            {
                there[stay.channel.index()].insert(session);
            }
        }
        there
    }

    /// The session that somebody is shown, unless it is nobody's.
    fn session(&mut self, stay: StayId, seen: Seen<'_>) -> Option<u32> {
        let (player, channel) = (self.stay(stay).player, self.stay(stay).channel);
        let owner = Uuid::parse(seen.user_id).and_then(|user| self.users.get(&user).copied());
        let (Some(id), Some(owner)) = (Uuid::parse(seen.session_id), owner) else {
            let channel = self.name(channel);
            self.report(Violation::Stranger { player, channel });
            return None;
        };
        if self.channels[channel.index()].hidden.contains(&owner) {
            let channel = self.name(channel);
            self.report(Violation::HiddenShown {
                player,
                channel,
                shown: owner,
            });
            return None;
        }
        Some(self.number(id, owner))
    }

    /// The number of a session.
    fn number(&mut self, id: Uuid, owner: PlayerId) -> u32 {
        *self.sessions.entry(id).or_insert_with(|| {
            self.owners.push(owner);
            self.owners.len() as u32 - 1
        })
    }

    /// When the stay was answered, and what was confirmed when it has surely been heard in it.
    pub(super) fn bounds(&self, stay: &Stay) -> Option<(Stamp, Stamp)> {
        let until = match stay.end {
            End::Open if self.unsettled.contains(&stay.player) => Stamp::FIRST,
            End::Open => Stamp::NEVER,
            End::Left(began) => began,
            End::Lost | End::PutOut => Stamp::FIRST,
        };
        let block = self.channels[stay.channel.index()].block;
        let until = match (block, stay.end) {
            (Some(block), End::PutOut) => block.began,
            (Some(block), _) => until.min(block.began),
            (None, _) => until,
        };
        Some((stay.joined?, until))
    }
}
