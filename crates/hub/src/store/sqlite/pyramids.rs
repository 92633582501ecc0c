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

use super::arriving_leaves::create;
use super::candidates::Candidates;
use super::error::{OpError, damaged, of_read};
use super::failure::Guard;
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
    let mut text = WhileWanted {
        reader: segment::open_filed(&shared.folder, segment)?,
        path: shared.folder.segment(segment.id),
        bare: &shared.bare,
    };
    let unfinished = create(shared.folder.unfinished_pyramid())?;
    let name = shared.folder.pyramid(segment.id);
    pyramid::build(unfinished, (segment, totals), &mut text, &name)?;
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
    use std::path::Path;

    use fleetlink_core::{Account, AccountVersion, Change, Commit, StoreCall, UploadChange};
    use fleetlink_proto::control::UploadMode;
    use fleetlink_proto::{DeviceName, IdempotencyKey, WallTime};

    use super::super::SqliteStore;
    use super::*;
    use crate::store::{LeafParser, StageReply, Staging, Store as _, Window};

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

    const LINES: u64 = 20_000;

    fn text() -> String {
        (0..LINES)
            .map(|n| format!("{}\n", n * n % 99_991))
            .collect()
    }

    fn cam() -> DeviceName {
        "cam".parse().unwrap()
    }

    /// A store that builds no pyramid by itself while the lock is held.
    async fn store(folder: &Path) -> SqliteStore {
        let store = SqliteStore::open(folder).unwrap();
        let account = Account {
            name: cam(),
            password_hash: None,
            created: WallTime::from_unix_millis(0),
            key: None,
            version: AccountVersion::default(),
        };
        let add = StoreCall::Change(Change::AddAccount(account));
        store.execute(add).await.unwrap();
        store
    }

    async fn stage(store: &SqliteStore) -> Box<dyn Staging> {
        let change = UploadChange {
            device: cam(),
            key: IdempotencyKey::from_bits(1),
            file: 1.into(),
            mode: UploadMode::Replace,
        };
        match store.stage(change).await.unwrap() {
            StageReply::Begun(staging) => staging,
            StageReply::Busy => panic!("nobody else stages it"),
        }
    }

    /// Stages the text, and tells the leaves from this one on.
    async fn staged(store: &SqliteStore, from: usize) -> (Box<dyn Staging>, Summary) {
        let mut staging = stage(store).await;
        let (mut samples, mut leaves) = (LeafParser::default(), Vec::new());
        let text = text();
        samples
            .feed(text.as_bytes(), &mut |leaf| leaves.push(leaf))
            .unwrap();
        let summary = samples.finish(&mut |leaf| leaves.push(leaf)).unwrap();
        leaves
            .into_iter()
            .skip(from)
            .for_each(|leaf| staging.leaf(leaf));
        staging.write(text.as_bytes()).unwrap();
        (staging, summary)
    }

    async fn commit(store: &SqliteStore, staging: Box<dyn Staging>, summary: Summary) {
        let hash = ContentHash::of(text().as_bytes());
        let commit = Change::Commit(Box::new(Commit {
            device: cam(),
            file: 1.into(),
            mode: UploadMode::Replace,
            key: IdempotencyKey::from_bits(1),
            staged: staging.finish(summary, hash, false).unwrap(),
            at: WallTime::from_unix_millis(0),
        }));
        store.execute(StoreCall::Change(commit)).await.unwrap();
    }

    async fn samples(store: &SqliteStore) -> u64 {
        let window = Window::new(None, None, 7).unwrap();
        let columns = store.columns(cam(), 1.into(), window).await.unwrap();
        columns.iter().map(|column| column.summary.count()).sum()
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder.join("pyramids")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    #[expect(
        clippy::await_holding_lock,
        reason = "the test shows that nobody waits for it"
    )]
    async fn a_query_does_not_wait_for_a_pyramid_that_is_being_built() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let building = store.shared.building.0.lock().unwrap();
        // A leaf is missing, so the pyramid is to be built from the segment.
        let (staging, summary) = staged(&store, 1).await;
        commit(&store, staging, summary).await;
        assert_eq!(samples(&store).await, LINES);
        assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
        drop(building);
    }

    #[tokio::test(flavor = "multi_thread")]
    #[expect(
        clippy::await_holding_lock,
        reason = "while it is held, no pyramid is built from a segment"
    )]
    async fn the_leaves_of_an_upload_become_the_pyramid_that_its_segment_would_have() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let building = store.shared.building.0.lock().unwrap();
        let (staging, summary) = staged(&store, 0).await;
        commit(&store, staging, summary).await;
        let [path] = files(folder.path()).try_into().unwrap();
        let arrived = fs::read(&path).unwrap();
        assert_eq!(samples(&store).await, LINES);
        drop(building);
        fs::remove_file(&path).unwrap();
        assert_eq!(samples(&store).await, LINES);
        assert_eq!(fs::read(&path).unwrap(), arrived);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_upload_that_is_not_finished_leaves_no_pyramid() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let (staging, _) = staged(&store, 0).await;
        assert_eq!(files(folder.path()).len(), 1);
        drop(staging);
        assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
        stage(&store).await.abandon();
        let (staging, _) = staged(&store, 0).await;
        assert_eq!(files(folder.path()).len(), 1);
        staging.abandon();
        assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
    }
}
