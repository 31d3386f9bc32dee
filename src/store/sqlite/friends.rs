//! Friends and blocks in SQL. The rules are `user::friend::state`'s.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    Sqlite, StoreError,
    accounts::{self, PROFILE, execute, json_list, username},
    listing::{NO_ID, most, page},
    notifications,
};
use crate::{
    account::User,
    channel::Micros,
    page::{Found, ListPage},
    store::StoreFuture,
    user::{
        Friend, FriendAction, FriendChange, FriendError, FriendMetadata, FriendOfFriend,
        FriendOfFriendPosition, FriendPosition, FriendState, FriendStore, FriendsChanged, UserId,
        friend::{
            notice,
            state::{self, Bond, Room, Verb},
        },
    },
};

const HAS_BLOCKED: &str =
    "SELECT 1 FROM friend_edge WHERE user_id = ?1 AND other_id = ?2 AND state = 3";
const LETS_IN: &str = "SELECT 1 FROM user WHERE id = ?1 AND NOT EXISTS
    (SELECT 1 FROM friend_edge WHERE user_id = ?1 AND other_id = ?2 AND state = 3)";
const SELECT_ENTRY: &str =
    "SELECT state, since FROM friend_edge WHERE user_id = ?1 AND other_id = ?2";
const SET_ENTRY: &str = "INSERT INTO friend_edge
    (user_id, other_id, state, since, change_time, metadata)
    VALUES (?1, ?2, ?3, ?4, ?5, coalesce(?6, '{}')) ON CONFLICT (user_id, other_id) DO UPDATE
    SET state = excluded.state, change_time = max(change_time, excluded.change_time),
    metadata = coalesce(?6, metadata)";
const DELETE_ENTRY: &str = "DELETE FROM friend_edge WHERE user_id = ?1 AND other_id = ?2";
const COUNT_FRIENDS: &str =
    "SELECT count(*) FROM friend_edge WHERE user_id = ?1 AND state IN (0, 1)";
const COUNT_BLOCKS: &str = "SELECT count(*) FROM friend_edge WHERE user_id = ?1 AND state = 3";
/// What ?2 has asked ?1: to chat, and to be friends.
const DELETE_REQUESTS: &str = "DELETE FROM notification
    WHERE user_id = ?1 AND sender = ?2 AND code IN (-1, -2) AND about IS NOT NULL";
/// Whom ?1 has an entry of, from ?2 on, and whether they are friends.
const SELECT_MINE: &str = "SELECT other_id, state = 0 FROM friend_edge
    WHERE user_id = ?1 AND other_id >= ?2 ORDER BY other_id";
/// Whom ?1 has an entry of, behind ?2, and whether they are friends whom ?3 neither knows nor has blocked.
const SELECT_THEIRS: &str = "SELECT theirs.other_id, theirs.state = 0 AND theirs.other_id <> ?3
    AND NOT EXISTS (SELECT 1 FROM friend_edge known WHERE known.user_id = ?3
        AND known.other_id = theirs.other_id AND known.state IN (0, 3))
    FROM friend_edge theirs WHERE theirs.user_id = ?1 AND theirs.other_id > ?2
    ORDER BY theirs.other_id";
const SELECT_BLOCKED: &str = "SELECT other_id FROM friend_edge WHERE user_id = ?1 AND state = 3
    ORDER BY since, other_id";
/// Who of the list ?2 has blocked ?1.
const SELECT_BLOCKERS: &str = "SELECT user_id FROM friend_edge
    WHERE user_id IN (SELECT unhex(value) FROM json_each(?2)) AND other_id = ?1 AND state = 3";

/// Most entries looked at for one page of friends of friends. Where everybody knows everybody many are
/// passed over for each that is found.
const MOST_PASSED: usize = 5000;

/// Whether `by` has blocked `user`.
pub(super) fn has_blocked(conn: &Connection, by: UserId, user: UserId) -> Result<bool, StoreError> {
    let mut select = conn.prepare_cached(HAS_BLOCKED)?;
    Ok(select.exists(params![by.0, user.0])?)
}

