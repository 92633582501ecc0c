//! The clock of a lease service.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A clock that never goes back: nothing that sets the wall clock frees or keeps an id.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's monotonic clock, from this instant on.
    Monotonic(Instant),
    /// Nanoseconds that somebody else sets: a test that knows every request's time.
    Manual(Arc<AtomicU64>),
}

impl Default for Clock {
    fn default() -> Self {
        Clock::Monotonic(Instant::now())
    }
}

impl Clock {
    /// The time since the clock began.
    pub(super) fn now(&self) -> Duration {
        match self {
            Clock::Monotonic(begin) => begin.elapsed(),
            Clock::Manual(nanos) => Duration::from_nanos(nanos.load(Ordering::SeqCst)),
        }
    }
}
