//! The journal: every change of a file, in order. It is also how a repeated change is recognised.

use fleetlink_core::{ChangeKind, Deleter, JournalEntry, StoreError};
use fleetlink_proto::control::limits::MAX_NUMBER;
use fleetlink_proto::control::{DeleteReply, Receipt, UploadMode};
use fleetlink_proto::{DataFile, DeviceName, IdempotencyKey, Version, WallTime};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::data_file::{self, Column};
use super::error::{OpError, damaged};
use super::limits::JOURNAL_STEP;

/// A change that is to be recorded.
pub(super) struct Entry<'a> {
    pub(super) device: &'a DeviceName,
    pub(super) key: IdempotencyKey,
    pub(super) kind: ChangeKind,
    pub(super) file: DataFile,
    pub(super) samples: u64,
    pub(super) bytes: u64,
    pub(super) at: WallTime,
}

/// The earlier change with the same key.
pub(super) struct Earlier {
    sequence: u64,
    kind: ChangeKind,
    file: DataFile,
    samples: u64,
    bytes: u64,
    at: WallTime,
}

impl Earlier {
    /// The reply to that upload.
    pub(super) fn receipt(&self) -> Result<Receipt, OpError> {
        match self.kind {
            ChangeKind::Upload(mode) => Ok(Receipt {
                file: self.file.clone(),
                mode,
                samples: self.samples,
                bytes: self.bytes,
                version: Version::at_most(self.sequence),
                at: self.at,
            }),
            ChangeKind::Delete(_) => Err(other_change()),
        }
    }

    /// The same, where it was an upload of this kind to this file.
    pub(super) fn receipt_of(&self, file: &DataFile, mode: UploadMode) -> Result<Receipt, OpError> {
        match self.receipt()? {
            receipt if receipt.file == *file && receipt.mode == mode => Ok(receipt),
            _ => Err(other_change()),
        }
    }

    /// The reply to that deletion, where it was one of this file.
    pub(super) fn deletion_of(&self, file: &DataFile) -> Result<DeleteReply, OpError> {
        if !matches!(self.kind, ChangeKind::Delete(_)) || self.file != *file {
            return Err(other_change());
        }
        let samples = self.samples;
        let file = file.clone();
        Ok(DeleteReply { file, samples })
    }
}

fn other_change() -> OpError {
    let message = "this idempotency key was used for another change";
    StoreError::Conflict(message.to_owned()).into()
}

/// Records a change and answers its sequence, which is the version that it makes.
pub(super) fn append(connection: &Connection, entry: &Entry<'_>) -> Result<Version, OpError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO journal (device, key, kind, file, samples, bytes, at_ms, by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING sequence",
    )?;
    let values = params![
        entry.device.as_str(),
        entry.key.bits().to_be_bytes(),
        kind_number(entry.kind),
        Column(&entry.file),
        entry.samples,
        entry.bytes,
        entry.at.unix_millis(),
        by_number(entry.kind),
    ];
    let sequence: u64 = insert.query_row(values, |row| row.get(0))?;
    if sequence > MAX_NUMBER {
        let message = "the store has no numbers left for further changes";
        return Err(StoreError::Unavailable(message.to_owned()).into());
    }
    Ok(Version::at_most(sequence))
}

pub(super) fn find(
    connection: &Connection,
    device: &DeviceName,
    key: IdempotencyKey,
) -> Result<Option<Earlier>, OpError> {
    let mut select = connection.prepare_cached(
        "SELECT sequence, kind, file, samples, bytes, at_ms, by FROM journal \
         WHERE device = ?1 AND key = ?2",
    )?;
    let values = params![device.as_str(), key.bits().to_be_bytes()];
    let found = select
        .query_row(values, |row| Ok(earlier(row)))
        .optional()?;
    found.transpose()
}

fn earlier(row: &Row<'_>) -> Result<Earlier, OpError> {
    Ok(Earlier {
        sequence: row.get(0)?,
        kind: kind(row.get(1)?, row.get(6)?)?,
        file: data_file::read(row, 2)?,
        samples: row.get(3)?,
        bytes: row.get(4)?,
        at: WallTime::from_unix_millis(row.get(5)?),
    })
}

