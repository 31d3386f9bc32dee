//! An envelope in a few words, for those who look for what went wrong.

use banter_client::{
    Envelope,
    protocol::{Message, UserPresence},
};

/// Presences named of a list; of more only the number.
const NAMED: usize = 6;

pub(super) fn in_words(envelope: &Envelope) -> String {
    let cid = match envelope.cid.as_str() {
        "" => String::new(),
        cid => format!("answer {cid}: "),
    };
    let what = match &envelope.message {
        None => "done".to_owned(),
        Some(Message::Channel(channel)) => {
            let who = names(&channel.presences);
            format!("joined {} with {who}", channel.id)
        }
        Some(Message::ChannelPresenceEvent(event)) => {
            let (joins, leaves) = (names(&event.joins), names(&event.leaves));
            format!("{}: +{joins} -{leaves}", event.channel_id)
        }
        Some(Message::ChannelMessage(message)) => {
            format!(
                "{}: message {} of {}",
                message.channel_id, message.message_id, message.username
            )
        }
        Some(Message::ChannelMessageAck(ack)) => format!("ack {}", ack.message_id),
        Some(Message::Error(error)) => format!("error {} {}", error.code, error.message),
        Some(other) => other.name().to_owned(),
    };
    format!("{cid}{what}")
}

fn names(presences: &[UserPresence]) -> String {
    let named: Vec<_> = presences
        .iter()
        .take(NAMED)
        .map(|presence| &*presence.username)
        .collect();
    let more = match presences.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("[{}{more}]", named.join(" "))
}
