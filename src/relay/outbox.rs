use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, IoSlice},
    rc::Rc,
    task::{Poll, Waker, ready},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};

use super::{
    Closing, LiveChannel, News,
    line::{FRAME_COST, Line, Sent, Ticket, Turn, cost},
    metrics::CLOSES,
};
use crate::wire::{Format, Outgoing, close_frame, ping_frame};

/// The bounds of one socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutboxLimits {
    /// Bytes that may wait for the peer before the next frame ends the socket.
    pub(crate) bytes: usize,
    /// Requests that may be unanswered before the next one is read.
    pub(crate) pipeline: usize,
    pub(crate) ping_period: Duration,
    /// Silence after which the peer counts as gone.
    pub(crate) pong_wait: Duration,
    /// Time in which a peer for whom something waits must take at least some of it.
    pub(crate) write_timeout: Duration,
    /// Time a closing socket has to take its last frames.
    pub(crate) close_wait: Duration,
}

/// Answers to pings that wait to be put among the frames; as many may stand there.
const PONGS: usize = 16;

/// The way to the peer, for an outbox that may write by itself.
pub(crate) trait Transport {
    /// Writes what can be written at once; `WouldBlock` when that is nothing.
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize>;
}

/// What waits for one socket: frames in order, and the line of requests not yet answered.
///
/// Lives on one thread: no lock, no atomic. Filled by the relay and the session; drained by the relay as
/// far as the peer takes it at once, and by the socket. Never waits: a frame that finds too much before
/// it ends the socket as a slow consumer.
pub(crate) struct Outbox {
    format: Format,
    limits: OutboxLimits,
    inner: RefCell<Inner>,
}

struct Inner {
    frames: VecDeque<Bytes>,
    /// Bytes in `frames`, and what they cost beside.
    bytes: usize,
    /// Answers to pings, until they are put among the frames: the first, and of more than [`PONGS`] the last.
    pongs: VecDeque<Bytes>,
    /// Frames to be written until the last pong among them has left; 0 when there is none.
    until_pong: usize,
    /// Whether the peer has taken anything since the last look, or nothing waits.
    progressed: bool,
    /// Since when it has not.
    stuck: Option<Instant>,
    /// Whether a part of the first frame has been written.
    partial: bool,
    /// While more than half of what may wait does: what each channel has sent since.
    #[expect(clippy::box_collection, reason = "rare, and there are many outboxes")]
    crowd: Option<Box<Vec<(LiveChannel, usize)>>>,
    line: Line,
    /// To be closed when the line is empty.
    ending: Option<(Closing, Instant)>,
    closing: Option<Instant>,
    /// Why the server closes the socket, or has.
    why: Option<Closing>,
    transport: Option<Rc<dyn Transport>>,
    /// What is pushed waits for [`Outbox::uncork`], and wakes nobody.
    corked: bool,
    /// The socket has requests to read and waits for room in the line.
    stalled: bool,
    /// The socket must be dropped, whatever waits.
    dead: bool,
    waker: Option<Waker>,
    /// Where reading and writing are two tasks: the one that reads.
    reader: Option<Waker>,
    woken: bool,
    heard: Instant,
    pinged: Instant,
    /// When the socket has to go.
    expires: Option<Instant>,
}

impl Outbox {
    pub(crate) fn new(format: Format, limits: OutboxLimits) -> Self {
        let now = Instant::now();
        Self {
            format,
            limits,
            inner: RefCell::new(Inner {
                frames: VecDeque::new(),
                bytes: 0,
                pongs: VecDeque::new(),
                until_pong: 0,
                progressed: true,
                stuck: None,
                partial: false,
                crowd: None,
                line: Line::default(),
                ending: None,
                closing: None,
                why: None,
                transport: None,
                corked: false,
                stalled: false,
                dead: false,
                waker: None,
                reader: None,
                woken: false,
                heard: now,
                pinged: now,
                expires: None,
            }),
        }
    }

