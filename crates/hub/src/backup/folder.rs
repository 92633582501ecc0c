//! A folder that several backups share: each part is there once, under its hash.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use fleetlink_proto::{ContentHash, Escaped};

use super::error::{BackupError, at};
use super::files::{self, CopyError};
use super::manifest::{BackupInfo, ManifestReader, Member};
use super::reading::Sink;
use super::take::{Taken, name_of};
use super::{BackedUp, Workshop};
use crate::store::sqlite::{make_private_folder, private_file};
use crate::watch::Watch;

const MARK: &str = "fleetlink-backups";
const MANIFESTS: &str = "manifests";
const OBJECTS: &str = "objects";
const UNFINISHED: &str = "unfinished";

/// The folder, locked: by one process that writes, or by several that read.
pub(super) struct BackupFolder {
    root: PathBuf,
    _lock: File,
}

impl BackupFolder {
    /// Opens the folder for a new backup; makes it where it is missing or empty.
    fn open_or_make(root: &Path) -> Result<Self, BackupError> {
        let mark = root.join(MARK);
        if !mark.exists() {
            let is_used = fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some());
            if is_used {
                return Err(BackupError::NoBackupFolder(root.to_owned()));
            }
            make_private_folder(root)?;
        }
        let mut options = private_file();
        let options = options.write(true).create(true).truncate(false);
        let lock = options.open(&mark).map_err(at(&mark))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::Busy(root.to_owned())),
            Err(TryLockError::Error(error)) => return Err(at(&mark)(error)),
        }
        for part in [MANIFESTS, OBJECTS] {
            make_private_folder(&root.join(part))?;
        }
        Ok(BackupFolder {
            root: root.to_owned(),
            _lock: lock,
        })
    }

    /// Opens the folder to read from it.
    pub(super) fn open(root: &Path) -> Result<Self, BackupError> {
        let mark = root.join(MARK);
        let lock = File::open(&mark).map_err(|_| BackupError::NoBackup {
            path: root.to_owned(),
            why: format!("it has no file {MARK}"),
        })?;
        match lock.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::Busy(root.to_owned())),
            Err(TryLockError::Error(error)) => return Err(at(&mark)(error)),
        }
        Ok(BackupFolder {
            root: root.to_owned(),
            _lock: lock,
        })
    }

    /// The names of the backups, the oldest first.
    pub(super) fn names(&self) -> Result<Vec<String>, BackupError> {
        let folder = self.root.join(MANIFESTS);
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(&folder).map_err(at(&folder))? {
            let name = entry.map_err(at(&folder))?.file_name();
            if let Some((number, name)) = name.to_str().and_then(numbered) {
                names.insert((number, name));
            }
        }
        Ok(names.into_iter().map(|(_, name)| name).collect())
    }

    /// The backup that is meant: by its name or number, or the newest.
    pub(super) fn find(&self, wanted: Option<&str>) -> Result<String, BackupError> {
        let names = self.names()?;
        let number = wanted.and_then(|wanted| wanted.parse::<u64>().ok());
        let is_meant = |name: &&String| match wanted {
            None => true,
            Some(wanted) => name.as_str() == wanted || numbered(name).map(|(n, _)| n) == number,
        };
        let found = names.iter().rfind(is_meant);
        found.cloned().ok_or_else(|| match wanted {
            None => BackupError::NoBackup {
                path: self.root.clone(),
                why: "there is no backup in it yet".to_owned(),
            },
            Some(wanted) => BackupError::NoManifest {
                folder: self.root.clone(),
                name: wanted.escape_debug().to_string(),
                there: Escaped(&names.join(", ")).to_string(),
            },
        })
    }

    /// A backup's manifest.
    pub(super) fn manifest(
        &self,
        name: &str,
    ) -> Result<ManifestReader<BufReader<File>>, BackupError> {
        let path = self.root.join(MANIFESTS).join(name);
        let file = File::open(&path).map_err(at(&path))?;
        ManifestReader::begin(BufReader::new(file)).map_err(|error| match error {
            BackupError::Damaged { fault, .. } => {
                BackupError::damaged(format!("{MANIFESTS}/{name}"), fault)
            }
            error => error,
        })
    }

    /// The path of the object of this hash.
    pub(super) fn object(&self, hash: &ContentHash) -> PathBuf {
        let hash = hash.to_string();
        let (first, rest) = hash.split_at(2);
        self.root.join(OBJECTS).join(first).join(rest)
    }

    /// Adds what is missing of the parts of a manifest; the bytes that were written.
    fn add_objects(
        &self,
        taken: &Taken<'_>,
        workshop: &Workshop,
        watch: &Watch,
    ) -> Result<u64, BackupError> {
        let (mut written, mut folders) = (0, BTreeSet::new());
        let mut members = taken.manifest()?;
        while let Some(member) = members.next()? {
            let path = self.object(&member.blake3);
            if is_whole(&path, &member, watch)? {
                continue;
            }
            let new = workshop.path("object");
            let mut file = files::create(&new)?;
            taken.copy(&member, &mut file, &new, watch)?;
            file.sync_all().map_err(at(&new))?;
            let folder = path.parent().unwrap_or(&self.root).to_owned();
            make_private_folder(&folder)?;
            files::rename(&new, &path, true)?;
            folders.insert(folder);
            written += member.bytes;
        }
        for folder in folders {
            files::sync_folder(&folder)?;
        }
        Ok(written)
    }

    /// Removes the oldest backups, and the objects that no other one names: also those of a backup that
    /// did not come to its end.
    fn keep(&self, most: usize) -> Result<usize, BackupError> {
        let mut names = self.names()?;
        let surplus = names.len().saturating_sub(most.max(1));
        let removed: Vec<String> = names.drain(..surplus).collect();
        // Before anything goes: where a manifest cannot be read, nobody knows what it names.
        let mut named = HashSet::new();
        for name in &names {
            let mut members = self.manifest(name)?;
            while let Some(member) = members.next()? {
                named.insert(*member.blake3.as_bytes());
            }
        }
        let manifests = self.root.join(MANIFESTS);
        for name in &removed {
            let path = manifests.join(name);
            fs::remove_file(&path).map_err(at(&path))?;
        }
        files::sync_folder(&manifests)?;
        self.sweep(&named)?;
        Ok(removed.len())
    }

    fn sweep(&self, named: &HashSet<[u8; 32]>) -> Result<(), BackupError> {
        let objects = self.root.join(OBJECTS);
        for folder in fs::read_dir(&objects).map_err(at(&objects))? {
            let folder = folder.map_err(at(&objects))?.path();
            let first = folder.file_name().unwrap_or_default().to_owned();
            for object in fs::read_dir(&folder).map_err(at(&folder))? {
                let object = object.map_err(at(&folder))?;
                let mut hash = first.clone();
                hash.push(object.file_name());
                let hash = hash
                    .to_str()
                    .and_then(|hash| blake3::Hash::from_hex(hash).ok());
                // What is none of an object's names was put there by somebody else.
                if hash.is_some_and(|hash| !named.contains(hash.as_bytes())) {
                    let path = object.path();
                    fs::remove_file(&path).map_err(at(&path))?;
                }
            }
        }
        Ok(())
    }
}

