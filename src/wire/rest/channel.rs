//! Pages of history.

use serde::Serialize;

use crate::{
    channel::{ChannelId, Cursor, HistoryPage},
    wire::{CursorKey, json::MessageBody},
};

#[derive(Serialize)]
struct HistoryBody<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<MessageBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cacheable_cursor: Option<String>,
}

/// How long the JSON of a page will be, roughly.
pub(crate) fn about_bytes(page: &HistoryPage) -> usize {
    page.messages.iter().map(MessageBody::about_bytes).sum()
}

/// The JSON of a page; messages look as they did live.
pub(crate) fn history_answer(page: &HistoryPage, channel: &ChannelId, key: &CursorKey) -> Vec<u8> {
    let text = |cursor: Option<Cursor>| cursor.map(|cursor| cursor.to_text(key, channel));
    let body = HistoryBody {
        messages: page.messages.iter().map(MessageBody::full).collect(),
        next_cursor: text(page.next),
        prev_cursor: text(page.previous),
        cacheable_cursor: text(page.cacheable),
    };
    let mut text = Vec::with_capacity(about_bytes(page) + 512);
    serde_json::to_writer(&mut text, &body).expect("plain values are JSON");
    text
}
