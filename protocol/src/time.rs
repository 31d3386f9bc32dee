//! Times, as the three formats write them.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A time, as `google.protobuf.Timestamp`. In JSON it is RFC 3339 text in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Message)]
pub struct Timestamp {
    /// Since the beginning of 1970 in UTC.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// 0 to 999,999,999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl Timestamp {
    /// Of microseconds since the beginning of 1970.
    pub fn from_micros(micros: i64) -> Self {
        Self {
            seconds: micros.div_euclid(1_000_000),
            // Less than 10^9.
            nanos: (micros.rem_euclid(1_000_000) * 1_000) as i32,
        }
    }
}

impl bincode::Encode for Timestamp {
    fn encode<E: bincode::enc::Encoder>(
        &self,
        encoder: &mut E,
    ) -> Result<(), bincode::error::EncodeError> {
        (self.seconds, self.nanos).encode(encoder)
    }
}

impl<C> bincode::Decode<C> for Timestamp {
    fn decode<D: bincode::de::Decoder<Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, bincode::error::DecodeError> {
        let (seconds, nanos) = bincode::Decode::decode(decoder)?;
        Ok(Self { seconds, nanos })
    }
}

bincode::impl_borrow_decode!(Timestamp);

/// What lies before 1970 becomes its beginning, and impossible nanoseconds become 0.
impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let seconds = u64::try_from(time.seconds).unwrap_or(0);
        let nanos = u32::try_from(time.nanos).unwrap_or(0);
        let since = Duration::new(seconds, if nanos < 1_000_000_000 { nanos } else { 0 });
        Self::UNIX_EPOCH
            .checked_add(since)
            .unwrap_or(Self::UNIX_EPOCH)
    }
}

/// What lies before 1970 becomes its beginning.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            seconds: since.as_secs().try_into().unwrap_or(i64::MAX),
            // Less than 10^9.
            nanos: since.subsec_nanos() as i32,
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// The last second that RFC 3339 can tell.
        const LAST: i64 = 253_402_300_799;
        let nanos = Some(self.nanos).filter(|nanos| (0..1_000_000_000).contains(nanos));
        let told = Self {
            seconds: self.seconds.min(LAST),
            nanos: nanos.unwrap_or(0),
        };
        // As many digits as banter gives, unless there are more.
        serializer.collect_str(&if told.nanos % 1_000 == 0 {
            humantime::format_rfc3339_micros(told.into())
        } else {
            humantime::format_rfc3339_nanos(told.into())
        })
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text)
            .map(Self::from)
            .map_err(de::Error::custom)
    }
}
