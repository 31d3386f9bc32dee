//! Requests as JSON: strict protobuf JSON. Unknown keys at any level, two messages, wrong types and a null
//! message are refused; camelCase keys, numbers as strings, `1.0` for integers and null for optional fields
//! are fine.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::wire::request::{DecodeError, Request, RequestEnvelope, Unserved};

/// Reads one message of JSON text.
pub(in crate::wire) fn read(text: &[u8]) -> Result<RequestEnvelope, DecodeError> {
    let Draft { cid, request } = serde_json::from_slice(text).map_err(|_| malformed(text))?;
    match request {
        Some(Ok(request)) => Ok(RequestEnvelope { cid, request }),
        Some(Err(ServerOnly(name))) => Err(DecodeError::server_only(cid, name)),
        None => Err(DecodeError::no_message(cid)),
    }
}

/// Reads the text once more, slower, to tell where it is wrong.
fn malformed(text: &[u8]) -> DecodeError {
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = serde_path_to_error::deserialize::<_, Draft>(&mut json);
    DecodeError::malformed(match read {
        Ok(_) => "something follows it".to_owned(),
        Err(error) if error.inner().is_data() => format!("{}: {}", error.path(), error.inner()),
        Err(error) => error.into_inner().to_string(),
    })
}

/// An envelope whose keys are all known.
#[derive(Default)]
struct Draft {
    cid: Option<Box<str>>,
    request: Option<Result<Request, ServerOnly>>,
}

struct ServerOnly(&'static str);

impl<'de> Deserialize<'de> for Draft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DraftVisitor)
    }
}

struct DraftVisitor;

impl<'de> Visitor<'de> for DraftVisitor {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let mut draft = Draft::default();
        let mut cid_seen = false;
        while let Some(key) = map.next_key::<Key>()? {
            if key.0 == "cid" {
                if std::mem::replace(&mut cid_seen, true) {
                    return Err(de::Error::duplicate_field("cid"));
                }
                draft.cid = map
                    .next_value::<Option<Box<str>>>()?
                    .filter(|cid| !cid.is_empty());
            } else if draft.request.is_some() {
                return Err(de::Error::custom("more than one message"));
            } else {
                draft.request = Some(request(&key.0, &mut map)?);
            }
        }
        Ok(draft)
    }
}

fn request<'de, A: MapAccess<'de>>(
    key: &str,
    map: &mut A,
) -> Result<Result<Request, ServerOnly>, A::Error> {
    /// `{}` and nothing else.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    fn object<'de, A: MapAccess<'de>, T: Deserialize<'de>>(map: &mut A) -> Result<T, A::Error> {
        map.next_value::<Object<T>>().map(|object| object.0)
    }

    Ok(Ok(match key {
        "ping" => {
            let Nothing {} = object(map)?;
            Request::Ping
        }
        "pong" => {
            let Nothing {} = object(map)?;
            Request::Pong
        }
        "channel_join" => Request::ChannelJoin(object(map)?),
        "channel_leave" => Request::ChannelLeave(object(map)?),
        "channel_message_send" => Request::ChannelMessageSend(object(map)?),
        "channel_message_update" => Request::ChannelMessageUpdate(object(map)?),
        "channel_message_remove" => Request::ChannelMessageRemove(object(map)?),
        "channel_decline" => Request::ChannelDecline(object(map)?),
        "status_follow" => Request::StatusFollow(object(map)?),
        "status_unfollow" => Request::StatusUnfollow(object(map)?),
        "status_update" => Request::StatusUpdate(object(map)?),
        _ => {
            let Some(unserved) = Unserved::by_name(key) else {
                return Err(de::Error::custom(format_args!("unknown message {key:?}")));
            };
            map.next_value::<IgnoredAny>()?;
            match unserved {
                Unserved::Request(name) => Request::Unsupported(name),
                Unserved::ServerOnly(name) => return Ok(Err(ServerOnly(name))),
            }
        }
    }))
}

/// A message as a JSON object. serde would read it from an array as well, field by field.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Map(PhantomData)).map(Object)
    }
}

