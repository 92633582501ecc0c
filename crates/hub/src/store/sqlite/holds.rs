//! The data files with a snapshot in use. Segments of such a file are not merged, because the
//! reader of a snapshot opens its segments one after the other.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use fleetlink_core::Hold;
use fleetlink_proto::{DataFile, DeviceName};

use super::candidates::Candidates;

/// A data file of a device.
pub(super) type FileKey = (DeviceName, DataFile);

/// The snapshots in use, and the merges that are being committed.
pub(super) struct Holds(Arc<State>);

struct State {
    files: Mutex<HashMap<FileKey, Users>>,
    merged: Condvar,
    candidates: Arc<Candidates<FileKey>>,
}

#[derive(Default)]
struct Users {
    snapshots: usize,
    merging: bool,
    /// A merge waits for the last snapshot to go.
    wanted: bool,
}

impl Holds {
    /// A file whose merge had to wait becomes a candidate again with the end of its last snapshot.
    pub(super) fn new(candidates: Arc<Candidates<FileKey>>) -> Self {
        Holds(Arc::new(State {
            files: Mutex::default(),
            merged: Condvar::new(),
            candidates,
        }))
    }

    /// To be called before the segments of a snapshot are looked up. Waits for the commit of a merge.
    pub(super) fn hold(&self, file: FileKey) -> Hold {
        let mut files = self.0.files();
        while files.get(&file).is_some_and(|users| users.merging) {
            let waited = self.0.merged.wait(files);
            files = waited.unwrap_or_else(PoisonError::into_inner);
        }
        files.entry(file.clone()).or_default().snapshots += 1;
        drop(files);
        let state = Arc::clone(&self.0);
        Hold::new(Arc::new(InUse { state, file }))
    }

    /// Keeps new snapshots waiting until the merge is committed or given up; `None` where there is
    /// one already. The merge is then wanted again.
    pub(super) fn begin_merge(&self, file: &FileKey) -> Option<Merging> {
        let mut files = self.0.files();
        let users = files.entry(file.clone()).or_default();
        if users.snapshots > 0 {
            users.wanted = true;
            return None;
        }
        users.merging = true;
        Some(Merging {
            state: Arc::clone(&self.0),
            file: file.clone(),
        })
    }
}

impl State {
    fn files(&self) -> MutexGuard<'_, HashMap<FileKey, Users>> {
        // Each change of the map is small and whole.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A snapshot in use.
struct InUse {
    state: Arc<State>,
    file: FileKey,
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut files = self.state.files();
        let Some(users) = files.get_mut(&self.file) else {
            return;
        };
        users.snapshots -= 1;
        if users.snapshots == 0 {
            let wanted = users.wanted;
            files.remove(&self.file);
            drop(files);
            if wanted {
                self.state.candidates.note(self.file.clone());
            }
        }
    }
}

/// A merge that is being committed.
pub(super) struct Merging {
    state: Arc<State>,
    file: FileKey,
}

impl Drop for Merging {
    fn drop(&mut self) {
        self.state.files().remove(&self.file);
        self.state.merged.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> FileKey {
        ("cam".parse().unwrap(), DataFile::numbered(1))
    }

    #[test]
    fn a_file_is_merged_only_without_a_snapshot_and_then_again() {
        let candidates = Arc::new(Candidates::default());
        let holds = Holds::new(Arc::clone(&candidates));
        let first = holds.hold(file());
        let second = first.clone();
        drop(first);
        assert!(holds.begin_merge(&file()).is_none());
        assert!(candidates.is_empty());
        drop(second);
        assert!(!candidates.is_empty());
        assert!(holds.begin_merge(&file()).is_some());
        assert!(holds.0.files().is_empty());
    }

    #[test]
    fn a_snapshot_waits_for_the_commit_of_a_merge() {
        let holds = Arc::new(Holds::new(Arc::default()));
        let merging = holds.begin_merge(&file()).unwrap();
        let waiting = {
            let holds = Arc::clone(&holds);
            std::thread::spawn(move || holds.hold(file()))
        };
        while Arc::strong_count(&holds) < 2 {
            std::thread::yield_now();
        }
        assert_eq!(holds.0.files()[&file()].snapshots, 0);
        drop(merging);
        let held = waiting.join().unwrap();
        assert!(holds.begin_merge(&file()).is_none());
        drop(held);
    }
}