/// Whether an object of an earlier backup is still what it was: one that was damaged is written anew.
fn is_whole(path: &Path, member: &Member, watch: &Watch) -> Result<bool, BackupError> {
    match File::open(path) {
        Ok(file)
            if file
                .metadata()
                .is_ok_and(|found| found.len() != member.bytes) =>
        {
            Ok(false)
        }
        Ok(mut file) => match files::copy(&mut file, member, &mut std::io::sink(), watch) {
            Ok(()) => Ok(true),
            Err(CopyError::Stopped(stopped)) => Err(stopped.into()),
            Err(CopyError::Source(fault)) => {
                tracing::warn!(path = %path.display(), fault, "an object of the backups was damaged");
                Ok(false)
            }
            Err(CopyError::Target(_)) => Ok(false),
        },
        Err(_) => Ok(false),
    }
}

/// The number that a backup's name begins with.
fn numbered(name: &str) -> Option<(u64, String)> {
    let (number, _) = name.split_once('-')?;
    Some((number.parse().ok()?, name.to_owned()))
}

/// Adds a backup to a folder. On a full disk the oldest one beyond those to be kept goes before the new
/// one is there, so that the next night has room too.
pub(super) fn add(
    data: &Path,
    root: &Path,
    keep: Option<usize>,
    watch: &Watch,
) -> Result<BackedUp, BackupError> {
    let folder = BackupFolder::open_or_make(root)?;
    let (made, before) = match (add_one(&folder, data, watch), keep) {
        (Err(error), Some(most)) if error.is_full() => {
            // The new one is one of those.
            let removed = folder.keep(most.saturating_sub(1))?;
            (add_one(&folder, data, watch)?, removed)
        }
        (made, _) => (made?, 0),
    };
    let pruned = keep.map_or(Ok(0), |most| folder.keep(most));
    let (removed, not_removed) = match pruned {
        Ok(removed) => (removed, None),
        Err(error) => (0, Some(error.to_string())),
    };
    Ok(BackedUp {
        removed: before + removed,
        not_removed,
        ..made
    })
}