/// Whether there is a user `other` who has not blocked `user`.
pub(super) fn lets_in(conn: &Connection, other: UserId, user: UserId) -> Result<bool, StoreError> {
    if other == UserId::SERVER {
        return Ok(false);
    }
    Ok(conn
        .prepare_cached(LETS_IN)?
        .exists(params![other.0, user.0])?)
}

/// What two users are to each other, seen by the first.
pub(super) fn bond(conn: &Connection, user: UserId, other: UserId) -> Result<Bond, StoreError> {
    let state = |entry: Option<(FriendState, Micros)>| entry.map(|(state, _)| state);
    Ok(Bond {
        mine: state(entry(conn, user, other)?),
        theirs: state(entry(conn, other, user)?),
    })
}

impl FriendStore for Sqlite {
    fn change_friends(
        &self,
        change: FriendChange,
    ) -> StoreFuture<'_, Result<FriendsChanged, FriendError>> {
        let limits = Limits {
            friends: self.max_friends,
            notifications: self.max_notifications,
        };
        Box::pin(self.write(move |conn| self::change(conn, &change, limits)))
    }

    fn friends(
        &self,
        user: UserId,
        state: Option<FriendState>,
        beyond: Option<FriendPosition>,
        limit: usize,
    ) -> StoreFuture<'_, Result<Found<Friend>, StoreError>> {
        Box::pin(self.read(move |conn| Ok(list(conn, user, state, beyond, limit)?)))
    }

    fn friends_of_friends(
        &self,
        user: UserId,
        beyond: Option<FriendOfFriendPosition>,
        limit: usize,
    ) -> StoreFuture<'_, Result<ListPage<FriendOfFriend, FriendOfFriendPosition>, StoreError>> {
        Box::pin(self.search(move |conn| Ok(of_friends(conn, user, beyond, limit, MOST_PASSED)?)))
    }

    fn blocked(&self, user: UserId) -> StoreFuture<'_, Result<Vec<UserId>, StoreError>> {
        Box::pin(self.look_at_entrance(move |conn| Ok(blocked(conn, user)?)))
    }

    fn who_blocked(
        &self,
        user: UserId,
        among: Vec<UserId>,
    ) -> StoreFuture<'_, Result<HashSet<UserId>, StoreError>> {
        Box::pin(self.read(move |conn| Ok(who_blocked(conn, user, &among)?)))
    }
}

/// What a user may have at most.
#[derive(Debug, Clone, Copy)]
struct Limits {
    friends: usize,
    notifications: usize,
}

fn change(
    conn: &Connection,
    change: &FriendChange,
    limits: Limits,
) -> Result<FriendsChanged, FriendError> {
    let Some(username) = username(conn, change.caller)? else {
        return Ok(FriendsChanged::default());
    };
    let others = others(conn, change)?;
    let mut turn = Turn {
        conn,
        change,
        username,
        limits,
        left: None,
        done: FriendsChanged::default(),
    };
    for other in others {
        turn.act(other)?;
    }
    Ok(turn.done)
}

/// Whom a change is about: those who exist, each once.
fn others(conn: &Connection, change: &FriendChange) -> Result<Vec<UserId>, FriendError> {
    let mut named = Vec::new();
    for name in &change.usernames {
        named.extend(accounts::named(conn, name)?);
    }
    let nobody = change.ids.is_empty() && !change.usernames.is_empty() && named.is_empty();
    if nobody && change.action.verb() != Verb::Delete {
        return Err(FriendError::Nobody);
    }
    let (mut others, mut seen) = (Vec::new(), HashSet::new());
    for &user in change.ids.iter().chain(&named) {
        if user == change.caller {
            return Err(FriendError::Oneself);
        }
        if seen.insert(user) && username(conn, user)?.is_some() {
            others.push(user);
        }
    }
    Ok(others)
}

/// A change under way.
struct Turn<'a> {
    conn: &'a Connection,
    change: &'a FriendChange,
    /// The caller's.
    username: String,
    limits: Limits,
    /// How many entries of its kind the caller may still make; counted when it is first asked for.
    left: Option<usize>,
    done: FriendsChanged,
}

