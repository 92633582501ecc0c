//! Work that waits for a thread of the store's upkeep.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::limits::CANDIDATES;

/// A set of data files or segments that may have something to do. Where it is full, more are looked
/// for once it is empty.
pub(super) struct Candidates<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    waiting: BTreeSet<T>,
    /// Some may be missing.
    incomplete: bool,
    closed: bool,
}

impl<T: Ord> Default for Candidates<T> {
    /// Begins with a search.
    fn default() -> Self {
        Candidates {
            state: Mutex::new(State {
                waiting: BTreeSet::new(),
                incomplete: true,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }
}

impl<T: Ord> Candidates<T> {
    pub(super) fn note(&self, candidate: T) {
        let mut state = self.state();
        if state.waiting.len() < CANDIDATES {
            state.waiting.insert(candidate);
        } else {
            state.incomplete = true;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The next one; waits for it, and is `None` once this is closed.
    pub(super) fn next(&self, find: impl Fn() -> Vec<T>) -> Option<T> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(next) = state.waiting.pop_first() {
                return Some(next);
            }
            if state.incomplete {
                state.incomplete = false;
                drop(state);
                let found = find();
                state = self.state();
                state.waiting.extend(found);
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

    /// The number of those that are known.
    pub(super) fn len(&self) -> usize {
        self.state().waiting.len()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Each change of the state is one call, so a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
