//! The pyramids of the segments that have files: built in the background after the commit, or by the
//! first query.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use fleetlink_core::{SegmentRef, StoreError};
use fleetlink_proto::ContentHash;
use fleetlink_proto::samples::Summary;
use rusqlite::{Connection, OptionalExtension};

use super::error::{OpError, damaged, of_read};
use super::failure::Guard;
use super::folder::private;
use super::{Shared, segment};
use crate::store::SegmentReader;
use crate::store::pyramid::{self, BuildError, Pyramid};

/// The thread that builds pyramids, with a connection of its own that reads.
pub(super) struct Builder {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Builder {
    pub(super) fn start(connection: Connection, shared: Arc<Shared>) -> io::Result<Self> {
        let thread = thread::Builder::new().name("store-pyramid".to_owned());
        let of_thread = Arc::clone(&shared);
        let thread = thread.spawn(move || {
            let _guard = Guard(&of_thread.health, "builder of pyramids");
            run(&connection, &of_thread);
        })?;
        Ok(Builder {
            shared,
            thread: Some(thread),
        })
    }
}

impl Drop for Builder {
    /// Waits for the pyramid that is being built.
    fn drop(&mut self) {
        self.shared.bare.close();
        if let Some(thread) = self.thread.take() {
            // A panic was reported by the thread's guard.
            let _ = thread.join();
        }
    }
}

fn run(connection: &Connection, shared: &Shared) {
    let find = || {
        bare(connection, shared).unwrap_or_else(|error| {
            tracing::debug!(%error, "segments without a pyramid cannot be looked for");
            Vec::new()
        })
    };
    while let Some(id) = shared.bare.next(find) {
        let built = match filed(connection, id).map_err(of_read) {
            Ok(Some((segment, totals))) => open(&segment, &totals, shared).map(|_| ()),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = built {
            tracing::debug!(segment = id, %error, "a pyramid is not built");
        }
    }
}

/// The segments that have a file and no pyramid.
fn bare(connection: &Connection, shared: &Shared) -> rusqlite::Result<Vec<u64>> {
    let mut select = connection.prepare("SELECT id FROM segments WHERE body IS NULL")?;
    let ids = select.query_map([], |row| row.get(0))?;
    let ids: Vec<u64> = ids.collect::<Result<_, _>>()?;
    let is_bare = |id: &u64| !shared.folder.pyramid(*id).exists();
    Ok(ids.into_iter().filter(is_bare).collect())
}

/// A segment that has a file, and its totals.
fn filed(connection: &Connection, id: u64) -> Result<Option<(SegmentRef, Summary)>, OpError> {
    let mut select = connection.prepare_cached(
        "SELECT bytes, hash, ends_open, summary FROM segments WHERE id = ?1 AND body IS NULL",
    )?;
    let found = select.query_row([id], |row| {
        let segment = SegmentRef {
            id,
            bytes: row.get(0)?,
            hash: ContentHash::from_bytes(row.get(1)?),
            ends_open: row.get(2)?,
        };
        Ok((segment, row.get::<_, Vec<u8>>(3)?))
    });
    let Some((segment, totals)) = found.optional()? else {
        return Ok(None);
    };
    let totals = Summary::from_bytes(&totals);
    let totals = totals.map_err(|_| damaged("the summary of a segment"))?;
    Ok(Some((segment, totals)))
}

/// One pyramid is built at a time.
#[derive(Default)]
pub(super) struct Building(Mutex<()>);

/// The pyramid of a segment, which is built where it is missing; `None` where it cannot be written.
/// Blocking.
pub(super) fn open(
    segment: &SegmentRef,
    totals: &Summary,
    shared: &Shared,
) -> Result<Option<Pyramid>, StoreError> {
    let path = shared.folder.pyramid(segment.id);
    if let Some(pyramid) = Pyramid::open(&path, segment, totals) {
        return Ok(Some(pyramid));
    }
    let _building = shared
        .building
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    // Another query may have built it meanwhile.
    if let Some(pyramid) = Pyramid::open(&path, segment, totals) {
        return Ok(Some(pyramid));
    }
    match build(segment, totals, shared) {
        Ok(()) => Ok(Pyramid::open(&path, segment, totals)),
        Err(BuildError::Segment(error)) => Err(error),
        Err(BuildError::File(error)) => {
            tracing::debug!(segment = segment.id, %error, "a pyramid cannot be written");
            Ok(None)
        }
    }
}

fn build(segment: &SegmentRef, totals: &Summary, shared: &Shared) -> Result<(), BuildError> {
    let (path, unfinished) = (
        shared.folder.pyramid(segment.id),
        shared.folder.unfinished_pyramid(),
    );
    let mut text = WhileNamed {
        reader: segment::open_filed(&shared.folder, segment)?,
        path: shared.folder.segment(segment.id),
    };
    let mut options = private();
    let out = options
        .write(true)
        .create(true)
        .truncate(true)
        .open(&unfinished)?;
    let built = pyramid::build(segment, totals, &mut text, (&unfinished, &out));
    let built = built.and_then(|()| Ok(fs::rename(&unfinished, &path)?));
    if built.is_err() {
        // It is truncated by the next one at the latest.
        let _ = fs::remove_file(&unfinished);
    }
    built?;
    // The segment may have gone meanwhile, and whoever removed it found no pyramid.
    if !shared.folder.segment(segment.id).exists() {
        remove(segment.id, shared);
    }
    Ok(())
}

/// Reads a segment for as long as its file has its name: a file that is removed while it is open gives
/// its room back only when it is closed.
struct WhileNamed<R> {
    reader: R,
    path: PathBuf,
}

impl<R: SegmentReader> SegmentReader for WhileNamed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        match self.path.exists() {
            true => self.reader.read(buffer),
            false => Err(StoreError::NotFound),
        }
    }
}

/// Removes the pyramid of a segment, where there is one.
pub(super) fn remove(segment: u64, shared: &Shared) {
    let path = shared.folder.pyramid(segment);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "a file stays until the next start");
        }
        _ => {}
    }
}
