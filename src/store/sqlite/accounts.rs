//! Accounts in SQLite. Tokens are in `tokens`.
//!
//! Conflicts are looked for before a row is written. Nothing can come between the two, as one
//! connection does all writing; a constraint that fails all the same is a failure of the store.

mod deletion;
mod tokens;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};
use uuid::Uuid;

use super::Sqlite;
use crate::{
    account::{
        Account, AccountStore, CreateError, CustomId, DeleteError, DeviceId, Email, Identity,
        LinkError, Login, LoginBy, NewAccount, NewIdentity, PasswordChange, Presented,
        ProfileUpdate, Revocation, Rotation, UpdateError, User,
    },
    store::{StoreError, StoreFuture},
    user::UserId,
};

impl AccountStore for Sqlite {
    fn login(&self, by: LoginBy) -> StoreFuture<'_, Result<Option<Login>, StoreError>> {
        Box::pin(self.read(move |conn| Ok(login(conn, &by)?)))
    }

    fn create(&self, account: NewAccount) -> StoreFuture<'_, Result<(), CreateError>> {
        Box::pin(self.write(move |conn| create(conn, &account)))
    }

    fn account(&self, user: UserId) -> StoreFuture<'_, Result<Option<Account>, StoreError>> {
        Box::pin(self.read(move |conn| account(conn, user)))
    }

    fn users(
        &self,
        ids: Vec<UserId>,
        names: Vec<String>,
    ) -> StoreFuture<'_, Result<Vec<User>, StoreError>> {
        Box::pin(self.read(move |conn| users(conn, &ids, &names)))
    }

    fn update(
        &self,
        user: UserId,
        update: ProfileUpdate,
        now: SystemTime,
    ) -> StoreFuture<'_, Result<(), UpdateError>> {
        Box::pin(self.write(move |conn| self::update(conn, user, &update, now)))
    }

    fn link(
        &self,
        user: UserId,
        identity: NewIdentity,
        change: Option<PasswordChange>,
        now: SystemTime,
    ) -> StoreFuture<'_, Result<(), LinkError>> {
        Box::pin(self.write(move |conn| link(conn, user, &identity, change.as_ref(), now)))
    }

    fn unlink(
        &self,
        user: UserId,
        identity: Identity,
        password_hash: Option<String>,
        now: SystemTime,
    ) -> StoreFuture<'_, Result<(), LinkError>> {
        Box::pin(
            self.write(move |conn| unlink(conn, user, &identity, password_hash.as_deref(), now)),
        )
    }

    fn delete(
        &self,
        user: UserId,
        revocation: Revocation,
    ) -> StoreFuture<'_, Result<(), DeleteError>> {
        Box::pin(async move {
            while self.write(move |conn| deletion::clear(conn, user)).await? {}
            self.write(move |conn| deletion::finish(conn, user, &revocation))
                .await
        })
    }

    fn revoke(
        &self,
        revocations: Vec<Revocation>,
        now: SystemTime,
    ) -> StoreFuture<'_, Result<(), StoreError>> {
        Box::pin(self.write(move |conn| tokens::revoke(conn, &revocations, now)))
    }

    fn rotate(&self, presented: Presented) -> StoreFuture<'_, Result<Rotation, StoreError>> {
        Box::pin(self.write(move |conn| tokens::rotate_family(conn, &presented)))
    }

    fn revocations(&self, now: SystemTime) -> StoreFuture<'_, Result<Vec<Revocation>, StoreError>> {
        Box::pin(self.read(move |conn| tokens::revocations(conn, now)))
    }
}

pub(super) fn execute(
    conn: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
) -> Result<usize, StoreError> {
    Ok(conn.prepare_cached(sql)?.execute(values)?)
}

fn exists(conn: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached(sql)?.exists(values)?)
}

/// The id in the first column of the first row, if there is a row.
fn find_id(
    conn: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
) -> Result<Option<UserId>, StoreError> {
    Ok(conn
        .prepare_cached(sql)?
        .query_row(values, |row| uuid(row, 0))
        .optional()?
        .map(UserId))
}

fn login(conn: &Connection, by: &LoginBy) -> rusqlite::Result<Option<Login>> {
    let (condition, value): (_, &dyn ToSql) = match by {
        LoginBy::Identity(Identity::Device(id)) => (
            "id = (SELECT user_id FROM user_device WHERE device_id = ?1)",
            &id.as_str(),
        ),
        LoginBy::Identity(Identity::Custom(id)) => ("custom_id = ?1", &id.as_str()),
        LoginBy::Identity(Identity::Email(email)) => ("email = ?1", &email.as_str()),
        LoginBy::Username(name) => ("username = ?1", &name.as_str()),
        LoginBy::User(user) => ("id = ?1", user.0.as_bytes()),
    };
    conn.prepare_cached(&format!(
        "SELECT id, username, password_hash FROM user WHERE {condition}"
    ))?
    .query_row([value], |row| {
        Ok(Login {
            user: UserId(uuid(row, 0)?),
            username: row.get(1)?,
            password_hash: row.get(2)?,
        })
    })
    .optional()
}

