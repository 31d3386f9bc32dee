//! WebSocket frames, as a client sends them.

use bytes::{Bytes, BytesMut};

use crate::{
    gateway::{FrameReader, Incoming},
    relay::Closing,
};

/// Largest message. More than the 125 bytes that control frames may have, as in every setting.
const MOST: usize = 1024;
/// Of a frame: two bytes, the length, the mask.
const HEADER: usize = 14;

/// The first byte tells how the others arrive: in pieces of one more than its rest by 32.
///
/// However they arrive, the same messages are read, and in the end the connection stands or is closed. No
/// message is larger than it may be, text is UTF-8, and never does more wait than one frame takes.
pub fn websocket_frames(bytes: &[u8]) {
    let Some((piece, bytes)) = bytes.split_first() else {
        return;
    };
    let (whole, end) = read(bytes, bytes.len().max(1));
    let (in_pieces, end_in_pieces) = read(bytes, usize::from(piece % 32) + 1);
    assert_eq!(whole, in_pieces);
    // The reason may differ: of two faults of a frame the first to arrive is told.
    assert_eq!(end.is_none(), end_in_pieces.is_none());

    let payloads = whole.iter().filter_map(payload).map(Bytes::len);
    assert!(payloads.sum::<usize>() <= bytes.len());
    for message in &whole {
        assert!(payload(message).map_or(0, Bytes::len) <= MOST);
        if let Incoming::Text(text) = message {
            assert!(str::from_utf8(text).is_ok());
        }
    }
}

fn payload(message: &Incoming) -> Option<&Bytes> {
    match message {
        Incoming::Text(payload) | Incoming::Binary(payload) | Incoming::Ping(payload) => {
            Some(payload)
        }
        Incoming::Pong | Incoming::Close(_) => None,
    }
}

fn read(bytes: &[u8], piece: usize) -> (Vec<Incoming>, Option<Closing>) {
    let (mut reader, mut buffer) = (FrameReader::new(MOST), BytesMut::new());
    let mut messages = Vec::new();
    for piece in bytes.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            match reader.next(&mut buffer) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(closing) => return (messages, Some(closing)),
            }
        }
        assert!(buffer.len() < HEADER + MOST, "{} bytes wait", buffer.len());
    }
    (messages, None)
}
