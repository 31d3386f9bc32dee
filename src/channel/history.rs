//! Walking through a channel's history: who may, from where, and how to go on.

use super::{ChannelId, Direction, Message, Page, PageQuery, Seq, id::ChannelKind};
use crate::{store::StoreError, user::UserId};

/// Most messages on a page.
const MOST: i32 = 100;

/// A place in a channel's history from which a listing goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The direction of the listing.
    pub(crate) direction: Direction,
    /// On which side of the anchor to go on.
    pub(crate) side: Side,
    /// The message next to which the cursor stands. It need not exist any more.
    pub(crate) anchor: Seq,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// What comes later in the listing.
    Next,
    /// What came earlier in the listing.
    Previous,
}

/// Why a history is not shown.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum HistoryError {
    #[error("limit must be between 1 and {MOST}")]
    Limit,
    #[error("cursor belongs to a listing in the other direction")]
    Direction,
    /// No such channel, or not for this user; outsiders shall not learn which.
    #[error("channel not found")]
    Forbidden,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks for one page.
#[derive(Debug, Clone)]
pub(crate) struct HistoryRequest {
    channel: ChannelId,
    direction: Direction,
    limit: usize,
    cursor: Option<Cursor>,
}

/// A page with the ways to go on from it.
#[derive(Debug)]
pub(crate) struct HistoryPage {
    pub(crate) messages: Vec<Message>,
    pub(crate) next: Option<Cursor>,
    pub(crate) previous: Option<Cursor>,
    /// Gives what comes after this page, now or some day.
    pub(crate) cacheable: Option<Cursor>,
}

impl HistoryRequest {
    /// `limit` is 1 to 100, by default 1.
    ///
    /// # Errors
    /// When `user` may not read the channel, or the limit or the cursor does not fit.
    pub(crate) fn new(
        user: UserId,
        channel: ChannelId,
        direction: Direction,
        limit: Option<i32>,
        cursor: Option<Cursor>,
    ) -> Result<Self, HistoryError> {
        let allowed = match channel.kind() {
            ChannelKind::Room => true,
            ChannelKind::Direct(one, two) => user == one || user == two,
            ChannelKind::Group => false,
        };
        if !allowed {
            return Err(HistoryError::Forbidden);
        }
        let limit = match limit {
            None => 1,
            Some(limit @ 1..=MOST) => limit as usize,
            Some(_) => return Err(HistoryError::Limit),
        };
        if cursor.is_some_and(|cursor| cursor.direction != direction) {
            return Err(HistoryError::Direction);
        }
        Ok(Self {
            channel,
            direction,
            limit,
            cursor,
        })
    }

    /// What to ask the store.
    pub(crate) fn query(&self) -> PageQuery {
        let direction = if self.walks_back() {
            self.direction.reversed()
        } else {
            self.direction
        };
        let beyond = self.cursor.map(|cursor| cursor.anchor);
        PageQuery {
            channel: self.channel.clone(),
            beyond,
            direction,
            limit: self.limit,
        }
    }

    /// What to make of the store's answer.
    pub(crate) fn page(&self, Page { mut messages, more }: Page) -> HistoryPage {
        if self.walks_back() {
            messages.reverse();
        }
        let at = |side, message: Option<&Message>| {
            let anchor = message?.seq?;
            Some(Cursor {
                direction: self.direction,
                side,
                anchor,
            })
        };
        let next = at(Side::Next, messages.last()).filter(|_| more || self.walks_back());
        let previous = at(Side::Previous, messages.first())
            .filter(|_| self.cursor.is_some() && (more || !self.walks_back()));
        let last = messages
            .last()
            .and_then(|message| message.seq)
            .or(self.cursor.map(|cursor| cursor.anchor));
        let cacheable = last.map(|anchor| Cursor {
            direction: Direction::OldestFirst,
            side: Side::Next,
            anchor,
        });
        HistoryPage {
            messages,
            next,
            previous,
            cacheable,
        }
    }

    pub(crate) fn channel(&self) -> &ChannelId {
        &self.channel
    }

    fn walks_back(&self) -> bool {
        self.cursor
            .is_some_and(|cursor| cursor.side == Side::Previous)
    }
}

impl Direction {
    fn reversed(self) -> Self {
        match self {
            Self::OldestFirst => Self::NewestFirst,
            Self::NewestFirst => Self::OldestFirst,
        }
    }
}
