//! Groups in SQL.
//!
//! Making and describing a group is here, changes of membership are in `change`, listings in `list`.
//! The rules are `group::state`'s. The writer calls `change` in line with the messages of the group's
//! channel, and asks here who may write to one.

mod change;
mod list;

pub(super) use self::change::{Changed, change};

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    Sqlite, StoreError,
    accounts::{execute, username},
};
use crate::{
    channel::{EventSink, Micros, Place},
    group::{
        Change, EdgePosition, Group, GroupError, GroupFilter, GroupId, GroupPosition, GroupStore,
        GroupUpdate, Member, Membership, NewGroup, Role, Told,
    },
    page::Found,
    store::StoreFuture,
    user::UserId,
};

const IS_MEMBER: &str =
    "SELECT 1 FROM group_edge WHERE group_id = ?1 AND user_id = ?2 AND role <= 2";
const EXISTS: &str = "SELECT 1 FROM chat_group WHERE id = ?1";
const SELECT_ROLE: &str = "SELECT role FROM group_edge WHERE group_id = ?1 AND user_id = ?2";
const SELECT_NAMED: &str = "SELECT id FROM chat_group WHERE name = ?1";
const INSERT_GROUP: &str = "INSERT INTO chat_group
    (id, creator_id, name, name_key, description, lang_tag, avatar_url, open, edge_count, max_count,
    create_time, update_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?10, ?10)";
const INSERT_FIRST_EDGE: &str =
    "INSERT INTO group_edge (group_id, user_id, role, since) VALUES (?1, ?2, 0, ?3)";
const UPDATE_GROUP: &str = "UPDATE chat_group SET name = coalesce(?2, name),
    name_key = coalesce(?3, name_key), description = coalesce(?4, description),
    lang_tag = coalesce(?5, lang_tag), avatar_url = coalesce(?6, avatar_url),
    open = coalesce(?7, open), update_time = max(update_time, ?8) WHERE id = ?1";

impl GroupStore for Sqlite {
    fn create(
        &self,
        id: GroupId,
        creator: UserId,
        group: NewGroup,
        now: Micros,
    ) -> StoreFuture<'_, Result<Group, GroupError>> {
        Box::pin(self.write(move |conn| create(conn, id, creator, group, now)))
    }

    fn update(
        &self,
        id: GroupId,
        caller: UserId,
        update: GroupUpdate,
        now: Micros,
    ) -> StoreFuture<'_, Result<(), GroupError>> {
        Box::pin(self.write(move |conn| self::update(conn, id, caller, &update, now)))
    }

    fn exists(&self, group: GroupId) -> StoreFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.read(move |conn| exists(conn, group)))
    }

    fn change(
        &self,
        change: Change,
        place: Place,
        sink: EventSink,
        told: Told,
    ) -> Result<(), StoreError> {
        self.writer.change(change, place, sink, told)
    }

    fn list(
        &self,
        filter: GroupFilter,
        beyond: Option<GroupPosition>,
        limit: usize,
    ) -> StoreFuture<'_, Result<Found<Group>, StoreError>> {
        let list = move |conn: &Connection| list::groups(conn, &filter, beyond.as_ref(), limit);
        Box::pin(self.search(move |conn| Ok(list(conn)?)))
    }

    fn members(
        &self,
        group: GroupId,
        role: Option<Role>,
        beyond: Option<EdgePosition>,
        limit: usize,
    ) -> StoreFuture<'_, Result<Found<Member>, StoreError>> {
        Box::pin(self.read(move |conn| Ok(list::members(conn, group, role, beyond, limit)?)))
    }

    fn memberships(
        &self,
        user: UserId,
        role: Option<Role>,
        beyond: Option<EdgePosition>,
        limit: usize,
    ) -> StoreFuture<'_, Result<Found<Membership>, StoreError>> {
        Box::pin(self.read(move |conn| Ok(list::memberships(conn, user, role, beyond, limit)?)))
    }
}

/// Whether a user counts in a group and may be in its channel.
pub(super) fn is_member(
    conn: &Connection,
    group: GroupId,
    user: UserId,
) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(IS_MEMBER)?
        .exists(params![group.0, user.0])?)
}

/// Whether there is such a group.
pub(super) fn exists(conn: &Connection, group: GroupId) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached(EXISTS)?.exists([group.0])?)
}

fn create(
    conn: &Connection,
    id: GroupId,
    creator: UserId,
    group: NewGroup,
    now: Micros,
) -> Result<Group, GroupError> {
    if username(conn, creator)?.is_none() {
        return Err(GroupError::NotFound);
    }
    if named(conn, &group.name)?.is_some() {
        return Err(GroupError::NameTaken);
    }
    let NewGroup {
        name,
        description,
        lang_tag,
        avatar_url,
        open,
        max_count,
    } = group;
    execute(
        conn,
        INSERT_GROUP,
        &[
            &id.0,
            &creator.0,
            &name,
            &name_key(&name),
            &description,
            &lang_tag,
            &avatar_url,
            &open,
            &max_count,
            &now.0,
        ],
    )?;
    execute(conn, INSERT_FIRST_EDGE, &[&id.0, &creator.0, &now.0])?;
    Ok(Group {
        id,
        creator,
        name,
        description,
        lang_tag,
        avatar_url,
        open,
        edge_count: 1,
        max_count,
        created: now,
        updated: now,
    })
}

fn update(
    conn: &Connection,
    id: GroupId,
    caller: UserId,
    update: &GroupUpdate,
    now: Micros,
) -> Result<(), GroupError> {
    if !role(conn, id, caller)?.is_some_and(Role::is_admin) {
        return Err(GroupError::NotAdmin);
    }
    if let Some(name) = &update.name
        && named(conn, name)?.is_some_and(|owner| owner != id)
    {
        return Err(GroupError::RenameTaken);
    }
    execute(
        conn,
        UPDATE_GROUP,
        &[
            &id.0,
            &update.name,
            &update.name.as_deref().map(name_key),
            &update.description,
            &update.lang_tag,
            &update.avatar_url,
            &update.open,
            &now.0,
        ],
    )?;
    Ok(())
}

/// By what a name is searched: in lower case, character by character. What a character becomes does
/// not depend on its neighbours, so that the beginning of a name is found by the beginning of its key.
fn name_key(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

fn named(conn: &Connection, name: &str) -> Result<Option<GroupId>, StoreError> {
    Ok(conn
        .prepare_cached(SELECT_NAMED)?
        .query_row([name], |row| Ok(GroupId(row.get(0)?)))
        .optional()?)
}

fn role(conn: &Connection, group: GroupId, user: UserId) -> Result<Option<Role>, StoreError> {
    Ok(conn
        .prepare_cached(SELECT_ROLE)?
        .query_row(params![group.0, user.0], |row| role_at(row, 0))
        .optional()?)
}

fn role_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    let number: i32 = row.get(column)?;
    Role::from_number(number)
        .ok_or_else(|| rusqlite::Error::IntegralValueOutOfRange(column, number.into()))
}

#[cfg(test)]
mod tests;
