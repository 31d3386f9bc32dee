//! The verdict on a channel, when everything has been said, heard and read.

use std::collections::HashSet;

use super::{
    ChannelNo, End, Heard, MessageName, Place, PlayerId, Referee, Stamp, Stay, StayId, Violation,
    book::Answer,
};

/// What belongs to each channel, by its number.
pub(crate) struct Docket {
    stays: Vec<Vec<StayId>>,
    sends: Vec<Vec<u32>>,
}

impl Docket {
    /// Whether nobody was in the channel, or asked to be, or sent anything there.
    pub(crate) fn is_empty(&self, channel: ChannelNo) -> bool {
        self.stays[channel.index()].is_empty() && self.sends[channel.index()].is_empty()
    }
}

impl Referee {
    /// A page of a channel's whole history, oldest first, as some player has read it.
    pub(crate) fn read_history<'a>(
        &mut self,
        player: PlayerId,
        channel: ChannelNo,
        page: impl Iterator<Item = Heard<'a>>,
        history: &mut Vec<Place>,
    ) {
        for heard in page {
            history.extend(self.read(player, channel, &heard));
        }
    }

    /// Judges everything in a channel whose whole history was read. Nothing may come after.
    pub(crate) fn judge_channel(&mut self, channel: ChannelNo, docket: &Docket, history: &[Place]) {
        let (stays, sends) = (
            &docket.stays[channel.index()],
            &docket.sends[channel.index()],
        );
        self.judge_disputes(channel, history);
        let stored_at = self.judge_history(channel, history);
        self.judge_sends(channel, sends, stays);
        let score = self.score(channel, &stored_at, history);
        for stay in stays {
            for lost in self.missing(&score, &self.stays[stay.0 as usize]) {
                let player = self.stay(*stay).player;
                let (channel, message) = (self.name(channel), self.message(channel, lost));
                self.report(Violation::Lost {
                    player,
                    channel,
                    message,
                });
            }
        }
        self.judge_catching_up(channel, &stored_at, history);
    }

    /// Sorts what there is by channel.
    pub(crate) fn docket(&self) -> Docket {
        let mut stays = vec![Vec::new(); self.channels.len()];
        for (id, stay) in (0..).map(StayId).zip(&self.stays) {
            stays[stay.channel.index()].push(id);
        }
        let mut sends = vec![Vec::new(); self.channels.len()];
        for (number, sent) in self.book.iter() {
            sends[sent.channel.index()].push(number);
        }
        Docket { stays, sends }
    }

    /// How many channels were used, messages known and stays made.
    pub(crate) fn size(&self) -> (usize, usize, usize) {
        let used = self
            .channels
            .iter()
            .filter(|channel| channel.order.len() > 0);
        let messages = self
            .channels
            .iter()
            .map(|channel| channel.order.len())
            .sum();
        (used.count(), messages, self.stays.len())
    }

    /// Reports what was never answered although the connection stands.
    pub(crate) fn judge_answers(&mut self) {
        let sends = self.book.iter();
        let pending: Vec<_> = sends
            .filter(|(_, sent)| sent.answer == Answer::Pending)
            .map(|(number, _)| number)
            .collect();
        for number in pending {
            self.never_answered(number);
        }
        let waiting = |stay: &&Stay| stay.joined.is_none() && stay.end == End::Open;
        let joins = self.stays.iter().filter(waiting);
        let joins: Vec<_> = joins.map(|stay| (stay.player, stay.channel)).collect();
        for (player, channel) in joins {
            self.report_unanswered(player, channel, "a join");
        }
    }

    /// Compares the history with what was heard. Where in it each message is.
    fn judge_history(&mut self, channel: ChannelNo, history: &[Place]) -> Vec<Option<usize>> {
        let name = self.name(channel);
        let mut found = Vec::new();
        let order = &self.channels[channel.index()].order;
        let called = |place: Place| MessageName {
            number: order[place].send,
            id: Some(order[place].id),
        };
        let mut stored_at = vec![None; order.len()];
        for (at, place) in history.iter().enumerate() {
            let (channel, message) = (name.clone(), called(*place));
            match stored_at[place.index()] {
                Some(_) => found.push(Violation::HistoryTwice { channel, message }),
                None => stored_at[place.index()] = Some(at),
            }
        }
        for place in order.places() {
            let (channel, message) = (name.clone(), called(place));
            match (order[place].stored, stored_at[place.index()]) {
                (true, None) => found.push(Violation::NotStored { channel, message }),
                (false, Some(_)) => found.push(Violation::Stored { channel, message }),
                _ => {}
            }
        }
        let (pieces, circles) = order.pieces();
        for place in circles {
            let (channel, message) = (name.clone(), called(place));
            found.push(Violation::Circle { channel, message });
        }
        let neighbours = pieces.iter().flat_map(|piece| {
            let stored: Vec<_> = piece.iter().filter(|place| order[**place].stored).collect();
            let pairs: Vec<_> = stored.windows(2).map(|pair| (*pair[0], *pair[1])).collect();
            pairs
        });
        for (one, two) in neighbours.chain(order.stored_links()) {
            let (Some(at), Some(next)) = (stored_at[one.index()], stored_at[two.index()]) else {
                continue;
            };
            if next != at + 1 {
                let (after, live) = (called(one), called(two));
                let message = history.get(at + 1).map_or(live, |place| called(*place));
                let channel = name.clone();
                found.push(Violation::HistoryOrder {
                    channel,
                    after,
                    message,
                    live,
                });
            }
        }
        for violation in found {
            self.report(violation);
        }
        stored_at
    }

    /// Finds what was confirmed and nobody has ever heard or read: it is to be in the history, or should have been
    /// heard by somebody.
    fn judge_sends(&mut self, channel: ChannelNo, sends: &[u32], stays: &[StayId]) {
        let mut found = Vec::new();
        for number in sends {
            let sent = self.book.get(*number).filter(|sent| sent.place.is_none());
            let Some(sent) = sent.filter(|sent| sent.taken() != Stamp::NEVER) else {
                continue;
            };
            let (name, message) = (self.name(channel), self.name_of(*number));
            if sent.stored {
                found.push(Violation::NotStored {
                    channel: name,
                    message,
                });
                continue;
            }
            for stay in stays {
                let stay = &self.stays[stay.0 as usize];
                let bounds = self.bounds(stay);
                if bounds.is_some_and(|(joined, until)| sent.began > joined && sent.taken() < until)
                {
                    let (player, channel) = (stay.player, name.clone());
                    found.push(Violation::Lost {
                        player,
                        channel,
                        message,
                    });
                }
            }
        }
        for violation in found {
            self.report(violation);
        }
    }

    /// Whoever came back has read all up to what they heard live, and all that had been confirmed.
    fn judge_catching_up(
        &mut self,
        channel: ChannelNo,
        stored_at: &[Option<usize>],
        history: &[Place],
    ) {
        let mut soonest = vec![Stamp::NEVER; history.len() + 1];
        for (at, place) in history.iter().enumerate().rev() {
            soonest[at] = soonest[at + 1].min(self.times(channel, *place).1);
        }
        let at = |place: Place| stored_at.get(place.index()).copied().flatten();
        let mut lost = HashSet::new();
        for caught_up in self
            .caught_up
            .iter()
            .filter(|caught_up| caught_up.channel == channel)
        {
            let read = caught_up.newest.and_then(at).map_or(0, |newest| newest + 1);
            let live = self.stays[caught_up.stay.0 as usize]
                .first_stored
                .and_then(at);
            let unread = read..live.unwrap_or(read).max(read);
            lost.extend(unread.map(|at| (caught_up.player, history[at])));
            if soonest[read] < caught_up.began {
                let unread = history[read..]
                    .iter()
                    .filter(|place| self.times(channel, **place).1 < caught_up.began);
                lost.extend(unread.map(|place| (caught_up.player, *place)));
            }
        }
        for (player, place) in lost {
            let (channel, message) = (self.name(channel), self.message(channel, place));
            self.report(Violation::CatchUpLost {
                player,
                channel,
                message,
            });
        }
    }
}
