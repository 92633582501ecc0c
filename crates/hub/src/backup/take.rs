//! Taking the store at one moment: the copy of its database, its small files and its manifest.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};

use fleetlink_proto::{ContentHash, Escaped, WallTime};

use super::error::{BackupError, at};
use super::files::{self, CopyError};
use super::manifest::{BackupInfo, FORMAT, ManifestReader, ManifestWriter, Member};
use super::part::{Part, SMALL};
use super::workshop::Workshop;
use crate::driver::wall_time;
use crate::identity;
use crate::store::sqlite::{Beside, CopyCheck, DATABASE, DatabaseCopy, newest_format};
use crate::watch::Watch;

/// The name of the manifest in the workshop.
const MANIFEST: &str = "manifest";
/// A small file is no larger.
const SMALL_BYTES: u64 = 1 << 20;

/// A store at one moment. What the manifest names can be read until this is dropped.
pub(super) struct Taken<'a> {
    workshop: &'a Workshop,
    store: Beside,
    copy: DatabaseCopy,
    info: BackupInfo,
}

impl<'a> Taken<'a> {
    /// Copies the database and the small files, and writes the manifest.
    pub(super) fn take(
        data: &Path,
        workshop: &'a Workshop,
        watch: &Watch,
    ) -> Result<Self, BackupError> {
        let store = Beside::open(data)?;
        watch.interrupts(store.interrupt())?;
        let at_time = wall_time();
        let path = workshop.path(DATABASE);
        // Before SQLite writes to it, for the user alone.
        drop(files::create(&path)?);
        store.copy_database(&path)?;
        let mut small = Vec::new();
        for part in SMALL {
            if let Some(member) = copy_small(store.root(), part, workshop)? {
                small.push(member);
            }
        }
        let pin = identity::inspect(&workshop.path("")).map_err(|error| {
            let part = Part::Key.to_string();
            let fault = error.to_string();
            BackupError::DamagedStore { part, fault }
        })?;
        let copy = DatabaseCopy::open(&path)?;
        refuse_damaged(&copy, &path, &workshop.path(""), watch)?;
        let (bytes, blake3) = files::hash(&path, watch)?;
        let database = Member {
            part: Part::Database,
            bytes,
            blake3,
        };
        let small_bytes: u64 = small.iter().map(|member| member.bytes).sum();
        let info = BackupInfo {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            store_format: copy.format()?,
            at: at_time,
            pin,
            counts: copy.counts()?,
            part_bytes: bytes + small_bytes + copy.filed_bytes()?,
        };
        let taken = Taken {
            workshop,
            store,
            copy,
            info,
        };
        taken.write_manifest(&database, &small)?;
        watch.begin(taken.info.part_bytes);
        Ok(taken)
    }

    fn write_manifest(&self, database: &Member, small: &[Member]) -> Result<(), BackupError> {
        let path = self.manifest_path();
        let written = at(&path);
        let out = BufWriter::new(files::create(&path)?);
        let mut manifest = ManifestWriter::begin(out, &self.info).map_err(&written)?;
        manifest.add(database).map_err(&written)?;
        for member in small {
            manifest.add(member).map_err(&written)?;
        }
        self.copy.filed_segments(|segment| {
            let member = Member {
                part: Part::Segment(segment.id),
                bytes: segment.bytes,
                blake3: ContentHash::from_bytes(segment.hash),
            };
            manifest.add(&member).map_err(&written)
        })?;
        let out = manifest.finish().map_err(&written)?;
        let file = out
            .into_inner()
            .map_err(|error| written(error.into_error()))?;
        file.sync_all().map_err(&written)
    }

    pub(super) fn info(&self) -> &BackupInfo {
        &self.info
    }

    /// The path of the manifest, which is whole and durable.
    pub(super) fn manifest_path(&self) -> PathBuf {
        self.workshop.path(MANIFEST)
    }

    /// The manifest.
    pub(super) fn manifest(&self) -> Result<ManifestReader<BufReader<File>>, BackupError> {
        let path = self.manifest_path();
        let file = File::open(&path).map_err(at(&path))?;
        ManifestReader::begin(BufReader::new(file))
    }

    /// Copies a part to `target`, at `path`.
    pub(super) fn copy(
        &self,
        member: &Member,
        target: &mut dyn io::Write,
        path: &Path,
        watch: &Watch,
    ) -> Result<(), BackupError> {
        let source = match member.part {
            Part::Segment(id) => self.store.segment(id),
            part => self.workshop.path(&part.to_string()),
        };
        let mut file = File::open(&source).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => self.damaged(member.part, "its file is missing".to_owned()),
            _ => at(&source)(error),
        })?;
        files::copy(&mut file, member, target, watch).map_err(|error| match error {
            CopyError::Source(fault) => self.damaged(member.part, fault),
            CopyError::Target(error) => at(path)(error),
            CopyError::Stopped(stopped) => stopped.into(),
        })
    }

    fn damaged(&self, part: Part, fault: String) -> BackupError {
        let part = match part {
            Part::Segment(id) => segment_of(&self.copy, id),
            part => part.to_string(),
        };
        BackupError::DamagedStore { part, fault }
    }
}

fn segment_of(copy: &DatabaseCopy, id: u64) -> String {
    match copy.owner(id) {
        Some(owner) => Escaped(&format!("segment {id} of {owner}")).to_string(),
        None => format!("segment {id}"),
    }
}

/// Checks the copy as a restore will: what it would refuse is not backed up. Of an earlier format, the
/// rows are compared with their hashes alone.
fn refuse_damaged(
    copy: &DatabaseCopy,
    path: &Path,
    folder: &Path,
    watch: &Watch,
) -> Result<(), BackupError> {
    if usize::try_from(copy.format()?) != Ok(newest_format()) {
        return match copy.damaged_row()? {
            None => Ok(()),
            Some(id) => Err(BackupError::DamagedStore {
                part: segment_of(copy, id),
                fault: "its bytes are not those of its hash".to_owned(),
            }),
        };
    }
    let mut check = CopyCheck::default();
    check.open(path, watch)?;
    check.rows(folder, watch)?;
    match check.finish().faults.into_iter().next() {
        None => Ok(()),
        Some(fault) => Err(BackupError::DamagedStore {
            part: Escaped(&fault.place).to_string(),
            fault: Escaped(&fault.fault).to_string(),
        }),
    }
}

/// Copies a small file as it is at this moment; `None` where there is none.
fn copy_small(root: &Path, part: Part, workshop: &Workshop) -> Result<Option<Member>, BackupError> {
    let path = root.join(part.to_string());
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(at(&path))?,
    };
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let read = file.take(SMALL_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(at(&path))?;
    if bytes.len() as u64 > SMALL_BYTES {
        let error = io::Error::other("it is larger than 1 MiB, so it is none of the hub's");
        return Err(at(&path)(error));
    }
    let copy = workshop.path(&part.to_string());
    drop(files::create(&copy)?);
    fs::write(&copy, &bytes).map_err(at(&copy))?;
    Ok(Some(Member {
        part,
        bytes: bytes.len() as u64,
        blake3: ContentHash::of(&bytes),
    }))
}

/// The time as the name of a backup has it.
pub(super) fn name_of(at: WallTime) -> String {
    let text = at.to_string();
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}
