//! Every envelope is read as it was written, in every format.

use banter_protocol::*;
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    prop_oneof,
    strategy::Union,
};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), ".{0,20}", "[ -~]{100,300}"]
}

/// Up to the year 9999, the last that JSON can tell.
fn time() -> impl Strategy<Value = Option<Timestamp>> {
    let time = (0..253_402_300_800_i64, 0..1_000_000_000_i32);
    option::of(time.prop_map(|(seconds, nanos)| Timestamp { seconds, nanos }))
}

fn code() -> impl Strategy<Value = Option<i32>> {
    option::of(any::<i32>())
}

fn flag() -> impl Strategy<Value = Option<bool>> {
    option::of(any::<bool>())
}

fn presence() -> impl Strategy<Value = UserPresence> {
    (text(), text(), text(), any::<bool>(), option::of(text())).prop_map(
        |(user_id, session_id, username, persistence, status)| UserPresence {
            user_id,
            session_id,
            username,
            persistence,
            status,
        },
    )
}

fn presences() -> impl Strategy<Value = Vec<UserPresence>> {
    vec(presence(), 0..4)
}

/// Room name, group and the two users.
fn names() -> impl Strategy<Value = [String; 4]> {
    (text(), text(), text(), text()).prop_map(|(room, group, one, two)| [room, group, one, two])
}

fn notification() -> impl Strategy<Value = Notification> {
    (
        text(),
        text(),
        text(),
        any::<i32>(),
        text(),
        time(),
        any::<bool>(),
    )
        .prop_map(
            |(id, subject, content, code, sender_id, create_time, persistent)| Notification {
                id,
                subject,
                content,
                code,
                sender_id,
                create_time,
                persistent,
            },
        )
}

fn from_server() -> Union<BoxedStrategy<Message>> {
    let times = || (time(), time());
    Union::new([
        (text(), presences(), option::of(presence()), names())
            .prop_map(
                |(id, presences, self_, [room_name, group_id, user_id_one, user_id_two])| {
                    Message::Channel(Channel {
                        id,
                        presences,
                        self_,
                        room_name,
                        group_id,
                        user_id_one,
                        user_id_two,
                    })
                },
            )
            .boxed(),
        (
            (text(), text(), code(), text()),
            (text(), text(), times(), flag()),
            names(),
        )
            .prop_map(
                |(ids, said, [room_name, group_id, user_id_one, user_id_two])| {
                    let (channel_id, message_id, code, sender_id) = ids;
                    let (username, content, (create_time, update_time), persistent) = said;
                    Message::ChannelMessage(ChannelMessage {
                        channel_id,
                        message_id,
                        code,
                        sender_id,
                        username,
                        content,
                        create_time,
                        update_time,
                        persistent,
                        room_name,
                        group_id,
                        user_id_one,
                        user_id_two,
                    })
                },
            )
            .boxed(),
        ((text(), text(), code(), text()), times(), flag(), names())
            .prop_map(
                |(ids, times, persistent, [room_name, group_id, user_id_one, user_id_two])| {
                    let (channel_id, message_id, code, username) = ids;
                    let (create_time, update_time) = times;
                    Message::ChannelMessageAck(ChannelMessageAck {
                        channel_id,
                        message_id,
                        code,
                        username,
                        create_time,
                        update_time,
                        persistent,
                        room_name,
                        group_id,
                        user_id_one,
                        user_id_two,
                    })
                },
            )
            .boxed(),
        (text(), presences(), presences(), names())
            .prop_map(|(channel_id, joins, leaves, names)| {
                let [room_name, group_id, user_id_one, user_id_two] = names;
                Message::ChannelPresenceEvent(ChannelPresenceEvent {
                    channel_id,
                    joins,
                    leaves,
                    room_name,
                    group_id,
                    user_id_one,
                    user_id_two,
                })
            })
            .boxed(),
        (any::<i32>(), text(), btree_map(text(), text(), 0..3))
            .prop_map(|(code, message, context)| {
                Message::Error(Error {
                    code,
                    message,
                    context,
                })
            })
            .boxed(),
        vec(notification(), 0..3)
            .prop_map(|notifications| Message::Notifications(Notifications { notifications }))
            .boxed(),
        presences()
            .prop_map(|presences| Message::Status(Status { presences }))
            .boxed(),
        (presences(), presences())
            .prop_map(|(joins, leaves)| {
                Message::StatusPresenceEvent(StatusPresenceEvent { joins, leaves })
            })
            .boxed(),
        Just(Message::Pong(Pong {})).boxed(),
        Just(Message::StreamData(Unserved {})).boxed(),
    ])
}

fn from_client() -> Union<BoxedStrategy<Message>> {
    Union::new([
        (text(), any::<i32>(), flag(), flag())
            .prop_map(|(target, kind, persistence, hidden)| {
                Message::ChannelJoin(ChannelJoin {
                    target,
                    r#type: kind,
                    persistence,
                    hidden,
                })
            })
            .boxed(),
        text()
            .prop_map(|channel_id| Message::ChannelLeave(ChannelLeave { channel_id }))
            .boxed(),
        (text(), text())
            .prop_map(|(channel_id, content)| {
                Message::ChannelMessageSend(ChannelMessageSend {
                    channel_id,
                    content,
                })
            })
            .boxed(),
        (text(), text(), text())
            .prop_map(|(channel_id, message_id, content)| {
                let update = ChannelMessageUpdate {
                    channel_id,
                    message_id,
                    content,
                };
                Message::ChannelMessageUpdate(update)
            })
            .boxed(),
        (text(), text())
            .prop_map(|(channel_id, message_id)| {
                Message::ChannelMessageRemove(ChannelMessageRemove {
                    channel_id,
                    message_id,
                })
            })
            .boxed(),
        text()
            .prop_map(|channel_id| Message::ChannelDecline(ChannelDecline { channel_id }))
            .boxed(),
        (vec(text(), 0..4), vec(text(), 0..4))
            .prop_map(|(user_ids, usernames)| {
                Message::StatusFollow(StatusFollow {
                    user_ids,
                    usernames,
                })
            })
            .boxed(),
        vec(text(), 0..4)
            .prop_map(|user_ids| Message::StatusUnfollow(StatusUnfollow { user_ids }))
            .boxed(),
        option::of(text())
            .prop_map(|status| Message::StatusUpdate(StatusUpdate { status }))
            .boxed(),
        Just(Message::Ping(Ping {})).boxed(),
        Just(Message::Rpc(Unserved {})).boxed(),
    ])
}

proptest! {
    #[test]
    fn an_envelope_is_read_as_it_was_written(
        cid in text(),
        message in option::of(prop_oneof![from_server(), from_client()]),
    ) {
        let envelope = Envelope { cid, message };
        for format in Format::ALL {
            let payload = format.encode(&envelope);
            prop_assert_eq!(&format.decode(&payload).unwrap(), &envelope, "{}", format);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in vec(any::<u8>(), 0..200)) {
        for format in Format::ALL {
            let _ = format.decode(&bytes);
        }
    }
}

#[test]
fn a_format_is_found_by_its_name() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert!("xml".parse::<Format>().is_err());
}