impl Turn<'_> {
    fn act(&mut self, other: UserId) -> Result<(), FriendError> {
        let FriendChange { caller, now, .. } = *self.change;
        let verb = self.change.action.verb();
        if verb == Verb::Block {
            // Also one that was there before: whoever repeats a block is sure that it is in force.
            self.done.blocked.push(other);
            execute(self.conn, DELETE_REQUESTS, &[&caller.0, &other.0])?;
        }
        if verb == Verb::Delete {
            // Likewise.
            self.done.unblocked.push(other);
        }
        let mine = entry(self.conn, caller, other)?;
        let theirs = entry(self.conn, other, caller)?;
        let before = Bond {
            mine: mine.map(|it| it.0),
            theirs: theirs.map(|it| it.0),
        };
        let Some(step) = state::step(verb, before) else {
            return Ok(());
        };
        let after = step.bond;
        let room = |state: Option<FriendState>| state.and_then(FriendState::room);
        if let Some(room) = room(after.mine).filter(|it| Some(*it) != room(before.mine)) {
            self.take_room(room)?;
        }
        // Not by the other's entry, which may be a block that nobody is told of.
        let since = mine.map_or(now, |it| it.1);
        if after.mine != before.mine {
            let noted = self.metadata();
            self.set(caller, other, after.mine, since, noted)?;
        }
        if after.theirs != before.theirs {
            self.set(other, caller, after.theirs, since, None)?;
        }
        if let Some(what) = step.notice {
            let told = notice::told(what, other, caller, &self.username, now);
            if notifications::add(self.conn, &told, self.limits.notifications)? {
                self.done.notifications.push(told);
            }
        }
        Ok(())
    }

    fn take_room(&mut self, room: Room) -> Result<(), FriendError> {
        let max = self.limits.friends;
        let left = match self.left {
            // A change is of one kind: so is the room it takes.
            Some(left) => left,
            None => max.saturating_sub(count(self.conn, self.change.caller, room)?),
        };
        self.left = Some(left.checked_sub(1).ok_or(FriendError::ListFull { max })?);
        Ok(())
    }

    /// What the caller notes in an entry that is made, or becomes that of a friend.
    fn metadata(&self) -> Option<&str> {
        match &self.change.action {
            FriendAction::Add(metadata) if !metadata.is_empty() => Some(metadata.as_str()),
            FriendAction::Add(_) | FriendAction::Delete | FriendAction::Block => None,
        }
    }

    /// Writes what becomes of one of the two entries.
    fn set(
        &self,
        owner: UserId,
        other: UserId,
        state: Option<FriendState>,
        since: Micros,
        metadata: Option<&str>,
    ) -> Result<(), StoreError> {
        match state {
            Some(state) => execute(
                self.conn,
                SET_ENTRY,
                &[
                    &owner.0,
                    &other.0,
                    &(state as u8),
                    &since.0,
                    &self.change.now.0,
                    &metadata,
                ],
            )?,
            None => execute(self.conn, DELETE_ENTRY, &[&owner.0, &other.0])?,
        };
        Ok(())
    }
}

/// What the other is to the owner, and since when the two know each other.
fn entry(
    conn: &Connection,
    owner: UserId,
    other: UserId,
) -> Result<Option<(FriendState, Micros)>, StoreError> {
    Ok(conn
        .prepare_cached(SELECT_ENTRY)?
        .query_row(params![owner.0, other.0], |row| {
            Ok((state_at(row, 0)?, Micros(row.get(1)?)))
        })
        .optional()?)
}

/// How many entries of a user take room of a kind.
fn count(conn: &Connection, user: UserId, room: Room) -> Result<usize, StoreError> {
    let mut select = conn.prepare_cached(match room {
        Room::Friends => COUNT_FRIENDS,
        Room::Blocks => COUNT_BLOCKS,
    })?;
    let count: u32 = select.query_row([user.0], |row| row.get(0))?;
    Ok(count as usize)
}

