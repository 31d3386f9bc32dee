//! Whether anything is still to be heard.

use super::{End, Referee, Stamp, Stay};

impl Referee {
    /// Whether everybody who is still in a channel has heard it up to the end of its order, as far as that is known.
    pub(crate) fn heard_all(&self) -> bool {
        let mut listeners = vec![Vec::new(); self.channels.len()];
        for stay in self.stays.iter().filter(|stay| self.listens(stay)) {
            listeners[stay.channel.index()].push(stay);
        }
        let mut latest = vec![(Stamp::FIRST, None); self.channels.len()];
        for (_, sent) in self.book.iter() {
            let latest = &mut latest[sent.channel.index()];
            let is_message = sent.place.is_some() || sent.taken() != Stamp::NEVER;
            if is_message && sent.began > latest.0 {
                *latest = (sent.began, sent.place);
            }
        }
        let channels = self.channels.iter().zip(listeners).zip(latest);
        let mut channels = channels.filter(|((_, listeners), _)| !listeners.is_empty());
        channels.all(|((channel, listeners), (began, place))| {
            let piece = channel.order.piece_of_each();
            listeners.iter().all(|stay| {
                // Whoever was there before the latest one was sent is to hear it: it is in the same piece as the
                // last they have heard, and that is its last.
                let due = stay.joined < Some(began);
                match (stay.last, place) {
                    (Some(last), _) if !channel.order.is_last(last) => false,
                    (Some(last), Some(place)) => {
                        !due || piece[last.index()] == piece[place.index()]
                    }
                    (None, _) | (_, None) => !due,
                }
            })
        })
    }

    /// Whether the stay is one in which all that comes is to be heard.
    fn listens(&self, stay: &Stay) -> bool {
        stay.end == End::Open
            && stay.joined.is_some()
            && !self.unsettled.contains(&stay.player)
            && self.channels[stay.channel.index()].block.is_none()
    }
}