    /// Closes the socket at a time, as exactly as it is looked after.
    pub(crate) fn expire_at(&self, at: Instant) {
        self.inner.borrow_mut().expires = Some(at);
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Adds one encoded frame.
    pub(crate) fn push(&self, frame: Bytes) {
        self.inner.borrow_mut().push(frame, &self.limits);
    }

    /// Answers a ping. Few answers wait at a time, and beyond these only the last: RFC 6455 asks for no more, and a peer
    /// that only pings, and reads nothing, costs nothing.
    pub(crate) fn pong(&self, frame: Bytes) {
        let inner = &mut *self.inner.borrow_mut();
        if inner.closing.is_none() && !inner.dead {
            if inner.pongs.len() == PONGS {
                inner.pongs.pop_back();
            }
            inner.pongs.push_back(frame);
            inner.wake();
        }
    }

    /// Adds what a channel sends: behind the answer to the join, should that still wait for others. Whether the outbox is
    /// more than half full, and most of what came since is from this channel.
    pub(crate) fn push_from(&self, channel: LiveChannel, what: Sent, frame: Bytes) -> bool {
        let inner = &mut *self.inner.borrow_mut();
        let crowds = inner.notice_crowd(channel, frame.len(), &self.limits);
        if !inner.line.holds(channel, what) {
            inner.push(frame, &self.limits);
        } else if inner.is_overfull(&self.limits) {
            inner.give_up();
        } else {
            inner.line.hold(channel, what, frame);
        }
        crowds
    }

    /// Answers a join, as [`answer`](Self::answer) does; what the channel sends from now on leaves behind it, but for
    /// messages if the session was in the channel already.
    pub(crate) fn answer_join(
        &self,
        ticket: Ticket,
        channel: LiveChannel,
        again: bool,
        answer: &Outgoing,
    ) {
        let inner = &mut *self.inner.borrow_mut();
        inner.line.answer(ticket, Some(answer), self.format);
        inner.line.follow_join(ticket, channel, again);
        inner.advance_line(&self.limits);
    }

    /// The session is back in a channel that was lost, which nobody asks for: what the channel sends leaves behind
    /// the answers to joins that still wait.
    pub(crate) fn rejoined(&self, channel: LiveChannel) {
        self.inner.borrow_mut().line.follow_last_join(channel);
    }

    /// Adds one encoded frame behind the answers to all requests that have been read.
    pub(crate) fn push_news(&self, news: News, frame: Bytes) {
        let inner = &mut *self.inner.borrow_mut();
        if inner.line.is_empty() {
            inner.push(frame, &self.limits);
        } else if inner.is_overfull(&self.limits) {
            inner.give_up();
        } else {
            inner.line.follow(news, frame);
        }
    }

    /// Takes back the news of a user that waits and is not newer than this: an answer will have told it.
    pub(crate) fn forget_until(&self, last: News) {
        self.inner.borrow_mut().line.forget_until(last);
    }

    /// Gives a request the next place in the line. The caller must make sure that it is answered.
    pub(crate) fn stand_in_line(&self, cid: Option<Box<str>>) -> Ticket {
        self.inner.borrow_mut().line.stand(cid)
    }

    /// Whether another request may be read. If not, the socket is woken when it may.
    pub(crate) fn has_room_in_line(&self) -> bool {
        let inner = &mut *self.inner.borrow_mut();
        inner.stalled = inner.line.requests() >= self.limits.pipeline || inner.ending.is_some();
        !inner.stalled
    }

    /// Notes which channel owes the answer.
    pub(crate) fn owed_by(&self, ticket: Ticket, channel: LiveChannel) {
        self.inner.borrow_mut().line.owed_by(ticket, channel);
    }

    /// Answers a request; the answer leaves when all older ones have left. A second answer to the
    /// same request is ignored.
    pub(crate) fn answer(&self, ticket: Ticket, answer: Option<&Outgoing>) {
        let inner = &mut *self.inner.borrow_mut();
        inner.line.answer(ticket, answer, self.format);
        inner.advance_line(&self.limits);
    }

    /// Answers everything that `channel` still owes.
    pub(crate) fn answer_for(&self, channel: LiveChannel, answer: &Outgoing) {
        let inner = &mut *self.inner.borrow_mut();
        inner.line.answer_for(channel, answer, self.format);
        inner.advance_line(&self.limits);
    }

    /// Lets what waits go out, then closes with a close frame. Later frames are dropped.
    pub(crate) fn close(&self, why: Closing) {
        self.inner.borrow_mut().close(why);
    }

    /// Closes when everything in the line has been answered. No more requests are read.
    pub(crate) fn close_after_line(&self, why: Closing) {
        let inner = &mut *self.inner.borrow_mut();
        inner.ending.get_or_insert((why, Instant::now()));
        inner.advance_line(&self.limits);
    }

    /// Drops the socket without further ado.
    pub(crate) fn kill(&self) {
        let inner = &mut *self.inner.borrow_mut();
        inner.die();
    }

    /// Why the socket is being closed, or was; `None` when the connection has just gone.
    pub(crate) fn why_closed(&self) -> Option<&'static str> {
        let why = self.inner.borrow().why?;
        Some(why.reason.into())
    }

    pub(crate) fn is_closing(&self) -> bool {
        let inner = self.inner.borrow();
        inner.dead || inner.closing.is_some()
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.inner.borrow().dead
    }