fn list(
    conn: &Connection,
    user: UserId,
    state: Option<FriendState>,
    beyond: Option<FriendPosition>,
    limit: usize,
) -> rusqlite::Result<Found<Friend>> {
    let lowest = state.unwrap_or(FriendState::Friend) as u8;
    let highest = state.unwrap_or(FriendState::Blocked) as u8;
    let (from, since, behind) = beyond
        .as_ref()
        .filter(|at| at.state as u8 >= lowest)
        .map_or((lowest, i64::MIN, NO_ID), |at| {
            (at.state as u8, at.since.0, at.user.0.as_bytes().as_slice())
        });
    let values = params![user.0, highest, from, since, behind, most(limit)];
    let select = conn.prepare_cached(&select_list())?;
    page(select, values, limit, |row| {
        Ok(Friend {
            user: accounts::user(row)?,
            state: state_at(row, 9)?,
            since: Micros(row.get(10)?),
            updated: Micros(row.get(11)?),
            metadata: FriendMetadata::stored(row.get(12)?),
        })
    })
}

/// ?1 user, ?2 highest state, ?3 to ?5 where it starts, ?6 limit.
fn select_list() -> String {
    format!(
        "SELECT {PROFILE}, state, since, change_time, metadata \
         FROM friend_edge JOIN user ON id = other_id \
         WHERE user_id = ?1 AND state <= ?2 AND (state, since, other_id) > (?3, ?4, ?5) \
         ORDER BY state, since, other_id LIMIT ?6"
    )
}

/// A page that looks at so many entries at most.
fn of_friends(
    conn: &Connection,
    user: UserId,
    beyond: Option<FriendOfFriendPosition>,
    limit: usize,
    most: usize,
) -> rusqlite::Result<ListPage<FriendOfFriend, FriendOfFriendPosition>> {
    let start = beyond.as_ref().map_or(NO_ID, |at| id(&at.referrer));
    let (mut entries, mut place, mut looked_at) = (Vec::new(), beyond, 0);
    let page = |entries, next| Ok(ListPage { entries, next });
    let mut select_mine = conn.prepare_cached(SELECT_MINE)?;
    let mut select_theirs = conn.prepare_cached(SELECT_THEIRS)?;
    let mut mine = select_mine.query(params![user.0, start])?;
    while let Some(row) = mine.next()? {
        if looked_at == most {
            return page(entries, place);
        }
        looked_at += 1;
        let referrer = UserId(row.get(0)?);
        let behind = place
            .filter(|at| at.referrer == referrer)
            .unwrap_or(FriendOfFriendPosition::before_all_of(referrer));
        place = Some(behind);
        if !row.get(1)? {
            continue;
        }
        let mut theirs = select_theirs.query(params![referrer.0, id(&behind.user), user.0])?;
        while let Some(row) = theirs.next()? {
            if looked_at == most {
                return page(entries, place);
            }
            looked_at += 1;
            let other = UserId(row.get(0)?);
            if row.get(1)? {
                if entries.len() == limit {
                    return page(entries, place);
                }
                let user = profile(conn, other)?;
                entries.push(FriendOfFriend { user, referrer });
            }
            place = Some(FriendOfFriendPosition {
                referrer,
                user: other,
            });
        }
    }
    page(entries, None)
}

fn id(user: &UserId) -> &[u8] {
    user.0.as_bytes()
}

fn profile(conn: &Connection, user: UserId) -> rusqlite::Result<User> {
    conn.prepare_cached(&select_profile())?
        .query_row([user.0], accounts::user)
}

fn select_profile() -> String {
    format!("SELECT {PROFILE} FROM user WHERE id = ?1")
}

fn blocked(conn: &Connection, user: UserId) -> rusqlite::Result<Vec<UserId>> {
    conn.prepare_cached(SELECT_BLOCKED)?
        .query_map([user.0], |row| Ok(UserId(row.get(0)?)))?
        .collect()
}

fn who_blocked(
    conn: &Connection,
    user: UserId,
    among: &[UserId],
) -> rusqlite::Result<HashSet<UserId>> {
    let among: Vec<_> = among.iter().map(|id| id.0.simple().to_string()).collect();
    conn.prepare_cached(SELECT_BLOCKERS)?
        .query_map(params![user.0, json_list(&among)], |row| {
            Ok(UserId(row.get(0)?))
        })?
        .collect()
}

fn state_at(row: &Row<'_>, column: usize) -> rusqlite::Result<FriendState> {
    let number: i32 = row.get(column)?;
    FriendState::from_number(number)
        .ok_or_else(|| rusqlite::Error::IntegralValueOutOfRange(column, number.into()))
}

#[cfg(test)]
mod tests;
