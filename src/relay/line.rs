use std::collections::VecDeque;

use bytes::Bytes;

use super::LiveChannel;
use crate::wire::{Format, Outgoing};

/// A request's place in the line of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// The requests of one socket that are not yet answered, oldest first.
///
/// Invariant: answers come out in the order in which the requests took their places, each once,
/// whatever the order in which they are given.
#[derive(Default)]
pub(super) struct Line {
    places: VecDeque<Place>,
    /// Ticket of the first place.
    first: u64,
}

struct Place {
    cid: Option<Box<str>>,
    /// The channel that owes the answer, if one does.
    channel: Option<LiveChannel>,
    /// `Some(None)` for a request that gets no answer.
    answer: Option<Option<Bytes>>,
}

impl Line {
    /// Takes the next place, for a request with this id.
    pub(super) fn stand(&mut self, cid: Option<Box<str>>) -> Ticket {
        self.places.push_back(Place {
            cid,
            channel: None,
            answer: None,
        });
        Ticket(self.first + self.places.len() as u64 - 1)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn owed_by(&mut self, ticket: Ticket, channel: LiveChannel) {
        if let Some(place) = self.place(ticket) {
            place.channel = Some(channel);
        }
    }

    /// Gives a request its answer, or the knowledge that it gets none. A second one is ignored.
    pub(super) fn answer(&mut self, ticket: Ticket, answer: Option<&Outgoing>, format: Format) {
        if let Some(place) = self.place(ticket).filter(|place| place.answer.is_none()) {
            place.settle(answer, format);
        }
    }

    /// Gives the same answer to every request for which `channel` still owes one.
    pub(super) fn answer_for(&mut self, channel: LiveChannel, answer: &Outgoing, format: Format) {
        let owed = |place: &&mut Place| place.answer.is_none() && place.channel == Some(channel);
        for place in self.places.iter_mut().filter(owed) {
            place.settle(Some(answer), format);
        }
    }

    /// The first in line, if it has been answered, with the frame to send, if there is one.
    pub(super) fn next(&mut self) -> Option<Option<Bytes>> {
        self.places.front()?.answer.as_ref()?;
        self.first += 1;
        self.places.pop_front()?.answer
    }

    /// Nobody waits any more; answers that come later are ignored.
    pub(super) fn clear(&mut self) {
        self.first += self.places.len() as u64;
        self.places.clear();
    }

    fn place(&mut self, ticket: Ticket) -> Option<&mut Place> {
        let index = ticket.0.checked_sub(self.first)?;
        self.places.get_mut(usize::try_from(index).ok()?)
    }
}

impl Place {
    fn settle(&mut self, answer: Option<&Outgoing>, format: Format) {
        if let Some(Outgoing::Error(error)) = answer {
            let reason = error.code.name();
            metrics::counter!("banter_refusals_total", "by" => "socket", "reason" => reason)
                .increment(1);
        }
        self.answer = Some(answer.map(|what| what.frame(format, self.cid.as_deref())));
    }
}
