use std::rc::Rc;

use bytes::BytesMut;

use super::{
    frames::{FrameReader, Incoming},
    inbox::Inbox,
};
use crate::{
    relay::{Closing, Outbox},
    wire::pong_frame,
};

/// The other end of one socket, whichever door it came through: takes bytes, and leaves what is to
/// be sent in the outbox.
pub(super) struct Peer<I> {
    pub(super) outbox: Rc<Outbox>,
    frames: FrameReader,
    inbox: I,
    spoken: bool,
}

impl<I: Inbox> Peer<I> {
    pub(super) fn new(outbox: Rc<Outbox>, max_message_bytes: usize, inbox: I) -> Self {
        Self {
            outbox,
            frames: FrameReader::new(max_message_bytes),
            inbox,
            spoken: false,
        }
    }

    /// Whether anything has come from the client since the handshake.
    pub(super) fn has_spoken(&self) -> bool {
        self.spoken
    }

    /// Bytes have come. Nothing else is a sign of life.
    pub(super) fn heard(&mut self) {
        self.spoken = true;
        self.outbox.heard();
    }

    /// Takes whole messages out of `bytes` as long as there is room in the line of answers. What is
    /// left stays in `bytes`; when the socket is closing, nothing is.
    pub(super) fn receive(&mut self, bytes: &mut BytesMut) {
        while self.wants_more() {
            match self.frames.next(bytes) {
                Ok(None) => return,
                Ok(Some(Incoming::Text(text))) => self.inbox.text(text, &self.outbox),
                Ok(Some(Incoming::Binary(bytes))) => self.inbox.binary(bytes, &self.outbox),
                Ok(Some(Incoming::Ping(payload))) => self.outbox.pong(pong_frame(&payload)),
                Ok(Some(Incoming::Pong)) => {}
                Ok(Some(Incoming::Close(code))) => self.outbox.close(Closing::returned(code)),
                Err(closing) => self.outbox.close_after_line(closing),
            }
        }
        if self.outbox.is_closing() {
            bytes.clear();
        }
    }

    /// Whether the next request may be taken; if not, the outbox wakes the socket when it may.
    pub(super) fn wants_more(&self) -> bool {
        self.outbox.has_room_in_line() && !self.outbox.is_closing()
    }
}

impl<I> Drop for Peer<I> {
    /// The socket is gone: nothing will be written any more.
    fn drop(&mut self) {
        self.outbox.kill();
    }
}
