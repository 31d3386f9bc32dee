//! Cursors: opaque to clients, versioned, bound to the channel and direction they came from, and
//! authenticated with the server's key, so that a client can neither forge nor move one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bincode::{Decode, Encode, config};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::channel::{ChannelId, Cursor, Direction, Seq, Side};

/// Secret of this server's cursors.
#[derive(Clone)]
pub(crate) struct CursorKey(pub(crate) [u8; 32]);

/// The text is not a cursor of this server for this channel and direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cursor is invalid")]
pub(crate) struct CursorError;

/// What is in a cursor. The channel is not written but authenticated with the rest.
#[derive(Encode, Decode)]
struct Written {
    version: u8,
    kind: u8,
    seq: u64,
}

const VERSION: u8 = 1;
const NEWEST_FIRST: u8 = 1;
const PREVIOUS: u8 = 2;
const MAC_BYTES: usize = 16;

impl Cursor {
    /// The text for clients; good for `channel` only.
    pub(crate) fn to_text(self, key: &CursorKey, channel: &ChannelId) -> String {
        let newest_first = if self.direction == Direction::NewestFirst {
            NEWEST_FIRST
        } else {
            0
        };
        let previous = if self.side == Side::Previous {
            PREVIOUS
        } else {
            0
        };
        let written = Written {
            version: VERSION,
            kind: newest_first | previous,
            seq: self.anchor.0,
        };
        // Plain integers into a growing buffer: there is nothing that could fail.
        let mut bytes = bincode::encode_to_vec(written, config::standard()).unwrap_or_default();
        let mac = key.mac(&bytes, channel).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        BASE64.encode(bytes)
    }

    /// Reads a cursor made for this channel by this server.
    pub(crate) fn read(
        text: &str,
        key: &CursorKey,
        channel: &ChannelId,
    ) -> Result<Self, CursorError> {
        let bytes = BASE64.decode(text).map_err(|_| CursorError)?;
        let (body, mac) = bytes
            .split_at_checked(bytes.len().wrapping_sub(MAC_BYTES))
            .ok_or(CursorError)?;
        key.mac(body, channel)
            .verify_truncated_left(mac)
            .map_err(|_| CursorError)?;
        let (written, length) = bincode::decode_from_slice::<Written, _>(body, config::standard())
            .map_err(|_| CursorError)?;
        if written.version != VERSION
            || length != body.len()
            || written.kind & !(NEWEST_FIRST | PREVIOUS) != 0
        {
            return Err(CursorError);
        }
        let newest_first = written.kind & NEWEST_FIRST != 0;
        Ok(Self {
            direction: if newest_first {
                Direction::NewestFirst
            } else {
                Direction::OldestFirst
            },
            side: if written.kind & PREVIOUS != 0 {
                Side::Previous
            } else {
                Side::Next
            },
            anchor: Seq(written.seq),
        })
    }
}

impl CursorKey {
    fn mac(&self, body: &[u8], channel: &ChannelId) -> Hmac<Sha256> {
        // HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0)
            .unwrap_or_else(|_| unreachable!("HMAC takes any key"));
        mac.update(body);
        mac.update(channel.as_str().as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn room(name: &str) -> ChannelId {
        ChannelId::parse(&format!("2...{name}")).unwrap()
    }

    fn cursor(seq: u64, newest: bool, previous: bool) -> Cursor {
        Cursor {
            direction: if newest {
                Direction::NewestFirst
            } else {
                Direction::OldestFirst
            },
            side: if previous { Side::Previous } else { Side::Next },
            anchor: Seq(seq),
        }
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_back_in_its_channel_only(seq: u64, newest: bool, previous: bool, key: [u8; 32]) {
            let key = CursorKey(key);
            let made = cursor(seq, newest, previous);
            let text = made.to_text(&key, &room("a"));
            prop_assert_eq!(Cursor::read(&text, &key, &room("a")), Ok(made));
            prop_assert_eq!(Cursor::read(&text, &key, &room("b")), Err(CursorError));
            let mut other = key.0;
            other[0] ^= 1;
            prop_assert_eq!(Cursor::read(&text, &CursorKey(other), &room("a")), Err(CursorError));
        }

        #[test]
        fn a_cursor_with_any_byte_changed_is_refused(seq: u64, at in 0usize..18, flip in 1u8..) {
            let key = CursorKey([7; 32]);
            let mut bytes = BASE64.decode(cursor(seq, true, false).to_text(&key, &room("a"))).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            prop_assert_eq!(Cursor::read(&BASE64.encode(bytes), &key, &room("a")), Err(CursorError));
        }

        #[test]
        fn any_text_is_refused_without_panic(text in ".*") {
            prop_assert!(Cursor::read(&text, &CursorKey([0; 32]), &room("a")).is_err());
        }
    }
}
