//! Cursors: opaque to clients, versioned, bound to the listing they came from, and authenticated with
//! the server's key, so that a client can neither forge nor move one.
//!
//! A scope is a text that names the listing with all it was asked with but its limit. It is not
//! written into the cursor: whoever reads one says again what the listing is. The scope of a history
//! is the id of its channel; all others begin with a letter, which no channel id does.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bincode::{Decode, Encode, config};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::channel::{ChannelId, Cursor, Direction, Seq, Side};

/// Secret of this server's cursors.
#[derive(Clone)]
pub(crate) struct CursorKey(pub(crate) [u8; 32]);

/// The text is not a cursor of this server for this listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cursor is invalid")]
pub(crate) struct CursorError;

/// What can stand in a cursor.
pub(crate) trait Place: Encode + Decode<()> {}

impl<T: Encode + Decode<()>> Place for T {}

/// Of the layout: version, place, MAC.
const VERSION: u8 = 2;
const MAC_BYTES: usize = 16;
/// Largest place that is read. The largest there is holds a group's name, 255 characters.
const MOST_BYTES: usize = 2048;

impl CursorKey {
    /// The text for clients; good for the scope only.
    pub(crate) fn seal(&self, scope: &str, place: &impl Encode) -> String {
        let mut bytes = vec![VERSION];
        bincode::encode_into_std_write(place, &mut bytes, config::standard())
            .expect("a plain value can be written into memory");
        let mac = self.mac(scope, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        BASE64.encode(bytes)
    }

    /// Reads what this server sealed for the scope.
    pub(crate) fn open<T: Place>(&self, scope: &str, text: &str) -> Result<T, CursorError> {
        let bytes = BASE64.decode(text).map_err(|_| CursorError)?;
        let (body, mac) = bytes
            .split_at_checked(bytes.len().wrapping_sub(MAC_BYTES))
            .ok_or(CursorError)?;
        self.mac(scope, body)
            .verify_truncated_left(mac)
            .map_err(|_| CursorError)?;
        let (&VERSION, place) = body.split_first().ok_or(CursorError)? else {
            return Err(CursorError);
        };
        let config = config::standard().with_limit::<MOST_BYTES>();
        match bincode::decode_from_slice(place, config) {
            Ok((value, length)) if length == place.len() => Ok(value),
            Ok(_) | Err(_) => Err(CursorError),
        }
    }

    fn mac(&self, scope: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(scope.as_bytes());
        // No text holds this byte, so nothing can move from the body into the scope.
        mac.update(&[0xff]);
        mac.update(body);
        mac
    }
}

/// A place in a history: which way and on which side, and the sequence number.
type Written = (u8, u64);

const NEWEST_FIRST: u8 = 1;
const PREVIOUS: u8 = 2;

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
        let written: Written = (newest_first | previous, self.anchor.0);
        key.seal(channel.as_str(), &written)
    }

    /// Reads a cursor made for this channel by this server.
    pub(crate) fn read(
        text: &str,
        key: &CursorKey,
        channel: &ChannelId,
    ) -> Result<Self, CursorError> {
        let (kind, seq): Written = key.open(channel.as_str(), text)?;
        if kind & !(NEWEST_FIRST | PREVIOUS) != 0 {
            return Err(CursorError);
        }
        let newest_first = kind & NEWEST_FIRST != 0;
        Ok(Self {
            direction: if newest_first {
                Direction::NewestFirst
            } else {
                Direction::OldestFirst
            },
            side: if kind & PREVIOUS != 0 {
                Side::Previous
            } else {
                Side::Next
            },
            anchor: Seq(seq),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::group::{GroupId, GroupPosition};

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

    fn listing(name: String, edge_count: u32, id: [u8; 16]) -> GroupPosition {
        GroupPosition {
            name,
            edge_count,
            group: GroupId(uuid::Uuid::from_bytes(id)),
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
        fn a_cursor_with_any_byte_changed_is_refused(seq: u64, at in 0usize..28, flip in 1u8..) {
            let key = CursorKey([7; 32]);
            let mut bytes = BASE64.decode(cursor(seq, true, false).to_text(&key, &room("a"))).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            prop_assert_eq!(Cursor::read(&BASE64.encode(bytes), &key, &room("a")), Err(CursorError));
        }

        #[test]
        fn what_is_sealed_opens_in_its_scope_only(
            name in "\\PC{0,255}", count: u32, id: [u8; 16], scope in ".*", other in ".*",
        ) {
            prop_assume!(scope != other);
            let key = CursorKey([7; 32]);
            let place = listing(name, count, id);
            let text = key.seal(&scope, &place);
            prop_assert_eq!(key.open::<GroupPosition>(&scope, &text), Ok(place));
            prop_assert_eq!(key.open::<GroupPosition>(&other, &text), Err(CursorError));
        }

        #[test]
        fn any_change_of_what_is_sealed_is_refused(
            name in ".{0,20}", at: prop::sample::Index, flip in 1u8..,
        ) {
            let key = CursorKey([7; 32]);
            let text = key.seal("groups", &listing(name, 1, [1; 16]));
            let mut bytes = BASE64.decode(text).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let changed = BASE64.encode(bytes);
            prop_assert_eq!(key.open::<GroupPosition>("groups", &changed), Err(CursorError));
        }

        #[test]
        fn any_text_is_refused_without_panic(text in ".*") {
            let key = CursorKey([0; 32]);
            prop_assert!(Cursor::read(&text, &key, &room("a")).is_err());
            prop_assert!(key.open::<GroupPosition>("groups", &text).is_err());
        }

        /// What only a broken server would seal.
        #[test]
        fn any_sealed_bytes_are_read_without_panic(version: u8, place: Vec<u8>) {
            let key = CursorKey([0; 32]);
            let mut bytes = [&[version], &place[..]].concat();
            let mac = key.mac("groups", &bytes).finalize().into_bytes();
            bytes.extend_from_slice(&mac[..MAC_BYTES]);
            let read = key.open::<GroupPosition>("groups", &BASE64.encode(bytes));
            prop_assert!(version == VERSION || read.is_err());
        }
    }

    #[test]
    fn the_longest_name_fits() {
        let key = CursorKey([0; 32]);
        let place = listing("\u{1f9d9}".repeat(255), u32::MAX, [255; 16]);
        let text = key.seal("groups", &place);
        assert_eq!(key.open::<GroupPosition>("groups", &text), Ok(place));
    }

    #[test]
    fn nothing_moves_between_scope_and_place() {
        let key = CursorKey([0; 32]);
        let text = key.seal("a", &7_u8);
        assert_eq!(key.open::<u8>("a", &text), Ok(7));
        assert!(key.open::<u8>("a\u{2}", &text).is_err());
        assert!(key.open::<u16>("a", &key.seal("a", &(7_u8, 7_u8))).is_err());
    }
}