/// A key, camelCase turned into snake_case.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut key = String::deserialize(deserializer)?;
        if key.bytes().any(|b| b.is_ascii_uppercase()) {
            key = key.chars().fold(String::new(), |mut snake, c| {
                if c.is_ascii_uppercase() {
                    snake.push('_');
                }
                snake.push(c.to_ascii_lowercase());
                snake
            });
        }
        Ok(Self(key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(text: &str) -> u8 {
        read(text.as_bytes()).map_or_else(|e| e.error.code as u8, |_| panic!("{text} was read"))
    }

    #[test]
    fn requests_are_read_in_every_spelling_protobuf_json_allows() {
        for text in [
            r#"{"cid":"7","channel_join":{"target":"lobby","type":1,"persistence":true,"hidden":false}}"#,
            r#"{"cid":"7","channelJoin":{"target":"lobby","type":"1","persistence":null}}"#,
            r#"{"channel_join":{"target":"lobby","type":1.0},"cid":"7"}"#,
        ] {
            let RequestEnvelope {
                cid,
                request: Request::ChannelJoin(join),
            } = read(text.as_bytes()).unwrap()
            else {
                panic!("{text}")
            };
            assert_eq!(
                (cid.as_deref(), join.target.as_str(), join.kind),
                (Some("7"), "lobby", Some(1))
            );
        }
        assert!(matches!(
            read(br#"{"ping":{}}"#).unwrap(),
            RequestEnvelope {
                cid: None,
                request: Request::Ping
            }
        ));
        assert!(matches!(
            read(br#"{"match_create":{}}"#).unwrap().request,
            Request::Unsupported(_)
        ));
        for (text, shown) in [
            (r#"{"status_update":{"status":""}}"#, Some("")),
            (r#"{"statusUpdate":{"status":null}}"#, None),
            (r#"{"status_update":{}}"#, None),
        ] {
            let Request::StatusUpdate(update) = read(text.as_bytes()).unwrap().request else {
                panic!("{text}")
            };
            assert_eq!(update.status.as_deref(), shown, "{text}");
        }
        let Request::StatusFollow(follow) =
            read(br#"{"status_follow":{"userIds":["a","b"],"usernames":null}}"#)
                .unwrap()
                .request
        else {
            panic!("no follow")
        };
        assert_eq!((follow.user_ids.len(), follow.usernames.len()), (2, 0));
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        for (text, field) in [
            (r#"{"channel_join":{"target":5}}"#, "channel_join.target"),
            (r#"{"channel_join":{"type":"one"}}"#, "channel_join.type"),
            (r#"{"cid":1,"ping":{}}"#, "cid"),
        ] {
            let message = read(text.as_bytes()).unwrap_err().error.message;
            assert!(message.contains(field), "{message}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_the_code_of_the_protocol() {
        for malformed in [
            "",
            "nonsense",
            "[]",
            "null",
            r#"{"cid":"1","ping":"#,
            r#"{"cid":"1","no_such_message":{}}"#,
            r#"{"ping":{},"pong":{}}"#,
            r#"{"ping":null}"#,
            r#"{"ping":[]}"#,
            r#"{"channel_join":["lobby",1]}"#,
            r#"{"ping":{"x":1}}"#,
            r#"{"cid":1,"ping":{}}"#,
            r#"{"channel_join":{"target":"a","colour":1}}"#,
            r#"{"channel_join":{"type":"one"}}"#,
            r#"{"channel_join":{"type":1.5}}"#,
            r#"{"channel_leave":{"channel_id":5}}"#,
            r#"{"cid":"a","cid":"b","ping":{}}"#,
        ] {
            assert_eq!(code(malformed), 3, "{malformed}");
        }
        assert_eq!(code(r#"{"cid":"7"}"#), 2);
        assert_eq!(code("{}"), 2);
        assert_eq!(code(r#"{"cid":"1","channel_message":{}}"#), 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".*") {
            let _ = read(text.as_bytes());
        }
    }
}
