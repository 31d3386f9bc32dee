//! Requests and what clients get, as the types of `schemas/realtime.proto`: the way of the binary formats.

use std::{collections::BTreeMap, sync::Arc};

use banter_protocol::{self as protocol, Envelope, Format, Message as Body, Timestamp};

use super::{
    EnvelopeError, JoinAnswer, Outgoing, PresenceNews,
    request::{
        ChannelDecline, ChannelJoin, ChannelLeave, ChannelMessageRemove, ChannelMessageSend,
        ChannelMessageUpdate, DecodeError, Request, RequestEnvelope, StatusFollow, StatusUnfollow,
        StatusUpdate, Unserved,
    },
};
use crate::{
    channel::{ChannelId, ChannelKind, Message, Micros, Presence},
    user::{Notification, StatusPresence, UserId},
};

/// Reads one binary message.
pub(super) fn read(format: Format, payload: &[u8]) -> Result<RequestEnvelope, DecodeError> {
    let envelope = format.decode(payload).map_err(DecodeError::malformed)?;
    let cid = Some(envelope.cid.into_boxed_str()).filter(|cid| !cid.is_empty());
    match envelope.message.map(request) {
        Some(Ok(request)) => Ok(RequestEnvelope { cid, request }),
        Some(Err(name)) => Err(DecodeError::server_only(cid, name)),
        None => Err(DecodeError::no_message(cid)),
    }
}

/// The name of the message if only servers send it.
fn request(message: Body) -> Result<Request, &'static str> {
    Ok(match message {
        Body::Ping(_) => Request::Ping,
        Body::Pong(_) => Request::Pong,
        Body::ChannelJoin(join) => Request::ChannelJoin(ChannelJoin {
            target: join.target,
            // Where there is none it reads as 0.
            kind: Some(join.r#type).filter(|kind| *kind != 0),
            persistence: join.persistence,
            hidden: join.hidden,
        }),
        Body::ChannelLeave(leave) => Request::ChannelLeave(ChannelLeave {
            channel_id: leave.channel_id,
        }),
        Body::ChannelMessageSend(send) => Request::ChannelMessageSend(ChannelMessageSend {
            channel_id: send.channel_id,
            content: send.content,
        }),
        Body::ChannelMessageUpdate(update) => Request::ChannelMessageUpdate(ChannelMessageUpdate {
            channel_id: update.channel_id,
            message_id: update.message_id,
            content: update.content,
        }),
        Body::ChannelMessageRemove(remove) => Request::ChannelMessageRemove(ChannelMessageRemove {
            channel_id: remove.channel_id,
            message_id: remove.message_id,
        }),
        Body::ChannelDecline(decline) => Request::ChannelDecline(ChannelDecline {
            channel_id: decline.channel_id,
        }),
        Body::StatusFollow(follow) => Request::StatusFollow(StatusFollow {
            user_ids: follow.user_ids,
            usernames: follow.usernames,
        }),
        Body::StatusUnfollow(unfollow) => Request::StatusUnfollow(StatusUnfollow {
            user_ids: unfollow.user_ids,
        }),
        Body::StatusUpdate(update) => Request::StatusUpdate(StatusUpdate {
            status: update.status,
        }),
        unserved => match Unserved::by_name(unserved.name()) {
            Some(Unserved::Request(name)) => Request::Unsupported(name),
            Some(Unserved::ServerOnly(name)) => return Err(name),
            None => return Err(unserved.name()),
        },
    })
}

/// What a client gets. `cid` is the one of the request that is answered.
pub(super) fn of(what: &Outgoing, cid: Option<&str>) -> Envelope {
    Envelope {
        cid: cid.unwrap_or_default().to_owned(),
        message: body(what),
    }
}

fn body(what: &Outgoing) -> Option<Body> {
    Some(match what {
        Outgoing::Empty => return None,
        Outgoing::Pong => Body::Pong(protocol::Pong {}),
        Outgoing::Error(error) => Body::Error(protocol::Error {
            code: error.code as i32,
            message: error.message.to_string(),
            context: error_context(error),
        }),
        Outgoing::Joined(answer) => Body::Channel(channel(answer)),
        Outgoing::Ack(message) => Body::ChannelMessageAck(ack(message)),
        Outgoing::Message(message) => Body::ChannelMessage(full(message)),
        Outgoing::Presence(news) => Body::ChannelPresenceEvent(presence_event(news)),
        Outgoing::Notification(told) => Body::Notifications(protocol::Notifications {
            notifications: vec![notification(told)],
        }),
        Outgoing::Statuses(shown) => Body::Status(protocol::Status {
            presences: statuses(shown),
        }),
        Outgoing::StatusNews(news) => Body::StatusPresenceEvent(protocol::StatusPresenceEvent {
            joins: statuses(&news.joins),
            leaves: statuses(&news.leaves),
        }),
    })
}

