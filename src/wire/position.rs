//! How the places at which listings of groups and friends go on are written into cursors.

use bincode::{
    Decode, Encode,
    de::Decoder,
    enc::Encoder,
    error::{DecodeError, EncodeError},
};
use uuid::Uuid;

use crate::{
    channel::Micros,
    group::{EdgePosition, GroupId, GroupPosition, Role},
    user::{FriendOfFriendPosition, FriendPosition, FriendState, UserId},
};

impl Encode for GroupPosition {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let id = self.group.0.into_bytes();
        (self.name.as_str(), self.edge_count, id).encode(encoder)
    }
}

impl<C> Decode<C> for GroupPosition {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let (name, edge_count, id) = <(String, u32, [u8; 16])>::decode(decoder)?;
        Ok(Self {
            name,
            edge_count,
            group: GroupId(Uuid::from_bytes(id)),
        })
    }
}

impl Encode for EdgePosition {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        (self.role as u8, self.since.0, self.id.into_bytes()).encode(encoder)
    }
}

impl<C> Decode<C> for EdgePosition {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let (role, since, id) = <(u8, i64, [u8; 16])>::decode(decoder)?;
        let role = Role::from_number(role.into()).ok_or(DecodeError::Other("no such role"))?;
        Ok(Self {
            role,
            since: Micros(since),
            id: Uuid::from_bytes(id),
        })
    }
}

impl Encode for FriendPosition {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let user = self.user.0.into_bytes();
        (self.state as u8, self.since.0, user).encode(encoder)
    }
}

impl<C> Decode<C> for FriendPosition {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let (state, since, user) = <(u8, i64, [u8; 16])>::decode(decoder)?;
        let state =
            FriendState::from_number(state.into()).ok_or(DecodeError::Other("no such state"))?;
        Ok(Self {
            state,
            since: Micros(since),
            user: UserId(Uuid::from_bytes(user)),
        })
    }
}

impl Encode for FriendOfFriendPosition {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let (referrer, user) = (self.referrer.0, self.user.0);
        (referrer.into_bytes(), user.into_bytes()).encode(encoder)
    }
}

impl<C> Decode<C> for FriendOfFriendPosition {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let (referrer, user) = <([u8; 16], [u8; 16])>::decode(decoder)?;
        Ok(Self {
            referrer: UserId(Uuid::from_bytes(referrer)),
            user: UserId(Uuid::from_bytes(user)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::{CursorError, CursorKey};

    fn user(bytes: [u8; 16]) -> UserId {
        UserId(Uuid::from_bytes(bytes))
    }

    proptest! {
        #[test]
        fn places_among_friends_are_read_back(state in 0i32..4, since: i64, id: [u8; 16], other: [u8; 16]) {
            let key = CursorKey([7; 32]);
            let place = FriendPosition {
                state: FriendState::from_number(state).unwrap(),
                since: Micros(since),
                user: user(id),
            };
            prop_assert_eq!(key.open("friends", &key.seal("friends", &place)), Ok(place));
            let place = FriendOfFriendPosition { referrer: user(id), user: user(other) };
            prop_assert_eq!(key.open("friends", &key.seal("friends", &place)), Ok(place));
        }
    }

    /// What only a broken server would seal.
    #[test]
    fn there_is_no_place_with_another_state() {
        let key = CursorKey([7; 32]);
        let text = key.seal("friends", &(4_u8, 0_i64, [0_u8; 16]));
        let read = key.open::<FriendPosition>("friends", &text);
        assert_eq!(read, Err(CursorError));
    }
}
