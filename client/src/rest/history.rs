//! What was said in a channel.

use banter_protocol::ChannelMessage;
use reqwest::Method;
use serde::Deserialize;

use super::{answer, cursor};
use crate::{ApiError, ChatMessage, Client, Session};

/// Which page of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Messages on a page, 1 to 100; 100 unless changed.
    pub limit: u32,
    /// Where from, and which way.
    pub direction: Direction,
    /// From an earlier page of the same channel and direction; `None` for the first page. A
    /// [`cacheable_cursor`](HistoryPage::cacheable_cursor) goes with [`Direction::Forward`] only.
    pub cursor: Option<String>,
}

/// Which way to read a history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// From the oldest on.
    #[default]
    Forward,
    /// From the newest back; a page has the newest first.
    Backward,
}

impl Default for HistoryQuery {
    fn default() -> Self {
        Self {
            limit: 100,
            direction: Direction::Forward,
            cursor: None,
        }
    }
}

impl HistoryQuery {
    /// From the oldest message on.
    pub fn oldest() -> Self {
        Self::default()
    }

    /// From the newest message back.
    pub fn newest() -> Self {
        Self {
            direction: Direction::Backward,
            ..Self::default()
        }
    }

    /// What came after a [`cacheable_cursor`](HistoryPage::cacheable_cursor).
    pub fn since(cacheable_cursor: impl Into<String>) -> Self {
        Self {
            cursor: Some(cacheable_cursor.into()),
            ..Self::default()
        }
    }
}

/// A page of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryPage {
    /// In the direction that was asked for. Updated messages are in their place with their new content; removed ones
    /// are gone. Where a server hides messages, a page may be short or empty and still have a `next_cursor`.
    pub messages: Vec<ChatMessage>,
    /// For the next page in the same direction; `None` at the end.
    pub next_cursor: Option<String>,
    /// For the page before this one.
    pub prev_cursor: Option<String>,
    /// For what follows the last message of this page, now or later: ask forward with it to catch up. `None` only
    /// if the channel is empty and no cursor was given.
    pub cacheable_cursor: Option<String>,
}

impl Client {
    /// A page of the history of a channel: of any room, and of the groups and direct channels one is in. It
    /// need not be joined.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused): 400 for a channel one may not read, a limit out of range, or a cursor that is
    /// not of this channel and direction; 401 for a session that has ended.
    pub async fn history(
        &self,
        session: &Session,
        channel_id: &str,
        query: &HistoryQuery,
    ) -> Result<HistoryPage, ApiError> {
        let forward = query.direction == Direction::Forward;
        let request = self
            .call(Method::GET, &["v2", "channel", channel_id], session)?
            .query(&[("limit", query.limit)])
            .query(&[("forward", forward)])
            .query(&query.cursor.as_ref().map(|cursor| [("cursor", cursor)]));
        let page: Page = answer(request).await?;
        Ok(HistoryPage {
            messages: page.messages.into_iter().map(ChatMessage::from).collect(),
            next_cursor: page.next_cursor,
            prev_cursor: page.prev_cursor,
            cacheable_cursor: page.cacheable_cursor,
        })
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    messages: Vec<ChannelMessage>,
    #[serde(default, deserialize_with = "cursor")]
    next_cursor: Option<String>,
    #[serde(default, deserialize_with = "cursor")]
    prev_cursor: Option<String>,
    #[serde(default, deserialize_with = "cursor")]
    cacheable_cursor: Option<String>,
}
