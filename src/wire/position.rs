//! How the places at which listings of groups go on are written into cursors.

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
