//! Reading histories by REST.

use std::time::Duration;

use banter_client::{ApiError, ChatMessage, HistoryQuery};
use tokio::time::sleep;

use super::{
    game::Game,
    plan::{ChannelNo, PlayerId},
    referee::Heard,
};
use crate::causes::with_causes;

/// Tries to read a page, and the pause between.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// A page, and the cursor of the next; or why it cannot be had.
pub(crate) async fn page(
    game: &Game,
    player: PlayerId,
    channel: ChannelNo,
    query: &HistoryQuery,
) -> Result<(Vec<ChatMessage>, Option<String>), String> {
    let (Some(id), Some(mut session)) = (game.channel_id(channel), game.session(player)) else {
        return Err("nobody is signed in who could".to_owned());
    };
    let mut why = String::new();
    for _ in 0..TRIES {
        let asked = game.client(player).history(&session, &id, query);
        let error = match Box::pin(game.call(asked)).await {
            Ok(page) => return Ok((page.messages, page.next_cursor)),
            Err(error) => error,
        };
        why = with_causes(&error);
        if error.is_unauthenticated() {
            if let Ok(renewed) = Box::pin(game.renew(player, &session)).await {
                session = renewed;
                continue;
            }
            break;
        }
        game.count_failure(matches!(error, ApiError::Refused { .. }), &why);
        if !error.is_temporary() {
            break;
        }
        sleep(PAUSE).await;
    }
    Err(why)
}

/// A message of a history, as the referee takes it.
pub(crate) fn heard(message: &ChatMessage) -> Heard<'_> {
    Heard {
        id: &message.message_id,
        code: message.code.number(),
        sender_id: &message.sender_id,
        content: &message.content,
        stored: message.persistent,
    }
}
