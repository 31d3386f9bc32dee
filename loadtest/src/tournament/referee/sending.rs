//! What players send and how it is answered, and blocks.

use std::time::Duration;

use super::{
    Block, MessageName, Referee, Stamp, Uuid, Violation,
    book::{Answer, Sent},
    content,
};
use crate::tournament::plan::{ChannelNo, Manner, PlayerId};

impl Referee {
    /// A player begins to say something. Its number, and the content to send.
    pub(crate) fn say(
        &mut self,
        player: PlayerId,
        user_id: &str,
        (channel, manner): (ChannelNo, Manner),
        planned: Duration,
        bytes: u16,
    ) -> (u32, String) {
        let content = content::write(self.book.next(), planned, bytes);
        let began = self.stamp();
        let number = self.book.add(Sent {
            player,
            channel,
            planned,
            began,
            answer: Answer::Pending,
            place: None,
            digest: Some(content::digest(user_id, 0, &content)),
            stored: manner != Manner::Fleeting,
        });
        (number, content)
    }

    /// A player begins a change that the channel is to tell of, with this code and as being about the player.
    pub(crate) fn change(
        &mut self,
        player: PlayerId,
        channel: ChannelNo,
        planned: Duration,
        code: i32,
    ) -> u32 {
        let began = self.stamp();
        let sent = Sent {
            player,
            channel,
            planned,
            began,
            answer: Answer::Pending,
            place: None,
            digest: None,
            stored: true,
        };
        self.book.add_event(sent, code)
    }

    /// It was confirmed; as the message with this id, where ids are told. When it was planned.
    pub(crate) fn taken(&mut self, number: u32, id: Option<&str>) -> Option<Duration> {
        let read = self.stamp();
        let told = id.and_then(Uuid::parse);
        let sent = self.book.get_mut(number)?;
        let (player, channel, place) = (sent.player, sent.channel, sent.place);
        let (planned, began) = (sent.planned, sent.began);
        let before = std::mem::replace(&mut sent.answer, Answer::Taken { read, id: told });
        let message = self.name_of(number);
        if matches!(before, Answer::Taken { .. } | Answer::Refused) {
            let channel = self.name(channel);
            self.report(Violation::AnsweredTwice {
                player,
                channel,
                message,
            });
            return None;
        }
        let known = place.map(|place| self.order(channel)[place].id);
        if let (Some(id), Some(known)) = (told, known)
            && id != known
        {
            let told = MessageName {
                number: None,
                id: told,
            };
            let channel = self.name(channel);
            self.report(Violation::WrongAck {
                player,
                channel,
                message,
                told,
            });
        } else if id.is_some() && told.is_none() {
            self.report(Violation::Malformed {
                player,
                what: format!("an ack of {message} without an id"),
            });
        }
        let block = self.channels[channel.index()].block;
        if block.is_some_and(|block| block.by != player && began > block.returned) {
            let channel = self.name(channel);
            self.report(Violation::BlockedTaken {
                player,
                channel,
                message,
            });
        }
        Some(planned)
    }

    /// It was refused.
    pub(crate) fn refused(&mut self, number: u32) {
        let Some(sent) = self.book.get_mut(number) else {
            return;
        };
        let (player, channel, there) = (sent.player, sent.channel, sent.place.is_some());
        let before = std::mem::replace(&mut sent.answer, Answer::Refused);
        let message = self.name_of(number);
        let name = self.name(channel);
        if matches!(before, Answer::Taken { .. } | Answer::Refused) {
            self.report(Violation::AnsweredTwice {
                player,
                channel: name,
                message,
            });
        } else if there {
            self.report(Violation::RefusedYetThere {
                channel: name,
                message,
            });
        }
    }

    /// The answer will never come: the connection has ended.
    pub(crate) fn unanswered(&mut self, number: u32) {
        if let Some(sent) = self.book.get_mut(number)
            && sent.answer == Answer::Pending
        {
            sent.answer = Answer::Unknown;
        }
    }

    /// Whether this send is one that a block is to refuse, or may: also one of whoever blocks, which their own block
    /// may overtake.
    pub(crate) fn is_blocked(&self, number: u32) -> bool {
        let sent = self.book.get(number);
        sent.is_some_and(|sent| self.has_block(sent.channel))
    }

    /// The answer does not come although the connection stands.
    pub(crate) fn never_answered(&mut self, number: u32) {
        if let Some(sent) = self.book.get_mut(number) {
            let (player, channel) = (sent.player, sent.channel);
            sent.answer = Answer::Unknown;
            let what = self.name_of(number).to_string();
            self.report_unanswered(player, channel, &what);
        }
    }

    pub(crate) fn report_unanswered(&mut self, player: PlayerId, channel: ChannelNo, what: &str) {
        let (channel, what) = (self.name(channel), what.to_owned());
        self.report(Violation::Unanswered {
            player,
            channel,
            what,
        });
    }

    /// A player begins to block the other one of a direct channel.
    pub(crate) fn block(&mut self, channel: ChannelNo, by: PlayerId) {
        let began = self.stamp();
        self.channels[channel.index()].block = Some(Block {
            by,
            began,
            returned: Stamp::NEVER,
            in_force: false,
        });
    }

    /// The call to block was refused.
    pub(crate) fn not_blocked(&mut self, channel: ChannelNo) {
        self.channels[channel.index()].block = None;
    }

    /// Whether somebody blocks, or has blocked, the other one of a direct channel.
    pub(crate) fn has_block(&self, channel: ChannelNo) -> bool {
        self.channels[channel.index()].block.is_some()
    }

    /// The call to block has returned.
    pub(crate) fn blocked(&mut self, channel: ChannelNo) {
        let returned = self.stamp();
        if let Some(block) = &mut self.channels[channel.index()].block {
            block.returned = returned;
        }
    }

    /// Whoever blocked has read everything that was on its way when the call returned.
    pub(crate) fn block_in_force(&mut self, channel: ChannelNo) {
        if let Some(block) = &mut self.channels[channel.index()].block {
            block.in_force = true;
        }
    }

    /// A send as it is named to people.
    pub(crate) fn name_of(&self, number: u32) -> MessageName {
        let sent = self.book.get(number);
        let id = sent.and_then(|sent| {
            let order = &self.channels[sent.channel.index()].order;
            match (sent.place, sent.answer) {
                (Some(place), _) => Some(order[place].id),
                (None, Answer::Taken { id, .. }) => id,
                _ => None,
            }
        });
        MessageName {
            number: Some(number),
            id,
        }
    }
}
