//! Data files against their segments.

use fleetlink_proto::samples::Summary;
use fleetlink_proto::{DataFile, DeviceName};
use rusqlite::{Connection, params};

use super::super::beside::Beside;
use super::super::data_file::{self, Column};
use super::super::error::OpError;
use super::super::files::{self, StoredFile, Totals};
use super::report::Report;
use super::{DATA_REMEDY, DATABASE_REMEDY, VerifyError, words};
use crate::watch::Watch;

/// Data files that are looked at in one transaction.
const PAGE: u32 = 64;

/// The counts, sums and versions of each data file.
pub(super) fn check(store: &Beside, report: &Report, watch: &Watch) -> Result<(), VerifyError> {
    let mut after: Option<(String, DataFile)> = None;
    loop {
        watch.check()?;
        // One state for the rows of files and segments.
        let state = store.connection.unchecked_transaction()?;
        let largest: u64 = state.query_row(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'journal'",
            [],
            |row| row.get(0),
        )?;
        let page = match names(&state, after.as_ref()) {
            Ok(page) => page,
            Err(error) => {
                let fault = format!("the name of a data file cannot be read: {}", words(error)?);
                report.fault("data_file", "hub.db", fault, DATABASE_REMEDY);
                return Ok(());
            }
        };
        let Some((device, file)) = page.last().cloned() else {
            return Ok(());
        };
        for (device, file) in &page {
            let place = super::place(device, &file.to_string());
            match fault_of(&state, device, file, largest) {
                Ok(None) => {}
                Ok(Some(fault)) => report.fault("data_file", place, fault, DATA_REMEDY),
                Err(error) => report.fault("data_file", place, words(error)?, DATA_REMEDY),
            }
        }
        report.count(|checked| checked.data_files += page.len() as u64);
        after = Some((device, file));
    }
}

fn names(
    state: &Connection,
    after: Option<&(String, DataFile)>,
) -> Result<Vec<(String, DataFile)>, OpError> {
    let device = after.map_or("", |(device, _)| device);
    let file = data_file::before(after.map(|(_, file)| file));
    let mut select = state.prepare_cached(
        "SELECT device, file FROM files WHERE (device, file) > (?1, ?2) \
         ORDER BY device, file LIMIT ?3",
    )?;
    let rows = select.query_map(params![device, file, PAGE], |row| {
        Ok((row.get(0)?, data_file::read(row, 1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The fault of a data file, if it has one.
fn fault_of(
    state: &Connection,
    device: &str,
    file: &DataFile,
    largest_version: u64,
) -> Result<Option<String>, OpError> {
    let Ok(name) = device.parse::<DeviceName>() else {
        return Ok(Some("its device has an impossible name".to_owned()));
    };
    let Some(StoredFile {
        version, totals, ..
    }) = files::find(state, &name, file)?
    else {
        return Ok(Some("it cannot be found by its name".to_owned()));
    };
    if version.get() > largest_version {
        return Ok(Some(
            "its version is of no change of the journal".to_owned(),
        ));
    }
    let mut found = Totals::default();
    let mut select = state.prepare_cached(
        "SELECT bytes, ends_open, summary FROM segments \
         WHERE device = ?1 AND file = ?2 ORDER BY position",
    )?;
    let mut rows = select.query(params![device, Column(file)])?;
    while let Some(row) = rows.next()? {
        let summary: Vec<u8> = row.get(2)?;
        let Ok(summary) = Summary::from_bytes(&summary) else {
            return Ok(Some("the summary of a segment cannot be read".to_owned()));
        };
        if let Err(error) = found.append(row.get(0)?, &summary, row.get(1)?) {
            return Ok(Some(format!("its segments do not go together: {error}")));
        }
    }
    Ok(differs(&totals, &found).map(str::to_owned))
}

fn differs(noted: &Totals, found: &Totals) -> Option<&'static str> {
    if noted.segments != found.segments {
        return Some("it has another number of segments than its row says");
    }
    if noted.bytes != found.bytes || noted.ends_open != found.ends_open {
        return Some("its segments have another length than its row says");
    }
    (noted.summary != found.summary).then_some("its summary is not that of its segments")
}
