//! Everything that can be said on a socket, through all formats: what one end writes the other reads as the
//! same, whatever the format.

use std::sync::Arc;

use actix_codec::Decoder as _;
use actix_http::ws;
use banter_protocol::{self as protocol, Envelope, Message as Body};
use bytes::BytesMut;
use proptest::{collection::vec, option, prelude::*, prop_oneof};
use uuid::Uuid;

use super::{
    EnvelopeCode, EnvelopeError, Format, JoinAnswer, Outgoing, PresenceNews, decode, envelope,
};
use crate::{
    channel::{
        ChannelId, Content, GroupId, Message, MessageCode, MessageId, Micros, Presence,
        PresenceDelta, RoomName, SessionId,
    },
    user::{Notification, NotificationId, Status, StatusNews, StatusPresence, UserId},
};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,20}", "[ -~]{100,300}"]
}

fn request() -> impl Strategy<Value = Body> {
    let ids = || vec(text(), 0..4);
    prop_oneof![
        Just(Body::Ping(protocol::Ping {})),
        Just(Body::Pong(protocol::Pong {})),
        (
            text(),
            any::<i32>(),
            option::of(any::<bool>()),
            option::of(any::<bool>())
        )
            .prop_map(|(target, kind, persistence, hidden)| Body::ChannelJoin(
                protocol::ChannelJoin {
                    target,
                    r#type: kind,
                    persistence,
                    hidden,
                }
            )),
        text().prop_map(|channel_id| Body::ChannelLeave(protocol::ChannelLeave { channel_id })),
        (text(), text()).prop_map(|(channel_id, content)| {
            Body::ChannelMessageSend(protocol::ChannelMessageSend {
                channel_id,
                content,
            })
        }),
        (text(), text(), text()).prop_map(|(channel_id, message_id, content)| {
            Body::ChannelMessageUpdate(protocol::ChannelMessageUpdate {
                channel_id,
                message_id,
                content,
            })
        }),
        (text(), text()).prop_map(|(channel_id, message_id)| {
            Body::ChannelMessageRemove(protocol::ChannelMessageRemove {
                channel_id,
                message_id,
            })
        }),
        text().prop_map(|channel_id| Body::ChannelDecline(protocol::ChannelDecline { channel_id })),
        (ids(), ids()).prop_map(|(user_ids, usernames)| {
            Body::StatusFollow(protocol::StatusFollow {
                user_ids,
                usernames,
            })
        }),
        ids().prop_map(|user_ids| Body::StatusUnfollow(protocol::StatusUnfollow { user_ids })),
        option::of(text()).prop_map(|status| Body::StatusUpdate(protocol::StatusUpdate { status })),
        Just(Body::MatchCreate(protocol::Unserved {})),
        Just(Body::PartyUpdate(protocol::Unserved {})),
        Just(Body::Rpc(protocol::Unserved {})),
    ]
}

fn id() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

/// Up to the year 9999, the last that JSON can tell.
fn time() -> impl Strategy<Value = Micros> {
    (0..253_402_300_800_000_000_i64).prop_map(Micros)
}

fn channel() -> impl Strategy<Value = ChannelId> {
    prop_oneof![
        "[a-zé./ ]{1,20}".prop_map(|name| ChannelId::room(&RoomName::new(&name).unwrap())),
        id().prop_map(|group| ChannelId::group(GroupId(group))),
        (id(), id()).prop_map(|(one, two)| ChannelId::direct(UserId(one), UserId(two))),
    ]
}

fn presence() -> impl Strategy<Value = Arc<Presence>> {
    (id(), id(), text(), any::<bool>()).prop_map(|(session, user, username, persistence)| {
        Arc::new(Presence {
            session: SessionId(session),
            user: UserId(user),
            username: username.into(),
            persistence,
        })
    })
}

fn shown() -> impl Strategy<Value = Arc<StatusPresence>> {
    (id(), id(), text(), text()).prop_map(|(session, user, username, status)| {
        Arc::new(StatusPresence {
            session: SessionId(session),
            user: UserId(user),
            username: username.into(),
            status: Status::new(&status).unwrap(),
        })
    })
}

fn message() -> impl Strategy<Value = Arc<Message>> {
    let times = (time(), time());
    (
        id(),
        channel(),
        0..10_u8,
        id(),
        text(),
        text(),
        times,
        any::<bool>(),
    )
        .prop_map(
            |(id, channel, code, sender, username, said, times, persistent)| {
                let content = serde_json::json!({ "said": said }).to_string();
                Arc::new(Message {
                    id: MessageId(id),
                    channel,
                    seq: None,
                    code: MessageCode::from_number(code).unwrap(),
                    sender: UserId(sender),
                    username: username.into(),
                    content: Content::new(&content).unwrap(),
                    create_time: times.0,
                    update_time: times.1,
                    persistent,
                })
            },
        )
}

fn notification() -> impl Strategy<Value = Notification> {
    let sender = prop_oneof![Just(UserId::SERVER), id().prop_map(UserId)];
    (
        id(),
        text(),
        text(),
        any::<i32>(),
        sender,
        time(),
        any::<bool>(),
    )
        .prop_map(
            |(id, subject, content, code, sender, created, persistent)| Notification {
                id: NotificationId(id),
                user: UserId::SERVER,
                subject,
                content,
                code,
                sender,
                created,
                persistent,
                read: false,
                about: None,
            },
        )
}

