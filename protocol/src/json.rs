//! `format=json`: one key for the message beside the `cid`.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};

use crate::{Envelope, Message};

pub(crate) fn encode(envelope: &Envelope, buffer: &mut Vec<u8>) {
    serde_json::to_writer(buffer, envelope).expect("plain values are written to memory");
}

/// Fields at their default are left out.
pub(crate) fn is_default<T: Default + PartialEq>(field: &T) -> bool {
    *field == T::default()
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.cid.is_empty() {
            map.serialize_entry("cid", &self.cid)?;
        }
        if let Some(message) = &self.message {
            message.write(&mut map)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Envelopes;

        impl<'de> Visitor<'de> for Envelopes {
            type Value = Envelope;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an envelope")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
                let mut envelope = Envelope::default();
                while let Some(Key(key)) = map.next_key()? {
                    if key == "cid" {
                        envelope.cid = map.next_value()?;
                    } else if let Some(message) = Message::read(&key, &mut map)? {
                        if envelope.message.replace(message).is_some() {
                            return Err(de::Error::custom("more than one message"));
                        }
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(envelope)
            }
        }

        deserializer.deserialize_map(Envelopes)
    }
}

/// A key, borrowed where it can be.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);
