//! Ids of channels, and what messages say.

use banter_protocol::{ChannelMessageSend, Envelope, Format, Message};

use super::assert_short_line;
use crate::{
    channel::{ChannelId, ChannelKind, Content, ContentError},
    user::FriendMetadata,
};

/// An id keeps its spelling, and names the same channel in every spelling of it.
pub fn channel_id(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let id = match ChannelId::parse(text) {
        Ok(id) => id,
        Err(error) => return assert_short_line(&error.to_string()),
    };
    assert_eq!(id.written(), text);
    let again = ChannelId::parse(id.as_str()).expect("the id by which a channel is known is one");
    assert_eq!(again, id);
    assert_eq!(again.kind(), id.kind());
    assert_eq!(again.as_str(), id.as_str());
    assert_eq!(again.written(), id.as_str(), "known by one spelling");
    assert_eq!(id.known().written(), id.as_str());

    let upper = ChannelId::parse(&text.to_ascii_uppercase()).expect("case is no matter");
    match id.kind() {
        ChannelKind::Room => {
            let name = id.room_name().expect("a room has a name");
            assert!((1..=64).contains(&name.len()), "{name:?}");
            assert_eq!(format!("2...{name}"), text);
        }
        ChannelKind::Group(group) => {
            assert_eq!(id, ChannelId::group(group));
            assert_eq!(id, upper);
        }
        ChannelKind::Direct(one, two) => {
            assert!(one <= two, "{one} {two}");
            assert_eq!(id, ChannelId::direct(two, one));
            assert_eq!(id, upper);
        }
    }
}

/// How many objects and arrays there are within each other.
fn depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        serde_json::Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Content is one JSON object and nothing else, is kept byte for byte, and survives the way to a client.
/// What friends note about each other is checked by the same rule.
pub fn content(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let metadata = FriendMetadata::new(text);
    let content = match Content::new(text) {
        Ok(content) => content,
        Err(error) => {
            assert!(metadata.is_err() || text.is_empty());
            // It reads what is nested 127 levels deep.
            if let Ok(object) = serde_json::from_str::<serde_json::Map<_, _>>(text) {
                let depth = depth(&object.into());
                assert!(depth > Content::MAX_DEPTH, "an object is refused");
                assert_eq!(error, ContentError::TooDeep);
            }
            return assert_short_line(&error.to_string());
        }
    };
    assert_eq!(content.as_str(), text);
    match metadata {
        Ok(metadata) => assert_eq!(metadata.as_str(), text),
        Err(error) => {
            assert!(text.len() > 4096, "{error}");
            assert_short_line(&error.to_string());
        }
    }
    // serde_json keeps no numbers beyond those of f64, and no halves of surrogate pairs, both of which JSON has.
    match serde_json::from_str::<serde_json::Map<_, _>>(text) {
        Ok(object) => assert!(depth(&object.into()) <= Content::MAX_DEPTH, "{text}"),
        Err(error) => {
            let error = error.to_string();
            let known = ["number out of range", "surrogate", "hex escape"];
            assert!(known.iter().any(|known| error.contains(known)), "{error}");
        }
    }
    let object = text.trim_ascii();
    assert!(object.starts_with('{') && object.ends_with('}'), "{text:?}");
    assert!(Content::new(&format!("{text}{{}}")).is_err(), "two objects");
    assert!(Content::new(&object[..object.len() - 1]).is_err(), "no end");

    let send = Envelope {
        cid: String::new(),
        message: Some(Message::ChannelMessageSend(ChannelMessageSend {
            channel_id: String::new(),
            content: text.to_owned(),
        })),
    };
    for format in Format::ALL {
        let read = format.decode(&format.encode(&send));
        assert_eq!(read.expect("what was written is read"), send, "{format}");
    }
}
