//! What players are told.

use banter_client::{
    Envelope,
    protocol::{self, ChannelMessage, ChannelPresenceEvent, Message, UserPresence},
};

use super::{Asked, Joined, Player, catching_up::catch_up};
use crate::tournament::{
    plan::ChannelNo,
    referee::{Heard, Seen, StayId, Violation},
};

/// The code of errors that mean: not now.
const FOR_NOW: i32 = 0;

impl Player {
    pub(super) fn receive(&mut self, envelope: Envelope) {
        let asked = self.asked_with(&envelope.cid);
        match (envelope.message, asked) {
            (Some(Message::ChannelMessage(message)), _) => self.hear(&message),
            (Some(Message::ChannelPresenceEvent(event)), _) => self.see(&event),
            (Some(Message::ChannelMessageAck(ack)), Some(Asked::Say { number, .. })) => {
                let mut referee = self.game.referee.borrow_mut();
                if let Some(planned) = referee.taken(number, Some(&ack.message_id)) {
                    self.game.measure.acked(self.game.since(planned));
                }
            }
            (Some(Message::Channel(channel)), Some(Asked::Join { joined, planned })) => {
                self.game.measure.joined(self.game.since(planned));
                self.joined(joined, &channel);
                self.catch_up_if_again(joined, planned);
            }
            (None, Some(Asked::Leave(joined))) => self.forget(joined),
            (Some(Message::Pong(_)), Some(Asked::Blocked(channel))) => {
                self.game.referee.borrow_mut().block_in_force(channel);
            }
            (Some(Message::Pong(_)), Some(Asked::Settle)) => {}
            (Some(Message::Error(error)), Some(asked)) => self.refused(asked, &error),
            (Some(Message::Notifications(_) | Message::StatusPresenceEvent(_)), _) => {}
            (message, _) => {
                let kind = message.map_or("an empty answer", |message| message.name());
                self.malformed(format!("{kind} that answers nothing"));
            }
        }
    }

    /// What was asked with this cid, and is answered now.
    fn asked_with(&mut self, cid: &str) -> Option<Asked> {
        let cid: u32 = cid.parse().ok()?;
        let mut asked = self.asked();
        let place = asked.iter().position(|(asked, _)| *asked == cid)?;
        Some(asked.remove(place).1)
    }

    fn hear(&mut self, message: &ChannelMessage) {
        self.game.received.set(self.game.received.get() + 1);
        let mut referee = self.game.referee.borrow_mut();
        let heard = Heard {
            id: &message.message_id,
            code: message.code.unwrap_or(0),
            sender_id: &message.sender_id,
            content: &message.content,
            stored: message.persistent.unwrap_or(false),
        };
        let Some(channel) = referee.channel(&message.channel_id) else {
            drop(referee);
            return self.malformed(format!("a message of the channel {:?}", message.channel_id));
        };
        match self.stays.iter().find(|joined| joined.channel == channel) {
            Some(joined) => {
                if let Some(planned) = referee.hear(joined.stay, &heard) {
                    self.game.measure.delivered(self.game.since(planned));
                }
            }
            None => referee.stray(self.id, channel, &heard),
        }
    }

    fn see(&mut self, event: &ChannelPresenceEvent) {
        self.game.received.set(self.game.received.get() + 1);
        let mut referee = self.game.referee.borrow_mut();
        let Some(channel) = referee.channel(&event.channel_id) else {
            drop(referee);
            return self.malformed(format!("presences of the channel {:?}", event.channel_id));
        };
        let joined = self.stays.iter().find(|joined| joined.channel == channel);
        let Some(joined) = joined.copied() else {
            drop(referee);
            // Who has just left may still be shown others.
            if !self.been_in.contains(&channel) {
                self.not_in(channel, "presences");
            }
            return;
        };
        if !referee.is_open(joined.stay) {
            // The player is leaving, and looks no more.
            return;
        }
        let gone = referee.see(
            joined.stay,
            event.joins.iter().map(seen),
            event.leaves.iter().map(seen),
        );
        if gone {
            referee.put_out(joined.stay);
            drop(referee);
            self.forget(joined);
        }
    }

    fn joined(&mut self, joined: Joined, channel: &protocol::Channel) {
        let mut referee = self.game.referee.borrow_mut();
        if referee.channel(&channel.id) != Some(joined.channel) {
            drop(referee);
            return self.malformed(format!("another channel than asked for: {:?}", channel.id));
        }
        if let Some(own) = &channel.self_ {
            referee.joined(joined.stay, seen(own), channel.presences.iter().map(seen));
        } else {
            drop(referee);
            self.malformed("the answer to a join without the own presence".to_owned());
        }
    }

    /// Who was in the channel before reads what they have missed.
    fn catch_up_if_again(&mut self, joined: Joined, planned: std::time::Duration) {
        let known = self
            .known
            .iter()
            .find(|(channel, _)| *channel == joined.channel);
        if let Some((_, since)) = known {
            let game = self.game.clone();
            let reading = game.reading.get();
            game.reading.set(reading + 1);
            let read = catch_up(game, self.id, joined, *since, planned);
            tokio::task::spawn_local(read);
        }
    }

    fn refused(&mut self, asked: Asked, error: &protocol::Error) {
        let mut referee = self.game.referee.borrow_mut();
        let (what, wanted) = match asked {
            // What was said before a join was answered is refused with the join, which is to blame.
            Asked::Say { number, stay } => {
                referee.refused(number);
                let not_in =
                    stay.is_some_and(|stay| !referee.has_joined(stay) && !self.is_joining(stay));
                let wanted = not_in || referee.is_blocked(number);
                (referee.name_of(number).to_string(), wanted)
            }
            Asked::Join { joined, .. } => {
                referee.not_joined(joined.stay);
                let what = format!("a join of {}", referee.name(joined.channel));
                (what, referee.has_block(joined.channel))
            }
            Asked::Leave(joined) => {
                let what = format!("a leave of {}", referee.name(joined.channel));
                (what, referee.has_block(joined.channel))
            }
            Asked::Blocked(_) | Asked::Settle => ("a ping".to_owned(), false),
        };
        drop(referee);
        if let Asked::Join { joined, .. } | Asked::Leave(joined) = asked {
            self.forget(joined);
        }
        if wanted {
            return;
        }
        self.game.measure.refused(&error.message);
        if error.code != FOR_NOW {
            let (player, why) = (self.id, format!("{}: {}", error.code, error.message));
            self.game
                .hinder(player, Violation::Refused { player, what, why });
        }
    }

    /// Whether a join is still to be answered.
    fn is_joining(&self, stay: StayId) -> bool {
        self.asked()
            .iter()
            .any(|(_, asked)| matches!(asked, Asked::Join { joined, .. } if joined.stay == stay))
    }

    fn forget(&mut self, joined: Joined) {
        self.stays.retain(|other| other.stay != joined.stay);
    }

    fn not_in(&self, channel: ChannelNo, what: &str) {
        let mut referee = self.game.referee.borrow_mut();
        let (player, channel) = (self.id, referee.name(channel));
        referee.report(Violation::NotIn {
            player,
            channel,
            what: what.to_owned(),
        });
    }

    fn malformed(&self, what: String) {
        let player = self.id;
        let mut referee = self.game.referee.borrow_mut();
        referee.report(Violation::Malformed { player, what });
    }
}

fn seen(presence: &UserPresence) -> Seen<'_> {
    Seen {
        user_id: &presence.user_id,
        session_id: &presence.session_id,
    }
}
