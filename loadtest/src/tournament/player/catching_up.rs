//! Reading what was missed.

use std::{rc::Rc, time::Duration};

use banter_client::HistoryQuery;

use super::{Joined, PlayerId};
use crate::tournament::{
    game::Game,
    history::{heard, page},
    referee::{Place, Violation},
};

/// Reads a channel's history from its end back to the last message that is known, on behalf of a player who has
/// joined again and goes on listening meanwhile.
pub(super) async fn catch_up(
    game: Rc<Game>,
    player: PlayerId,
    joined: Joined,
    since: Option<Place>,
    planned: Duration,
) {
    let mut reading = game.referee.borrow_mut().begin_catch_up(joined.stay, since);
    let mut query = HistoryQuery::newest();
    loop {
        let (messages, next) = match page(&game, player, joined.channel, &query).await {
            Ok(page) => page,
            Err(why) => {
                let channel = game.referee.borrow().name(joined.channel);
                game.report(Violation::HistoryUnread { channel, why });
                break;
            }
        };
        let mut referee = game.referee.borrow_mut();
        let done = referee.read_back(&mut reading, messages.iter().map(heard));
        query.cursor = next;
        if done || query.cursor.is_none() {
            referee.end_catch_up(reading);
            game.measure.caught_up(game.since(planned));
            break;
        }
    }
    game.reading.set(game.reading.get() - 1);
}
