//! Listings of groups and of who is in them. Each page is one range of an index, read in its order; a
//! pattern, and `open`, may pass over many entries of it to find a few.

use rusqlite::{Connection, Row, ToSql, params};

use super::{name_key, role_at};
use crate::{
    channel::Micros,
    group::{EdgePosition, Group, GroupFilter, GroupId, GroupPosition, Member, Membership, Role},
    page::Found,
    store::sqlite::{
        accounts::{PROFILE, user},
        listing::{NO_ID, most, page},
    },
    user::UserId,
};

const GROUP: &str = "id, creator_id, name, description, lang_tag, avatar_url, open, edge_count, \
                     max_count, create_time, update_time";

/// Most characters of a name's key: lower case makes at most three of one.
const KEY_CHARS: usize = 3 * 255;

pub(super) fn groups(
    conn: &Connection,
    filter: &GroupFilter,
    beyond: Option<&GroupPosition>,
    limit: usize,
) -> rusqlite::Result<Found<Group>> {
    match filter {
        GroupFilter::Name(name) => by_name(conn, name, beyond, limit),
        GroupFilter::Properties {
            lang_tag: Some(lang_tag),
            open: None,
            members: None,
        } => {
            let (edges, id) = beyond.map_or((-1, NO_ID), |beyond| {
                let id = beyond.group.0.as_bytes().as_slice();
                (i64::from(beyond.edge_count), id)
            });
            let select = conn.prepare_cached(&by_language())?;
            page(
                select,
                params![lang_tag, edges, id, most(limit)],
                limit,
                group,
            )
        }
        GroupFilter::Properties {
            lang_tag,
            open,
            members,
        } => {
            // The sizes from which the listing, which goes down, starts or goes on.
            let below = members.map_or(i64::MAX, |most| i64::from(most) + 1);
            let (edges, id) = match beyond {
                Some(beyond) if i64::from(beyond.edge_count) < below => (
                    i64::from(beyond.edge_count),
                    beyond.group.0.as_bytes().as_slice(),
                ),
                _ => (below, NO_ID),
            };
            let most = most(limit);
            let mut values: Vec<&dyn ToSql> = vec![&edges, &id, open, &most];
            if let Some(lang_tag) = lang_tag {
                values.push(lang_tag);
            }
            let select = conn.prepare_cached(&by_size(lang_tag.is_some()))?;
            page(select, &values, limit, group)
        }
    }
}

/// ?1 language, ?2 and ?3 where it starts, ?4 limit.
pub(super) fn by_language() -> String {
    format!(
        "SELECT {GROUP} FROM chat_group WHERE lang_tag = ?1 AND (edge_count, id) > (?2, ?3) \
         ORDER BY edge_count, id LIMIT ?4"
    )
}

/// ?1 and ?2 where it starts, ?3 open, ?4 limit, ?5 language.
pub(super) fn by_size(of_language: bool) -> String {
    let language = if of_language { "lang_tag = ?5 AND" } else { "" };
    format!(
        "SELECT {GROUP} FROM chat_group WHERE {language} (edge_count, id) < (?1, ?2) \
         AND (?3 IS NULL OR open = ?3) ORDER BY edge_count DESC, id DESC LIMIT ?4"
    )
}

fn by_name(
    conn: &Connection,
    name: &str,
    beyond: Option<&GroupPosition>,
    limit: usize,
) -> rusqlite::Result<Found<Group>> {
    let key = name_key(name);
    // No name is like that. SQLite would read the pattern up to the NUL only, or refuse it as too long.
    let literal = key.chars().filter(|&c| c != '%').count();
    if literal > KEY_CHARS || key.contains('\0') {
        return Ok(Found::default());
    }
    let most = most(limit);
    let mut behind = beyond.map_or("", |beyond| &beyond.name);
    let Some((prefix, _)) = key.split_once('%') else {
        let select = conn.prepare_cached(&by_exact_name())?;
        return page(select, &[&key, &behind, &most], limit, group);
    };
    let pattern = pattern(&key);
    let behind_key = name_key(behind);
    let mut from = behind_key.as_str();
    if from < prefix {
        // Names are not empty, so that this is in front of all that have the prefix.
        (from, behind) = (prefix, "");
    }
    let end = successor(prefix);
    let mut values: Vec<&dyn ToSql> = vec![&from, &behind, &pattern, &most];
    if let Some(end) = &end {
        values.push(end);
    }
    let select = conn.prepare_cached(&by_pattern(end.is_some()))?;
    page(select, &values, limit, group)
}

