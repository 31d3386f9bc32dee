//! Messages, from the socket and from the history alike.

use std::time::SystemTime;

use banter_protocol as wire;
use serde::de::DeserializeOwned;

use crate::ChannelKind;

/// A message in a channel, an update or removal of one, or something that happened in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChatMessage {
    /// The channel.
    pub channel_id: String,
    /// What the channel is.
    pub kind: ChannelKind,
    /// The message. An update or removal has the id of what it changes.
    pub message_id: String,
    /// What it is about. In a history also messages that were updated are [`MessageCode::Chat`].
    pub code: MessageCode,
    /// Who sent it, or whom an event of a group is about.
    pub sender_id: String,
    /// The name of that user.
    pub username: String,
    /// The text of a JSON object; `{}` in events and removals.
    pub content: String,
    /// When it was sent, by the server's clock. The beginning of 1970 if the server did not say.
    pub create_time: SystemTime,
    /// When it was updated last; `create_time` if never.
    pub update_time: SystemTime,
    /// Whether it is in the history.
    pub persistent: bool,
}

impl ChatMessage {
    /// The content as a type of one's own.
    ///
    /// # Errors
    ///
    /// When it is not of this shape: people may send any JSON object.
    ///
    /// ```
    /// # fn show(message: &banter_client::ChatMessage) {
    /// #[derive(serde::Deserialize)]
    /// struct Said { text: String }
    /// match message.content_as::<Said>() {
    ///     Ok(said) => println!("{}: {}", message.username, said.text),
    ///     Err(_) => println!("{} sent something else", message.username),
    /// }
    /// # }
    /// ```
    pub fn content_as<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(&self.content)
    }
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageCode {
    /// 0: somebody said something.
    Chat,
    /// 1: a message has got another content.
    Updated,
    /// 2: a message is gone.
    Removed,
    /// 3: a user has joined the group.
    Joined,
    /// 4: a user was added to the group, or let in.
    Added,
    /// 5: a user has left the group.
    Left,
    /// 6: a user was kicked from the group.
    Kicked,
    /// 7: a user has got the next higher role in the group.
    Promoted,
    /// 8: a user was banned from the group.
    Banned,
    /// 9: a user has got the next lower role in the group.
    Demoted,
    /// A number that this crate has no name for.
    Other(i32),
}

impl MessageCode {
    /// Whether it tells of what happened in a group.
    pub fn is_group_event(self) -> bool {
        (3..=9).contains(&self.number())
    }

    /// As the protocol counts.
    pub fn number(self) -> i32 {
        match self {
            Self::Chat => 0,
            Self::Updated => 1,
            Self::Removed => 2,
            Self::Joined => 3,
            Self::Added => 4,
            Self::Left => 5,
            Self::Kicked => 6,
            Self::Promoted => 7,
            Self::Banned => 8,
            Self::Demoted => 9,
            Self::Other(number) => number,
        }
    }
}

impl From<i32> for MessageCode {
    fn from(number: i32) -> Self {
        match number {
            0 => Self::Chat,
            1 => Self::Updated,
            2 => Self::Removed,
            3 => Self::Joined,
            4 => Self::Added,
            5 => Self::Left,
            6 => Self::Kicked,
            7 => Self::Promoted,
            8 => Self::Banned,
            9 => Self::Demoted,
            other => Self::Other(other),
        }
    }
}

impl From<wire::ChannelMessage> for ChatMessage {
    fn from(message: wire::ChannelMessage) -> Self {
        let create_time = message
            .create_time
            .map_or(SystemTime::UNIX_EPOCH, Into::into);
        Self {
            kind: ChannelKind::new(
                message.room_name,
                message.group_id,
                message.user_id_one,
                message.user_id_two,
            ),
            channel_id: message.channel_id,
            message_id: message.message_id,
            code: message.code.unwrap_or(0).into(),
            sender_id: message.sender_id,
            username: message.username,
            content: message.content,
            create_time,
            update_time: message.update_time.map_or(create_time, Into::into),
            persistent: message.persistent.unwrap_or(false),
        }
    }
}

/// The server has taken a message, an update or a removal. One that is `persistent` is in the history for good.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ack {
    /// The channel.
    pub channel_id: String,
    /// The message, as everybody gets it and as the history has it.
    pub message_id: String,
    /// [`Chat`](MessageCode::Chat), [`Updated`](MessageCode::Updated) or [`Removed`](MessageCode::Removed).
    pub code: MessageCode,
    /// When the message was sent, by the server's clock. The beginning of 1970 if the server did not say.
    pub create_time: SystemTime,
    /// When it was updated last; `create_time` if never.
    pub update_time: SystemTime,
    /// Whether it is in the history.
    pub persistent: bool,
}

impl From<wire::ChannelMessageAck> for Ack {
    fn from(ack: wire::ChannelMessageAck) -> Self {
        let create_time = ack.create_time.map_or(SystemTime::UNIX_EPOCH, Into::into);
        Self {
            channel_id: ack.channel_id,
            message_id: ack.message_id,
            code: ack.code.unwrap_or(0).into(),
            create_time,
            update_time: ack.update_time.map_or(create_time, Into::into),
            persistent: ack.persistent.unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_their_numbers() {
        for number in -1..12 {
            let code = MessageCode::from(number);
            assert_eq!(code.number(), number);
            assert_eq!(code.is_group_event(), (3..10).contains(&number));
        }
        assert_eq!(MessageCode::from(10), MessageCode::Other(10));
    }
}
