//! Envelopes, as a client reads them.

use std::time::{Duration, SystemTime};

use banter_protocol::{Envelope, Format, Message, Timestamp};

/// See [`envelope_bincode`]. The refusals of this one and of the others quote no more than was sent.
pub fn envelope_json(bytes: &[u8]) {
    envelope(Format::Json, bytes);
}

/// See [`envelope_bincode`].
pub fn envelope_protobuf(bytes: &[u8]) {
    envelope(Format::Protobuf, bytes);
}

/// An envelope that is written and read is the same, in every format. JSON cannot tell every time, see
/// [`in_json`]; that is the only difference.
pub fn envelope_bincode(bytes: &[u8]) {
    envelope(Format::Bincode, bytes);
}

fn envelope(format: Format, bytes: &[u8]) {
    let read = match format.decode(bytes) {
        Ok(read) => read,
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains(['\n', '\r']), "{text:?}");
            // An escape is up to nine characters for one of four bytes, and one of one byte is five.
            assert!(text.len() <= 512 + 6 * bytes.len(), "{text}");
            return;
        }
    };
    for other in Format::ALL {
        let expected = match other {
            Format::Json => in_json(read.clone()),
            Format::Protobuf | Format::Bincode => read.clone(),
        };
        let written = other.encode(&read);
        let again = other.decode(&written).expect("what was written is read");
        assert_eq!(again, expected, "{format} as {other}");
        assert_eq!(other.encode(&again), written, "{format} as {other}");
    }
}

/// What of an envelope JSON can tell. Times are RFC 3339 text: those before 1970 become its beginning, those after
/// the year 9999 are told as its last second, with the nanoseconds they had, and nanoseconds that make a second
/// or more, or are negative, are none.
fn in_json(mut envelope: Envelope) -> Envelope {
    match &mut envelope.message {
        Some(Message::ChannelMessage(message)) => {
            message.create_time = message.create_time.map(time_in_json);
            message.update_time = message.update_time.map(time_in_json);
        }
        Some(Message::ChannelMessageAck(ack)) => {
            ack.create_time = ack.create_time.map(time_in_json);
            ack.update_time = ack.update_time.map(time_in_json);
        }
        Some(Message::Notifications(list)) => {
            for one in &mut list.notifications {
                one.create_time = one.create_time.map(time_in_json);
            }
        }
        _ => {}
    }
    envelope
}

fn time_in_json(time: Timestamp) -> Timestamp {
    const LAST_SECOND: i64 = 253_402_300_799;
    let time = Timestamp {
        seconds: time.seconds.clamp(0, LAST_SECOND),
        nanos: if (0..1_000_000_000).contains(&time.nanos) {
            time.nanos
        } else {
            0
        },
    };
    // Nor is a time in JSON one that the clock does not have.
    let since = Duration::new(time.seconds.unsigned_abs(), time.nanos.unsigned_abs());
    assert_eq!(SystemTime::from(time), SystemTime::UNIX_EPOCH + since);
    time
}