/// ?1 the key, ?2 the name behind which it starts, ?3 limit.
pub(super) fn by_exact_name() -> String {
    format!(
        "SELECT {GROUP} FROM chat_group WHERE name_key = ?1 AND name > ?2 \
         ORDER BY name_key, name LIMIT ?3"
    )
}

/// ?1 and ?2 the key and the name behind which it starts, ?3 pattern, ?4 limit, ?5 the key at which
/// it ends.
pub(super) fn by_pattern(ends: bool) -> String {
    let end = if ends { "AND name_key < ?5" } else { "" };
    format!(
        "SELECT {GROUP} FROM chat_group WHERE (name_key, name) > (?1, ?2) {end} \
         AND name_key LIKE ?3 ESCAPE '\\' ORDER BY name_key, name LIMIT ?4"
    )
}

/// Only `%` is a wildcard.
fn pattern(key: &str) -> String {
    let mut pattern = String::with_capacity(key.len());
    for c in key.chars() {
        match c {
            '%' if pattern.ends_with('%') => continue,
            '_' | '\\' => pattern.push('\\'),
            _ => {}
        }
        pattern.push(c);
    }
    pattern
}

/// The lowest text above all that start with `prefix`; `None` when there is none.
fn successor(prefix: &str) -> Option<String> {
    let mut rest = prefix.chars();
    while let Some(last) = rest.next_back() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            return Some(format!("{}{next}", rest.as_str()));
        }
    }
    None
}

pub(super) fn members(
    conn: &Connection,
    group: GroupId,
    role: Option<Role>,
    beyond: Option<EdgePosition>,
    limit: usize,
) -> rusqlite::Result<Found<Member>> {
    let (lowest, highest) = roles(role);
    let (from, since, behind) = start(lowest, beyond.as_ref());
    let values = params![group.0, highest, from, since, behind, most(limit)];
    let select = conn.prepare_cached(&select_members())?;
    page(select, values, limit, |row| {
        Ok(Member {
            user: user(row)?,
            role: role_at(row, 9)?,
            since: Micros(row.get(10)?),
        })
    })
}

/// ?1 group, ?2 highest role, ?3 to ?5 where it starts, ?6 limit.
pub(super) fn select_members() -> String {
    format!(
        "SELECT {PROFILE}, role, since FROM group_edge JOIN user ON id = user_id \
         WHERE group_id = ?1 AND role <= ?2 AND (role, since, user_id) > (?3, ?4, ?5) \
         ORDER BY role, since, user_id LIMIT ?6"
    )
}

pub(super) fn memberships(
    conn: &Connection,
    user: UserId,
    role: Option<Role>,
    beyond: Option<EdgePosition>,
    limit: usize,
) -> rusqlite::Result<Found<Membership>> {
    let (lowest, highest) = roles(role);
    let (from, since, behind) = start(lowest, beyond.as_ref());
    let values = params![user.0, highest, from, since, behind, most(limit)];
    let select = conn.prepare_cached(&select_memberships())?;
    page(select, values, limit, |row| {
        Ok(Membership {
            group: group(row)?,
            role: role_at(row, 11)?,
            since: Micros(row.get(12)?),
        })
    })
}

/// ?1 user, ?2 highest role, ?3 to ?5 where it starts, ?6 limit.
pub(super) fn select_memberships() -> String {
    format!(
        "SELECT {GROUP}, role, since FROM group_edge JOIN chat_group ON id = group_id \
         WHERE user_id = ?1 AND role <= ?2 AND (role, since, group_id) > (?3, ?4, ?5) \
         ORDER BY role, since, group_id LIMIT ?6"
    )
}

/// The lowest and the highest role to list.
fn roles(role: Option<Role>) -> (u8, u8) {
    role.map_or((Role::Superadmin as u8, Role::JoinRequest as u8), |role| {
        (role as u8, role as u8)
    })
}

/// Behind what a listing of edges starts: where it was left, or in front of all of the lowest role.
fn start(lowest: u8, beyond: Option<&EdgePosition>) -> (u8, i64, &[u8]) {
    beyond
        .filter(|at| at.role as u8 >= lowest)
        .map_or((lowest, i64::MIN, NO_ID), |at| {
            (at.role as u8, at.since.0, at.id.as_bytes())
        })
}

fn group(row: &Row<'_>) -> rusqlite::Result<Group> {
    Ok(Group {
        id: GroupId(row.get(0)?),
        creator: UserId(row.get(1)?),
        name: row.get(2)?,
        description: row.get(3)?,
        lang_tag: row.get(4)?,
        avatar_url: row.get(5)?,
        open: row.get(6)?,
        edge_count: row.get(7)?,
        max_count: row.get(8)?,
        created: Micros(row.get(9)?),
        updated: Micros(row.get(10)?),
    })
}
