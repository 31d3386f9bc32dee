//! `format=bincode`, as `schemas/bincode.md` describes it.

use bincode::config;

use crate::{DecodeError, Envelope};

/// The first byte. Another layout gets another number.
pub(crate) const VERSION: u8 = 1;

pub(crate) fn encode(envelope: &Envelope, buffer: &mut Vec<u8>) {
    buffer.push(VERSION);
    bincode::encode_into_std_write(envelope, buffer, config::standard())
        .expect("plain values are written to memory");
}

pub(crate) fn decode(payload: &[u8]) -> Result<Envelope, DecodeError> {
    let Some((&VERSION, envelope)) = payload.split_first() else {
        return Err(DecodeError::Version);
    };
    // Memory is taken for what a length claims before that is read. None takes more than 24 bytes for one of the
    // payload, which is an empty text in a list; lengths are not believed far beyond that.
    let (decoded, read) = match envelope.len() {
        ..=0x800 => within::<0x1_0000>(envelope),
        0x801..=0x8000 => within::<0x10_0000>(envelope),
        0x8001..=0x8_0000 => within::<0x100_0000>(envelope),
        _ => within::<0x400_0000>(envelope),
    }?;
    match envelope.len() - read {
        0 => Ok(decoded),
        left => Err(DecodeError::Trailing(left)),
    }
}

/// `LIMIT` is how many bytes an envelope may claim to hold, in memory.
fn within<const LIMIT: usize>(
    envelope: &[u8],
) -> Result<(Envelope, usize), bincode::error::DecodeError> {
    bincode::decode_from_slice(envelope, config::standard().with_limit::<LIMIT>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, StatusFollow};

    fn follow(usernames: Vec<String>) -> Envelope {
        let follow = StatusFollow {
            user_ids: Vec::new(),
            usernames,
        };
        Envelope {
            cid: String::new(),
            message: Some(Message::StatusFollow(follow)),
        }
    }

    fn written(envelope: &Envelope) -> Vec<u8> {
        let mut payload = Vec::new();
        encode(envelope, &mut payload);
        payload
    }

    #[test]
    fn no_envelope_holds_more_than_its_payload_may_claim() {
        for length in [0x800, 0x8000, 0x8_0000] {
            // Around it, as there are a few bytes before the names.
            for names in [length - 16, length] {
                let envelope = follow(vec![String::new(); names]);
                assert_eq!(decode(&written(&envelope)).ok(), Some(envelope), "{names}");
            }
        }
    }

    #[test]
    fn a_length_is_not_believed_without_a_payload() {
        let payload = written(&follow(vec!["x".repeat(60_000)]));
        let end = payload.len() - 60_000;
        for left in [0, 1, 2000] {
            let error = decode(&payload[..end + left]);
            assert!(matches!(error, Err(DecodeError::Bincode(_))), "{left}");
        }
    }
}
