//! Long work that somebody watches: how far it is, and whether it is to end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::InterruptHandle;

/// The progress of long work, and the way to end it. Clones share one work.
#[derive(Clone, Default)]
pub struct Watch(Arc<State>);

#[derive(Default)]
struct State {
    done: AtomicU64,
    total: AtomicU64,
    is_stopped: AtomicBool,
    /// Ends a statement of a database that takes long.
    statement: Mutex<Option<InterruptHandle>>,
}

/// Somebody has stopped the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was stopped")]
pub struct Stopped;

impl Watch {
    /// The bytes that are done, and all of them; 0 of 0 where that is not known yet.
    pub fn progress(&self) -> (u64, u64) {
        let number = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (number(&self.0.done), number(&self.0.total))
    }

    /// Ends the work soon.
    pub fn stop(&self) {
        self.0.is_stopped.store(true, Ordering::SeqCst);
        if let Some(statement) = &*self.statement() {
            statement.interrupt();
        }
    }

    /// Begins work on so many bytes.
    pub(crate) fn begin(&self, total: u64) {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
    }

    /// Notes bytes that are done.
    pub(crate) fn add(&self, bytes: u64) -> Result<(), Stopped> {
        self.0.done.fetch_add(bytes, Ordering::Relaxed);
        self.check()
    }

    /// Tells whether the work goes on.
    pub(crate) fn check(&self) -> Result<(), Stopped> {
        match self.0.is_stopped.load(Ordering::SeqCst) {
            true => Err(Stopped),
            false => Ok(()),
        }
    }

    /// From here on a stop ends the statement that this handle is for.
    pub(crate) fn interrupts(&self, statement: InterruptHandle) -> Result<(), Stopped> {
        *self.statement() = Some(statement);
        self.check()
    }

    fn statement(&self) -> MutexGuard<'_, Option<InterruptHandle>> {
        // It is one value.
        self.0
            .statement
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