    /// Whether no frame waits to be written.
    pub(crate) fn is_empty(&self) -> bool {
        let inner = self.inner.borrow();
        inner.frames.is_empty() && inner.pongs.is_empty()
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        let inner = self.inner.borrow();
        inner.bytes + inner.line.held()
    }

    /// The peer has been heard.
    pub(crate) fn heard(&self) {
        self.inner.borrow_mut().heard = Instant::now();
    }

    /// Whom to wake when there is something to write or the socket must end.
    pub(crate) fn register(&self, waker: &Waker) {
        let inner = &mut *self.inner.borrow_mut();
        inner.woken = false;
        match &mut inner.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Whom else to wake, for a transport that reads in a task of its own.
    pub(crate) fn register_reader(&self, waker: &Waker) {
        self.inner.borrow_mut().reader = Some(waker.clone());
    }

    /// Lets the outbox write by itself when it is uncorked.
    pub(crate) fn connect(&self, transport: Rc<dyn Transport>) {
        self.inner.borrow_mut().transport = Some(transport);
    }

    /// From now on until [`uncork`](Self::uncork) pushing wakes nobody. `false` when the outbox is corked
    /// already, or cannot write by itself.
    pub(crate) fn cork(&self) -> bool {
        let inner = &mut *self.inner.borrow_mut();
        let corked = inner.transport.is_some() && !inner.corked;
        inner.corked |= corked;
        corked
    }

    /// Writes what waits. The socket is woken only for what it alone can do: to wait for a peer that
    /// takes no more, to read on, or to end.
    pub(crate) fn uncork(&self) {
        let inner = &mut *self.inner.borrow_mut();
        inner.corked = false;
        let Some(transport) = inner.transport.clone() else {
            return;
        };
        let written = inner.drain(|frames| match transport.try_write(frames) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            result => Poll::Ready(result),
        });
        let all = matches!(written, Poll::Ready(Ok(())));
        if !all || inner.stalled || inner.closing.is_some() || inner.dead {
            inner.wake();
        }
    }

    /// Writes what waits, many frames in one call, until nothing is left or `write` is not ready.
    pub(crate) fn drain(
        &self,
        write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        self.inner.borrow_mut().drain(write)
    }

    /// Takes one frame, for a transport that writes by itself.
    pub(crate) fn pop(&self) -> Option<Bytes> {
        let inner = &mut *self.inner.borrow_mut();
        inner.place_pongs();
        let frame = inner.frames.front()?.clone();
        inner.written(frame.len());
        Some(frame)
    }

    /// Pings, notices a silent peer, and ends a close that takes too long. To be called every now and then.
    pub(crate) fn tick(&self, now: Instant) {
        let inner = &mut *self.inner.borrow_mut();
        if inner.frames.is_empty() {
            // Most sockets are quiet, and there may be very many: that must not cost them a queue.
            inner.frames = VecDeque::new();
        }
        if let Some((why, since)) = inner.ending
            && now.saturating_duration_since(since) >= self.limits.close_wait
        {
            inner.close(why);
        }
        inner.notice_progress(now);
        if let Some(since) = inner.closing {
            if now.saturating_duration_since(since) >= self.limits.close_wait {
                inner.die();
            }
        } else if inner
            .stuck
            .is_some_and(|since| now.saturating_duration_since(since) >= self.limits.write_timeout)
        {
            inner.give_up_for(Closing::STUCK);
        } else if inner.expires.is_some_and(|at| at <= now) {
            inner.close(Closing::EXPIRED);
        } else if inner.line.requests() >= self.limits.pipeline {
            // Nothing is read now, so nothing can be heard.
            inner.heard = now;
        } else if now.saturating_duration_since(inner.heard) >= self.limits.pong_wait {
            inner.close(Closing::SILENT);
        } else if now.saturating_duration_since(inner.pinged.max(inner.heard))
            >= self.limits.ping_period
        {
            inner.pinged = now;
            inner.push(ping_frame(), &self.limits);
        }
    }
}

impl Inner {
    fn push(&mut self, frame: Bytes, limits: &OutboxLimits) {
        if self.closing.is_some() || self.dead || frame.is_empty() {
            return;
        }
        // What already waits counts, not the frame: one that is large by itself (who is in a crowded
        // room) must not cut off a peer that reads.
        if self.is_overfull(limits) {
            self.give_up();
            return;
        }
        self.queue(frame);
        self.wake();
    }

    fn queue(&mut self, frame: Bytes) {
        self.bytes += cost(&frame);
        self.frames.push_back(frame);
    }

