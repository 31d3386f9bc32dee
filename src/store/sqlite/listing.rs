//! Pages of listings.

use rusqlite::{CachedStatement, Row, ToSql};

use crate::page::Found;

/// Lower than any id.
pub(super) const NO_ID: &[u8] = &[];

/// One more than asked for tells whether there are more.
pub(super) fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// The rows of a statement that was given [`most`] as its limit, and whether there are more.
pub(super) fn page<T>(
    mut select: CachedStatement<'_>,
    values: &[&dyn ToSql],
    limit: usize,
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Found<T>> {
    let mut entries = select
        .query_map(values, row)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    Ok(Found { entries, more })
}
