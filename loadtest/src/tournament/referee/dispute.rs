//! Who is right when players have heard different orders: the history tells.
//!
//! The first to hear two messages one after the other links them, also if one between was lost on the way. So whoever
//! hears otherwise is not wrong yet, and is heard again when the history is read.

use std::collections::HashMap;

use super::{ChannelNo, Place, PlayerId, Referee, Violation};

/// Most disputes of a channel that are kept. Of the others, all who disagree with the first are reported.
const MOST: usize = 10_000;

/// Two messages that somebody has heard one after the other, and others have not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dispute {
    pub(super) player: PlayerId,
    pub(super) after: Place,
    pub(super) message: Place,
}

/// What the history says to two messages that were heard one after the other.
enum Ruling {
    Right,
    /// These are between them.
    Lost(Vec<Place>),
    /// The second comes before the first.
    Order,
    /// One of them is not in it.
    Unknown,
}

impl Referee {
    /// Somebody has heard what does not fit what others have heard.
    pub(super) fn dispute(&mut self, channel: ChannelNo, dispute: Dispute) {
        let disputes = &mut self.channels[channel.index()].disputes;
        match disputes.len() < MOST {
            true => disputes.push(dispute),
            false => self.report_order(channel, dispute),
        }
    }

    /// Finds out who was right, reports the others, and mends the order accordingly.
    pub(super) fn judge_disputes(&mut self, channel: ChannelNo, history: &[Place]) {
        let disputes = std::mem::take(&mut self.channels[channel.index()].disputes);
        if disputes.is_empty() {
            return;
        }
        let at: HashMap<Place, usize> = history.iter().copied().zip(0..).collect();
        for dispute in &disputes {
            for link in self.order(channel).links_of(dispute.after, dispute.message) {
                let (after, message, player) = link;
                let linked = Dispute {
                    player,
                    after,
                    message,
                };
                let ruling = rule(&at, history, linked);
                if let Ruling::Lost(_) | Ruling::Order = ruling {
                    self.order(channel).unlink(after);
                    self.blame(channel, linked, ruling);
                }
            }
        }
        for dispute in disputes {
            match rule(&at, history, dispute) {
                Ruling::Right => {
                    // Not free only if it was linked by now, or if the other one is not in the history.
                    let Dispute {
                        player,
                        after,
                        message,
                    } = dispute;
                    let _ = self.order(channel).link(after, message, player);
                }
                ruling => self.blame(channel, dispute, ruling),
            }
        }
    }

    fn blame(&mut self, channel: ChannelNo, dispute: Dispute, ruling: Ruling) {
        let Ruling::Lost(lost) = ruling else {
            return self.report_order(channel, dispute);
        };
        for lost in lost {
            let (player, message) = (dispute.player, self.message(channel, lost));
            let channel = self.name(channel);
            self.report(Violation::Lost {
                player,
                channel,
                message,
            });
        }
    }

    fn report_order(&mut self, channel: ChannelNo, dispute: Dispute) {
        let after = self.message(channel, dispute.after);
        let message = self.message(channel, dispute.message);
        let (player, channel) = (dispute.player, self.name(channel));
        self.report(Violation::Order {
            player,
            channel,
            after,
            message,
        });
    }
}

fn rule(at: &HashMap<Place, usize>, history: &[Place], dispute: Dispute) -> Ruling {
    match (at.get(&dispute.after), at.get(&dispute.message)) {
        (Some(after), Some(message)) if *message == after + 1 => Ruling::Right,
        (Some(after), Some(message)) if message > after => {
            Ruling::Lost(history[after + 1..*message].to_vec())
        }
        (Some(_), Some(_)) => Ruling::Order,
        _ => Ruling::Unknown,
    }
}