fn error_context(error: &EnvelopeError) -> BTreeMap<String, String> {
    let wait = error.retry_after_ms;
    wait.map(|ms| ("retry_after_ms".to_owned(), ms.to_string()))
        .into_iter()
        .collect()
}

fn channel(answer: &JoinAnswer) -> protocol::Channel {
    let names = Names::of(&answer.channel);
    protocol::Channel {
        id: answer.channel.as_str().to_owned(),
        presences: presences(&answer.others),
        self_: Some(presence(&answer.presence)),
        room_name: names.room_name,
        group_id: names.group_id,
        user_id_one: names.user_id_one,
        user_id_two: names.user_id_two,
    }
}

fn ack(message: &Message) -> protocol::ChannelMessageAck {
    let names = Names::of(&message.channel);
    protocol::ChannelMessageAck {
        channel_id: message.channel.written().to_owned(),
        message_id: message.id.0.to_string(),
        code: Some(message.code as i32),
        username: message.username.to_string(),
        create_time: time(message.create_time),
        update_time: time(message.update_time),
        persistent: Some(message.persistent),
        room_name: names.room_name,
        group_id: names.group_id,
        user_id_one: names.user_id_one,
        user_id_two: names.user_id_two,
    }
}

fn full(message: &Message) -> protocol::ChannelMessage {
    let names = Names::of(&message.channel);
    protocol::ChannelMessage {
        channel_id: message.channel.written().to_owned(),
        message_id: message.id.0.to_string(),
        code: Some(message.code as i32),
        sender_id: message.sender.to_string(),
        username: message.username.to_string(),
        content: message.content.as_str().to_owned(),
        create_time: time(message.create_time),
        update_time: time(message.update_time),
        persistent: Some(message.persistent),
        room_name: names.room_name,
        group_id: names.group_id,
        user_id_one: names.user_id_one,
        user_id_two: names.user_id_two,
    }
}

fn presence_event(news: &PresenceNews) -> protocol::ChannelPresenceEvent {
    let names = Names::of(&news.channel);
    protocol::ChannelPresenceEvent {
        channel_id: news.channel.as_str().to_owned(),
        joins: presences(&news.delta.joins),
        leaves: presences(&news.delta.leaves),
        room_name: names.room_name,
        group_id: names.group_id,
        user_id_one: names.user_id_one,
        user_id_two: names.user_id_two,
    }
}

fn notification(told: &Notification) -> protocol::Notification {
    protocol::Notification {
        id: told.id.0.to_string(),
        subject: told.subject.clone(),
        content: told.content.clone(),
        code: told.code,
        sender_id: if told.sender == UserId::SERVER {
            String::new()
        } else {
            told.sender.to_string()
        },
        // In whole seconds, as in JSON and in lists.
        create_time: time(Micros(
            told.created.0 - told.created.0.rem_euclid(1_000_000),
        )),
        persistent: told.persistent,
    }
}

fn presences(list: &[Arc<Presence>]) -> Vec<protocol::UserPresence> {
    list.iter().map(|one| presence(one)).collect()
}

fn presence(presence: &Presence) -> protocol::UserPresence {
    protocol::UserPresence {
        user_id: presence.user.to_string(),
        session_id: presence.session.to_string(),
        username: presence.username.to_string(),
        persistence: presence.persistence,
        status: None,
    }
}

fn statuses(list: &[Arc<StatusPresence>]) -> Vec<protocol::UserPresence> {
    let shown = |presence: &Arc<StatusPresence>| protocol::UserPresence {
        user_id: presence.user.to_string(),
        session_id: presence.session.to_string(),
        username: presence.username.to_string(),
        persistence: false,
        status: Some(presence.status.as_str().to_owned()),
    };
    list.iter().map(shown).collect()
}

fn time(time: Micros) -> Option<Timestamp> {
    Some(Timestamp::from_micros(time.0))
}

/// The fields that tell the kind of a channel; those of other kinds are empty.
#[derive(Default)]
struct Names {
    room_name: String,
    group_id: String,
    user_id_one: String,
    user_id_two: String,
}

impl Names {
    fn of(channel: &ChannelId) -> Self {
        let mut names = Self::default();
        match channel.kind() {
            ChannelKind::Room => {
                channel
                    .room_name()
                    .unwrap_or_default()
                    .clone_into(&mut names.room_name);
            }
            ChannelKind::Group(group) => names.group_id = group.to_string(),
            ChannelKind::Direct(one, two) => {
                names.user_id_one = one.to_string();
                names.user_id_two = two.to_string();
            }
        }
        names
    }
}
