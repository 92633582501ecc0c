//! Putting a merged segment in the place of its sources, within a transaction.

use fleetlink_core::StoreError;
use rusqlite::{Connection, params};

use super::super::data_file::Column;
use super::super::error::OpError;
use super::super::holds::FileKey;
use super::super::segments;
use super::Merge;

/// Answers which of the sources have files.
pub(in super::super) fn apply(connection: &Connection, merge: &Merge) -> Result<Vec<u64>, OpError> {
    let position = position_of_sources(connection, merge)?;
    let gone = segments::remove_these(connection, merge.sources.iter().map(|source| source.id))?;
    segments::insert(connection, &merge.file, position, &merge.merged)?;
    let (device, file) = &merge.file;
    let update = "UPDATE files SET segments = segments - ?3 WHERE device = ?1 AND file = ?2";
    let mut update = connection.prepare_cached(update)?;
    let fewer = merge.sources.len() as u64 - 1;
    update.execute(params![device.as_str(), Column(file), fewer])?;
    Ok(gone)
}

/// The position of the first source, where all of them are beside each other as they were.
fn position_of_sources(connection: &Connection, merge: &Merge) -> Result<u64, OpError> {
    let changed = || StoreError::Conflict("the file was changed meanwhile".to_owned());
    let first = merge.sources.first().ok_or_else(changed)?;
    let found = from(connection, &merge.file, first.id, merge.sources.len())?;
    let expected = merge.sources.iter().map(|source| source.id);
    if !found.iter().map(|(id, _)| *id).eq(expected) {
        return Err(changed().into());
    }
    Ok(found.first().ok_or_else(changed)?.1)
}

/// The segments of the file from this one on, at most so many, with their positions.
fn from(
    connection: &Connection,
    (device, file): &FileKey,
    first: u64,
    count: usize,
) -> rusqlite::Result<Vec<(u64, u64)>> {
    let mut select = connection.prepare_cached(
        "SELECT id, position FROM segments WHERE device = ?1 AND file = ?2 AND position >= \
         (SELECT position FROM segments WHERE id = ?3) ORDER BY position LIMIT ?4",
    )?;
    let values = params![device.as_str(), Column(file), first, count as u64];
    let rows = select.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
