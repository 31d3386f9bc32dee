use actix::Addr;
use bytes::Bytes;

use crate::{
    relay::{Closing, Outbox},
    session::{Inbound, Session, SocketClosed},
    wire::{self, Outgoing},
};

/// Who takes the messages of a socket. Dropped when the socket is gone.
pub(super) trait Inbox: Unpin + 'static {
    /// One whole text message; valid UTF-8.
    fn text(&mut self, text: Bytes, outbox: &Outbox);

    /// One whole binary message.
    fn binary(&mut self, bytes: Bytes, outbox: &Outbox);
}

/// Decodes requests and hands them to the session.
pub(super) struct SessionInbox {
    session: Addr<Session>,
}

impl SessionInbox {
    pub(super) fn new(session: Addr<Session>) -> Self {
        Self { session }
    }

    fn take(&mut self, text: bool, payload: &[u8], outbox: &Outbox) {
        let format = outbox.format();
        if format.is_text() != text {
            return outbox.close_after_line(match text {
                true => Closing::TEXT_FOR_BINARY,
                false => Closing::BINARY_FOR_TEXT,
            });
        }
        match wire::decode(format, payload) {
            Ok(envelope) => {
                let ticket = outbox.stand_in_line(envelope.cid);
                let request = Inbound {
                    ticket,
                    request: envelope.request,
                };
                if self.session.try_send(request).is_err() {
                    // The mailbox holds a whole line, so the session itself must be gone.
                    outbox.close(Closing::BROKEN);
                }
            }
            Err(malformed) => {
                let ticket = outbox.stand_in_line(malformed.cid);
                outbox.answer(ticket, Some(&Outgoing::Error(malformed.error)));
                outbox.close_after_line(Closing::MALFORMED_ENVELOPE);
            }
        }
    }
}

impl Inbox for SessionInbox {
    fn text(&mut self, text: Bytes, outbox: &Outbox) {
        self.take(true, &text, outbox);
    }

    fn binary(&mut self, bytes: Bytes, outbox: &Outbox) {
        self.take(false, &bytes, outbox);
    }
}

impl Drop for SessionInbox {
    fn drop(&mut self) {
        // Without a bound: sent once.
        self.session.do_send(SocketClosed);
    }
}

/// Sends everything back: for the WebSocket conformance suite.
pub(super) struct EchoInbox;

impl Inbox for EchoInbox {
    fn text(&mut self, text: Bytes, outbox: &Outbox) {
        outbox.push(wire::message_frame(true, &text));
    }

    fn binary(&mut self, bytes: Bytes, outbox: &Outbox) {
        outbox.push(wire::message_frame(false, &bytes));
    }
}
