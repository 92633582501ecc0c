//! The table of files: one row says what all segments of a file amount to, so that a computation
//! reads no other.

use fleetlink_core::{FileRecord, StoreError};
use fleetlink_proto::control::{FileEntry, FileList};
use fleetlink_proto::samples::Summary;
use fleetlink_proto::{DataFile, DeviceName, Version, WallTime};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::data_file::{self, Column};
use super::error::{OpError, damaged};
use super::latest::Latest;

/// The segments of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    pub(super) segments: u64,
    /// With the newlines that join a segment to one that ends in the middle of a line.
    pub(super) bytes: u64,
    /// Whether the last segment does.
    pub(super) ends_open: bool,
    pub(super) summary: Summary,
}

impl Totals {
    /// Adds a segment at the end.
    ///
    /// `Conflict` where its samples do not go with those before, or no number holds them all.
    pub(super) fn append(
        &mut self,
        bytes: u64,
        summary: &Summary,
        ends_open: bool,
    ) -> Result<(), StoreError> {
        let merged = self.summary.merge(summary);
        merged.map_err(|error| StoreError::Conflict(error.to_string()))?;
        self.bytes += bytes + u64::from(self.ends_open);
        self.segments += 1;
        self.ends_open = ends_open;
        Ok(())
    }
}

/// A file as it is now.
pub(super) struct StoredFile {
    pub(super) version: Version,
    pub(super) totals: Totals,
    pub(super) latest: Latest,
}

/// `None` where there is no such file.
pub(super) fn find(
    connection: &Connection,
    device: &DeviceName,
    file: &DataFile,
) -> Result<Option<StoredFile>, OpError> {
    let mut select = connection.prepare_cached(
        "SELECT version, segments, bytes, ends_open, summary, latest FROM files \
         WHERE device = ?1 AND file = ?2",
    )?;
    let values = params![device.as_str(), Column(file)];
    let found = select.query_row(values, |row| Ok(stored(row))).optional()?;
    found.transpose()
}

fn stored(row: &Row<'_>) -> Result<StoredFile, OpError> {
    Ok(StoredFile {
        version: Version::at_most(row.get(0)?),
        totals: Totals {
            segments: row.get(1)?,
            bytes: row.get(2)?,
            ends_open: row.get(3)?,
            summary: summary(row, 4)?,
        },
        latest: row.get(5)?,
    })
}

fn summary(row: &Row<'_>, column: usize) -> Result<Summary, OpError> {
    let bytes: Vec<u8> = row.get(column)?;
    Summary::from_bytes(&bytes).map_err(|_| damaged("the summary of a file"))
}

/// Makes the file's row what it is after a change.
pub(super) fn put(
    connection: &Connection,
    device: &DeviceName,
    file: &DataFile,
    after: &StoredFile,
    at: WallTime,
) -> Result<(), OpError> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO files (device, file, version, segments, bytes, ends_open, changed_ms, summary, \
         latest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
         ON CONFLICT (device, file) DO UPDATE SET version = excluded.version, \
         segments = excluded.segments, bytes = excluded.bytes, ends_open = excluded.ends_open, \
         changed_ms = excluded.changed_ms, summary = excluded.summary, \
         latest = excluded.latest",
    )?;
    upsert.execute(params![
        device.as_str(),
        Column(file),
        after.version.get(),
        after.totals.segments,
        after.totals.bytes,
        after.totals.ends_open,
        at.unix_millis(),
        after.totals.summary.to_bytes(),
        after.latest,
    ])?;
    Ok(())
}

/// Removes the row of a file whose segments are removed.
pub(super) fn remove(
    connection: &Connection,
    device: &DeviceName,
    file: &DataFile,
) -> Result<(), OpError> {
    let delete = "DELETE FROM files WHERE device = ?1 AND file = ?2";
    let mut delete = connection.prepare_cached(delete)?;
    delete.execute(params![device.as_str(), Column(file)])?;
    Ok(())
}

/// A page of a device's files: at most `limit`, but at least one, so that the next page is another.
pub(super) fn list(
    connection: &Connection,
    device: &DeviceName,
    after: Option<&DataFile>,
    limit: u32,
) -> Result<FileList, OpError> {
    let (records, more) = records(connection, device, after, limit)?;
    let files: Vec<FileEntry> = records.into_iter().map(|record| record.entry).collect();
    let last = files.last().filter(|_| more);
    let next = last.map(|entry| entry.file.clone());
    Ok(FileList { files, next })
}

/// A page of a device's files, and whether more of them follow.
fn records(
    connection: &Connection,
    device: &DeviceName,
    after: Option<&DataFile>,
    limit: u32,
) -> Result<(Vec<FileRecord>, bool), OpError> {
    let limit = u64::from(limit.max(1));
    let mut select = connection.prepare_cached(
        "SELECT file, bytes, segments, version, changed_ms, summary, latest FROM files \
         WHERE device = ?1 AND file > ?2 ORDER BY file LIMIT ?3",
    )?;
    let after = data_file::before(after);
    let mut rows = select.query(params![device.as_str(), after, limit + 1])?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        if files.len() as u64 == limit {
            return Ok((files, true));
        }
        files.push(record(row)?);
    }
    Ok((files, false))
}

/// A page of all files, or of one device's, behind one of them.
pub(super) fn page(
    connection: &Connection,
    device: Option<&DeviceName>,
    after: Option<&(DeviceName, DataFile)>,
    limit: u32,
) -> Result<Vec<(DeviceName, FileRecord)>, OpError> {
    if let Some(device) = device {
        let after = match after {
            Some((other, _)) if other > device => return Ok(Vec::new()),
            Some((other, file)) if other == device => Some(file),
            _ => None,
        };
        let found = records(connection, device, after, limit)?.0.into_iter();
        return Ok(found.map(|record| (device.clone(), record)).collect());
    }
    let after_device = after.map_or("", |(device, _)| device.as_str());
    let after_file = data_file::before(after.map(|(_, file)| file));
    let mut select = connection.prepare_cached(
        "SELECT file, bytes, segments, version, changed_ms, summary, latest, device FROM files \
         WHERE (device, file) > (?1, ?2) ORDER BY device, file LIMIT ?3",
    )?;
    let mut rows = select.query(params![after_device, after_file, limit])?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        files.push((owner(row)?, record(row)?));
    }
    Ok(files)
}

fn owner(row: &Row<'_>) -> Result<DeviceName, OpError> {
    let name: String = row.get(7)?;
    name.parse().map_err(|_| damaged("the device of a file"))
}

fn record(row: &Row<'_>) -> Result<FileRecord, OpError> {
    let summary = summary(row, 5)?;
    let latest: Latest = row.get(6)?;
    Ok(FileRecord {
        entry: FileEntry {
            file: data_file::read(row, 0)?,
            samples: summary.count(),
            bytes: row.get(1)?,
            segments: row.get(2)?,
            version: Version::at_most(row.get(3)?),
            changed: WallTime::from_unix_millis(row.get(4)?),
        },
        summary,
        latest: latest.sample(),
    })
}
