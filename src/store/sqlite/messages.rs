//! Messages in SQL: the writer's part of a batch, and pages of history.

mod page;

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::{
    Sqlite, StoreError, friends,
    groups::{self, Changed},
    writer::in_savepoint,
};
use crate::{
    channel::{
        Access, ChannelId, CommitSink, Message, MessageStore, Micros, Outcome, Page, PageQuery,
        Place, Position, Seq, Write,
    },
    group::{Change, GroupError},
    store::StoreFuture,
    user::UserId,
};

const INSERT_CHANNEL: &str =
    "INSERT INTO channel (id, last_seq, last_time) VALUES (?1, 0, 0) RETURNING key";
const SELECT_CHANNEL: &str = "SELECT key, last_seq, last_time FROM channel WHERE id = ?1";
const ADVANCE_CHANNEL: &str =
    "UPDATE channel SET last_seq = max(last_seq, ?2), last_time = max(last_time, ?3)
    WHERE key = ?1";
const INSERT_MESSAGE: &str = "INSERT INTO message
    (channel, seq, id, code, sender, username, content, create_time, update_time)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const UPDATE_MESSAGE: &str = "UPDATE message SET content = ?4, update_time = ?5
    WHERE id = ?1 AND channel = ?2 AND sender = ?3 AND code = 0 RETURNING create_time, update_time";
const REMOVE_MESSAGE: &str = "DELETE FROM message
    WHERE id = ?1 AND channel = ?2 AND sender = ?3 AND code = 0 RETURNING create_time, update_time";

/// Keys of channels that were written to lately.
#[derive(Default)]
pub(super) struct ChannelKeys(HashMap<ChannelId, i64>);

impl ChannelKeys {
    /// Past this it is cheaper to ask again than to remember.
    const MOST: usize = 100_000;
}

/// The messages of one transaction.
pub(super) struct Batch<'c> {
    connection: &'c Connection,
    keys: &'c mut ChannelKeys,
    max_notifications: usize,
    /// The new ends of the channels written to.
    ends: HashMap<i64, Position>,
    insert: CachedStatement<'c>,
}

impl<'c> Batch<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        keys: &'c mut ChannelKeys,
        max_notifications: usize,
    ) -> Result<Self, StoreError> {
        if keys.0.len() > ChannelKeys::MOST {
            keys.0.clear();
        }
        Ok(Self {
            connection,
            keys,
            max_notifications,
            ends: HashMap::new(),
            insert: connection.prepare_cached(INSERT_MESSAGE)?,
        })
    }

    /// Carries out one write. After an error the transaction may have been ended by SQLite.
    pub(super) fn write(&mut self, write: &Write) -> Result<Outcome, StoreError> {
        let (channel, sender) = match write {
            Write::Append(message) => (&message.channel, message.sender),
            Write::Update {
                channel, sender, ..
            }
            | Write::Remove {
                channel, sender, ..
            } => (channel, *sender),
        };
        if !may_write(self.connection, channel, sender)? {
            return Ok(Outcome::Forbidden);
        }
        match write {
            Write::Append(message) => {
                self.append(message)?;
                Ok(Outcome::Appended)
            }
            Write::Update {
                channel,
                id,
                sender,
                content,
                time,
            } => {
                let Some(key) = self.known_key(channel)? else {
                    return Ok(Outcome::NoSuchMessage);
                };
                let mut update = self.connection.prepare_cached(UPDATE_MESSAGE)?;
                let arguments = params![id.0, key, sender.0, content.as_str(), time.0];
                let outcome = changed(update.query_row(arguments, times).optional()?);
                self.ends.entry(key).or_default().last_time = *time;
                Ok(outcome)
            }
            Write::Remove {
                channel,
                id,
                sender,
            } => {
                let Some(key) = self.known_key(channel)? else {
                    return Ok(Outcome::NoSuchMessage);
                };
                let mut remove = self.connection.prepare_cached(REMOVE_MESSAGE)?;
                Ok(changed(
                    remove
                        .query_row(params![id.0, key, sender.0], times)
                        .optional()?,
                ))
            }
        }
    }

    /// Changes the membership of a group, and adds what its channel is told to the history. Nothing of
    /// it remains after an error.
    pub(super) fn change(&mut self, change: &Change, place: &Place) -> Result<Changed, GroupError> {
        let known = self.keys.0.get(&place.channel).copied();
        let end = known.and_then(|key| self.ends.get(&key).copied());
        let max_notifications = self.max_notifications;
        let result = in_savepoint(self.connection, |connection| {
            let changed = groups::change(connection, change, place, max_notifications)?;
            for message in &changed.events.messages {
                self.append(message)?;
            }
            Ok(changed)
        });
        if result.is_err() {
            self.forget(&place.channel, known, end);
        }
        result
    }

    /// Takes back what was noted of a channel within a savepoint that was undone: `known` and `end`
    /// are what stood there before.
    fn forget(&mut self, channel: &ChannelId, known: Option<i64>, end: Option<Position>) {
        let Some(key) = self.keys.0.get(channel).copied() else {
            return;
        };
        match end {
            Some(end) => self.ends.insert(key, end),
            None => self.ends.remove(&key),
        };
        if known.is_none() {
            self.keys.0.remove(channel);
        }
    }

    fn append(&mut self, message: &Message) -> Result<(), StoreError> {
        let key = self.key(&message.channel)?;
        let seq = message
            .seq
            .ok_or_else(|| StoreError::Failed("a message without a place".into()))?;
        self.insert.execute(params![
            key,
            signed(seq),
            message.id.0,
            message.code as u8,
            message.sender.0,
            message.username.as_ref(),
            message.content.as_str(),
            message.create_time.0,
            message.update_time.0,
        ])?;
        *self.ends.entry(key).or_default() = Position {
            last_seq: seq,
            last_time: message.update_time,
        };
        Ok(())
    }

    /// Where a channel ends, with all writes of this batch so far.
    pub(super) fn open(&mut self, channel: &ChannelId) -> Result<Position, StoreError> {
        let mut select = self.connection.prepare_cached(SELECT_CHANNEL)?;
        let row = |row: &Row<'_>| Ok((row.get(0)?, unsigned(row.get(1)?), Micros(row.get(2)?)));
        let Some((key, last_seq, last_time)) =
            select.query_row([channel.as_str()], row).optional()?
        else {
            return Ok(Position::default());
        };
        let end = self.ends.get(&key).copied().unwrap_or_default();
        Ok(Position {
            last_seq: last_seq.max(end.last_seq),
            last_time: last_time.max(end.last_time),
        })
    }

    /// Notes the new ends of the channels. To be called before the commit.
    pub(super) fn finish(self) -> Result<(), StoreError> {
        let mut advance = self.connection.prepare_cached(ADVANCE_CHANNEL)?;
        for (key, end) in self.ends {
            advance.execute(params![key, signed(end.last_seq), end.last_time.0])?;
        }
        Ok(())
    }

    /// The key of a channel that has, or once had, messages.
    fn known_key(&mut self, channel: &ChannelId) -> Result<Option<i64>, StoreError> {
        if let Some(key) = self.keys.0.get(channel) {
            return Ok(Some(*key));
        }
        let mut select = self.connection.prepare_cached(SELECT_CHANNEL)?;
        let key = select
            .query_row([channel.as_str()], |row| row.get(0))
            .optional()?;
        if let Some(key) = key {
            self.keys.0.insert(channel.clone(), key);
        }
        Ok(key)
    }

    /// The key of a channel, made on its first message.
    fn key(&mut self, channel: &ChannelId) -> Result<i64, StoreError> {
        if let Some(key) = self.known_key(channel)? {
            return Ok(key);
        }
        let mut insert = self.connection.prepare_cached(INSERT_CHANNEL)?;
        let key = insert.query_row([channel.as_str()], |row| row.get(0))?;
        self.keys.0.insert(channel.clone(), key);
        Ok(key)
    }
}

