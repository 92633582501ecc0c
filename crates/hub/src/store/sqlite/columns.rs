//! The samples of a stretch of a data file, by columns.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use fleetlink_core::{Hold, SegmentRef, StoreError};
use fleetlink_proto::ContentHash;
use fleetlink_proto::samples::Summary;
use rusqlite::{Connection, params};

use super::data_file;
use super::error::{OpError, damaged};
use super::holds::FileKey;
use super::{Shared, files, pyramids, segment};
use crate::store::columns::Place;
use crate::store::pyramid::{Columns, Pyramid, QueryError, add_pyramid, add_text};
use crate::store::{Column, SegmentReader as _, Window};

/// The pieces in which a segment without a pyramid is read.
const PIECE_BYTES: usize = 256 * 1024;

/// The remaining work of a query, away from the database.
pub(super) struct Plan {
    /// `None` where the stretch holds nothing.
    columns: Option<Columns>,
    parts: Vec<Part>,
    _hold: Hold,
}

/// A segment that lies in several columns.
struct Part {
    segment: SegmentRef,
    totals: Summary,
    /// The index of its first sample in the data file.
    index: u64,
    /// Its bytes where no file has them.
    body: Option<Vec<u8>>,
}

/// Adds what the database knows: segments that lie in one column are not looked into.
pub(super) fn plan(
    connection: &Connection,
    shared: &Shared,
    (device, file): &FileKey,
    window: &Window,
) -> Result<Plan, OpError> {
    let hold = shared.holds.hold((device.clone(), file.clone()));
    // All queries see the same state.
    let state = connection.unchecked_transaction()?;
    let found = files::find(&state, device, file)?.ok_or(StoreError::NotFound)?;
    let mut plan = Plan {
        columns: window.within(&found.totals.summary).map(Columns::of),
        parts: Vec::new(),
        _hold: hold,
    };
    let Some(columns) = &mut plan.columns else {
        return Ok(plan);
    };
    let mut select = state.prepare_cached(
        "SELECT id, bytes, hash, ends_open, summary FROM segments \
         WHERE device = ?1 AND file = ?2 ORDER BY position",
    )?;
    let mut body = state.prepare_cached("SELECT body FROM segments WHERE id = ?1")?;
    let mut rows = select.query(params![device.as_str(), data_file::Column(file)])?;
    let mut index = 0;
    while let Some(row) = rows.next()? {
        let totals: Vec<u8> = row.get(4)?;
        let totals = Summary::from_bytes(&totals);
        let totals = totals.map_err(|_| damaged("the summary of a segment"))?;
        match columns.place_of(&totals, index) {
            Place::Outside => {}
            Place::Column(column) => columns.add(column, &totals, index)?,
            Place::Several => {
                let segment = SegmentRef {
                    id: row.get(0)?,
                    bytes: row.get(1)?,
                    hash: ContentHash::from_bytes(row.get(2)?),
                    ends_open: row.get(3)?,
                };
                let body = body.query_row([segment.id], |row| row.get(0))?;
                plan.parts.push(Part {
                    segment,
                    totals,
                    index,
                    body,
                });
            }
        }
        index += totals.count();
    }
    Ok(plan)
}

/// The result of a query away from the database.
pub(super) enum Filled {
    /// The columns that have samples.
    Columns(Vec<Column>),
    /// The file of this segment is gone. Its data file was replaced or deleted meanwhile, unless the
    /// database names the segment still.
    Gone(u64),
    /// A pyramid was damaged and is removed.
    PyramidRemoved,
}

/// Adds what the database does not know. Blocking.
pub(super) fn fill(plan: Plan, shared: &Shared) -> Result<Filled, StoreError> {
    let Some(mut columns) = plan.columns else {
        return Ok(Filled::Columns(Vec::new()));
    };
    for part in &plan.parts {
        let added = match &part.body {
            Some(text) => add_body(&mut columns, part, text).map_err(QueryError::Store),
            None => add_file(&mut columns, part, shared),
        };
        match added {
            Ok(()) => {}
            Err(QueryError::Store(StoreError::NotFound)) => {
                return Ok(Filled::Gone(part.segment.id));
            }
            Err(QueryError::Store(error)) => return Err(error),
            Err(QueryError::Pyramid(error)) => {
                tracing::warn!(segment = part.segment.id, %error, "a pyramid is built again");
                pyramids::remove(part.segment.id, shared);
                return Ok(Filled::PyramidRemoved);
            }
        }
    }
    Ok(Filled::Columns(columns.finish()))
}

fn add_body(columns: &mut Columns, part: &Part, text: &[u8]) -> Result<(), StoreError> {
    if ContentHash::of(text) != part.segment.hash {
        return Err(part.corrupt("its hash differs"));
    }
    add_text(columns, text, part.index).map(|_| ())
}

fn add_file(columns: &mut Columns, part: &Part, shared: &Shared) -> Result<(), QueryError> {
    match pyramids::open(&part.segment, &part.totals, shared)? {
        Some(pyramid) => add_by_pyramid(columns, part, pyramid, shared),
        None => Ok(add_all(columns, part, shared)?),
    }
}

fn add_by_pyramid(
    columns: &mut Columns,
    part: &Part,
    mut pyramid: Pyramid,
    shared: &Shared,
) -> Result<(), QueryError> {
    let segment = &part.segment;
    let mut file = match File::open(shared.folder.segment(segment.id)) {
        Ok(file) => file,
        Err(error) => return Err(part.unreadable(&error).into()),
    };
    let mut read = |range: Range<u64>| {
        let mut text = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
        let read = file.seek(SeekFrom::Start(range.start));
        let read = read.and_then(|_| file.read_exact(&mut text));
        read.map_err(|error| part.unreadable(&error)).map(|()| text)
    };
    let place = (segment.bytes, part.index);
    add_pyramid(columns, &mut pyramid, place, &mut read)
}

/// Adds a segment that has no pyramid: there was no room for it.
fn add_all(columns: &mut Columns, part: &Part, shared: &Shared) -> Result<(), StoreError> {
    let mut reader = segment::open_filed(&shared.folder, &part.segment)?;
    let mut index = part.index;
    let mut text = Vec::new();
    loop {
        let begun = text.len();
        text.resize(begun + PIECE_BYTES, 0);
        let read = reader.read(&mut text[begun..])?;
        text.truncate(begun + read);
        let whole = match read {
            0 => text.len(),
            _ => text
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1),
        };
        index += add_text(columns, &text[..whole], index)?.count();
        text.drain(..whole);
        if read == 0 {
            return Ok(());
        }
    }
}

impl Part {
    fn corrupt(&self, why: &str) -> StoreError {
        StoreError::Corrupt(format!("segment {}: {why}", self.segment.id))
    }

    fn unreadable(&self, error: &io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::NotFound => StoreError::NotFound,
            io::ErrorKind::UnexpectedEof => self.corrupt("it ends too early"),
            _ => {
                let id = self.segment.id;
                StoreError::Unavailable(format!("segment {id} cannot be read: {error}"))
            }
        }
    }
}
