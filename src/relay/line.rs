use std::collections::VecDeque;

use bytes::Bytes;

use super::{LiveChannel, News, metrics::REFUSED};
use crate::wire::{Format, Outgoing};

/// What a frame that waits costs beside its bytes: its place in a queue, and what the allocator adds. Without it a flood
/// of tiny frames would hold forty times what is counted.
pub(super) const FRAME_COST: usize = 64;

/// What a frame that waits costs in all.
pub(super) fn cost(frame: &Bytes) -> usize {
    frame.len() + FRAME_COST
}

/// A request's place in the line of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// The requests of one socket that are not yet answered, oldest first.
///
/// Invariants: answers come out in the order in which the requests took their places, each once,
/// whatever the order in which they are given. What a channel sends after it has answered a join comes out
/// after that answer: the presences in it are those of the moment before.
#[derive(Default)]
pub(super) struct Line {
    places: VecDeque<Place>,
    /// Ticket of the first place.
    first: u64,
    /// What news and held frames cost. Not the answers: their number is bounded, and one that is large by itself (who is in
    /// a crowded room) must not cut off a peer that reads.
    held: usize,
    /// Places that are news, not requests.
    news: usize,
    /// Joins whose answers wait for others, oldest first. Nearly always empty.
    joins: Vec<PendingJoin>,
}

/// A join that the channel has answered, and whose answer waits for others before it.
struct PendingJoin {
    ticket: Ticket,
    channel: LiveChannel,
    /// The session was in the channel already, so only changes of who is there have to wait for the list.
    again: bool,
    /// What the channel has sent since.
    frames: Vec<Bytes>,
}

impl PendingJoin {
    fn holds(&self, channel: LiveChannel, what: Sent) -> bool {
        self.channel == channel && (!self.again || what == Sent::Presences)
    }
}

/// What a channel sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Changes of who is there.
    Presences,
    Messages,
}

/// What leaves when a request has its turn.
pub(super) struct Turn {
    pub(super) answer: Option<Bytes>,
    /// What a channel has sent since it answered this join.
    pub(super) behind: Vec<Bytes>,
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
        self.held += cost(&frame);
        self.news += 1;
        self.places.push_back(Place {
            cid: None,
            channel: None,
            news: Some(news),
            answer: Some(Some(frame)),
        });
    }

    /// What `channel` sends from now on leaves behind the answer to this join. `again` is whether the session was in it.
    pub(super) fn follow_join(&mut self, ticket: Ticket, channel: LiveChannel, again: bool) {
        // The first in line leaves at once.
        if ticket.0 > self.first {
            self.joins.push(PendingJoin {
                ticket,
                channel,
                again,
                frames: Vec::new(),
            });
        }
    }

    /// What `channel` sends from now on leaves behind the last answer to a join that waits, if one does: a session
    /// that comes back to a channel, which was lost, may not have been told that it had joined it.
    pub(super) fn follow_last_join(&mut self, channel: LiveChannel) {
        if let Some(last) = self.joins.last() {
            let ticket = last.ticket;
            self.follow_join(ticket, channel, false);
        }
    }

    /// Whether what `channel` sends must wait for the answer to a join.
    pub(super) fn holds(&self, channel: LiveChannel, what: Sent) -> bool {
        self.joins.iter().any(|join| join.holds(channel, what))
    }

    /// Takes what a channel sends, if it must wait.
    pub(super) fn hold(&mut self, channel: LiveChannel, what: Sent, frame: Bytes) {
        let mut joins = self.joins.iter_mut();
        // Of several the latest: its list of presences is the one that this changes.
        if let Some(join) = joins.rfind(|join| join.holds(channel, what)) {
            self.held += cost(&frame);
            join.frames.push(frame);
        }
    }

    /// Takes out the news of a user that is not newer than this.
    pub(super) fn forget_until(&mut self, last: News) {
        for place in &mut self.places {
            let old = |news: &News| news.user == last.user && news.number <= last.number;
            if place.news.as_ref().is_some_and(old)
                && let Some(Some(frame)) = place.answer.replace(None)
            {
                self.held -= cost(&frame);
            }
        }
    }

    /// What waits for answers costs so much.
    pub(super) fn held(&self) -> usize {
        self.held
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

    /// The first in line, if it has been answered.
    pub(super) fn next(&mut self) -> Option<Turn> {
        self.places.front()?.answer.as_ref()?;
        let ticket = Ticket(self.first);
        self.first += 1;
        let first = self.places.pop_front()?;
        let answer = first.answer?;
        if first.news.is_some() {
            self.news -= 1;
            self.held -= answer.as_ref().map_or(0, cost);
        }
        let mut behind = Vec::new();
        if !self.joins.is_empty() {
            for join in self.joins.extract_if(.., |join| join.ticket == ticket) {
                behind.extend(join.frames);
            }
        }
        self.held -= behind.iter().map(cost).sum::<usize>();
        Some(Turn { answer, behind })
    }

    /// Nobody waits any more; answers that come later are ignored.
    pub(super) fn clear(&mut self) {
        self.first += self.places.len() as u64;
        self.places.clear();
        self.joins.clear();
        self.held = 0;
        self.news = 0;
    }

    fn place(&mut self, ticket: Ticket) -> Option<&mut Place> {
        let index = ticket.0.checked_sub(self.first)?;
        self.places.get_mut(usize::try_from(index).ok()?)
    }
}

impl Place {
    fn settle(&mut self, answer: Option<&Outgoing>, format: Format) {
        if let Some(Outgoing::Error(error)) = answer {
            REFUSED.of(error.code).increment(1);
        }
        self.answer = Some(answer.map(|what| what.frame(format, self.cid.as_deref())));
    }
}
