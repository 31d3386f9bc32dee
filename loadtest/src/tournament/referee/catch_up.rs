//! What those read who come back.

use super::{
    ChannelNo, Heard, MessageName, Place, PlayerId, Referee, Stamp, StayId, Uuid, Violation,
};

/// A history that is being read from its end back to the last message a player knows.
#[derive(Debug)]
pub(crate) struct CatchUp {
    player: PlayerId,
    channel: ChannelNo,
    stay: StayId,
    since: Option<Place>,
    began: Stamp,
    newest: Option<Place>,
    oldest: Option<Place>,
}

/// What is to be compared with the whole history.
#[derive(Debug)]
pub(super) struct CaughtUp {
    pub(super) player: PlayerId,
    pub(super) channel: ChannelNo,
    pub(super) stay: StayId,
    pub(super) began: Stamp,
    pub(super) newest: Option<Place>,
}

impl Referee {
    /// A player who has joined again begins to read what they missed since a message; `None`: they know none.
    pub(crate) fn begin_catch_up(&mut self, stay: StayId, since: Option<Place>) -> CatchUp {
        let began = self.stamp();
        let stay_here = self.stay(stay);
        CatchUp {
            player: stay_here.player,
            channel: stay_here.channel,
            stay,
            since,
            began,
            newest: None,
            oldest: None,
        }
    }

    /// A page, newest first. Whether there is nothing more to look for.
    pub(crate) fn read_back<'a>(
        &mut self,
        catch_up: &mut CatchUp,
        page: impl Iterator<Item = Heard<'a>>,
    ) -> bool {
        let (player, channel) = (catch_up.player, catch_up.channel);
        for heard in page {
            let Some(place) = self.read(player, channel, &heard) else {
                continue;
            };
            catch_up.newest.get_or_insert(place);
            if let Some(newer) = catch_up.oldest.replace(place)
                && self.order(channel).link_stored(place, newer).is_err()
            {
                let (after, message) = (self.message(channel, place), self.message(channel, newer));
                let channel = self.name(channel);
                self.report(Violation::CatchUpOrder {
                    player,
                    channel,
                    after,
                    message,
                });
            }
            if catch_up.since == Some(place) {
                return true;
            }
        }
        catch_up.since.is_none()
    }

    /// All has been read: what was looked for, or everything there is.
    pub(crate) fn end_catch_up(&mut self, catch_up: CatchUp) {
        let CatchUp {
            player,
            channel,
            stay,
            since,
            began,
            newest,
            oldest,
        } = catch_up;
        if let Some(since) = since
            && oldest != Some(since)
        {
            let (channel, message) = (self.name(channel), self.message(channel, since));
            self.report(Violation::CatchUpLost {
                player,
                channel,
                message,
            });
        }
        self.caught_up.push(CaughtUp {
            player,
            channel,
            stay,
            began,
            newest,
        });
    }

    /// A message that was read in a history; `None` if it has no id.
    pub(super) fn read(
        &mut self,
        player: PlayerId,
        channel: ChannelNo,
        heard: &Heard<'_>,
    ) -> Option<Place> {
        let Some(id) = Uuid::parse(heard.id) else {
            let what = format!("a history with a message with the id {:?}", heard.id);
            self.report(Violation::Malformed { player, what });
            return None;
        };
        let place = match self.order(channel).find(None, id) {
            Some(place) => place,
            None => self.admit(player, channel, id, heard),
        };
        let known = &self.order(channel)[place];
        if known.digest != heard.digest() {
            let message = MessageName {
                number: known.send,
                id: Some(id),
            };
            let channel = self.name(channel);
            self.report(Violation::HistoryAltered { channel, message });
        }
        Some(place)
    }
}
