//! Requests, as the server reads them from the socket.

use banter_protocol::{self as protocol, Envelope, Format, Message};

use super::assert_short_line;
use crate::wire::{self, EnvelopeCode, Request};

/// See [`request_bincode`].
pub fn request_json(bytes: &[u8]) {
    request(Format::Json, bytes);
}

/// See [`request_bincode`].
pub fn request_protobuf(bytes: &[u8]) {
    request(Format::Protobuf, bytes);
}

/// A request that is written again is read as the same, in every format. What is refused is refused with the code
/// of a client's mistake.
pub fn request_bincode(bytes: &[u8]) {
    request(Format::Bincode, bytes);
}

fn request(format: Format, bytes: &[u8]) {
    let read = match wire::decode(format, bytes) {
        Ok(read) => read,
        Err(refused) => {
            assert!(refused.error.code != EnvelopeCode::Internal);
            assert!(refused.cid.is_none_or(|cid| !cid.is_empty()));
            return assert_short_line(&refused.error.message);
        }
    };
    let message = match message(&read.request) {
        Ok(message) => message,
        Err(name) => {
            let named = wire::decode(Format::Json, format!("{{\"{name}\":{{}}}}").as_bytes());
            let named = named.expect("a request by its name").request;
            return assert!(matches!(named, Request::Unsupported(same) if same == name));
        }
    };
    let envelope = Envelope {
        cid: read.cid.as_deref().unwrap_or_default().to_owned(),
        message: Some(message),
    };
    if format != Format::Json {
        let plain = format.decode(bytes).expect("a request is an envelope");
        assert_eq!(plain, envelope, "something was lost");
    }
    for other in Format::ALL {
        let again =
            wire::decode(other, &other.encode(&envelope)).expect("what was written is read");
        assert_eq!(again.cid, read.cid, "{format} as {other}");
        let again = self::message(&again.request);
        assert_eq!(again.ok(), envelope.message, "{format} as {other}");
    }
}

/// The request as the message that it was, or the name of one that is not served.
fn message(request: &Request) -> Result<Message, &'static str> {
    Ok(match request {
        Request::Ping => Message::Ping(protocol::Ping {}),
        Request::Pong => Message::Pong(protocol::Pong {}),
        Request::ChannelJoin(join) => Message::ChannelJoin(protocol::ChannelJoin {
            target: join.target.clone(),
            r#type: join.kind.unwrap_or_default(),
            persistence: join.persistence,
            hidden: join.hidden,
        }),
        Request::ChannelLeave(leave) => Message::ChannelLeave(protocol::ChannelLeave {
            channel_id: leave.channel_id.clone(),
        }),
        Request::ChannelMessageSend(send) => {
            Message::ChannelMessageSend(protocol::ChannelMessageSend {
                channel_id: send.channel_id.clone(),
                content: send.content.clone(),
            })
        }
        Request::ChannelMessageUpdate(update) => {
            Message::ChannelMessageUpdate(protocol::ChannelMessageUpdate {
                channel_id: update.channel_id.clone(),
                message_id: update.message_id.clone(),
                content: update.content.clone(),
            })
        }
        Request::ChannelMessageRemove(remove) => {
            Message::ChannelMessageRemove(protocol::ChannelMessageRemove {
                channel_id: remove.channel_id.clone(),
                message_id: remove.message_id.clone(),
            })
        }
        Request::ChannelDecline(decline) => Message::ChannelDecline(protocol::ChannelDecline {
            channel_id: decline.channel_id.clone(),
        }),
        Request::StatusFollow(follow) => Message::StatusFollow(protocol::StatusFollow {
            user_ids: follow.user_ids.clone(),
            usernames: follow.usernames.clone(),
        }),
        Request::StatusUnfollow(unfollow) => Message::StatusUnfollow(protocol::StatusUnfollow {
            user_ids: unfollow.user_ids.clone(),
        }),
        Request::StatusUpdate(update) => Message::StatusUpdate(protocol::StatusUpdate {
            status: update.status.clone(),
        }),
        Request::Unsupported(name) => return Err(name),
    })
}
