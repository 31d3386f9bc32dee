//! Cursors, as a client gives them back.

use std::fmt::Debug;

use bincode::{
    Decode, Encode,
    enc::{Encoder, write::Writer as _},
    error::EncodeError,
};

use crate::{
    channel::{ChannelId, Cursor, RoomName},
    group::{EdgePosition, GroupPosition},
    user::{FriendOfFriendPosition, FriendPosition},
    wire::CursorKey,
};

/// The seeds have cursors that it sealed.
const KEY: CursorKey = CursorKey([7; 32]);
/// Nothing was ever sealed by it.
const OTHER_KEY: CursorKey = CursorKey([8; 32]);
const SCOPE: &str = "fuzz";

/// What a client made up never opens: the only text that does is the one that was sealed, with its own key,
/// for its own listing. And were any bytes sealed, they would be a place or be refused.
pub fn cursor(bytes: &[u8]) {
    history(bytes);
    listing::<GroupPosition>(bytes);
    listing::<EdgePosition>(bytes);
    listing::<FriendPosition>(bytes);
    listing::<FriendOfFriendPosition>(bytes);
    // Of notifications.
    listing::<i64>(bytes);
}

fn history(bytes: &[u8]) {
    let name = RoomName::new("fuzz").expect("a room can have this name");
    let room = ChannelId::room(&name);
    if let Ok(text) = str::from_utf8(bytes) {
        if let Ok(cursor) = Cursor::read(text, &KEY, &room) {
            assert_eq!(cursor.to_text(&KEY, &room), text);
        }
        assert!(Cursor::read(text, &OTHER_KEY, &room).is_err(), "forged");
    }
    let sealed = KEY.seal(room.as_str(), &Raw(bytes));
    if let Ok(cursor) = Cursor::read(&sealed, &KEY, &room) {
        let again = Cursor::read(&cursor.to_text(&KEY, &room), &KEY, &room);
        assert_eq!(again, Ok(cursor));
    }
    assert!(Cursor::read(&sealed, &OTHER_KEY, &room).is_err(), "forged");
}

fn listing<T: Encode + Decode<()> + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        if let Ok(place) = KEY.open::<T>(SCOPE, text) {
            assert_eq!(KEY.seal(SCOPE, &place), text);
            assert!(KEY.open::<T>("elsewhere", text).is_err(), "moved");
        }
        assert!(OTHER_KEY.open::<T>(SCOPE, text).is_err(), "forged");
    }
    let sealed = KEY.seal(SCOPE, &Raw(bytes));
    if let Ok(place) = KEY.open::<T>(SCOPE, &sealed) {
        let again = KEY.open::<T>(SCOPE, &KEY.seal(SCOPE, &place));
        assert_eq!(again, Ok(place));
    }
    assert!(KEY.open::<T>("elsewhere", &sealed).is_err(), "moved");
}

/// Bytes written as they are, where a place should be.
struct Raw<'a>(&'a [u8]);

impl Encode for Raw<'_> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        encoder.writer().write(self.0)
    }
}