    /// Puts answers to pings in front of the frames of which nothing has been written, unless earlier ones still wait
    /// there.
    fn place_pongs(&mut self) {
        if self.until_pong > 0 || self.pongs.is_empty() {
            return;
        }
        let mut place = usize::from(self.partial);
        // Taken with its memory: most sockets are never pinged again for long.
        for pong in std::mem::take(&mut self.pongs) {
            self.bytes += cost(&pong);
            self.frames.insert(place, pong);
            place += 1;
        }
        self.until_pong = place;
    }

    /// Notes what a channel adds to an outbox that is more than half full; whether it is the one that adds most.
    fn notice_crowd(&mut self, channel: LiveChannel, bytes: usize, limits: &OutboxLimits) -> bool {
        if self.bytes + self.line.held() <= limits.bytes / 2 {
            self.crowd = None;
            return false;
        }
        let crowd = self.crowd.get_or_insert_default();
        let at = crowd.iter().position(|(known, _)| *known == channel);
        let at = at.unwrap_or_else(|| {
            crowd.push((channel, 0));
            crowd.len() - 1
        });
        crowd[at].1 += bytes;
        let own = crowd[at].1;
        crowd.iter().all(|(_, sent)| *sent <= own)
    }

    /// Notes since when a peer for whom something waits has taken nothing.
    fn notice_progress(&mut self, now: Instant) {
        if self.progressed || self.frames.is_empty() {
            self.stuck = None;
        } else {
            self.stuck.get_or_insert(now);
        }
        self.progressed = false;
    }

    /// Whether too much waits for one more frame to wait in the line.
    fn is_overfull(&self, limits: &OutboxLimits) -> bool {
        self.bytes + self.line.held() > limits.bytes
    }

    fn give_up(&mut self) {
        self.give_up_for(Closing::SLOW_CONSUMER);
    }

    /// Forgets what waits, but for the rest of a frame that has begun, and closes.
    fn give_up_for(&mut self, why: Closing) {
        self.frames.truncate(usize::from(self.partial));
        self.frames.shrink_to_fit();
        self.bytes = self.frames.iter().map(cost).sum();
        self.pongs = VecDeque::new();
        self.until_pong = 0;
        self.close(why);
    }

    /// The socket is to be dropped; what waits is of no use any more.
    fn die(&mut self) {
        self.dead = true;
        self.corked = false;
        // The connection must not outlive its socket in whoever still holds the outbox.
        self.transport = None;
        self.frames = VecDeque::new();
        self.bytes = 0;
        self.pongs = VecDeque::new();
        self.line.clear();
        self.wake();
    }

    fn close(&mut self, why: Closing) {
        if self.closing.is_some() || self.dead {
            return;
        }
        CLOSES.of(why.reason).increment(1);
        self.queue(close_frame(why.code, why.text()));
        self.closing = Some(Instant::now());
        self.why = Some(why);
        self.line.clear();
        self.wake();
    }

    fn advance_line(&mut self, limits: &OutboxLimits) {
        while let Some(Turn { answer, behind }) = self.line.next() {
            if let Some(answer) = answer {
                self.push(answer, limits);
            }
            // Counted when it was held, so that it is not the answer before it that is too much.
            if self.closing.is_none() && !self.dead {
                behind.into_iter().for_each(|frame| self.queue(frame));
            }
        }
        if let Some((why, _)) = self.ending
            && self.line.is_empty()
        {
            self.close(why);
        }
        // The socket may be waiting for room in the line.
        self.wake();
    }

    fn drain(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        /// Frames in one system call; more than this gains nothing measurable.
        const AT_ONCE: usize = 64;
        loop {
            self.place_pongs();
            let Some(first) = self.frames.front() else {
                return Poll::Ready(Ok(()));
            };
            let written = if self.frames.len() == 1 {
                write(&[IoSlice::new(first)])
            } else {
                let mut slices = [IoSlice::new(&[]); AT_ONCE];
                let mut count = 0;
                for (slice, frame) in slices.iter_mut().zip(&self.frames) {
                    *slice = IoSlice::new(frame);
                    count += 1;
                }
                write(&slices[..count])
            };
            let written = ready!(written)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written(written);
        }
    }

    fn written(&mut self, mut count: usize) {
        self.progressed = true;
        self.bytes -= count;
        while let Some(front) = self.frames.front_mut() {
            if count < front.len() {
                front.advance(count);
                self.partial = count > 0 || self.partial;
                return;
            }
            count -= front.len();
            self.frames.pop_front();
            self.bytes -= FRAME_COST;
            self.until_pong = self.until_pong.saturating_sub(1);
            self.partial = false;
        }
        // A burst must not leave its buffer behind in thousands of idle sockets.
        if self.frames.capacity() > 64 {
            self.frames = VecDeque::new();
        }
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        if !self.woken
            && !self.corked
            && let Some(waker) = &self.waker
        {
            self.woken = true;
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests;
