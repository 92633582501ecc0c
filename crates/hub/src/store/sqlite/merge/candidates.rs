//! The files that may have something to merge.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::super::holds::FileKey;
use super::super::limits::MERGE_CANDIDATES;

/// A set of files. Where it is full, the files are looked for in the database once it is empty.
pub(in super::super) struct Candidates {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    files: BTreeSet<FileKey>,
    /// Some may be missing.
    incomplete: bool,
    closed: bool,
}

impl Default for Candidates {
    /// Begins with a look at the database.
    fn default() -> Self {
        Candidates {
            state: Mutex::new(State {
                files: BTreeSet::new(),
                incomplete: true,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }
}

impl Candidates {
    pub(in super::super) fn note(&self, file: FileKey) {
        let mut state = self.state();
        if state.files.len() < MERGE_CANDIDATES {
            state.files.insert(file);
        } else {
            state.incomplete = true;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The next one; waits for it, and is `None` once this is closed.
    pub(super) fn next(&self, find: impl Fn() -> Vec<FileKey>) -> Option<FileKey> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(file) = state.files.pop_first() {
                return Some(file);
            }
            if state.incomplete {
                state.incomplete = false;
                drop(state);
                let found = find();
                state = self.state();
                state.files.extend(found);
                continue;
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    #[cfg(test)]
    pub(in super::super) fn is_empty(&self) -> bool {
        self.state().files.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is one call, so a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
