//! Messages that are numbers.

use banter_client::Envelope;
use banter_protocol::{ChannelMessageSend, Message};

/// Asks to send the message with this number.
pub(super) fn send_request(channel_id: &str, number: u64) -> Envelope {
    Envelope {
        cid: number.to_string(),
        message: Some(Message::ChannelMessageSend(ChannelMessageSend {
            channel_id: channel_id.to_owned(),
            content: format!(r#"{{"number":{number},"text":"well played, see you in the final"}}"#),
        })),
    }
}

/// The number of a message; `None` if it is not one of these. Servers may write JSON anew, with blanks.
pub(super) fn number(content: &str) -> Option<u64> {
    let after = content.split_once(r#""number""#)?.1.trim_start();
    let digits = after.strip_prefix(':')?.trim_start();
    let end = digits.find(|letter: char| !letter.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_its_number() {
        let Some(Message::ChannelMessageSend(sent)) = send_request("2...a", 4711).message else {
            panic!("not a send");
        };
        assert_eq!(number(&sent.content), Some(4711));
        assert_eq!(number(r#"{"text": "a", "number" : 12}"#), Some(12));
        for other in ["{}", "", r#"{"number":"x"}"#, r#"{"number":}"#] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
