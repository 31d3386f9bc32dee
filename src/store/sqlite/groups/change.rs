//! One change of a group's membership, within the caller's savepoint: whoever calls undoes what was
//! written when it ends in an error.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{role, role_at};
use crate::{
    channel::{Content, Events, Message, MessageCode, MessageId, Micros, Place},
    group::{
        Action, Change, GroupError, Role, added,
        state::{self, Headcount, Leaving, Step, Verb},
        wants_to_join,
    },
    store::{
        StoreError,
        sqlite::{
            accounts::{execute, username},
            friends, notifications,
        },
    },
    user::{Notification, UserId},
};

/// The group with what the caller is to it.
const SELECT_GROUP: &str = "SELECT name, open, edge_count, max_count,
    (SELECT role FROM group_edge WHERE group_id = ?1 AND user_id = ?2)
    FROM chat_group WHERE id = ?1";
const SELECT_OTHER_SUPERADMIN: &str =
    "SELECT 1 FROM group_edge WHERE group_id = ?1 AND role = 0 AND user_id <> ?2";
/// Superadmins first.
const SELECT_ADMINS: &str = "SELECT user_id FROM group_edge WHERE group_id = ?1 AND role <= 1
    ORDER BY role, since, user_id LIMIT ?2";
/// A ban restarts `since`; any other change of role keeps it.
const SET_EDGE: &str = "INSERT INTO group_edge (group_id, user_id, role, since)
    VALUES (?1, ?2, ?3, ?4) ON CONFLICT (group_id, user_id) DO UPDATE SET role = excluded.role,
    since = CASE excluded.role WHEN 4 THEN excluded.since ELSE since END";
const DELETE_EDGE: &str = "DELETE FROM group_edge WHERE group_id = ?1 AND user_id = ?2";
const SET_COUNT: &str = "UPDATE chat_group SET edge_count = ?2, update_time = max(update_time, ?3)
    WHERE id = ?1";
/// The edges go with it.
const DELETE_GROUP: &str = "DELETE FROM chat_group WHERE id = ?1";

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 7] = [
    SELECT_GROUP,
    SELECT_OTHER_SUPERADMIN,
    SELECT_ADMINS,
    SET_EDGE,
    DELETE_EDGE,
    SET_COUNT,
    DELETE_GROUP,
];

/// Most admins who hear of one request to join: each is a row that the writer writes.
const MOST_TOLD: i64 = 100;

/// What a change did. The messages are not stored yet, the notifications are, and are to be pushed.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct Changed {
    pub(in crate::store::sqlite) events: Events,
    pub(in crate::store::sqlite) notifications: Vec<Notification>,
}

/// Applies the rules and writes all of a change but its event messages.
pub(in crate::store::sqlite) fn change(
    conn: &Connection,
    change: &Change,
    place: &Place,
    max_notifications: usize,
) -> Result<Changed, GroupError> {
    let Some(group) = group(conn, change)? else {
        state::without_group(&change.action)?;
        return Ok(Changed::default());
    };
    let mut turn = Turn {
        conn,
        change,
        place,
        max_notifications,
        head: group.head,
        group,
        done: Changed::default(),
    };
    match &change.action {
        Action::Join => turn.join()?,
        Action::Leave => {
            let leaving = state::leave(
                turn.group.head,
                turn.group.caller,
                turn.other_superadmins()?,
            )?;
            turn.leave(leaving)?;
        }
        Action::Depart => {
            let leaving = state::depart(turn.group.caller, turn.other_superadmins()?);
            turn.leave(leaving)?;
        }
        Action::Delete => {
            state::may_delete(turn.group.caller)?;
            turn.end()?;
        }
        Action::Add(users) => turn.each(Verb::Add, users)?,
        Action::Kick(users) => turn.each(Verb::Kick, users)?,
        Action::Ban(users) => turn.each(Verb::Ban, users)?,
        Action::Promote(users) => turn.each(Verb::Promote, users)?,
        Action::Demote(users) => turn.each(Verb::Demote, users)?,
    }
    turn.count()?;
    Ok(turn.done)
}

/// The group as it was before the change.
struct Standing {
    name: String,
    head: Headcount,
    caller: Option<Role>,
}

fn group(conn: &Connection, change: &Change) -> Result<Option<Standing>, StoreError> {
    let row = |row: &Row<'_>| {
        let caller: Option<i32> = row.get(4)?;
        Ok(Standing {
            name: row.get(0)?,
            head: Headcount {
                open: row.get(1)?,
                members: row.get(2)?,
                max: row.get(3)?,
            },
            caller: caller.map(|_| role_at(row, 4)).transpose()?,
        })
    };
    Ok(conn
        .prepare_cached(SELECT_GROUP)?
        .query_row(params![change.group.0, change.caller.0], row)
        .optional()?)
}

/// A change under way.
struct Turn<'a> {
    conn: &'a Connection,
    change: &'a Change,
    place: &'a Place,
    max_notifications: usize,
    group: Standing,
    /// As it is by now.
    head: Headcount,
    done: Changed,
}

