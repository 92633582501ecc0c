//! The table of segments.

use std::sync::Arc;

use fleetlink_core::{Hold, SegmentRef, Snapshot, StagedId, StoreError};
use fleetlink_proto::samples::Summary;
use fleetlink_proto::{ContentHash, DataFile, DeviceName};
use rusqlite::{Connection, params};

use super::data_file::Column;
use super::error::OpError;
use super::files;
use super::holds::FileKey;

/// Larger than the id of any segment that the database has had.
pub(super) fn next_id(connection: &Connection) -> rusqlite::Result<u64> {
    let largest = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'segments'";
    let largest: u64 = connection.query_row(largest, [], |row| row.get(0))?;
    Ok(largest + 1)
}

/// Whether a commit made a segment of this staged upload.
pub(super) fn exists(connection: &Connection, id: StagedId) -> Result<bool, OpError> {
    let mut select = connection.prepare_cached("SELECT 1 FROM segments WHERE id = ?1")?;
    Ok(select.exists([id.0])?)
}

/// A segment that comes; where it has no body, its file is durable.
pub(super) struct NewSegment {
    pub(super) id: u64,
    pub(super) bytes: u64,
    pub(super) ends_open: bool,
    pub(super) hash: ContentHash,
    pub(super) summary: Summary,
    pub(super) body: Option<Arc<[u8]>>,
}

/// The position behind the last segment of a file.
pub(super) fn next_position(
    connection: &Connection,
    (device, file): &FileKey,
) -> Result<u64, OpError> {
    let mut select = connection.prepare_cached(
        "SELECT coalesce(max(position) + 1, 0) FROM segments WHERE device = ?1 AND file = ?2",
    )?;
    Ok(select.query_row(params![device.as_str(), Column(file)], |row| row.get(0))?)
}

/// Adds a segment at this position of its file, whose row is there already.
pub(super) fn insert(
    connection: &Connection,
    (device, file): &FileKey,
    position: u64,
    segment: &NewSegment,
) -> Result<(), OpError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO segments \
         (id, device, file, position, bytes, ends_open, hash, summary, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    insert.execute(params![
        segment.id,
        device.as_str(),
        Column(file),
        position,
        segment.bytes,
        segment.ends_open,
        segment.hash.as_bytes(),
        segment.summary.to_bytes(),
        segment.body.as_deref(),
    ])?;
    Ok(())
}

/// Removes these segments, and answers which of them have files, as [`remove`] does.
pub(super) fn remove_these(
    connection: &Connection,
    ids: impl Iterator<Item = u64>,
) -> Result<Vec<u64>, OpError> {
    let mut former = connection.prepare_cached(
        "INSERT INTO former_segments (id, bytes, hash) \
         SELECT id, bytes, hash FROM segments WHERE id = ?1 AND body IS NULL",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM segments WHERE id = ?1")?;
    let mut in_files = Vec::new();
    for id in ids {
        if former.execute([id])? > 0 {
            in_files.push(id);
        }
        delete.execute([id])?;
    }
    Ok(in_files)
}

/// Removes all segments of a file, and answers which of them have files. Those are noted as former
/// until their file is gone.
pub(super) fn remove(
    connection: &Connection,
    device: &DeviceName,
    file: &DataFile,
) -> Result<Vec<u64>, OpError> {
    let values = params![device.as_str(), Column(file)];
    let of_file = "device = ?1 AND file = ?2";
    let former = format!(
        "INSERT INTO former_segments (id, bytes, hash) \
         SELECT id, bytes, hash FROM segments WHERE {of_file} AND body IS NULL RETURNING id"
    );
    let mut former = connection.prepare_cached(&former)?;
    let in_files = former.query_map(values, |row| row.get(0))?;
    let in_files = in_files.collect::<Result<_, _>>()?;
    let delete = format!("DELETE FROM segments WHERE {of_file}");
    connection.prepare_cached(&delete)?.execute(values)?;
    Ok(in_files)
}

/// Forgets former segments whose file is gone.
pub(super) fn forget_former(connection: &Connection, ids: &[u64]) -> rusqlite::Result<()> {
    let delete = "DELETE FROM former_segments WHERE id = ?1";
    let mut delete = connection.prepare_cached(delete)?;
    ids.iter()
        .try_for_each(|id| delete.execute([id]).map(|_| ()))
}

/// The file and its segments at one moment. They stay readable while it is held.
pub(super) fn snapshot(
    connection: &Connection,
    device: &DeviceName,
    file: &DataFile,
    hold: Hold,
) -> Result<Snapshot, OpError> {
    // Both queries see the same state.
    let state = connection.unchecked_transaction()?;
    let found = files::find(&state, device, file)?.ok_or(StoreError::NotFound)?;
    let mut select = state.prepare_cached(
        "SELECT id, bytes, hash, ends_open FROM segments \
         WHERE device = ?1 AND file = ?2 ORDER BY position",
    )?;
    let rows = select.query_map(params![device.as_str(), Column(file)], |row| {
        Ok(SegmentRef {
            id: row.get(0)?,
            bytes: row.get(1)?,
            hash: ContentHash::from_bytes(row.get(2)?),
            ends_open: row.get(3)?,
        })
    })?;
    Ok(Snapshot {
        version: found.version,
        samples: found.totals.summary.count(),
        segments: rows.collect::<Result<_, _>>()?,
        hold,
    })
}
