//! The pyramids of the segments that have files: built in the background after the commit, or by the
//! first query.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, TryLockError};
use std::thread::{self, JoinHandle};

use fleetlink_core::{SegmentRef, StoreError};
use fleetlink_proto::ContentHash;
use fleetlink_proto::samples::Summary;
use rusqlite::{Connection, OptionalExtension};

use super::candidates::Candidates;
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

/// The pyramid of a segment, which is built where it is missing; `None` where it cannot be written, or
/// another one is being built: that may take long. Blocking.
pub(super) fn open(
    segment: &SegmentRef,
    totals: &Summary,
    shared: &Shared,
) -> Result<Option<Pyramid>, StoreError> {
    let path = shared.folder.pyramid(segment.id);
    if let Some(pyramid) = Pyramid::open(&path, segment, totals) {
        return Ok(Some(pyramid));
    }
    let _building = match shared.building.0.try_lock() {
        Ok(building) => building,
        Err(TryLockError::Poisoned(building)) => building.into_inner(),
        Err(TryLockError::WouldBlock) => return Ok(None),
    };
    // It may have been built meanwhile.
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
    let mut text = WhileWanted {
        reader: segment::open_filed(&shared.folder, segment)?,
        path: shared.folder.segment(segment.id),
        bare: &shared.bare,
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

/// Reads a segment for as long as its file has its name and the store is open. A file that is removed
/// while it is open gives its room back only when it is closed, and the end of the store waits for the
/// pyramid that is being built.
struct WhileWanted<'a, R> {
    reader: R,
    path: PathBuf,
    bare: &'a Candidates<u64>,
}

impl<R: SegmentReader> SegmentReader for WhileWanted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        if self.bare.is_closed() {
            let message = "the store is closing";
            return Err(StoreError::Unavailable(message.to_owned()));
        }
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

#[cfg(test)]
mod tests {
    use fleetlink_core::{Account, AccountVersion, Change, Commit, StoreCall, UploadChange};
    use fleetlink_proto::control::UploadMode;
    use fleetlink_proto::samples::SampleParser;
    use fleetlink_proto::{DataFile, DeviceName, IdempotencyKey, WallTime};

    use super::super::SqliteStore;
    use super::*;
    use crate::store::{StageReply, Store as _, Window};

    /// A segment that never ends.
    struct Endless(u64);

    impl SegmentReader for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
            self.0 += 1;
            buffer.fill(b'\n');
            Ok(buffer.len())
        }
    }

    #[test]
    fn a_segment_is_read_until_it_is_removed_or_the_store_closes() {
        let folder = tempfile::tempdir().unwrap();
        let (path, bare) = (folder.path().join("1"), Candidates::default());
        fs::write(&path, b"").unwrap();
        let mut text = WhileWanted {
            reader: Endless(0),
            path: path.clone(),
            bare: &bare,
        };
        assert_eq!(text.read(&mut [0; 9]), Ok(9));
        fs::remove_file(&path).unwrap();
        assert_eq!(text.read(&mut [0; 9]), Err(StoreError::NotFound));
        fs::write(&path, b"").unwrap();
        bare.close();
        let closed = text.read(&mut [0; 9]);
        assert!(matches!(closed, Err(StoreError::Unavailable(_))));
        assert_eq!(text.reader.0, 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    #[expect(
        clippy::await_holding_lock,
        reason = "the test shows that nobody waits for it"
    )]
    async fn a_query_does_not_wait_for_a_pyramid_that_is_being_built() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        let building = store.shared.building.0.lock().unwrap();
        let lines = "12345\n".repeat(20_000);
        let (device, file): (DeviceName, DataFile) = ("cam".parse().unwrap(), 1.into());
        let at = WallTime::from_unix_millis(0);
        let account = Account {
            name: device.clone(),
            password_hash: None,
            created: at,
            key: None,
            version: AccountVersion::default(),
        };
        let add = StoreCall::Change(Change::AddAccount(account));
        store.execute(add).await.unwrap();
        let (key, mode) = (IdempotencyKey::from_bits(1), UploadMode::Replace);
        let change = UploadChange {
            device: device.clone(),
            key,
            file: file.clone(),
            mode,
        };
        let StageReply::Begun(mut staging) = store.stage(change).await.unwrap() else {
            panic!("nobody else stages it");
        };
        staging.write(lines.as_bytes()).unwrap();
        let mut parser = SampleParser::new();
        parser.feed(lines.as_bytes()).unwrap();
        let summary = parser.finish().unwrap();
        let hash = ContentHash::of(lines.as_bytes());
        let commit = Change::Commit(Box::new(Commit {
            device: device.clone(),
            file: file.clone(),
            mode,
            key,
            staged: staging.finish(summary, hash, false).unwrap(),
            at,
        }));
        store.execute(StoreCall::Change(commit)).await.unwrap();
        let window = Window::new(None, None, 7).unwrap();
        let columns = store.columns(device, file, window).await.unwrap();
        let counts = columns.iter().map(|column| column.summary.count());
        assert_eq!(counts.sum::<u64>(), 20_000);
        drop(building);
    }
}
