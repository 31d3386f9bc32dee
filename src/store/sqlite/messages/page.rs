//! Pages of history in SQL.

use rusqlite::{Connection, Row, ToSql};
use uuid::Uuid;

use super::{signed, unsigned};
use crate::{
    channel::{
        ChannelId, Content, Direction, Message, MessageCode, MessageId, Micros, Page, PageQuery,
    },
    user::UserId,
};

/// Most messages looked at for one page of a reader from whom some are kept.
pub(super) const MOST_PASSED: usize = 5000;

pub(super) fn page(connection: &Connection, query: &PageQuery) -> rusqlite::Result<Page> {
    let has_reader = query.reader.is_some();
    let mut select = connection.prepare_cached(&select_page(query.direction, has_reader))?;
    let start = match query.direction {
        Direction::OldestFirst => 0,
        Direction::NewestFirst => i64::MAX,
    };
    // One more than asked for tells whether there are more.
    let most = match has_reader {
        true => MOST_PASSED,
        false => query.limit.saturating_add(1),
    };
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let beyond = query.beyond.map_or(start, signed);
    let (channel, reader) = (query.channel.as_str(), query.reader.map(|reader| reader.0));
    let mut values: Vec<&dyn ToSql> = vec![&channel, &beyond, &most];
    if let Some(reader) = &reader {
        values.push(reader);
    }
    let mut rows = select.query(&*values)?;
    let mut page = Page {
        messages: Vec::with_capacity(query.limit.min(MOST_PASSED)),
        ..Page::default()
    };
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        if has_reader && row.get(8)? {
            page.passed = Some(unsigned(row.get(0)?));
        } else if page.messages.len() < query.limit {
            page.messages.push(message(row, &query.channel)?);
            page.passed = None;
        } else {
            page.more = true;
            page.passed = None;
            return Ok(page);
        }
        looked_at += 1;
    }
    page.more = has_reader && looked_at == MOST_PASSED;
    if !page.more {
        page.passed = None;
    }
    Ok(page)
}

/// ?1 channel, ?2 beyond which place, ?3 limit, ?4 the reader if there is one. The last column is whether the
/// message is kept from the reader.
pub(super) fn select_page(direction: Direction, has_reader: bool) -> String {
    const COLUMNS: &str =
        "m.seq, m.id, m.code, m.sender, m.username, m.content, m.create_time, m.update_time";
    let hidden = if has_reader {
        ", m.code = 0 AND EXISTS (SELECT 1 FROM friend_edge
            WHERE user_id = ?4 AND other_id = m.sender AND state = 3)"
    } else {
        ""
    };
    let (comparison, order) = match direction {
        Direction::OldestFirst => (">", "ASC"),
        Direction::NewestFirst => ("<", "DESC"),
    };
    format!(
        "SELECT {COLUMNS}{hidden} FROM message m
            WHERE m.channel = (SELECT key FROM channel WHERE id = ?1) AND m.seq {comparison} ?2
            ORDER BY m.seq {order} LIMIT ?3"
    )
}

fn message(row: &Row<'_>, channel: &ChannelId) -> rusqlite::Result<Message> {
    Ok(Message {
        id: MessageId(row.get(1)?),
        channel: channel.clone(),
        seq: Some(unsigned(row.get(0)?)),
        code: code(row, 2)?,
        sender: UserId(row.get::<_, Uuid>(3)?),
        username: row.get_ref(4)?.as_str()?.into(),
        content: Content::stored(row.get_ref(5)?.as_str()?),
        create_time: Micros(row.get(6)?),
        update_time: Micros(row.get(7)?),
        persistent: true,
    })
}

fn code(row: &Row<'_>, column: usize) -> rusqlite::Result<MessageCode> {
    let number: u8 = row.get(column)?;
    MessageCode::from_number(number)
        .ok_or_else(|| rusqlite::Error::IntegralValueOutOfRange(column, number.into()))
}