fn times(row: &Row<'_>) -> rusqlite::Result<(Micros, Micros)> {
    Ok((Micros(row.get(0)?), Micros(row.get(1)?)))
}

fn changed(times: Option<(Micros, Micros)>) -> Outcome {
    times.map_or(Outcome::NoSuchMessage, |(create_time, update_time)| {
        Outcome::Changed {
            create_time,
            update_time,
        }
    })
}

// SQLite's integers are signed; places start at 1 and never come near the end.
fn signed(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

fn unsigned(seq: i64) -> Seq {
    Seq(u64::try_from(seq).unwrap_or(0))
}

/// Whether a user may write to a channel: who may be in it, and the server to every channel there is.
/// Only groups and direct channels cost a look-up.
fn may_write(
    connection: &Connection,
    channel: &ChannelId,
    sender: UserId,
) -> Result<bool, StoreError> {
    let server = sender == UserId::SERVER;
    match channel.access(sender) {
        Access::Granted => Ok(true),
        Access::Denied => Ok(server),
        Access::UnlessBlockedBy(_) if server => Ok(true),
        Access::UnlessBlockedBy(other) => Ok(!friends::has_blocked(connection, other, sender)?),
        Access::MembersOf(group) if server => groups::exists(connection, group),
        Access::MembersOf(group) => groups::is_member(connection, group, sender),
    }
}

impl MessageStore for Sqlite {
    fn may_enter<'a>(
        &'a self,
        user: UserId,
        channel: &ChannelId,
    ) -> StoreFuture<'a, Result<bool, StoreError>> {
        let access = channel.access(user);
        Box::pin(async move {
            match access {
                Access::Granted => Ok(true),
                Access::Denied => Ok(false),
                Access::MembersOf(group) => {
                    self.look_at_entrance(move |conn| groups::is_member(conn, group, user))
                        .await
                }
                Access::UnlessBlockedBy(other) => {
                    self.look_at_entrance(move |conn| friends::lets_in(conn, other, user))
                        .await
                }
            }
        })
    }

    fn may_read<'a>(
        &'a self,
        user: UserId,
        channel: &ChannelId,
    ) -> StoreFuture<'a, Result<bool, StoreError>> {
        match channel.access(user) {
            Access::UnlessBlockedBy(_) => Box::pin(async { Ok(true) }),
            Access::Granted | Access::Denied | Access::MembersOf(_) => {
                self.may_enter(user, channel)
            }
        }
    }

    fn open<'a>(&'a self, channel: &ChannelId) -> StoreFuture<'a, Result<Position, StoreError>> {
        let channel = channel.clone();
        Box::pin(async move { self.writer.open(channel).await })
    }

    fn submit(&self, write: Write, sink: &CommitSink) -> Result<(), StoreError> {
        self.writer.submit(write, sink.clone())
    }

    fn page(&self, query: PageQuery) -> StoreFuture<'_, Result<Page, StoreError>> {
        Box::pin(self.read(move |connection| Ok(page::page(connection, &query)?)))
    }
}

#[cfg(test)]
mod tests;