/// Whom an identity leads to.
fn owner(conn: &Connection, identity: &NewIdentity) -> Result<Option<UserId>, StoreError> {
    match identity {
        NewIdentity::Device(id) => find_id(
            conn,
            "SELECT user_id FROM user_device WHERE device_id = ?1",
            &[&id.as_str()],
        ),
        NewIdentity::Custom(id) => find_id(
            conn,
            "SELECT id FROM user WHERE custom_id = ?1",
            &[&id.as_str()],
        ),
        NewIdentity::Email { email, .. } => find_id(
            conn,
            "SELECT id FROM user WHERE email = ?1",
            &[&email.as_str()],
        ),
    }
}

/// The name of a user; `None` without an account. The server is no user anybody has to do with.
pub(super) fn username(conn: &Connection, user: UserId) -> Result<Option<String>, StoreError> {
    if user == UserId::SERVER {
        return Ok(None);
    }
    Ok(conn
        .prepare_cached("SELECT username FROM user WHERE id = ?1")?
        .query_row([user.0], |row| row.get(0))
        .optional()?)
}

pub(super) fn named(conn: &Connection, username: &str) -> Result<Option<UserId>, StoreError> {
    find_id(
        conn,
        "SELECT id FROM user WHERE username = ?1",
        &[&username],
    )
}

fn create(conn: &Connection, account: &NewAccount) -> Result<(), CreateError> {
    let NewAccount {
        user,
        username,
        identity,
        now,
    } = account;
    if owner(conn, identity)?.is_some() {
        return Err(CreateError::IdentityTaken);
    }
    if named(conn, username.as_str())?.is_some() {
        return Err(CreateError::UsernameTaken);
    }
    let sql = "INSERT INTO user (id, username, create_time, update_time) VALUES (?1, ?2, ?3, ?3)";
    execute(
        conn,
        sql,
        &[user.0.as_bytes(), &username.as_str(), &micros(*now)],
    )?;
    Ok(set_identity(conn, *user, identity, *now)?)
}

fn set_identity(
    conn: &Connection,
    user: UserId,
    identity: &NewIdentity,
    now: SystemTime,
) -> Result<(), StoreError> {
    match identity {
        NewIdentity::Device(id) => {
            let sql = "INSERT INTO user_device (device_id, user_id, link_time) VALUES (?1, ?2, ?3)";
            execute(conn, sql, &[&id.as_str(), user.0.as_bytes(), &micros(now)])
        }
        NewIdentity::Custom(id) => execute(
            conn,
            "UPDATE user SET custom_id = ?2 WHERE id = ?1",
            &[user.0.as_bytes(), &id.as_str()],
        ),
        NewIdentity::Email {
            email,
            password_hash,
        } => {
            let sql = "UPDATE user SET email = ?2, password_hash = ?3 WHERE id = ?1";
            execute(
                conn,
                sql,
                &[user.0.as_bytes(), &email.as_str(), password_hash],
            )
        }
    }?;
    Ok(())
}

/// `false` when there is no such user.
fn touch(conn: &Connection, user: UserId, now: SystemTime) -> Result<bool, StoreError> {
    let changed = execute(
        conn,
        "UPDATE user SET update_time = ?2 WHERE id = ?1",
        &[user.0.as_bytes(), &micros(now)],
    )?;
    Ok(changed == 1)
}

fn link(
    conn: &Connection,
    user: UserId,
    identity: &NewIdentity,
    change: Option<&PasswordChange>,
    now: SystemTime,
) -> Result<(), LinkError> {
    match owner(conn, identity)? {
        Some(owner) if owner != user => return Err(LinkError::Taken),
        // An email linked again brings a new password.
        Some(_) if !matches!(identity, NewIdentity::Email { .. }) => return Ok(()),
        _ => {}
    }
    if !touch(conn, user, now)? {
        return Err(LinkError::NoSuchUser);
    }
    if matches!(identity, NewIdentity::Email { .. }) {
        let replaces = change.map(|change| change.replaces.as_str());
        if password_hash(conn, user)?.as_deref() != replaces {
            return Err(LinkError::PasswordChanged);
        }
        if let Some(change) = change {
            tokens::insert(conn, &change.end)?;
        }
    }
    Ok(set_identity(conn, user, identity, now)?)
}

fn password_hash(conn: &Connection, user: UserId) -> Result<Option<String>, StoreError> {
    let login = login(conn, &LoginBy::User(user))?;
    Ok(login.and_then(|login| login.password_hash))
}

