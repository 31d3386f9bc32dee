use actix::Addr;
use bytes::Bytes;

use crate::{
    relay::{Closing, Outbox},
    session::{Inbound, Session, SocketClosed},
    wire::{self, CloseCode, Outgoing},
};

/// Who takes the messages of a socket. Dropped when the socket is gone.
pub(super) trait Inbox: Unpin + 'static {
    /// One whole text message; valid UTF-8.
    fn text(&mut self, text: Bytes, outbox: &Outbox);

    /// One whole binary message.
    fn binary(&mut self, bytes: Bytes, outbox: &Outbox);
}

const MALFORMED: Closing = Closing {
    code: CloseCode::NORMAL,
    reason: "malformed envelope",
};
const WRONG_KIND: Closing = Closing {
    code: CloseCode::NORMAL,
    reason: "binary message on a JSON socket",
};

/// Decodes requests and hands them to the session.
pub(super) struct SessionInbox {
    session: Addr<Session>,
}

impl SessionInbox {
    pub(super) fn new(session: Addr<Session>) -> Self {
        Self { session }
    }
}

impl Inbox for SessionInbox {
    fn text(&mut self, text: Bytes, outbox: &Outbox) {
        // Checked by the frame reader; a text that slipped through is as malformed as any other.
        match wire::decode(std::str::from_utf8(&text).unwrap_or_default()) {
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
                outbox.close_after_line(MALFORMED);
            }
        }
    }

    fn binary(&mut self, _: Bytes, outbox: &Outbox) {
        outbox.close_after_line(WRONG_KIND);
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
