//! Bringing the files beside the database in step with its rows, before anybody uses either.

use std::collections::HashMap;
use std::fs::{self, DirEntry};
use std::path::Path;
use std::time::SystemTime;

use fleetlink_proto::{DeviceName, FileId};
use rusqlite::Connection;

use super::folder::{Folder, PartialName, at, segment_id};
use super::open_error::OpenError;
use super::partials;

/// What was found at the start of a store, beside what was to be expected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Files of segments that no row named: uploads that were never committed, or what was replaced
    /// just before the end. They are removed.
    pub orphans_removed: u64,
    /// Segments whose file is missing or of the wrong size. Their file stays listed; reading it is
    /// `Corrupt`.
    pub damaged: Vec<DamagedSegment>,
    /// Interrupted uploads that can be resumed.
    pub partials_kept: u64,
    /// Interrupted uploads that were too old, or too many for their device. They are removed.
    pub partials_removed: u64,
}

/// A segment that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedSegment {
    /// Whose file it is part of.
    pub device: DeviceName,
    /// Which file.
    pub file: FileId,
    /// The segment.
    pub segment: u64,
    /// The bytes that its file has, if it is there.
    pub found: Option<u64>,
    /// The bytes that it should have.
    pub expected: u64,
}

/// Interrupted uploads, and since when they are.
pub(super) type Kept = Vec<(PartialName, SystemTime)>;

pub(super) fn run(
    connection: &Connection,
    folder: &Folder,
) -> Result<(Reconciliation, Kept), OpenError> {
    let mut report = Reconciliation::default();
    segments(connection, folder, &mut report)?;
    let kept = partials(folder, &mut report)?;
    for lost in &report.damaged {
        tracing::error!(device = %lost.device, file = %lost.file, segment = lost.segment,
            expected = lost.expected, found = lost.found, "stored data are damaged");
    }
    if report.orphans_removed + report.partials_removed > 0 {
        tracing::info!(
            orphans = report.orphans_removed,
            partials = report.partials_removed,
            "removed files that no commit named"
        );
    }
    Ok((report, kept))
}

/// Whether there is any file of a segment.
pub(super) fn has_segments(folder: &Folder) -> Result<bool, OpenError> {
    Ok(entries(&folder.segments())?
        .iter()
        .any(|entry| name(entry).is_some_and(|name| segment_id(&name).is_some())))
}

fn segments(
    connection: &Connection,
    folder: &Folder,
    report: &mut Reconciliation,
) -> Result<(), OpenError> {
    let mut expected = in_files(connection)?;
    for entry in entries(&folder.segments())? {
        let path = entry.path();
        let Some(id) = name(&entry).and_then(|name| segment_id(&name)) else {
            tracing::warn!(path = %path.display(), "a file that is none of the store's stays");
            continue;
        };
        let Some(segment) = expected.get_mut(&id) else {
            fs::remove_file(&path).map_err(at(&path))?;
            report.orphans_removed += 1;
            continue;
        };
        segment.found = Some(entry.metadata().map_err(at(&path))?.len());
    }
    let damaged = expected.into_values();
    let damaged = damaged.filter(|segment| segment.found != Some(segment.expected));
    report.damaged.extend(damaged);
    report.damaged.sort_by_key(|segment| segment.segment);
    Ok(())
}

/// The segments whose bytes are in files, none of which is found yet.
fn in_files(connection: &Connection) -> Result<HashMap<u64, DamagedSegment>, OpenError> {
    let select = "SELECT id, device, file, bytes FROM segments WHERE body IS NULL";
    let mut select = connection.prepare(select)?;
    let mut rows = select.query([])?;
    let mut segments = HashMap::new();
    while let Some(row) = rows.next()? {
        let (segment, device): (u64, String) = (row.get(0)?, row.get(1)?);
        let device = device.parse();
        let lost = DamagedSegment {
            device: device.map_err(|_| OpenError::Damaged("the name of a device".to_owned()))?,
            file: FileId::new(row.get(2)?),
            segment,
            found: None,
            expected: row.get(3)?,
        };
        segments.insert(segment, lost);
    }
    Ok(segments)
}

fn partials(folder: &Folder, report: &mut Reconciliation) -> Result<Kept, OpenError> {
    let mut kept = Vec::new();
    for entry in entries(&folder.partials())? {
        let path = entry.path();
        let Some(partial) = name(&entry).and_then(|name| PartialName::parse(&name)) else {
            tracing::warn!(path = %path.display(), "a file that is none of the store's stays");
            continue;
        };
        let written = entry.metadata().and_then(|data| data.modified());
        kept.push((partial, written.map_err(at(&path))?));
    }
    let surplus = partials::surplus(&kept, SystemTime::now());
    for partial in &surplus {
        let path = folder.partial(partial);
        fs::remove_file(&path).map_err(at(&path))?;
    }
    kept.retain(|(partial, _)| !surplus.contains(partial));
    report.partials_removed = surplus.len() as u64;
    report.partials_kept = kept.len() as u64;
    Ok(kept)
}

fn entries(path: &Path) -> Result<Vec<DirEntry>, OpenError> {
    let entries = fs::read_dir(path).and_then(Iterator::collect);
    entries.map_err(at(path))
}

fn name(entry: &DirEntry) -> Option<String> {
    entry.file_name().into_string().ok()
}
