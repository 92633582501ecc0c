//! The findings of a check.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The faults that are kept; more are counted.
const TOLD_FAULTS: usize = 10_000;

/// A fault of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The kind of part that has it, for programs: `database`, `segment`, `data_file`, `orphan`,
    /// `pyramid`, `journal`, `account`, `people`, `key`.
    pub part: &'static str,
    /// The part that has it.
    pub place: String,
    /// The fault itself.
    pub fault: String,
    /// The way out.
    pub remedy: &'static str,
}

/// Numbers of what was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Accounts of devices.
    pub accounts: u64,
    /// Data files.
    pub data_files: u64,
    /// Segments.
    pub segments: u64,
    /// Bytes of segments.
    pub bytes: u64,
    /// Pyramids.
    pub pyramids: u64,
    /// Changes in the journal.
    pub changes: u64,
}

/// The result of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The faults, at most 10,000.
    pub faults: Vec<Fault>,
    /// More faults than these.
    pub more_faults: u64,
    /// Numbers of what was looked at.
    pub checked: Checked,
    /// Notes for the operator about what is no fault.
    pub notes: Vec<String>,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }
}

/// A result that several threads add to.
#[derive(Default)]
pub(super) struct Report(Mutex<Verified>);

impl Report {
    pub(super) fn fault(
        &self,
        part: &'static str,
        place: impl Into<String>,
        fault: impl Into<String>,
        remedy: &'static str,
    ) {
        let mut report = self.report();
        if report.faults.len() == TOLD_FAULTS {
            report.more_faults += 1;
            return;
        }
        report.faults.push(Fault {
            part,
            place: place.into(),
            fault: fault.into(),
            remedy,
        });
    }

    pub(super) fn note(&self, note: String) {
        self.report().notes.push(note);
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Checked)) {
        count(&mut self.report().checked);
    }

    pub(super) fn finish(self) -> Verified {
        let mut report = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Threads found them in any order.
        report
            .faults
            .sort_by(|one, other| (one.part, &one.place).cmp(&(other.part, &other.place)));
        report
    }

    fn report(&self) -> MutexGuard<'_, Verified> {
        // Each change is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
