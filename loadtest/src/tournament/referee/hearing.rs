//! What players hear.

use std::time::Duration;

use super::{
    ChannelNo, End, MessageName, Place, PlayerId, Referee, StayId, Uuid, Violation, book::Answer,
    content, dispute::Dispute,
};

/// A message as it was delivered, or read in a history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard<'a> {
    pub(crate) id: &'a str,
    pub(crate) code: i32,
    pub(crate) sender_id: &'a str,
    pub(crate) content: &'a str,
    pub(crate) stored: bool,
}

impl Heard<'_> {
    pub(super) fn digest(&self) -> u64 {
        content::digest(self.sender_id, self.code, self.content)
    }
}

impl Referee {
    /// A player in a channel was given a message. When it was planned, if it is one of the players'.
    pub(crate) fn hear(&mut self, stay: StayId, heard: &Heard<'_>) -> Option<Duration> {
        let (player, channel) = {
            let stay = self.stay(stay);
            (stay.player, stay.channel)
        };
        let Some(id) = Uuid::parse(heard.id) else {
            let what = format!("a message with the id {:?}", heard.id);
            self.report(Violation::Malformed { player, what });
            return None;
        };
        let last = self.stay(stay).last;
        let place = match self.order(channel).find(last, id) {
            Some(place) => place,
            None => self.admit(player, channel, id, heard),
        };
        self.order(channel).hear(place);
        if self.order(channel)[place].digest != heard.digest() {
            let (channel, message) = (self.name(channel), self.message(channel, place));
            self.report(Violation::Altered {
                player,
                channel,
                message,
            });
        }
        let again = self.stay(stay).first == Some(place);
        if let Some(last) = last
            && (again || self.order(channel).link(last, place, player).is_err())
            && self.explain(stay, last, place)
        {
            return None;
        }
        let stored = self.order(channel)[place].stored;
        let stay = self.stay(stay);
        stay.first.get_or_insert(place);
        stay.last = Some(place);
        if stored {
            stay.first_stored.get_or_insert(place);
            stay.last_stored = Some(place);
        }
        self.check_block(player, channel, place);
        let sent = self.order(channel)[place].send;
        sent.and_then(|number| self.book.get(number))
            .map(|sent| sent.planned)
    }

    /// A player was given a message of a channel they are not in.
    pub(crate) fn stray(&mut self, player: PlayerId, channel: ChannelNo, heard: &Heard<'_>) {
        let name = self.name(channel);
        let by = self
            .users
            .get(&Uuid::parse(heard.sender_id).unwrap_or_default());
        let block = self.channels[channel.index()].block;
        let message = MessageName {
            number: content::number(heard.content),
            id: Uuid::parse(heard.id),
        };
        let blocked = block.is_some_and(|block| block.by == player && by != Some(&player));
        self.report(match blocked {
            true => Violation::BlockedHeard {
                player,
                channel: name,
                message,
            },
            false => Violation::NotIn {
                player,
                channel: name,
                what: message.to_string(),
            },
        });
    }

    /// Takes in a message that nobody has heard or read before.
    pub(super) fn admit(
        &mut self,
        player: PlayerId,
        channel: ChannelNo,
        id: Uuid,
        heard: &Heard<'_>,
    ) -> Place {
        let number = match heard.code {
            0 => content::number(heard.content),
            code => Uuid::parse(heard.sender_id)
                .and_then(|user| self.users.get(&user))
                .and_then(|about| self.book.event(channel, *about, code)),
        };
        let message = MessageName {
            number,
            id: Some(id),
        };
        let digest = heard.digest();
        let sent = number.and_then(|number| self.book.get(number));
        let wrong = match sent {
            None if heard.code == 0 => Some("it has no number of this run"),
            None => Some("nobody made such a change"),
            Some(sent) if sent.channel != channel => Some("it was sent to another channel"),
            Some(_) => None,
        };
        if let Some(what) = wrong {
            let channel = self.name(channel);
            self.report(Violation::Foreign {
                player,
                channel,
                message,
                what,
            });
        } else if let Some(sent) = sent {
            let (place, answer) = (sent.place, sent.answer);
            let stored_otherwise = sent.stored != heard.stored;
            if stored_otherwise || sent.digest.is_some_and(|sent| sent != digest) {
                let channel = self.name(channel);
                self.report(Violation::Altered {
                    player,
                    channel,
                    message,
                });
            }
            if let Some(place) = place {
                let (channel, first) = (self.name(channel), self.message(channel, place));
                self.report(Violation::StoredTwice {
                    channel,
                    first,
                    second: message,
                });
            }
            match answer {
                Answer::Refused => {
                    let channel = self.name(channel);
                    self.report(Violation::RefusedYetThere { channel, message });
                }
                Answer::Taken { id: Some(told), .. } if told != id => {
                    let channel = self.name(channel);
                    let told = MessageName {
                        number: None,
                        id: Some(told),
                    };
                    self.report(Violation::WrongAck {
                        player,
                        channel,
                        message,
                        told,
                    });
                }
                _ => {}
            }
        }
        let number = number.filter(|_| wrong.is_none());
        let place = self.order(channel).add(id, number, digest, heard.stored);
        if let Some(sent) = number.and_then(|number| self.book.get_mut(number)) {
            sent.place.get_or_insert(place);
        }
        place
    }

    /// Says what is wrong with a message that does not follow the last one. Whether it was heard before.
    fn explain(&mut self, stay: StayId, last: Place, place: Place) -> bool {
        let (player, channel, first) = {
            let stay = self.stay(stay);
            (stay.player, stay.channel, stay.first.unwrap_or(last))
        };
        let message = self.message(channel, place);
        let name = self.name(channel);
        let order = self.order(channel);
        if order.is_recent(place, last, first) {
            self.report(Violation::Doubled {
                player,
                channel: name,
                message,
            });
            return true;
        }
        match order.between(last, place) {
            Some(skipped) => {
                for lost in skipped {
                    let message = self.message(channel, lost);
                    self.report(Violation::Lost {
                        player,
                        channel: name.clone(),
                        message,
                    });
                }
            }
            None => {
                let dispute = Dispute {
                    player,
                    after: last,
                    message: place,
                };
                self.dispute(channel, dispute);
            }
        }
        false
    }

    fn check_block(&mut self, player: PlayerId, channel: ChannelNo, place: Place) {
        let Some(block) = self.channels[channel.index()].block else {
            return;
        };
        let number = self.order(channel)[place].send;
        let Some(sent) = number.and_then(|number| self.book.get(number)) else {
            return;
        };
        let unheard = block.in_force || sent.began > block.returned;
        if unheard && block.by == player && sent.player != player {
            let (channel, message) = (self.name(channel), self.message(channel, place));
            self.report(Violation::BlockedHeard {
                player,
                channel,
                message,
            });
        }
    }

    /// The last stored message that a player has heard in a stay.
    pub(crate) fn last_stored(&self, stay: StayId) -> Option<Place> {
        self.stays[stay.0 as usize].last_stored
    }

    /// Whether the join was answered well.
    pub(crate) fn has_joined(&self, stay: StayId) -> bool {
        self.stays[stay.0 as usize].joined.is_some()
    }

    /// Whether the stay goes on.
    pub(crate) fn is_open(&self, stay: StayId) -> bool {
        matches!(self.stays[stay.0 as usize].end, End::Open)
    }
}