fn unlink(
    conn: &Connection,
    user: UserId,
    identity: &Identity,
    checked: Option<&str>,
    now: SystemTime,
) -> Result<(), LinkError> {
    let Some(account) = account(conn, user)? else {
        return Err(LinkError::NoSuchUser);
    };
    if checked.is_some() && password_hash(conn, user)?.as_deref() != checked {
        return Err(LinkError::PasswordChanged);
    }
    let linked = match identity {
        Identity::Device(id) => account.devices.contains(id),
        Identity::Custom(id) => account.custom.as_ref() == Some(id),
        Identity::Email(email) => account.email.as_ref() == Some(email),
    };
    let identities = account.devices.len()
        + usize::from(account.custom.is_some())
        + usize::from(account.email.is_some());
    if !linked || identities < 2 {
        return Err(LinkError::NotRemovable);
    }
    match identity {
        Identity::Device(id) => execute(
            conn,
            "DELETE FROM user_device WHERE device_id = ?1",
            &[&id.as_str()],
        ),
        Identity::Custom(_) => execute(
            conn,
            "UPDATE user SET custom_id = NULL WHERE id = ?1",
            &[user.0.as_bytes()],
        ),
        Identity::Email(_) => execute(
            conn,
            "UPDATE user SET email = NULL, password_hash = NULL WHERE id = ?1",
            &[user.0.as_bytes()],
        ),
    }?;
    touch(conn, user, now)?;
    Ok(())
}

fn update(
    conn: &Connection,
    user: UserId,
    update: &ProfileUpdate,
    now: SystemTime,
) -> Result<(), UpdateError> {
    let username = update.username.as_ref().map(|name| name.as_str());
    if let Some(name) = username
        && named(conn, name)?.is_some_and(|owner| owner != user)
    {
        return Err(UpdateError::UsernameTaken);
    }
    let sql = "UPDATE user SET username = coalesce(?2, username), display_name = coalesce(?3, display_name), \
               avatar_url = coalesce(?4, avatar_url), lang_tag = coalesce(?5, lang_tag), \
               location = coalesce(?6, location), timezone = coalesce(?7, timezone), update_time = ?8 WHERE id = ?1";
    let values: [&dyn ToSql; 8] = [
        user.0.as_bytes(),
        &username,
        &update.display_name,
        &update.avatar_url,
        &update.lang_tag,
        &update.location,
        &update.timezone,
        &micros(now),
    ];
    match execute(conn, sql, &values)? {
        0 => Err(UpdateError::NoSuchUser),
        _ => Ok(()),
    }
}

/// What [`user`] reads, from the first column on.
pub(super) const PROFILE: &str = "id, username, display_name, avatar_url, lang_tag, location, timezone, create_time, update_time";

pub(super) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId(uuid(row, 0)?),
        username: row.get(1)?,
        display_name: row.get(2)?,
        avatar_url: row.get(3)?,
        lang_tag: row.get(4)?,
        location: row.get(5)?,
        timezone: row.get(6)?,
        created: time(row.get(7)?),
        updated: time(row.get(8)?),
    })
}

fn account(conn: &Connection, id: UserId) -> Result<Option<Account>, StoreError> {
    let found = conn
        .prepare_cached(&format!(
            "SELECT {PROFILE}, custom_id, email FROM user WHERE id = ?1"
        ))?
        .query_row([id.0.as_bytes()], |row| {
            Ok((
                user(row)?,
                row.get::<_, Option<String>>(9)?,
                row.get::<_, Option<String>>(10)?,
            ))
        })
        .optional()?;
    let Some((user, custom, email)) = found else {
        return Ok(None);
    };
    let devices = conn
        .prepare_cached(
            "SELECT device_id FROM user_device WHERE user_id = ?1 ORDER BY link_time, device_id",
        )?
        .query_map([id.0.as_bytes()], |row| row.get::<_, String>(0))?
        .map(|device| stored(DeviceId::parse(&device?)))
        .collect::<Result<_, _>>()?;
    Ok(Some(Account {
        user,
        devices,
        custom: custom.map(|id| stored(CustomId::parse(&id))).transpose()?,
        email: email
            .map(|email| stored(Email::parse(&email)))
            .transpose()?,
    }))
}

/// What was checked before it was stored, and would still have to be good.
fn stored<T, E: std::fmt::Display>(parsed: Result<T, E>) -> Result<T, StoreError> {
    parsed.map_err(|error| StoreError::Failed(format!("account row: {error}")))
}

fn users(conn: &Connection, ids: &[UserId], names: &[String]) -> Result<Vec<User>, StoreError> {
    let ids: Vec<_> = ids.iter().map(|id| id.0.simple().to_string()).collect();
    // UNION drops those found both ways.
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {PROFILE} FROM user WHERE id IN (SELECT unhex(value) FROM json_each(?1)) \
         UNION SELECT {PROFILE} FROM user WHERE username IN (SELECT value FROM json_each(?2))"
    ))?;
    let rows = statement.query_map(params![json_list(&ids), json_list(names)], user)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// For `json_each`: a list of any length in one parameter.
pub(super) fn json_list(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    Ok(Uuid::from_bytes(row.get(column)?))
}

fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn time(micros: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests;
