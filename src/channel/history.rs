//! Walking through a channel's history: who may, from where, and how to go on.

use super::{ChannelId, ChannelKind, Direction, Message, MessageStore, Page, PageQuery, Seq};
use crate::{
    page::{LimitError, PageLimit},
    store::StoreError,
    user::UserId,
};

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
    #[error(transparent)]
    Limit(#[from] LimitError),
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
    /// When the limit or the cursor does not fit.
    pub(crate) fn new(
        channel: ChannelId,
        direction: Direction,
        limit: Option<i32>,
        cursor: Option<Cursor>,
    ) -> Result<Self, HistoryError> {
        let limit = PageLimit::ONE.of(limit)?;
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

    /// The page, for a user who may read it; joining the channel is not needed. With `hide_blocked` what was
    /// said by those whom the user has blocked is left out, but in direct channels, where it was said to
    /// the user alone.
    ///
    /// # Errors
    /// `Forbidden`, or the store's.
    pub(crate) async fn read(
        &self,
        user: UserId,
        hide_blocked: bool,
        store: &dyn MessageStore,
    ) -> Result<HistoryPage, HistoryError> {
        if !store.may_read(user, &self.channel).await? {
            return Err(HistoryError::Forbidden);
        }
        let is_direct = matches!(self.channel.kind(), ChannelKind::Direct(..));
        let query = PageQuery {
            reader: (hide_blocked && !is_direct).then_some(user),
            ..self.query()
        };
        Ok(self.page(store.page(query).await?))
    }

    /// What to ask the store.
    fn query(&self) -> PageQuery {
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
            reader: None,
        }
    }

    /// What to make of the store's answer.
    fn page(&self, page: Page) -> HistoryPage {
        let Page {
            mut messages,
            more,
            passed,
        } = page;
        if self.walks_back() {
            messages.reverse();
        }
        let place = |message: &Message| message.seq;
        let (mut first, mut last) = (
            messages.first().and_then(place),
            messages.last().and_then(place),
        );
        // Nothing of what was passed over need be looked at again.
        let far_end = if self.walks_back() {
            &mut first
        } else {
            &mut last
        };
        *far_end = passed.or(*far_end);
        let at = |side, anchor: Option<Seq>| {
            Some(Cursor {
                direction: self.direction,
                side,
                anchor: anchor?,
            })
        };
        let next = at(Side::Next, last).filter(|_| more || self.walks_back());
        let previous = at(Side::Previous, first)
            .filter(|_| self.cursor.is_some() && (more || !self.walks_back()));
        let last = last.or(self.cursor.map(|cursor| cursor.anchor));
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