pub(super) fn page(
    connection: &Connection,
    after: u64,
    limit: u32,
) -> Result<Vec<JournalEntry>, OpError> {
    let mut select = connection.prepare_cached(
        "SELECT sequence, device, file, kind, samples, at_ms, by FROM journal \
         WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
    )?;
    // No sequence is larger than the largest that SQLite counts to.
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let mut rows = select.query(params![after, limit])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        changes.push(change(row)?);
    }
    Ok(changes)
}

/// The limits of the journal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Changes before this time go.
    pub(super) since: Option<WallTime>,
    /// Of more changes than this, the oldest go.
    pub(super) most: Option<u64>,
}

impl Bounds {
    /// The condition for a change to go, among the oldest ones.
    fn values(&self) -> (i64, i64) {
        let since = self.since.map_or(i64::MIN, WallTime::unix_millis);
        let most = self.most.and_then(|most| i64::try_from(most).ok());
        (since, most.unwrap_or(i64::MAX))
    }
}

/// The oldest changes that are too old or too many. Times may not grow where a clock was set, so each
/// is looked at.
const SURPLUS: &str = "SELECT sequence FROM \
    (SELECT sequence, at_ms FROM journal ORDER BY sequence LIMIT ?3) \
    WHERE at_ms < ?1 OR sequence <= (SELECT max(sequence) FROM journal) - ?2";

/// Whether [`prune`] has something to do.
pub(super) fn has_surplus(connection: &Connection, bounds: &Bounds) -> Result<bool, OpError> {
    let (since, most) = bounds.values();
    let mut select = connection.prepare_cached(SURPLUS)?;
    Ok(select.exists(params![since, most, JOURNAL_STEP])?)
}

/// Removes some changes that are too old or too many.
pub(super) fn prune(connection: &Connection, bounds: &Bounds) -> Result<(), OpError> {
    let (since, most) = bounds.values();
    let delete = format!("DELETE FROM journal WHERE sequence IN ({SURPLUS})");
    let mut delete = connection.prepare_cached(&delete)?;
    delete.execute(params![since, most, JOURNAL_STEP])?;
    Ok(())
}

fn change(row: &Row<'_>) -> Result<JournalEntry, OpError> {
    let device: String = row.get(1)?;
    Ok(JournalEntry {
        sequence: row.get(0)?,
        device: device
            .parse()
            .map_err(|_| damaged("a name in the journal"))?,
        file: data_file::read(row, 2)?,
        kind: kind(row.get(3)?, row.get(6)?)?,
        samples: row.get(4)?,
        at: WallTime::from_unix_millis(row.get(5)?),
    })
}

fn kind_number(kind: ChangeKind) -> u8 {
    match kind {
        ChangeKind::Upload(UploadMode::Replace) => 0,
        ChangeKind::Upload(UploadMode::Append) => 1,
        ChangeKind::Delete(_) => 2,
    }
}

fn by_number(kind: ChangeKind) -> u8 {
    match kind {
        ChangeKind::Upload(_) | ChangeKind::Delete(Deleter::Device) => 0,
        ChangeKind::Delete(Deleter::Operator) => 1,
        ChangeKind::Delete(Deleter::Retention) => 2,
    }
}

fn kind(number: u8, by: u8) -> Result<ChangeKind, OpError> {
    match (number, by) {
        (0, 0) => Ok(ChangeKind::Upload(UploadMode::Replace)),
        (1, 0) => Ok(ChangeKind::Upload(UploadMode::Append)),
        (2, 0) => Ok(ChangeKind::Delete(Deleter::Device)),
        (2, 1) => Ok(ChangeKind::Delete(Deleter::Operator)),
        (2, 2) => Ok(ChangeKind::Delete(Deleter::Retention)),
        _ => Err(damaged("the kind of a change")),
    }
}
