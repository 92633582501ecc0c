//! Bringing the files beside the database in step with its rows, before anybody uses either.

use std::collections::HashMap;
use std::fs::{self, DirEntry, File};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use fleetlink_proto::{ContentHash, DataFile, DeviceName};
use rusqlite::Connection;

use super::data_file;
use super::folder::{
    Folder, at, is_unfinished_pyramid, make_private, orphaned_id, segment_id, sync_folder,
};
use super::open_error::OpenError;
use super::partial_name::Partial;
use super::{partials, segments};

/// The unexpected findings at the start of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Files of segments that the database does not name: uploads that were never committed, or data
    /// of which a restored database does not know. They are in `segments/orphaned` now.
    pub orphans_moved: u64,
    /// Files of segments that were replaced or deleted just before the end. They are removed.
    pub former_removed: u64,
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
    /// The device whose file it is part of.
    pub device: DeviceName,
    pub file: DataFile,
    pub segment: u64,
    /// The bytes that its file has, if it is there.
    pub found: Option<u64>,
    /// The bytes that it should have.
    pub expected: u64,
}

/// Interrupted uploads, and since when they are.
type Kept = Vec<(Partial, SystemTime)>;

/// The findings of a start.
pub(super) struct Found {
    pub(super) report: Reconciliation,
    pub(super) partials: Kept,
    /// Former segments whose files are kept by a backup or a check beside the hub.
    pub(super) former: Vec<u64>,
}

pub(super) fn run(connection: &Connection, folder: &Folder) -> Result<Found, OpenError> {
    let mut report = Reconciliation::default();
    let former = segments_of(connection, folder, &mut report)?;
    let partials = partials(folder, &mut report)?;
    for lost in &report.damaged {
        tracing::error!(device = %lost.device, file = %lost.file, segment = lost.segment,
            expected = lost.expected, found = lost.found,
            "stored data are damaged: the file of a segment is missing or of the wrong size; \
             restore it from a backup, or replace or delete the data file");
    }
    if report.former_removed + report.partials_removed > 0 {
        tracing::info!(
            former = report.former_removed,
            partials = report.partials_removed,
            "removed files that are no longer needed"
        );
    }
    Ok(Found {
        report,
        partials,
        former,
    })
}

fn segments_of(
    connection: &Connection,
    folder: &Folder,
    report: &mut Reconciliation,
) -> Result<Vec<u64>, OpenError> {
    let mut expected = in_files(connection)?;
    let mut former = former(connection)?;
    let may_remove = folder.may_remove_segments();
    let mut kept = Vec::new();
    for entry in entries(&folder.segments())? {
        let path = entry.path();
        if path == folder.orphaned() {
            continue;
        }
        let Some(id) = name(&entry).and_then(|name| segment_id(&name)) else {
            tracing::warn!(path = %path.display(), "a file that is none of the store's stays");
            continue;
        };
        let bytes = entry.metadata().map_err(at(&path))?.len();
        if let Some(segment) = expected.get_mut(&id) {
            segment.found = Some(bytes);
        } else if let Some(known) = former.get(&id)
            && is_former(&path, bytes, known).map_err(at(&path))?
        {
            if may_remove.is_none() {
                former.remove(&id);
                kept.push(id);
                continue;
            }
            fs::remove_file(&path).map_err(at(&path))?;
            report.former_removed += 1;
        } else {
            move_aside(folder, id)?;
            report.orphans_moved += 1;
        }
    }
    let forgetting = connection.unchecked_transaction()?;
    segments::forget_former(&forgetting, &former.into_keys().collect::<Vec<_>>())?;
    forgetting.commit()?;
    pyramids(folder, &expected)?;
    let damaged = expected.into_values();
    let damaged = damaged.filter(|segment| segment.found != Some(segment.expected));
    report.damaged.extend(damaged);
    report.damaged.sort_by_key(|segment| segment.segment);
    Ok(kept)
}

/// Removes the pyramids of segments that are gone, and what was left of those that were being built.
fn pyramids(folder: &Folder, segments: &HashMap<u64, DamagedSegment>) -> Result<(), OpenError> {
    for entry in entries(&folder.pyramids())? {
        let Some(name) = name(&entry) else {
            continue;
        };
        let is_former = segment_id(&name).is_some_and(|id| !segments.contains_key(&id));
        if is_former || is_unfinished_pyramid(&name) {
            let path = entry.path();
            fs::remove_file(&path).map_err(at(&path))?;
        }
    }
    Ok(())
}

/// A segment that was replaced or deleted: its bytes and their hash.
type Former = (u64, ContentHash);

fn former(connection: &Connection) -> Result<HashMap<u64, Former>, OpenError> {
    let mut select = connection.prepare("SELECT id, bytes, hash FROM former_segments")?;
    let rows = select.query_map([], |row| {
        let hash = ContentHash::from_bytes(row.get(2)?);
        Ok((row.get(0)?, (row.get(1)?, hash)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether the file is that segment. Another one of its number may be of a database that was used
/// before this one was restored.
fn is_former(path: &Path, bytes: u64, (expected, hash): &Former) -> io::Result<bool> {
    if bytes != *expected {
        return Ok(false);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(ContentHash::from(hasher.finalize()) == *hash)
}

/// Moves a segment that no data file names to a name that is free. It may be data that were
/// acknowledged, of which a database from a backup does not know.
fn move_aside(folder: &Folder, id: u64) -> Result<(), OpenError> {
    let orphaned = folder.orphaned();
    make_private(&orphaned)?;
    let names = (1_u64..).map(|n| match n {
        1 => id.to_string(),
        n => format!("{id}-{n}"),
    });
    for name in names {
        let aside = orphaned.join(name);
        if fs::exists(&aside).map_err(at(&aside))? {
            continue;
        }
        let path = folder.segment(id);
        fs::rename(&path, &aside).map_err(at(&path))?;
        sync_folder(&orphaned).map_err(at(&orphaned))?;
        folder.sync_segments().map_err(at(&path))?;
        tracing::warn!(path = %aside.display(),
            "a segment of no data file was moved aside: it belongs to an upload that was not committed, \
             or is newer than a database that was restored from a backup");
        break;
    }
    Ok(())
}

/// Larger than the number of any segment whose file is there: a database that was restored may have
/// given out fewer numbers than the one before it.
pub(super) fn next_id_beside(folder: &Folder) -> Result<u64, OpenError> {
    let mut next = 1;
    for entry in entries(&folder.segments())? {
        let id = name(&entry).and_then(|name| segment_id(&name));
        next = next.max(id.map_or(0, |id| id + 1));
    }
    let orphaned = folder.orphaned();
    if fs::exists(&orphaned).map_err(at(&orphaned))? {
        for entry in entries(&orphaned)? {
            let id = name(&entry).and_then(|name| orphaned_id(&name));
            next = next.max(id.map_or(0, |id| id + 1));
        }
    }
    Ok(next)
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
            file: data_file::read(row, 2)?,
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
        let Some(partial) = name(&entry).and_then(|name| Partial::parse(&name)) else {
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
