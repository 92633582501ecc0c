//! The lines that the hub has not acknowledged, in their order.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::AppendRules;
use crate::Error;
use crate::limits::{APPEND_BATCH_BYTES, APPEND_HELD_BYTES};

/// Whole lines in the strict form, which are committed together.
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) samples: u64,
}

/// A bounded queue between the reader of the input and the sender.
pub(super) struct Queue {
    rules: AppendRules,
    state: Mutex<State>,
    /// More has come, or the end.
    came: Notify,
    /// The hub has taken some.
    went: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Batch>,
    bytes: usize,
    samples: u64,
    /// The time at which the first of them came.
    since: Option<Instant>,
    ended: Option<Instant>,
    /// All samples that were read, and those of them that were rounded.
    read: (u64, u64),
}

impl Queue {
    pub(super) fn new(rules: AppendRules) -> Self {
        Queue {
            rules,
            state: Mutex::default(),
            came: Notify::new(),
            went: Notify::new(),
        }
    }

    /// Waits until there is room for more.
    pub(super) async fn room(&self) {
        while self.is_full() {
            self.went.notified().await;
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.state().bytes >= APPEND_HELD_BYTES
    }

    /// Adds lines; `read` counts the samples that were read and rounded so far, these included.
    pub(super) fn push(&self, bytes: Vec<u8>, read: (u64, u64)) {
        let mut state = self.state();
        let samples = read.0 - state.read.0;
        state.read = read;
        if samples > 0 {
            state.bytes += bytes.len();
            state.samples += samples;
            state.since.get_or_insert_with(Instant::now);
            state.waiting.push_back(Batch { bytes, samples });
        }
        self.came.notify_one();
    }

    /// Nothing comes any more.
    pub(super) fn end(&self) {
        self.state().ended.get_or_insert_with(Instant::now);
        self.came.notify_one();
    }

    /// The samples that were read, and those of them that were rounded.
    pub(super) fn read(&self) -> (u64, u64) {
        self.state().read
    }

    /// The next lines to commit, once they have waited long enough or are many enough; nothing at
    /// the end.
    pub(super) async fn take(&self) -> Option<Batch> {
        loop {
            let due = {
                let mut state = self.state();
                let due = state.since.map(|since| since + self.rules.every);
                let many = state.samples >= self.rules.lines.max(1);
                if many || state.ended.is_some() || due.is_some_and(|due| due <= Instant::now()) {
                    if let Some(batch) = state.take() {
                        return Some(batch);
                    }
                    if state.ended.is_some() {
                        return None;
                    }
                }
                due
            };
            match due {
                None => self.came.notified().await,
                Some(due) => tokio::select! {
                    () = self.came.notified() => {}
                    () = sleep_until(due) => {}
                },
            }
        }
    }

    /// The hub has acknowledged a batch of this size.
    pub(super) fn acknowledged(&self, bytes: usize) {
        self.state().bytes -= bytes;
        self.went.notify_one();
    }

    /// Resolves when the input has ended for longer than a hub that is away is waited for.
    pub(super) async fn overdue(&self) {
        loop {
            let ended = self.state().ended;
            match ended {
                Some(ended) => return sleep_until(ended + self.rules.retry_for).await,
                None => self.came.notified().await,
            }
        }
    }

    /// The failure of a commit that the hub has not answered when it is [overdue](Self::overdue).
    pub(super) fn too_late(&self) -> Error {
        Error::timed_out("upload.commit", self.rules.retry_for)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// As many of the waiting lines as one batch takes. Their bytes count until they are
    /// acknowledged.
    fn take(&mut self) -> Option<Batch> {
        let mut batch = self.waiting.pop_front()?;
        while let Some(next) = self.waiting.front() {
            if batch.bytes.len() + next.bytes.len() > APPEND_BATCH_BYTES {
                break;
            }
            let Some(next) = self.waiting.pop_front() else {
                break;
            };
            batch.bytes.extend(next.bytes);
            batch.samples += next.samples;
        }
        self.samples -= batch.samples;
        self.since = self.waiting.front().map(|_| Instant::now());
        Some(batch)
    }
}
