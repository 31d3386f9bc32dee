//! Which tokens have ended, and how far families of refresh tokens have come.

use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension as _};

use super::{execute, micros, time, uuid};
use crate::{
    account::{Ends, Newest, Presented, Revocation, Rotation, TokenId, rotate},
    store::StoreError,
    user::UserId,
};

pub(super) fn revoke(
    conn: &Connection,
    revocations: &[Revocation],
    now: SystemTime,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM revocation WHERE until <= ?1";
    execute(conn, sql, &[&micros(now)])?;
    for revocation in revocations {
        insert(conn, revocation)?;
    }
    Ok(())
}

/// What is in force at `now`.
pub(super) fn revocations(
    conn: &Connection,
    now: SystemTime,
) -> Result<Vec<Revocation>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT user_id, token_id, reach, until, spared FROM revocation WHERE until > ?1",
    )?;
    let rows = statement.query_map([micros(now)], |row| {
        let token = TokenId(uuid(row, 1)?);
        let spared: Option<[u8; 16]> = row.get(4)?;
        let spared = spared.map(|id| TokenId(uuid::Uuid::from_bytes(id)));
        Ok(Revocation {
            user: UserId(uuid(row, 0)?),
            ends: match (row.get(2)?, spared) {
                (false, _) => Ends::Family(token),
                (true, None) => Ends::UpTo(token),
                (true, Some(but)) => Ends::Others { up_to: token, but },
            },
            until: time(row.get(3)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn insert(conn: &Connection, revocation: &Revocation) -> Result<(), StoreError> {
    let (token, reach, spared) = match revocation.ends {
        Ends::Family(token) => (token, 0, None),
        Ends::UpTo(token) => (token, 1, None),
        Ends::Others { up_to, but } => (up_to, 1, Some(but.0)),
    };
    let sql = "INSERT INTO revocation (user_id, token_id, reach, until, spared) \
               VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT DO UPDATE SET until = max(until, excluded.until)";
    execute(
        conn,
        sql,
        &[
            revocation.user.0.as_bytes(),
            token.0.as_bytes(),
            &reach,
            &micros(revocation.until),
            &spared,
        ],
    )?;
    Ok(())
}

/// Applies the rule to a refresh token, and keeps what comes of it.
pub(super) fn rotate_family(
    conn: &Connection,
    presented: &Presented,
) -> Result<Rotation, StoreError> {
    let Presented {
        family, now, end, ..
    } = presented;
    let newest = conn
        .prepare_cached("SELECT generation, since FROM token_family WHERE token_id = ?1")?
        .query_row([family.0.as_bytes()], |row| {
            Ok(Newest {
                generation: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
                since: time(row.get(1)?),
            })
        })
        .optional()?;
    let rotation = rotate(newest, presented);
    match rotation {
        Rotation::Next(generation) => {
            let sql = "DELETE FROM token_family WHERE until <= ?1";
            execute(conn, sql, &[&micros(*now)])?;
            let generation = i64::try_from(generation).unwrap_or(i64::MAX);
            // All tokens up to this one have expired when the row goes.
            let until = end.until + presented.grace;
            let sql = "INSERT INTO token_family (token_id, generation, since, until) \
                       VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE \
                       SET generation = excluded.generation, since = excluded.since, \
                       until = max(until, excluded.until)";
            execute(
                conn,
                sql,
                &[
                    family.0.as_bytes(),
                    &generation,
                    &micros(*now),
                    &micros(until),
                ],
            )?;
        }
        Rotation::Again(_) => {}
        Rotation::Reused => insert(conn, end)?,
    }
    Ok(rotation)
}