fn add_one(folder: &BackupFolder, data: &Path, watch: &Watch) -> Result<BackedUp, BackupError> {
    let root = &folder.root;
    let workshop = Workshop::open(&root.join(UNFINISHED), root)?;
    let taken = Taken::take(data, &workshop, watch)?;
    let written = folder.add_objects(&taken, &workshop, watch)?;
    files::sync_folder(&root.join(OBJECTS))?;
    let last = folder.names()?.last().and_then(|name| numbered(name));
    let number = last.map_or(1, |(number, _)| number + 1);
    let name = format!("{number:06}-{}", name_of(taken.info().at));
    let manifests = root.join(MANIFESTS);
    // It is the last: a backup without its manifest is none.
    files::rename(&taken.manifest_path(), &manifests.join(&name), false)?;
    files::sync_folder(&manifests)?;
    files::sync_folder(root)?;
    Ok(BackedUp {
        to: root.clone(),
        manifest: Some(name),
        backup: taken.info().clone(),
        written,
        removed: 0,
        not_removed: None,
    })
}

/// Reads a backup of a folder. Its manifest is copied to `kept`.
pub(super) fn read(
    root: &Path,
    wanted: Option<&str>,
    kept: &Path,
    sink: &mut dyn Sink,
) -> Result<BackupInfo, BackupError> {
    let folder = BackupFolder::open(root)?;
    let name = folder.find(wanted)?;
    let path = root.join(MANIFESTS).join(&name);
    fs::copy(&path, kept).map_err(at(&path))?;
    let mut members = folder.manifest(&name)?;
    sink.begin(members.info())?;
    while let Some(member) = members.next()? {
        match folder.open_object(&member)? {
            Ok(mut file) => sink.part(&member, &mut file)?,
            Err(fault) => sink.fault(&member, &fault)?,
        }
    }
    Ok(members.info().clone())
}

impl BackupFolder {
    /// Opens the object of a part; a missing one is a fault.
    pub(super) fn open_object(&self, member: &Member) -> Result<Result<File, String>, BackupError> {
        let path = self.object(&member.blake3);
        match File::open(&path) {
            Ok(file) => Ok(Ok(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Err(format!("its file {} is missing", path.display())))
            }
            Err(error) => Err(at(&path)(error)),
        }
    }
}
