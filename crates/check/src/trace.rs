//! The last input that the checked server received.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::finding::shown;

/// Remembers which check sent which input last, so that a server's death is reported with the input
/// that preceded it. Clones share one memory.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    shared: Arc<Mutex<Inputs>>,
}

#[derive(Debug, Default)]
struct Inputs {
    /// The place of the check that runs.
    check: usize,
    last: Option<Input>,
}

/// An input that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    /// The place of the check that sent it.
    pub(super) check: usize,
    /// The bytes, as a person can read them.
    pub(super) shown: String,
    /// Whether it may be what a server dies of.
    suspect: bool,
}

impl Trace {
    /// Notes that the server received these bytes; the server was there until now.
    pub fn note(&self, input: &[u8]) {
        self.keep(input, true);
    }

    /// Notes a good request that was answered. A server may die a little later: what the same check
    /// has sent before stays the suspect.
    pub fn note_good(&self, request: &[u8]) {
        self.keep(request, false);
    }

    fn keep(&self, input: &[u8], suspect: bool) {
        let shown = if input.is_empty() {
            "a connection or datagram without a byte".to_owned()
        } else {
            shown(input)
        };
        let mut inputs = self.lock();
        let check = inputs.check;
        let of_this_check = |last: &Input| last.check == check && last.suspect;
        if suspect || !inputs.last.as_ref().is_some_and(of_this_check) {
            inputs.last = Some(Input {
                check,
                shown,
                suspect,
            });
        }
    }

    /// From here on the check at this place sends.
    pub(super) fn begin(&self, check: usize) {
        self.lock().check = check;
    }

    pub(super) fn last(&self) -> Option<Input> {
        self.lock().last.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inputs> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
