//! WebSocket frames from the server (RFC 6455): unmasked, unfragmented, so one frame fits all receivers.

use actix_http::ws;
use bytes::{Bytes, BytesMut};

/// Why a socket ends, by RFC 6455's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CloseCode(pub(crate) u16);

impl CloseCode {
    /// What the reference sends for almost everything.
    pub(crate) const NORMAL: Self = Self(1000);
    /// The server shuts down.
    pub(crate) const AWAY: Self = Self(1001);
    /// A frame that RFC 6455 forbids.
    pub(crate) const PROTOCOL: Self = Self(1002);
    /// A text that is not UTF-8.
    pub(crate) const INVALID: Self = Self(1007);
    pub(crate) const POLICY: Self = Self(1008);
    pub(crate) const TOO_BIG: Self = Self(1009);
    pub(crate) const INTERNAL: Self = Self(1011);
}

/// The longest header of an unmasked frame.
const HEADER: usize = 10;

/// A whole message in one frame; its payload, of about `capacity` bytes, is written in place behind the header.
pub(super) fn written_frame(
    text: bool,
    capacity: usize,
    write: impl FnOnce(&mut Vec<u8>),
) -> Bytes {
    const FIN: u8 = 0x80;
    let mut buffer = Vec::with_capacity(HEADER + capacity);
    buffer.resize(HEADER, 0);
    write(&mut buffer);
    let length = buffer.len() - HEADER;
    let start = match length {
        0..=125 => {
            buffer[9] = length as u8;
            8
        }
        126..=0xffff => {
            buffer[7] = 126;
            buffer[8..HEADER].copy_from_slice(&(length as u16).to_be_bytes());
            6
        }
        _ => {
            buffer[1] = 127;
            buffer[2..HEADER].copy_from_slice(&(length as u64).to_be_bytes());
            0
        }
    };
    buffer[start] = FIN | u8::from(op_code(text));
    Bytes::from(buffer).slice(start..)
}

fn op_code(text: bool) -> ws::OpCode {
    if text {
        ws::OpCode::Text
    } else {
        ws::OpCode::Binary
    }
}

/// A whole message in one frame, text or binary.
pub(crate) fn message_frame(text: bool, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEADER + payload.len());
    ws::Parser::write_message(&mut frame, payload, op_code(text), true, false);
    frame.freeze()
}

/// An empty ping.
pub(crate) fn ping_frame() -> Bytes {
    Bytes::from_static(&[0x89, 0])
}

pub(crate) fn pong_frame(payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    ws::Parser::write_message(&mut frame, payload, ws::OpCode::Pong, true, false);
    frame.freeze()
}

/// A close frame with a code and a reason of at most 123 bytes.
pub(crate) fn close_frame(code: CloseCode, reason: &str) -> Bytes {
    let mut frame = BytesMut::new();
    let reason = ws::CloseReason {
        code: code.0.into(),
        description: Some(reason.to_owned()),
    };
    ws::Parser::write_close(&mut frame, Some(reason), false);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use actix_codec::Decoder;

    use super::*;

    #[test]
    fn a_message_of_any_length_is_read_back() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            for text in [true, false] {
                let frame = written_frame(text, 0, |payload| payload.resize(HEADER + length, b'x'));
                let mut bytes = BytesMut::from(&frame[..]);
                let mut codec = ws::Codec::new().client_mode().max_size(1 << 20);
                match codec.decode(&mut bytes) {
                    Ok(Some(ws::Frame::Text(read))) if text => assert_eq!(read.len(), length),
                    Ok(Some(ws::Frame::Binary(read))) if !text => assert_eq!(read.len(), length),
                    other => panic!("{length}: {other:?}"),
                }
                assert!(bytes.is_empty());
            }
        }
    }
}
