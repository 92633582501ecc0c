//! Making one segment of several: its bytes, durable before any row names them.

use std::fs;
use std::io::{self, Write};

use fleetlink_core::{SegmentRef, StoreError};
use fleetlink_proto::ContentHash;
use fleetlink_proto::samples::Summary;
use rusqlite::{Connection, params};

use super::super::Shared;
use super::super::data_file::Column;
use super::super::error::{OpError, damaged, of_read};
use super::super::failure::not_done;
use super::super::folder::private;
use super::super::holds::FileKey;
use super::super::limits::INLINE_BYTES;
use super::super::segment;
use super::super::segments::NewSegment;
use super::Merge;
use super::plan::Planned;

/// The segments at these positions as one.
///
/// # Errors
/// `Corrupt` where the bytes of one are not those of its hash: they stay, so that reading says so.
pub(super) fn build(
    connection: &Connection,
    shared: &Shared,
    file: &FileKey,
    planned: &Planned,
) -> Result<Merge, StoreError> {
    let sources = sources(connection, file, planned).map_err(of_read)?;
    let mut text = Vec::new();
    let mut summary = Summary::default();
    let mut joint = false;
    for (source, of_source) in &sources {
        if joint {
            text.push(b'\n');
        }
        joint = source.ends_open;
        read(connection, shared, source, &mut text)?;
        let merged = summary.merge(of_source);
        merged.map_err(|error| StoreError::Corrupt(error.to_string()))?;
    }
    let id = shared.staged.next_id().0;
    let (bytes, hash) = (text.len() as u64, ContentHash::of(&text));
    let body = if text.len() <= INLINE_BYTES {
        Some(text.into())
    } else {
        write(shared, id, &text)?;
        None
    };
    Ok(Merge {
        file: file.clone(),
        sources: sources.into_iter().map(|(source, _)| source).collect(),
        merged: NewSegment {
            id,
            bytes,
            ends_open: joint,
            hash,
            summary,
            body,
        },
    })
}

fn sources(
    connection: &Connection,
    (device, file): &FileKey,
    planned: &Planned,
) -> Result<Vec<(SegmentRef, Summary)>, OpError> {
    let mut select = connection.prepare_cached(
        "SELECT id, bytes, hash, ends_open, summary FROM segments \
         WHERE device = ?1 AND file = ?2 AND position BETWEEN ?3 AND ?4 ORDER BY position",
    )?;
    let range = params![device.as_str(), Column(file), planned.first, planned.last];
    let mut rows = select.query(range)?;
    let mut sources = Vec::new();
    while let Some(row) = rows.next()? {
        let source = SegmentRef {
            id: row.get(0)?,
            bytes: row.get(1)?,
            hash: ContentHash::from_bytes(row.get(2)?),
            ends_open: row.get(3)?,
        };
        let summary: Vec<u8> = row.get(4)?;
        let summary = Summary::from_bytes(&summary);
        let summary = summary.map_err(|_| damaged("the summary of a segment"))?;
        sources.push((source, summary));
    }
    Ok(sources)
}

/// Adds the bytes of a segment, checked against its hash.
fn read(
    connection: &Connection,
    shared: &Shared,
    source: &SegmentRef,
    text: &mut Vec<u8>,
) -> Result<(), StoreError> {
    use crate::store::SegmentReader as _;

    let mut reader = segment::open(connection, &shared.folder, source)?;
    let start = text.len();
    let bytes = usize::try_from(source.bytes).unwrap_or(usize::MAX);
    text.resize(start + bytes, 0);
    let mut filled = start;
    loop {
        match reader.read(&mut text[filled..])? {
            0 => return Ok(()),
            read => filled += read,
        }
    }
}

fn write(shared: &Shared, id: u64, text: &[u8]) -> Result<(), StoreError> {
    let path = shared.folder.segment(id);
    let created = private().write(true).create_new(true).open(path);
    let mut file = created.map_err(|error| not_done("creating a segment", &error))?;
    let written = file.write_all(text);
    let result = match written {
        Err(error) => Err(not_done("writing a segment", &error)),
        Ok(()) => {
            let flushed = file.sync_all().and_then(|()| shared.folder.sync_segments());
            flushed.map_err(|error| shared.health.flush_failed(&error))
        }
    };
    result.inspect_err(|_| remove(shared, id))
}

/// Removes the file of a merge that was not made.
pub(super) fn remove(shared: &Shared, id: u64) {
    let path = shared.folder.segment(id);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "a file stays until the next start");
        }
        _ => {}
    }
}
