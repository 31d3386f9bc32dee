//! The one order of a channel, as far as it is known.
//!
//! Nobody hears everything, and whoever hears two messages one after the other knows that they are neighbours. So
//! the order is a chain: each message knows which follows it, as soon as one player has heard both; all others have
//! to hear the same. Pieces of chain nobody has heard the link between stay apart until the history joins them.
//! What histories tell is a second chain over the same messages, which leaves out those that are not stored.

use std::collections::HashMap;

use super::MessageId;
use crate::tournament::plan::PlayerId;

/// A message of a channel, by the order in which it became known, which means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place(u32);

impl Place {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// How far the chain is walked to find out what went wrong.
const SEARCH: usize = 256;

/// What is known of a message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    /// Its number among what players have sent.
    pub(crate) send: Option<u32>,
    /// Of sender, code and content.
    pub(crate) digest: u64,
    /// Whether it says that it is stored.
    pub(crate) stored: bool,
    /// Whether somebody heard it live.
    pub(crate) heard: bool,
    before: Option<Place>,
    after: Option<Place>,
    /// Who was the first to hear what is after it.
    linked_by: PlayerId,
    stored_after: Option<Place>,
}

/// The chain says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// The messages of a channel and what follows what.
#[derive(Debug, Default)]
pub(crate) struct Order {
    messages: Vec<Message>,
    places: HashMap<MessageId, Place>,
}

impl Order {
    /// Where a message is that may be the one after `last`.
    pub(crate) fn find(&self, last: Option<Place>, id: MessageId) -> Option<Place> {
        let next = last.and_then(|last| self[last].after);
        next.filter(|next| self[*next].id == id)
            .or_else(|| self.places.get(&id).copied())
    }

    /// Takes in a message that is not known yet.
    pub(crate) fn add(
        &mut self,
        id: MessageId,
        send: Option<u32>,
        digest: u64,
        stored: bool,
    ) -> Place {
        let place = Place(self.messages.len() as u32);
        self.messages.push(Message {
            id,
            send,
            digest,
            stored,
            heard: false,
            before: None,
            after: None,
            linked_by: PlayerId(0),
            stored_after: None,
        });
        self.places.insert(id, place);
        place
    }

    pub(crate) fn hear(&mut self, place: Place) {
        self.messages[place.index()].heard = true;
    }

    /// Somebody has heard one right after the other.
    pub(crate) fn link(&mut self, one: Place, two: Place, by: PlayerId) -> Result<(), Broken> {
        match (self[one].after, self[two].before) {
            (Some(after), _) if after == two => Ok(()),
            (None, None) if one != two => {
                self.messages[one.index()].after = Some(two);
                self.messages[one.index()].linked_by = by;
                self.messages[two.index()].before = Some(one);
                Ok(())
            }
            _ => Err(Broken),
        }
    }

    /// What is after this one is not known any more.
    pub(crate) fn unlink(&mut self, one: Place) {
        if let Some(two) = self.messages[one.index()].after.take() {
            self.messages[two.index()].before = None;
        }
    }

    /// The links of these two to what is before and after each, and who made them.
    pub(crate) fn links_of(&self, one: Place, two: Place) -> Vec<(Place, Place, PlayerId)> {
        let firsts = [self[one].before, Some(one), self[two].before, Some(two)];
        let mut links = Vec::new();
        for first in firsts.into_iter().flatten() {
            let link = self[first]
                .after
                .map(|after| (first, after, self[first].linked_by));
            links.extend(link.filter(|link| !links.contains(link)));
        }
        links
    }

    /// Somebody has read one right after the other in a history.
    pub(crate) fn link_stored(&mut self, one: Place, two: Place) -> Result<(), Broken> {
        match self[one].stored_after {
            Some(after) if after == two => Ok(()),
            None if one != two => {
                self.messages[one.index()].stored_after = Some(two);
                Ok(())
            }
            _ => Err(Broken),
        }
    }

    /// Whether one is among the last that were heard before another, or that other itself.
    pub(crate) fn is_recent(&self, place: Place, last: Place, first: Place) -> bool {
        let back = std::iter::successors(Some(last), |place| {
            (*place != first).then(|| self[*place].before).flatten()
        });
        place == first || back.take(SEARCH).any(|earlier| earlier == place)
    }

    /// What others have heard between the two, if that is known.
    pub(crate) fn between(&self, last: Place, place: Place) -> Option<Vec<Place>> {
        let mut skipped = Vec::new();
        let mut next = self[last].after;
        while let Some(here) = next.filter(|_| skipped.len() < SEARCH) {
            if here == place {
                return Some(skipped);
            }
            skipped.push(here);
            next = self[here].after;
        }
        None
    }

    /// Whether nobody has heard anything after it.
    pub(crate) fn is_last(&self, place: Place) -> bool {
        self[place].after.is_none()
    }

    /// Every message, in no order.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        (0..self.messages.len() as u32).map(Place)
    }

    /// The pairs that were read one after the other in histories.
    pub(crate) fn stored_links(&self) -> impl Iterator<Item = (Place, Place)> + '_ {
        self.places()
            .filter_map(|place| Some((place, self[place].stored_after?)))
    }

    /// The pieces of chain, each from its first message on; and one message of each circle.
    pub(crate) fn pieces(&self) -> (Vec<Vec<Place>>, Vec<Place>) {
        let mut seen = vec![false; self.messages.len()];
        let mut walk = |from: Place| {
            let mut piece = Vec::new();
            let mut next = Some(from);
            while let Some(place) = next.filter(|place| !seen[place.index()]) {
                seen[place.index()] = true;
                piece.push(place);
                next = self[place].after;
            }
            piece
        };
        let heads = self.places().filter(|place| self[*place].before.is_none());
        let mut pieces: Vec<_> = heads.map(&mut walk).collect();
        let mut circles = Vec::new();
        for place in self.places() {
            let piece = walk(place);
            if !piece.is_empty() {
                circles.push(place);
                pieces.push(piece);
            }
        }
        (pieces, circles)
    }

    /// By message: the number of its piece.
    pub(crate) fn piece_of_each(&self) -> Vec<usize> {
        let mut numbers = vec![0; self.messages.len()];
        for (number, piece) in self.pieces().0.iter().enumerate() {
            for place in piece {
                numbers[place.index()] = number;
            }
        }
        numbers
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }
}

impl std::ops::Index<Place> for Order {
    type Output = Message;

    fn index(&self, place: Place) -> &Message {
        &self.messages[place.index()]
    }
}
