//! A copy of a database, checked like a store, while the bytes of its segments come from elsewhere.

use std::path::Path;

use rusqlite::OptionalExtension;

use super::super::beside::{Beside, FiledSegment, filed_segments};
use super::report::{Report, Verified};
use super::segments::{Item, Text};
use super::{
    DATABASE_REMEDY, Step, VerifyError, data_files, database, files, journal, people, segments,
    unless_damaged,
};
use crate::watch::Watch;

/// The remedy for a part of a backup.
const BACKUP_REMEDY: &str = "take another backup";

/// The check of a backup: its faults, and its database when that is open.
#[derive(Default)]
pub(crate) struct CopyCheck {
    report: Report,
    store: Option<Beside>,
}

impl CopyCheck {
    /// Notes a fault of a part.
    pub(crate) fn fault(&self, place: impl Into<String>, fault: impl Into<String>) {
        self.report.fault("backup", place, fault, BACKUP_REMEDY);
    }

    /// Opens the database, which has the newest format. One that cannot be opened is a fault.
    pub(crate) fn open(&mut self, database: &Path, watch: &Watch) -> Result<(), VerifyError> {
        match Beside::of_copy(database) {
            Ok(store) => {
                watch.interrupts(store.interrupt())?;
                self.store = Some(store);
            }
            Err(error) => {
                let error = error.to_string();
                self.report
                    .fault("database", "hub.db", error, DATABASE_REMEDY);
            }
        }
        Ok(())
    }

    /// Compares the text of a segment that has a file with its row.
    pub(crate) fn segment(&self, id: u64, text: &Text) -> Result<(), VerifyError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let select = format!("SELECT {} FROM segments WHERE id = ?1", segments::COLUMNS);
        let look = || -> rusqlite::Result<Option<Item>> {
            let mut select = store.connection.prepare_cached(&select)?;
            select.query_row([id], segments::item).optional()
        };
        match look() {
            Ok(item) => {
                // Of another text the comparison with the manifest tells.
                let item = item.filter(|item| text.is_of(item));
                if let Some(item) = item
                    && let Some(fault) = text.fault(&item)
                {
                    segments::tell(&item, fault, &self.report);
                }
                Ok(())
            }
            Err(error) => unless_damaged(Err(error.into()), &self.report),
        }
    }

    /// Checks everything but the segments that have files; the hub's key is in `folder`.
    pub(crate) fn rows(&self, folder: &Path, watch: &Watch) -> Result<(), VerifyError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let steps: [Step; 5] = [
            database::check,
            people::check,
            data_files::check,
            journal::check,
            segments::check_rows,
        ];
        for step in steps {
            watch.check()?;
            unless_damaged(step(store, &self.report, watch), &self.report)?;
        }
        unless_damaged(files::key(store, folder, &self.report), &self.report)
    }

    /// Tells of each segment that has a file, by number.
    pub(crate) fn filed_segments(
        &self,
        mut tell: impl FnMut(FiledSegment),
    ) -> Result<(), VerifyError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let told = filed_segments(&store.connection, |segment| {
            tell(segment);
            Ok::<(), rusqlite::Error>(())
        });
        unless_damaged(told.map_err(VerifyError::from), &self.report)
    }

    /// Whether there is a database to compare with.
    pub(crate) fn has_database(&self) -> bool {
        self.store.is_some()
    }

    /// The findings.
    pub(crate) fn finish(self) -> Verified {
        self.report.finish()
    }
}
