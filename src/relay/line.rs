use std::collections::VecDeque;

use bytes::Bytes;

use super::{LiveChannel, News};
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
    /// Bytes of the answers in it.
    bytes: usize,
    /// Places that are news, not requests.
    news: usize,
}

struct Place {
    cid: Option<Box<str>>,
    /// The channel that owes the answer, if one does.
    channel: Option<LiveChannel>,
    /// What it tells of, if it is no request.
    news: Option<News>,
    /// `Some(None)` for a request that gets no answer.
    answer: Option<Option<Bytes>>,
}

impl Line {
    /// Takes the next place, for a request with this id.
    pub(super) fn stand(&mut self, cid: Option<Box<str>>) -> Ticket {
        self.places.push_back(Place {
            cid,
            channel: None,
            news: None,
            answer: None,
        });
        Ticket(self.first + self.places.len() as u64 - 1)
    }

    /// Puts news behind the answers to the requests there are.
    pub(super) fn follow(&mut self, news: News, frame: Bytes) {
        self.bytes += frame.len();
        self.news += 1;
        self.places.push_back(Place {
            cid: None,
            channel: None,
            news: Some(news),
            answer: Some(Some(frame)),
        });
    }

    /// Takes out the news of a user that is not newer than this.
    pub(super) fn forget_until(&mut self, last: News) {
        for place in &mut self.places {
            let old = |news: &News| news.user == last.user && news.number <= last.number;
            if place.news.as_ref().is_some_and(old)
                && let Some(Some(frame)) = place.answer.replace(None)
            {
                self.bytes -= frame.len();
            }
        }
    }

    /// Bytes of answers, and of what follows them, that wait for others before them.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Requests that are not yet answered, or whose answer waits for others.
    pub(super) fn requests(&self) -> usize {
        self.places.len() - self.news
    }

    pub(super) fn owed_by(&mut self, ticket: Ticket, channel: LiveChannel) {
        if let Some(place) = self.place(ticket) {
            place.channel = Some(channel);
        }
    }

    /// Gives a request its answer, or the knowledge that it gets none. A second one is ignored.
    pub(super) fn answer(&mut self, ticket: Ticket, answer: Option<&Outgoing>, format: Format) {
        if let Some(place) = self.place(ticket).filter(|place| place.answer.is_none()) {
            let bytes = place.settle(answer, format);
            self.bytes += bytes;
        }
    }

    /// Gives the same answer to every request for which `channel` still owes one.
    pub(super) fn answer_for(&mut self, channel: LiveChannel, answer: &Outgoing, format: Format) {
        let owed = |place: &&mut Place| place.answer.is_none() && place.channel == Some(channel);
        for place in self.places.iter_mut().filter(owed) {
            self.bytes += place.settle(Some(answer), format);
        }
    }

    /// The first in line, if it has been answered, with the frame to send, if there is one.
    pub(super) fn next(&mut self) -> Option<Option<Bytes>> {
        self.places.front()?.answer.as_ref()?;
        self.first += 1;
        let first = self.places.pop_front()?;
        self.news -= usize::from(first.news.is_some());
        let answer = first.answer?;
        self.bytes -= answer.as_ref().map_or(0, Bytes::len);
        Some(answer)
    }

    /// Nobody waits any more; answers that come later are ignored.
    pub(super) fn clear(&mut self) {
        self.first += self.places.len() as u64;
        self.places.clear();
        self.bytes = 0;
        self.news = 0;
    }

    fn place(&mut self, ticket: Ticket) -> Option<&mut Place> {
        let index = ticket.0.checked_sub(self.first)?;
        self.places.get_mut(usize::try_from(index).ok()?)
    }
}

impl Place {
    /// Answers how many bytes the answer has.
    fn settle(&mut self, answer: Option<&Outgoing>, format: Format) -> usize {
        if let Some(Outgoing::Error(error)) = answer {
            let reason = error.code.name();
            metrics::counter!("banter_refusals_total", "by" => "socket", "reason" => reason)
                .increment(1);
        }
        let frame = answer.map(|what| what.frame(format, self.cid.as_deref()));
        let bytes = frame.as_ref().map_or(0, Bytes::len);
        self.answer = Some(frame);
        bytes
    }
}
