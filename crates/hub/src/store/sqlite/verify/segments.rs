//! The text of each segment against its hash and summary, and its pyramid against the text.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use fleetlink_core::SegmentRef;
use fleetlink_proto::ContentHash;
use fleetlink_proto::samples::Summary;
use rusqlite::{Row, params};

use super::super::beside::Beside;
use super::super::data_file;
use super::super::folder::PYRAMIDS;
use super::report::Report;
use super::text::PIECE_BYTES;
pub(super) use super::text::Text;
use super::{DATA_REMEDY, VerifyError, place};
use crate::store::pyramid::PyramidCheck;
use crate::watch::{Stopped, Watch};

/// Segments that are looked up at once, so much as there may be in memory.
const PAGE: u32 = 64;
/// Threads that read and parse, at most.
const THREADS: usize = 4;
/// The columns of an item.
pub(super) const COLUMNS: &str = "id, device, file, bytes, ends_open, hash, summary, body";
pub(super) const UNREADABLE: &str = "its summary cannot be read";
const PYRAMID_REMEDY: &str = "remove the file; the hub builds it again";

/// A row of a segment.
pub(super) struct Item {
    pub(super) segment: SegmentRef,
    of: String,
    pub(super) summary: Vec<u8>,
    body: Option<Vec<u8>>,
}

/// The item that these [`COLUMNS`] are.
pub(super) fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    let (device, file): (String, _) = (row.get(1)?, data_file::read(row, 2)?);
    Ok(Item {
        segment: SegmentRef {
            id: row.get(0)?,
            bytes: row.get(3)?,
            ends_open: row.get(4)?,
            hash: ContentHash::from_bytes(row.get(5)?),
        },
        of: place(&device, &file.to_string()),
        summary: row.get(6)?,
        body: row.get(7)?,
    })
}

/// Notes a fault of a segment.
pub(super) fn tell(item: &Item, fault: impl Into<String>, report: &Report) {
    let name = format!("segment {} of {}", item.segment.id, item.of);
    report.fault("segment", name, fault, DATA_REMEDY);
}

/// Checks the segments that were there at the beginning: later ones have larger numbers.
pub(super) fn check(store: &Beside, report: &Report, watch: &Watch) -> Result<(), VerifyError> {
    let bytes = "SELECT coalesce(sum(bytes), 0) FROM segments";
    watch.begin({ &store.connection }.query_row(bytes, [], |row| row.get(0))?);
    check_where(store, "", report, watch)
}

/// Checks the segments that have no files.
pub(super) fn check_rows(
    store: &Beside,
    report: &Report,
    watch: &Watch,
) -> Result<(), VerifyError> {
    check_where(store, "AND body IS NOT NULL", report, watch)
}

fn check_where(
    store: &Beside,
    condition: &str,
    report: &Report,
    watch: &Watch,
) -> Result<(), VerifyError> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (items, queue) = sync_channel(PAGE as usize);
    let queue = Mutex::new(queue);
    let root = store.root();
    thread::scope(|scope| {
        for _ in 0..threads.min(THREADS) {
            let worker = || {
                let mut piece = vec![0; PIECE_BYTES];
                // Also what is passed over after a stop is taken: nobody waits for room.
                while let Some(item) = next(&queue) {
                    let _stopped = watch
                        .check()
                        .and_then(|()| check_one(&item, root, &mut piece, report, watch));
                }
            };
            let spawned = thread::Builder::new().spawn_scoped(scope, worker);
            spawned.map_err(VerifyError::Thread)?;
        }
        let handed_out = hand_out(store, condition, &items, watch);
        // The end of the work.
        drop(items);
        handed_out
    })
}

fn next(queue: &Mutex<Receiver<Item>>) -> Option<Item> {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.recv().ok()
}

fn hand_out(
    store: &Beside,
    condition: &str,
    items: &SyncSender<Item>,
    watch: &Watch,
) -> Result<(), VerifyError> {
    let last = "SELECT coalesce(max(id), 0) FROM segments";
    let last: u64 = { &store.connection }.query_row(last, [], |row| row.get(0))?;
    let select = format!(
        "SELECT {COLUMNS} FROM segments WHERE id > ?1 AND id <= ?2 {condition} ORDER BY id LIMIT ?3"
    );
    let mut select = store.connection.prepare(&select)?;
    let mut after = 0;
    loop {
        watch.check()?;
        let rows = select.query_map(params![after, last, PAGE], item)?;
        // Read whole before it is handed out: no state of the database is kept meanwhile.
        let page = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let Some(largest) = page.last().map(|item| item.segment.id) else {
            return Ok(());
        };
        after = largest;
        for item in page {
            if items.send(item).is_err() {
                return Err(Stopped.into());
            }
        }
    }
}

fn check_one(
    item: &Item,
    root: &std::path::Path,
    piece: &mut [u8],
    report: &Report,
    watch: &Watch,
) -> Result<(), Stopped> {
    let segment = &item.segment;
    report.count(|checked| {
        checked.segments += 1;
        checked.bytes += segment.bytes;
    });
    let fault = |fault: String| tell(item, fault, report);
    let Ok(summary) = Summary::from_bytes(&item.summary) else {
        fault(UNREADABLE.to_owned());
        return watch.add(segment.bytes);
    };
    let (length, mut source): (u64, Box<dyn Read + '_>) = match &item.body {
        Some(body) => (body.len() as u64, Box::new(Cursor::new(body))),
        None => match open(root, segment.id) {
            Ok((length, file)) => (length, Box::new(file)),
            Err(error) => {
                fault(match error.kind() {
                    io::ErrorKind::NotFound => "its file is missing".to_owned(),
                    _ => format!("its file cannot be read: {error}"),
                });
                return watch.add(segment.bytes);
            }
        },
    };
    if length != segment.bytes {
        fault(format!(
            "it has {length} bytes in place of {}",
            segment.bytes
        ));
        return watch.add(segment.bytes);
    }
    let mut pyramid = None;
    if item.body.is_none() {
        let path = root.join(PYRAMIDS).join(segment.id.to_string());
        if fs::exists(&path).unwrap_or(false) {
            report.count(|checked| checked.pyramids += 1);
            let opened = PyramidCheck::open(&path, segment, &summary);
            if opened.is_none() && fs::exists(&path).unwrap_or(false) {
                let place = format!("pyramids/{}", segment.id);
                report.fault("pyramid", place, "it is of another segment", PYRAMID_REMEDY);
            }
            pyramid = opened;
        }
    }
    let text = Text::read_with(&mut *source, pyramid.as_mut(), piece, watch)?;
    if let Some(found) = text.map_or_else(Some, |text| text.fault(item)) {
        fault(found);
        return Ok(());
    }
    if pyramid.is_some_and(|pyramid| !pyramid.finish()) {
        let place = format!("pyramids/{}", segment.id);
        let fault = "it is damaged, or not of the text of its segment";
        report.fault("pyramid", place, fault, PYRAMID_REMEDY);
    }
    Ok(())
}

fn open(root: &std::path::Path, id: u64) -> io::Result<(u64, File)> {
    let path = root.join(super::SEGMENTS).join(id.to_string());
    let file = File::open(path)?;
    Ok((file.metadata()?.len(), file))
}
