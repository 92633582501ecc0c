//! Checking backups where they are.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Serialize;

use super::archive;
use super::error::{BackupError, at};
use super::files;
use super::folder::BackupFolder;
use super::manifest::{BackupInfo, ManifestReader, Member};
use super::part::Part;
use super::reading::Sink;
use crate::store::sqlite::{DatabaseCopy, FiledSegment};
use crate::watch::Watch;

/// The result of a check of backups.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BackupVerified {
    /// The backups that are whole, with their names in a folder.
    pub whole: Vec<(Option<String>, BackupInfo)>,
    /// One sentence for each backup that is not.
    pub faults: Vec<String>,
}

/// Checks a file, one backup of a folder, or all of a folder.
pub(super) fn verify(
    from: &Path,
    wanted: Option<&str>,
    watch: &Watch,
) -> Result<BackupVerified, BackupError> {
    let scratch = tempfile::tempdir().map_err(at(&std::env::temp_dir()))?;
    if !std::fs::metadata(from).map_err(at(from))?.is_dir() {
        return verify_file(from, scratch.path(), watch);
    }
    let folder = BackupFolder::open(from)?;
    let names = match wanted {
        Some(_) => vec![folder.find(wanted)?],
        None => folder.names()?,
    };
    if names.is_empty() {
        folder.find(None)?;
    }
    let mut verified = BackupVerified::default();
    let mut checked = HashSet::new();
    for name in names {
        match verify_one(&folder, &name, &mut checked, watch) {
            Ok(info) => verified.whole.push((Some(name), info)),
            Err(BackupError::Stopped(stopped)) => return Err(stopped.into()),
            Err(error) => verified.faults.push(format!("{name}: {error}")),
        }
    }
    Ok(verified)
}

fn verify_file(from: &Path, scratch: &Path, watch: &Watch) -> Result<BackupVerified, BackupError> {
    let manifest = scratch.join("manifest");
    let database = scratch.join("hub.db");
    let mut sink = Checking {
        database: &database,
        watch,
    };
    let mut verified = BackupVerified::default();
    let checked = archive::read(from, &manifest, &mut sink)
        .and_then(|info| references(&database, &manifest).map(|()| info));
    match checked {
        Ok(info) => verified.whole.push((None, info)),
        Err(error @ BackupError::Damaged { .. }) => verified.faults.push(error.to_string()),
        Err(error) => return Err(error),
    }
    Ok(verified)
}

/// Each object is read once, however many backups name it.
fn verify_one(
    folder: &BackupFolder,
    name: &str,
    checked: &mut HashSet<[u8; 32]>,
    watch: &Watch,
) -> Result<BackupInfo, BackupError> {
    let mut members = folder.manifest(name)?;
    watch.begin(members.info().part_bytes);
    let mut database = None;
    while let Some(member) = members.next()? {
        if member.part == Part::Database {
            database = Some(folder.object(&member.blake3));
        }
        if checked.contains(member.blake3.as_bytes()) {
            watch.add(member.bytes)?;
            continue;
        }
        let mut file = folder.open_object(&member)?;
        compare(&mut file, &member, watch)?;
        checked.insert(*member.blake3.as_bytes());
    }
    let info = members.info().clone();
    if let Some(database) = database {
        compare_references(&database, folder.manifest(name)?)?;
    }
    Ok(info)
}

fn compare(bytes: &mut dyn Read, member: &Member, watch: &Watch) -> Result<(), BackupError> {
    let copied = files::copy(bytes, member, &mut std::io::sink(), watch);
    copied.map_err(|error| error.of_backup(member, Path::new("")))
}

/// Keeps the database alone.
struct Checking<'a> {
    database: &'a Path,
    watch: &'a Watch,
}

impl Sink for Checking<'_> {
    fn begin(&mut self, info: &BackupInfo) -> Result<(), BackupError> {
        self.watch.begin(info.part_bytes);
        Ok(())
    }

    fn part(&mut self, member: &Member, bytes: &mut dyn Read) -> Result<(), BackupError> {
        if member.part != Part::Database {
            return compare(bytes, member, self.watch);
        }
        let mut file = files::create(self.database)?;
        files::copy(bytes, member, &mut file, self.watch)
            .map_err(|error| error.of_backup(member, self.database))
    }
}

/// Compares the segments that a copy of a database names with those of its manifest.
pub(super) fn references(database: &Path, manifest: &Path) -> Result<(), BackupError> {
    let file = File::open(manifest).map_err(at(manifest))?;
    compare_references(database, ManifestReader::begin(BufReader::new(file))?)
}

fn compare_references<R: std::io::BufRead>(
    database: &Path,
    mut members: ManifestReader<R>,
) -> Result<(), BackupError> {
    let unreadable = |error: rusqlite::Error| BackupError::damaged(Part::Database, error);
    let copy = DatabaseCopy::open(database).map_err(unreadable)?;
    copy.check().map_err(unreadable)?.map_or(Ok(()), |fault| {
        Err(BackupError::damaged(Part::Database, fault))
    })?;
    let format = copy.format().map_err(unreadable)?;
    if format != members.info().store_format {
        let fault = "it has another format than the manifest says";
        return Err(BackupError::damaged(Part::Database, fault));
    }
    // Both are in the order of their numbers.
    copy.filed_segments(|segment| match next_segment(&mut members)? {
        Some(member) if is_of(&member, &segment) => Ok(()),
        _ => {
            let part = Part::Segment(segment.id);
            let fault = "the database names it, and the manifest does not";
            Err(BackupError::damaged(part, fault))
        }
    })?;
    match next_segment(&mut members)? {
        None => Ok(()),
        Some(member) => {
            let fault = "the manifest names it, and the database does not";
            Err(BackupError::damaged(member.part, fault))
        }
    }
}

fn next_segment<R: std::io::BufRead>(
    members: &mut ManifestReader<R>,
) -> Result<Option<Member>, BackupError> {
    loop {
        match members.next()? {
            Some(member) if matches!(member.part, Part::Segment(_)) => return Ok(Some(member)),
            Some(_) => {}
            None => return Ok(None),
        }
    }
}

fn is_of(member: &Member, segment: &FiledSegment) -> bool {
    (member.part, member.bytes, *member.blake3.as_bytes())
        == (Part::Segment(segment.id), segment.bytes, segment.hash)
}
