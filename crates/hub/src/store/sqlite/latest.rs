//! The last sample of each data file, in the order of arrival: kept in the row of the file by each
//! upload. In a store of an older version it is found from the end of the last segment.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use fleetlink_core::Staged;
use fleetlink_proto::Version;
use fleetlink_proto::samples::{LastSample, Summary, TAIL_BYTES};
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, params};

use super::data_file::{self, Column};
use super::error::{OpError, damaged};
use super::folder::Folder;
use super::holds::FileKey;

/// Data files that are looked at in one read.
const LOOKED_AT_ONCE: u32 = 100;

/// The last sample of a data file, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Latest {
    /// Nobody has looked.
    Unknown,
    /// `None` where there are no samples.
    Known(Option<LastSample>),
}

impl Latest {
    pub(super) fn sample(self) -> Option<LastSample> {
        match self {
            Latest::Unknown => None,
            Latest::Known(sample) => sample,
        }
    }

    /// The last sample once these samples are added.
    pub(super) fn behind(self, staged: &Staged) -> Self {
        match staged.last {
            _ if staged.summary.count() == 0 => self,
            Some(last) => Latest::Known(Some(last)),
            None => Latest::Unknown,
        }
    }
}

impl ToSql for Latest {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Latest::Unknown => ToSqlOutput::from(rusqlite::types::Null),
            Latest::Known(None) => ToSqlOutput::from(Vec::new()),
            Latest::Known(Some(last)) => ToSqlOutput::from(last.to_bytes()),
        })
    }
}

impl FromSql for Latest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value.as_blob_or_null()? {
            None => Latest::Unknown,
            // Of bytes that are no sample nobody makes one.
            Some(bytes) => Latest::Known(LastSample::from_bytes(bytes)),
        })
    }
}

/// The last sample of a version of a data file that nobody had looked at.
pub(super) struct FoundLatest {
    file: FileKey,
    version: Version,
    last: Option<LastSample>,
}

/// Looks at some of the data files that nobody has looked at; empty if there are none.
pub(super) fn look(connection: &Connection, folder: &Folder) -> Result<Vec<FoundLatest>, OpError> {
    let mut select = connection.prepare_cached(
        "SELECT file, version, summary, device FROM files WHERE latest IS NULL LIMIT ?1",
    )?;
    let mut rows = select.query([LOOKED_AT_ONCE])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let device: String = row.get(3)?;
        let device = device
            .parse()
            .map_err(|_| damaged("the device of a file"))?;
        let file = (device, data_file::read(row, 0)?);
        let summary = Summary::from_bytes(&row.get::<_, Vec<u8>>(2)?);
        let last = last_of(connection, folder, &file)?;
        let is_of_file = |last: &LastSample| summary.is_ok_and(|summary| belongs(*last, &summary));
        found.push(FoundLatest {
            file,
            version: Version::at_most(row.get(1)?),
            last: last.filter(is_of_file),
        });
    }
    Ok(found)
}

/// Whether a data file of this summary can have this sample: the end of a segment is read without its
/// hash, and may be damaged.
fn belongs(last: LastSample, summary: &Summary) -> bool {
    let is_within = |range: (Option<_>, Option<_>)| match range {
        (Some(min), Some(max)) => min <= last.value && last.value <= max,
        _ => false,
    };
    let is_in_time = match (last.time, summary.first(), summary.last()) {
        (None, None, None) => true,
        (Some(time), Some(first), Some(end)) => first <= time && time <= end,
        _ => false,
    };
    is_within((summary.min(), summary.max())) && is_in_time
}

/// The last sample of the last segment that has any.
fn last_of(
    connection: &Connection,
    folder: &Folder,
    (device, file): &FileKey,
) -> Result<Option<LastSample>, OpError> {
    let mut select = connection.prepare_cached(
        "SELECT id, body FROM segments WHERE device = ?1 AND file = ?2 AND bytes > 0 \
         ORDER BY position DESC LIMIT 1",
    )?;
    let mut rows = select.query(params![device.as_str(), Column(file)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let end = match row.get_ref(1)?.as_blob_or_null() {
        Ok(Some(body)) => Ok(body[body.len().saturating_sub(TAIL_BYTES)..].to_vec()),
        Ok(None) => end_of(folder, row.get(0)?),
        Err(_) => return Err(damaged("the body of a segment")),
    };
    match end {
        Ok(end) => Ok(LastSample::of_end(&end)),
        Err(error) => {
            tracing::warn!(%device, %file, %error, "the last sample cannot be looked at");
            Ok(None)
        }
    }
}

/// The last bytes of a segment's file.
fn end_of(folder: &Folder, segment: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(folder.segment(segment))?;
    let bytes = file.metadata()?.len();
    file.seek(SeekFrom::Start(bytes.saturating_sub(TAIL_BYTES as u64)))?;
    let mut end = Vec::with_capacity(TAIL_BYTES);
    file.take(TAIL_BYTES as u64).read_to_end(&mut end)?;
    Ok(end)
}

/// Notes what was found, of files that have not changed meanwhile.
pub(super) fn put(connection: &Connection, found: &[FoundLatest]) -> Result<(), OpError> {
    let mut update = connection.prepare_cached(
        "UPDATE files SET latest = ?4 WHERE device = ?1 AND file = ?2 AND version = ?3 \
         AND latest IS NULL",
    )?;
    for FoundLatest {
        file: (device, file),
        version,
        last,
    } in found
    {
        let latest = Latest::Known(*last);
        update.execute(params![
            device.as_str(),
            Column(file),
            version.get(),
            latest
        ])?;
    }
    Ok(())
}