fn outgoing() -> impl Strategy<Value = Outgoing> {
    let presences = || vec(presence(), 0..4);
    let statuses = || vec(shown(), 0..4);
    prop_oneof![
        Just(0).prop_map(|_| Outgoing::Pong),
        Just(0).prop_map(|_| Outgoing::Empty),
        (0..4_usize, text()).prop_map(|(code, message)| {
            use EnvelopeCode::{BadInput, Internal, Missing, Unrecognised};
            let code = [Internal, Unrecognised, Missing, BadInput][code];
            Outgoing::Error(EnvelopeError::new(code, message))
        }),
        (channel(), presences(), presence()).prop_map(|(channel, others, presence)| {
            Outgoing::Joined(JoinAnswer {
                channel,
                others: others.into(),
                presence,
            })
        }),
        message().prop_map(Outgoing::Ack),
        message().prop_map(Outgoing::Message),
        (channel(), presences(), presences()).prop_map(|(channel, joins, leaves)| {
            Outgoing::Presence(PresenceNews {
                channel,
                delta: PresenceDelta { joins, leaves },
            })
        }),
        notification().prop_map(Outgoing::Notification),
        statuses().prop_map(Outgoing::Statuses),
        (statuses(), statuses())
            .prop_map(|(joins, leaves)| Outgoing::StatusNews(StatusNews { joins, leaves })),
    ]
}

/// What a client reads from a frame, with its own decoder.
fn received(format: Format, frame: &[u8]) -> Envelope {
    let mut codec = ws::Codec::new().client_mode().max_size(1 << 20);
    let payload = match codec.decode(&mut BytesMut::from(frame)).unwrap().unwrap() {
        ws::Frame::Text(payload) if format.is_text() => payload,
        ws::Frame::Binary(payload) if !format.is_text() => payload,
        other => panic!("{format}: {other:?}"),
    };
    format.decode(&payload).unwrap()
}

proptest! {
    #[test]
    fn a_request_is_the_same_in_every_format(cid in "[a-z0-9]{0,8}", body in request()) {
        let sent = Envelope { cid: cid.clone(), message: Some(body) };
        let [json, protobuf, bincode] = Format::ALL.map(|format| {
            decode(format, &format.encode(&sent)).map_err(|refused| refused.error.message).unwrap()
        });
        prop_assert_eq!(json.cid.as_deref().unwrap_or_default(), cid);
        prop_assert_eq!(&json, &protobuf);
        prop_assert_eq!(&json, &bincode);
    }

    #[test]
    fn what_a_client_gets_is_the_same_in_every_format(what in outgoing(), cid in "[a-z0-9]{0,8}") {
        let cid = Some(&*cid).filter(|cid| !cid.is_empty());
        for format in Format::ALL {
            let read = received(format, &what.frame(format, cid));
            prop_assert_eq!(read, envelope::of(&what, cid), "{}", format);
        }
    }
}

#[test]
fn what_only_servers_send_and_what_says_nothing_is_refused_in_every_format() {
    let acked = Body::ChannelMessageAck(protocol::ChannelMessageAck::default());
    for (message, code) in [
        (Some(acked), EnvelopeCode::Unrecognised),
        (
            Some(Body::PartyLeader(protocol::Unserved {})),
            EnvelopeCode::Unrecognised,
        ),
        (None, EnvelopeCode::Missing),
    ] {
        let sent = Envelope {
            cid: "7".into(),
            message,
        };
        for format in Format::ALL {
            let refused = decode(format, &format.encode(&sent)).unwrap_err();
            assert_eq!(
                (refused.error.code, refused.cid.as_deref()),
                (code, Some("7")),
                "{format}"
            );
        }
    }
}

/// Every message that the schema has, by its name.
fn names() -> Vec<&'static str> {
    let schema = include_str!("../../schemas/realtime.proto");
    let (_, messages) = schema.split_once("oneof message {").unwrap();
    let (messages, _) = messages.split_once("\n  }").unwrap();
    let fields = messages.lines().filter(|line| line.ends_with(';'));
    fields
        .map(|line| line.split_whitespace().nth(1).unwrap())
        .collect()
}

#[test]
fn every_message_of_the_schema_is_taken_or_refused_alike_in_every_format() {
    let outcome = |format: Format, envelope: &Envelope| {
        let read = decode(format, &format.encode(envelope));
        read.map_err(|refused| (refused.error.code, refused.error.message))
    };
    let names = names();
    assert_eq!(names.len(), 51);
    for name in names {
        let json = format!(r#"{{"{name}":{{}}}}"#);
        let envelope = Format::Json.decode(json.as_bytes()).unwrap();
        let [json, protobuf, bincode] = Format::ALL.map(|format| outcome(format, &envelope));
        assert_eq!(json, protobuf, "{name}");
        assert_eq!(json, bincode, "{name}");
        if let Err((code, message)) = json {
            assert_eq!(code, EnvelopeCode::Unrecognised, "{name}: {message}");
        }
    }
}

#[test]
fn what_clients_may_send_is_never_called_a_servers() {
    for name in [
        "party_close",
        "party_join_request_list",
        "match_create",
        "rpc",
    ] {
        let json = format!(r#"{{"{name}":{{}}}}"#);
        let read = decode(Format::Json, json.as_bytes()).unwrap();
        assert_eq!(read.request, super::request::Request::Unsupported(name));
    }
}
