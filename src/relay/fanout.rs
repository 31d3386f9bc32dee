//! From events to outboxes: the innermost loop of the server, and what it needs to know of a member.

use std::{cell::RefCell, collections::HashSet, rc::Rc};

use bytes::{Bytes, BytesMut};

use super::{Event, LiveChannel, Outbox, Sent, SocketKey};
use crate::{user::UserId, wire::Format};

/// Whose messages a socket is not to get.
pub(super) type Hidden = Rc<RefCell<HashSet<UserId>>>;

/// A socket in a channel.
pub(super) struct Member {
    pub(super) socket: SocketKey,
    pub(super) outbox: Rc<Outbox>,
    pub(super) hidden: Option<Hidden>,
}

impl Member {
    /// Whether an event of a batch is not for this member.
    fn misses_any(&self, events: &[Event]) -> bool {
        let Some(hidden) = &self.hidden else {
            return false;
        };
        let hidden = hidden.borrow();
        let misses = |event: &Event| event.speaker().is_some_and(|who| hidden.contains(&who));
        !hidden.is_empty() && events.iter().any(misses)
    }
}

/// Puts off writing to an outbox until those in `corked` are uncorked.
pub(super) fn cork(corked: &mut Vec<Rc<Outbox>>, outbox: &Rc<Outbox>) {
    if outbox.cork() {
        corked.push(outbox.clone());
    }
}

/// What a batch has come to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FannedOut {
    /// Bytes that a member got at most.
    pub(super) bytes: usize,
    /// Whether it is most of what fills an outbox that is half full.
    pub(super) crowds: bool,
}

/// The innermost loop of the server: one reference count and one queue entry per member and batch.
pub(super) fn fan_out(
    channel: LiveChannel,
    members: &[Member],
    events: &[Event],
    corked: &mut Vec<Rc<Outbox>>,
) -> FannedOut {
    let mut batch = LocalBatch::default();
    let mut apart = FannedOut::default();
    let mut crowds = false;
    // A channel puts no messages and presences into one batch.
    let kind = events.first().map_or(Sent::Messages, Event::kind);
    for member in members {
        cork(corked, &member.outbox);
        if member.misses_any(events) {
            push_visible(channel, member, events, &mut apart);
            continue;
        }
        for piece in batch.pieces(events, member.outbox.format()) {
            crowds |= member.outbox.push_from(channel, kind, piece.clone());
        }
    }
    FannedOut {
        bytes: apart.bytes.max(batch.bytes()),
        crowds: apart.crowds || crowds,
    }
}

/// Pushes what the member is to see, one by one.
fn push_visible(channel: LiveChannel, member: &Member, events: &[Event], all: &mut FannedOut) {
    let mut bytes = 0;
    let hidden = member.hidden.as_ref().map(|hidden| hidden.borrow());
    for event in events {
        let speaker = event.speaker();
        let misses = |hidden: &HashSet<UserId>| speaker.is_some_and(|who| hidden.contains(&who));
        if !hidden.as_deref().is_some_and(misses) {
            let frame = event.frame(member.outbox.format());
            bytes += frame.len();
            all.crowds |= member
                .outbox
                .push_from(channel, event.kind(), frame.clone());
        }
    }
    all.bytes = all.bytes.max(bytes);
}

/// The frames of a batch, put together: whoever gets one of them gets all. A copy of this thread's
/// own, because two threads that count references on one cache line cost each other more than the
/// copy does.
#[derive(Default)]
struct LocalBatch {
    pieces: [Vec<Bytes>; Format::ALL.len()],
}

impl LocalBatch {
    /// Frames are put together up to this size, so that an outbox is counted in small enough steps.
    const PIECE: usize = 16 * 1024;

    fn pieces(&mut self, events: &[Event], format: Format) -> &[Bytes] {
        let pieces = &mut self.pieces[format as usize];
        if pieces.is_empty() {
            let mut piece = BytesMut::new();
            for event in events {
                let frame = event.frame(format);
                if !piece.is_empty() && piece.len() + frame.len() > Self::PIECE {
                    pieces.push(piece.split().freeze());
                }
                piece.extend_from_slice(frame);
            }
            pieces.push(piece.freeze());
        }
        pieces
    }

    /// How many bytes it has in the format that takes most, of those in use.
    fn bytes(&self) -> usize {
        let bytes = |pieces: &Vec<Bytes>| pieces.iter().map(Bytes::len).sum();
        self.pieces.iter().map(bytes).max().unwrap_or(0)
    }
}
