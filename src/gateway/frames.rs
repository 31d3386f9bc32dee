use actix_codec::Decoder as _;
use actix_http::ws::{self, Frame, Item, ProtocolError};
use bytes::{Bytes, BytesMut};

use crate::{relay::Closing, wire::CloseCode};

/// What a peer said, put together from frames.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// Valid UTF-8.
    Text(Bytes),
    Binary(Bytes),
    Ping(Bytes),
    Pong,
    /// With the code to answer with.
    Close(CloseCode),
}

/// Turns bytes into whole messages (RFC 6455), bounded and checked.
pub(crate) struct FrameReader {
    codec: ws::Codec,
    /// A fragmented message of which the end is still missing. Boxed, as it is rare.
    begun: Option<Box<Begun>>,
    max_bytes: usize,
}

struct Begun {
    text: bool,
    payload: BytesMut,
}

impl FrameReader {
    /// `max_bytes` bounds a message, in one frame or many.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            codec: ws::Codec::new().max_size(max_bytes),
            begun: None,
            max_bytes,
        }
    }

    /// Takes the next message out of `bytes`. `None` when more bytes are needed. After an error
    /// nothing more can be read.
    pub(crate) fn next(&mut self, bytes: &mut BytesMut) -> Result<Option<Incoming>, Closing> {
        loop {
            let frame = match self.codec.decode(bytes) {
                Ok(Some(frame)) => frame,
                // The codec looks at the length when all of the payload is here.
                Ok(None) if announced(bytes) > self.max_bytes as u64 => {
                    return Err(Closing::TOO_BIG);
                }
                Ok(None) => return Ok(None),
                Err(ProtocolError::Overflow) => return Err(Closing::TOO_BIG),
                Err(_) => return Err(Closing::BAD_FRAME),
            };
            return Ok(Some(match frame {
                Frame::Text(text) => Incoming::Text(utf8(text)?),
                Frame::Binary(bytes) => Incoming::Binary(bytes),
                Frame::Ping(payload) => Incoming::Ping(payload),
                Frame::Pong(_) => Incoming::Pong,
                Frame::Close(reason) => {
                    Incoming::Close(reason.map_or(CloseCode::NORMAL, |r| CloseCode(r.code.into())))
                }
                Frame::Continuation(item) => match self.gather(item)? {
                    Some(message) => message,
                    None => continue,
                },
            }));
        }
    }

    fn gather(&mut self, item: Item) -> Result<Option<Incoming>, Closing> {
        let (part, last) = match item {
            Item::FirstText(part) => (self.begin(true, part)?, false),
            Item::FirstBinary(part) => (self.begin(false, part)?, false),
            Item::Continue(part) => (part, false),
            Item::Last(part) => (part, true),
        };
        // The codec refuses a continuation without a beginning.
        let begun = self.begun.as_mut().ok_or(Closing::BAD_FRAME)?;
        if begun.payload.len() + part.len() > self.max_bytes {
            return Err(Closing::TOO_BIG);
        }
        begun.payload.extend_from_slice(&part);
        if !last {
            return Ok(None);
        }
        let Some(begun) = self.begun.take() else {
            return Ok(None);
        };
        let payload = begun.payload.freeze();
        Ok(Some(if begun.text {
            Incoming::Text(utf8(payload)?)
        } else {
            Incoming::Binary(payload)
        }))
    }

    fn begin(&mut self, text: bool, part: Bytes) -> Result<Bytes, Closing> {
        self.begun = Some(Box::new(Begun {
            text,
            payload: BytesMut::new(),
        }));
        Ok(part)
    }
}

/// How long the payload is going to be, by the beginning of a frame; 0 while that is not known.
fn announced(frame: &[u8]) -> u64 {
    let number = |bytes: Option<&[u8]>| {
        bytes.map_or(0, |bytes| {
            bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte))
        })
    };
    match frame.get(1).map_or(0, |byte| byte & 0x7f) {
        126 => number(frame.get(2..4)),
        127 => number(frame.get(2..10)),
        length => length.into(),
    }
}

fn utf8(text: Bytes) -> Result<Bytes, Closing> {
    if std::str::from_utf8(&text).is_err() {
        return Err(Closing::NOT_UTF8);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use actix_codec::Encoder as _;
    use proptest::prelude::*;

    use super::*;

    fn client(messages: Vec<ws::Message>) -> BytesMut {
        let (mut codec, mut bytes) = (ws::Codec::new().client_mode(), BytesMut::new());
        for message in messages {
            codec.encode(message, &mut bytes).unwrap();
        }
        bytes
    }

    #[test]
    fn fragments_become_one_message_with_control_frames_between_them() {
        let mut bytes = client(vec![
            ws::Message::Continuation(Item::FirstText("on".into())),
            ws::Message::Ping("x".into()),
            ws::Message::Continuation(Item::Last("e".into())),
        ]);
        let mut reader = FrameReader::new(16);
        assert_eq!(
            reader.next(&mut bytes),
            Ok(Some(Incoming::Ping("x".into())))
        );
        assert_eq!(
            reader.next(&mut bytes),
            Ok(Some(Incoming::Text("one".into())))
        );
        assert_eq!(reader.next(&mut bytes), Ok(None));
    }

    #[test]
    fn a_message_may_be_as_long_as_the_limit_in_one_frame_or_many() {
        let whole = |n: usize| client(vec![ws::Message::Binary(vec![0; n].into())]);
        let parts = |n: usize| {
            client(vec![
                ws::Message::Continuation(Item::FirstBinary(vec![0; n - 1].into())),
                ws::Message::Continuation(Item::Last(vec![0; 1].into())),
            ])
        };
        for make in [&whole as &dyn Fn(usize) -> BytesMut, &parts] {
            assert!(matches!(
                FrameReader::new(4096).next(&mut make(4096)),
                Ok(Some(Incoming::Binary(_)))
            ));
            assert_eq!(
                FrameReader::new(4096).next(&mut make(4097)),
                Err(Closing::TOO_BIG)
            );
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        let mut bytes = client(vec![ws::Message::Binary(vec![0xff].into())]);
        bytes[0] = 0x81;
        assert_eq!(
            FrameReader::new(16).next(&mut bytes),
            Err(Closing::NOT_UTF8)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (mut reader, mut bytes) = (FrameReader::new(64), BytesMut::from(&bytes[..]));
            while let Ok(Some(_)) = reader.next(&mut bytes) {}
        }
    }
}
