//! What clients send on the socket, and how it is read: strict protobuf JSON. Unknown keys at any
//! level, two messages, wrong types and a null message are refused; camelCase keys, numbers as
//! strings, `1.0` for integers and null for optional fields are fine.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    error::{EnvelopeCode, EnvelopeError},
    integer,
};

/// One request with the id its answer will carry.
#[derive(Debug)]
pub(crate) struct RequestEnvelope {
    pub(crate) cid: Option<Box<str>>,
    pub(crate) request: Request,
}

/// What a client can ask for.
#[derive(Debug)]
pub(crate) enum Request {
    Ping,
    /// Needs no answer.
    Pong,
    ChannelJoin(ChannelJoin),
    ChannelLeave(ChannelLeave),
    ChannelMessageSend(ChannelMessageSend),
    ChannelMessageUpdate(ChannelMessageUpdate),
    ChannelMessageRemove(ChannelMessageRemove),
    /// Not of the reference: closes a chat request.
    ChannelDecline(ChannelDecline),
    StatusFollow(StatusFollow),
    StatusUnfollow(StatusUnfollow),
    StatusUpdate(StatusUpdate),
    /// Part of the protocol, but not of this server; by its name.
    Unsupported(&'static str),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChannelJoin {
    #[serde(deserialize_with = "or_default")]
    pub(crate) target: String,
    #[serde(rename = "type", deserialize_with = "integer")]
    pub(crate) kind: Option<i32>,
    /// Absent means yes.
    pub(crate) persistence: Option<bool>,
    /// Absent means no.
    pub(crate) hidden: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChannelLeave {
    #[serde(alias = "channelId", deserialize_with = "or_default")]
    pub(crate) channel_id: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChannelMessageSend {
    #[serde(alias = "channelId", deserialize_with = "or_default")]
    pub(crate) channel_id: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) content: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChannelMessageUpdate {
    #[serde(alias = "channelId", deserialize_with = "or_default")]
    pub(crate) channel_id: String,
    #[serde(alias = "messageId", deserialize_with = "or_default")]
    pub(crate) message_id: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) content: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChannelMessageRemove {
    #[serde(alias = "channelId", deserialize_with = "or_default")]
    pub(crate) channel_id: String,
    #[serde(alias = "messageId", deserialize_with = "or_default")]
    pub(crate) message_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChannelDecline {
    #[serde(alias = "channelId", deserialize_with = "or_default")]
    pub(crate) channel_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StatusFollow {
    #[serde(alias = "userIds", deserialize_with = "or_default")]
    pub(crate) user_ids: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) usernames: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StatusUnfollow {
    #[serde(alias = "userIds", deserialize_with = "or_default")]
    pub(crate) user_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StatusUpdate {
    /// Absent means no longer to be shown as online.
    pub(crate) status: Option<String>,
}

impl fmt::Debug for StatusUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusUpdate").finish_non_exhaustive()
    }
}

impl fmt::Debug for ChannelMessageSend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelMessageSend")
            .field("channel_id", &self.channel_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ChannelMessageUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelMessageUpdate")
            .field("channel_id", &self.channel_id)
            .finish_non_exhaustive()
    }
}

/// A frame that is no request. The protocol has the connection end after the error.
#[derive(Debug)]
pub(crate) struct DecodeError {
    /// The id of the request as far as it could be read.
    pub(crate) cid: Option<Box<str>>,
    pub(crate) error: EnvelopeError,
}

/// Reads one frame of JSON text.
pub(crate) fn decode(text: &str) -> Result<RequestEnvelope, DecodeError> {
    let Draft { cid, request } = serde_json::from_str(text).map_err(|_| malformed(text))?;
    match request {
        Some(Ok(request)) => Ok(RequestEnvelope { cid, request }),
        Some(Err(ServerOnly(name))) => Err(DecodeError {
            cid,
            error: EnvelopeError::new(
                EnvelopeCode::Unrecognised,
                format!("{name} is sent by servers only"),
            ),
        }),
        None => Err(DecodeError {
            cid,
            error: EnvelopeError::new(EnvelopeCode::Missing, "the envelope has no message"),
        }),
    }
}

/// Reads the text once more, slower, to tell where it is wrong.
fn malformed(text: &str) -> DecodeError {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize::<_, Draft>(&mut json);
    let wrong = match read {
        Ok(_) => "something follows it".to_owned(),
        Err(error) if error.inner().is_data() => format!("{}: {}", error.path(), error.inner()),
        Err(error) => error.into_inner().to_string(),
    };
    let message = format!("malformed envelope: {wrong}");
    DecodeError {
        cid: None,
        error: EnvelopeError::new(EnvelopeCode::BadInput, message),
    }
}

/// An envelope whose keys are all known.
#[derive(Default)]
struct Draft {
    cid: Option<Box<str>>,
    request: Option<Result<Request, ServerOnly>>,
}

struct ServerOnly(&'static str);

/// Messages of the protocol that only a server sends.
const SERVER_ONLY: &[&str] = &[
    "channel",
    "channel_message",
    "channel_message_ack",
    "channel_presence_event",
    "error",
    "match",
    "match_data",
    "match_presence_event",
    "matchmaker_matched",
    "matchmaker_ticket",
    "notifications",
    "party",
    "party_close",
    "party_data",
    "party_join_request",
    "party_join_request_list",
    "party_leader",
    "party_matchmaker_ticket",
    "party_presence_event",
    "status",
    "status_presence_event",
    "stream_data",
    "stream_presence_event",
];

/// Messages of the protocol that a client may send and this server does not serve.
const UNSUPPORTED: &[&str] = &[
    "match_create",
    "match_data_send",
    "match_join",
    "match_leave",
    "matchmaker_add",
    "matchmaker_remove",
    "party_accept",
    "party_create",
    "party_data_send",
    "party_join",
    "party_join_request_list",
    "party_leave",
    "party_matchmaker_add",
    "party_matchmaker_remove",
    "party_promote",
    "party_remove",
    "party_update",
    "rpc",
];

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
            let known =
                |names: &'static [&'static str]| names.iter().copied().find(|name| *name == key);
            if let Some(name) = known(UNSUPPORTED) {
                map.next_value::<IgnoredAny>()?;
                Request::Unsupported(name)
            } else if let Some(name) = known(SERVER_ONLY) {
                map.next_value::<IgnoredAny>()?;
                return Ok(Err(ServerOnly(name)));
            } else {
                return Err(de::Error::custom(format_args!(
                    "unknown message {key:.64?}"
                )));
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

/// null is the default, as everywhere in protobuf JSON.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(text: &str) -> u8 {
        decode(text).map_or_else(|e| e.error.code as u8, |_| panic!("{text} was read"))
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
            } = decode(text).unwrap()
            else {
                panic!("{text}")
            };
            assert_eq!(
                (cid.as_deref(), join.target.as_str(), join.kind),
                (Some("7"), "lobby", Some(1))
            );
        }
        assert!(matches!(
            decode(r#"{"ping":{}}"#).unwrap(),
            RequestEnvelope {
                cid: None,
                request: Request::Ping
            }
        ));
        assert!(matches!(
            decode(r#"{"match_create":{}}"#).unwrap().request,
            Request::Unsupported(_)
        ));
        for (text, shown) in [
            (r#"{"status_update":{"status":""}}"#, Some("")),
            (r#"{"statusUpdate":{"status":null}}"#, None),
            (r#"{"status_update":{}}"#, None),
        ] {
            let Request::StatusUpdate(update) = decode(text).unwrap().request else {
                panic!("{text}")
            };
            assert_eq!(update.status.as_deref(), shown, "{text}");
        }
        let Request::StatusFollow(follow) =
            decode(r#"{"status_follow":{"userIds":["a","b"],"usernames":null}}"#)
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
            let message = decode(text).unwrap_err().error.message;
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
            let _ = decode(&text);
        }
    }
}