impl Turn<'_> {
    fn join(&mut self) -> Result<(), GroupError> {
        let caller = self.change.caller;
        let username = username(self.conn, caller)?.ok_or(GroupError::NotFound)?;
        let step = state::join(self.group.head, self.group.caller)?;
        self.take(caller, self.group.caller, step)?;
        if let Step::Becomes(Role::JoinRequest, _) = step {
            let (group, now) = (self.change.group, self.change.now);
            for admin in self.admins()? {
                self.notify(wants_to_join(admin, caller, &username, group, now))?;
            }
        }
        Ok(())
    }

    fn leave(&mut self, leaving: Leaving) -> Result<(), GroupError> {
        match leaving {
            Leaving::Step(step) => self.take(self.change.caller, self.group.caller, step)?,
            Leaving::GroupEnds => return self.end(),
        };
        Ok(())
    }

    fn end(&mut self) -> Result<(), GroupError> {
        execute(self.conn, DELETE_GROUP, &[&self.change.group.0])?;
        self.done.events.ended = true;
        Ok(())
    }

    /// What an admin does to each of a list. Nothing to themselves.
    fn each(&mut self, verb: Verb, users: &[UserId]) -> Result<(), GroupError> {
        let Change { group, caller, .. } = *self.change;
        let by = state::admin(self.group.caller)?;
        for &user in users.iter().filter(|&&user| user != caller) {
            let before = role(self.conn, group, user)?;
            if verb == Verb::Add && before.is_none() {
                self.may_add(user)?;
            }
            let step = state::step(verb, by, before);
            let time = self.take(user, before, step)?;
            if verb == Verb::Add && step != Step::Nothing {
                let told = added(user, caller, group, &self.group.name, time);
                self.notify(told)?;
            }
        }
        Ok(())
    }

    /// Whether the caller may add somebody who has not asked.
    fn may_add(&self, user: UserId) -> Result<(), GroupError> {
        if username(self.conn, user)?.is_none() {
            return Err(GroupError::UserNotFound);
        }
        let bond = friends::bond(self.conn, self.change.caller, user)?;
        state::may_add(self.change.group_add, bond)
    }

    /// Writes what becomes of one user, and answers when that was.
    fn take(
        &mut self,
        user: UserId,
        before: Option<Role>,
        step: Step,
    ) -> Result<Micros, GroupError> {
        let (after, event) = match step {
            Step::Nothing => return Ok(self.change.now),
            Step::Becomes(role, event) => (Some(role), event),
            Step::Goes(event) => (None, event),
        };
        let time = match event {
            Some(code) => self.event(code, user)?,
            None => self.change.now,
        };
        let head = self.head.after(before, after)?;
        if head.members < self.head.members {
            self.done.events.removed.push(user);
        }
        self.head = head;
        let group = self.change.group.0;
        match after {
            Some(role) => {
                let role = role as u8;
                execute(self.conn, SET_EDGE, &[&group, &user.0, &role, &time.0])?
            }
            None => execute(self.conn, DELETE_EDGE, &[&group, &user.0])?,
        };
        Ok(time)
    }

    /// Puts an event at the next place, and answers with its time.
    fn event(&mut self, code: MessageCode, user: UserId) -> Result<Micros, GroupError> {
        let username = username(self.conn, user)?.ok_or(GroupError::UserNotFound)?;
        let (seq, time) = self.place.nth(self.done.events.messages.len());
        self.done.events.messages.push(Arc::new(Message {
            id: MessageId::at(time),
            channel: self.place.channel.clone(),
            seq: Some(seq),
            code,
            sender: user,
            username: username.into(),
            content: Content::empty(),
            create_time: time,
            update_time: time,
            persistent: true,
        }));
        Ok(time)
    }

    fn notify(&mut self, told: Notification) -> Result<(), StoreError> {
        if notifications::add(self.conn, &told, self.max_notifications)? {
            self.done.notifications.push(told);
        }
        Ok(())
    }

    /// Notes how many there are now, if that has changed.
    fn count(&self) -> Result<(), StoreError> {
        if self.done.events.ended || self.head.members == self.group.head.members {
            return Ok(());
        }
        let Change { group, now, .. } = self.change;
        execute(
            self.conn,
            SET_COUNT,
            &[&group.0, &self.head.members, &now.0],
        )?;
        Ok(())
    }

    fn other_superadmins(&self) -> Result<bool, StoreError> {
        let Change { group, caller, .. } = self.change;
        Ok(self
            .conn
            .prepare_cached(SELECT_OTHER_SUPERADMIN)?
            .exists(params![group.0, caller.0])?)
    }

    fn admins(&self) -> Result<Vec<UserId>, StoreError> {
        let mut select = self.conn.prepare_cached(SELECT_ADMINS)?;
        let admins = select.query_map(params![self.change.group.0, MOST_TOLD], |row| {
            Ok(UserId(row.get(0)?))
        })?;
        Ok(admins.collect::<Result<_, _>>()?)
    }
}
