//! Checking backups where they are, by the same steps as a store.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::archive;
use super::error::{BackupError, at, sentences};
use super::files::{self, CopyError};
use super::folder::BackupFolder;
use super::manifest::{BackupInfo, ManifestReader, Member};
use super::part::Part;
use super::reading::Sink;
use super::references::References;
use crate::store::sqlite::{
    CopyCheck, DATABASE, DatabaseCopy, Text, bring_up, make_private_folder, newest_format,
};
use crate::watch::Watch;

/// The result of a check of backups.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BackupVerified {
    /// The backups that are whole, with their names in a folder.
    pub whole: Vec<(Option<String>, BackupInfo)>,
    /// One sentence for each fault of one that is not.
    pub faults: Vec<String>,
}

/// Checks a file, one backup of a folder, or all of a folder.
pub(super) fn verify(
    from: &Path,
    wanted: Option<&str>,
    watch: &Watch,
) -> Result<BackupVerified, BackupError> {
    if !fs::metadata(from).map_err(at(from))?.is_dir() {
        return verify_file(from, watch);
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
    let mut known = HashMap::new();
    for name in names {
        match verify_one(&folder, &name, &mut known, watch) {
            Ok((info, faults)) if faults.is_empty() => verified.whole.push((Some(name), info)),
            Ok((_, faults)) => {
                let faults = faults.iter().map(|fault| format!("{name}: {fault}"));
                verified.faults.extend(faults);
            }
            Err(BackupError::Stopped(stopped)) => return Err(stopped.into()),
            // Of the folder for temporary files, which says nothing about the backup.
            Err(error) if error.is_full() => return Err(error),
            Err(error) => verified.faults.push(format!("{name}: {error}")),
        }
    }
    Ok(verified)
}

fn verify_file(from: &Path, watch: &Watch) -> Result<BackupVerified, BackupError> {
    let scratch = scratch()?;
    let manifest = scratch.path().join("manifest");
    let mut sink = Checking::begin(scratch.path(), watch)?;
    let mut verified = BackupVerified::default();
    let read = archive::read(from, &manifest, &mut sink).and_then(|info| {
        let file = File::open(&manifest).map_err(at(&manifest))?;
        let faults = sink.finish(ManifestReader::begin(BufReader::new(file))?)?;
        Ok((info, faults))
    });
    match read {
        Ok((info, faults)) if faults.is_empty() => verified.whole.push((None, info)),
        Ok((_, faults)) => verified.faults = faults,
        Err(error @ BackupError::Damaged { .. }) => verified.faults.push(error.to_string()),
        Err(error) => return Err(error),
    }
    Ok(verified)
}

fn scratch() -> Result<tempfile::TempDir, BackupError> {
    tempfile::tempdir().map_err(at(&std::env::temp_dir()))
}

/// The findings in objects: each one is read once, however many backups name it.
type Known = HashMap<[u8; 32], Result<Text, String>>;

fn verify_one(
    folder: &BackupFolder,
    name: &str,
    known: &mut Known,
    watch: &Watch,
) -> Result<(BackupInfo, Vec<String>), BackupError> {
    let scratch = scratch()?;
    let mut members = folder.manifest(name)?;
    let mut sink = Checking::begin(scratch.path(), watch)?;
    sink.begin(members.info())?;
    while let Some(member) = members.next()? {
        let path = folder.object(&member.blake3);
        let hash = *member.blake3.as_bytes();
        if let Some(found) = known.get(&hash) {
            watch.add(member.bytes)?;
            sink.segment(&member, found)?;
            continue;
        }
        let mut file = match folder.open_object(&member)? {
            Ok(file) => file,
            Err(fault) => {
                sink.fault(&member, &fault)?;
                continue;
            }
        };
        let named = |fault: String| format!("{fault} (object {})", path.display());
        match member.part {
            Part::Segment(_) => {
                let found = text(&member, &mut file, watch)?.map_err(named);
                sink.segment(&member, &found)?;
                known.insert(hash, found);
            }
            Part::Database => {
                match files::copy(&mut file, &member, &mut std::io::sink(), watch) {
                    Ok(()) => {}
                    Err(CopyError::Source(fault)) => sink.fault(&member, &named(fault))?,
                    Err(error) => return Err(error.of_backup(&member, &path)),
                }
                sink.database(&path)?;
            }
            _ => sink.small(&member, &mut file, named)?,
        }
    }
    let info = members.info().clone();
    Ok((info, sink.finish(folder.manifest(name)?)?))
}

/// Reads the text of a segment, and compares it with the manifest.
fn text(
    member: &Member,
    bytes: &mut dyn Read,
    watch: &Watch,
) -> Result<Result<Text, String>, BackupError> {
    // One byte more than there should be shows that there are too many.
    let mut bytes = bytes.take(member.bytes.saturating_add(1));
    let text = match Text::read(&mut bytes, watch)? {
        Ok(text) => text,
        Err(fault) => return Ok(Err(fault)),
    };
    Ok(match text.bytes {
        bytes if bytes < member.bytes => Err("it ends too early".to_owned()),
        bytes if bytes > member.bytes => Err("it is longer than it should be".to_owned()),
        _ if text.hash != member.blake3 => Err("its bytes are not those of its hash".to_owned()),
        _ => Ok(text),
    })
}

/// The check of one backup.
struct Checking<'a> {
    /// A folder for what has to be in a file of its own.
    data: PathBuf,
    watch: &'a Watch,
    check: CopyCheck,
    store_format: u64,
}

impl<'a> Checking<'a> {
    fn begin(scratch: &Path, watch: &'a Watch) -> Result<Self, BackupError> {
        let data = scratch.join("data");
        make_private_folder(&data)?;
        Ok(Checking {
            data,
            watch,
            check: CopyCheck::default(),
            store_format: 0,
        })
    }

    /// Opens the database at this path. One of an earlier format gets the newest in a copy.
    fn database(&mut self, path: &Path) -> Result<(), BackupError> {
        let format = DatabaseCopy::open(path).and_then(|copy| copy.format());
        let format = match format {
            Ok(format) => format,
            Err(error) => {
                self.check.fault(DATABASE, error.to_string());
                return Ok(());
            }
        };
        if format != self.store_format {
            let fault = "it has another format than the manifest says";
            self.check.fault(DATABASE, fault);
        }
        if usize::try_from(format) == Ok(newest_format()) {
            return Ok(self.check.open(path, self.watch)?);
        }
        let copy = self.data.join(DATABASE);
        if path != copy {
            fs::copy(path, &copy).map_err(at(&copy))?;
        }
        match bring_up(&self.data) {
            Ok(()) => Ok(self.check.open(&copy, self.watch)?),
            Err(error) => match BackupError::of_database(error) {
                BackupError::Damaged { fault, .. } => {
                    self.check.fault(DATABASE, fault);
                    Ok(())
                }
                error => Err(error),
            },
        }
    }

    fn segment(
        &mut self,
        member: &Member,
        found: &Result<Text, String>,
    ) -> Result<(), BackupError> {
        match (found, member.part) {
            (Ok(text), Part::Segment(id)) => Ok(self.check.segment(id, text)?),
            (Ok(_), _) => Ok(()),
            (Err(fault), _) => self.fault(member, fault),
        }
    }

    fn small(
        &mut self,
        member: &Member,
        bytes: &mut dyn Read,
        named: impl Fn(String) -> String,
    ) -> Result<(), BackupError> {
        let path = self.data.join(member.part.to_string());
        let mut file = files::create(&path)?;
        match files::copy(bytes, member, &mut file, self.watch) {
            Err(CopyError::Source(fault)) => self.fault(member, &named(fault)),
            copied => copied.map_err(|error| error.of_backup(member, &path)),
        }
    }

    /// Checks what the parts say together; the sentences of all faults.
    fn finish<R: std::io::BufRead>(
        self,
        manifest: ManifestReader<R>,
    ) -> Result<Vec<String>, BackupError> {
        if self.check.has_database() {
            self.check.rows(&self.data, self.watch)?;
            References::compare(manifest, &self.check)?;
        }
        Ok(sentences(&self.check.finish()))
    }
}

impl Sink for Checking<'_> {
    fn begin(&mut self, info: &BackupInfo) -> Result<(), BackupError> {
        self.store_format = info.store_format;
        self.watch.begin(info.part_bytes);
        Ok(())
    }

    fn part(&mut self, member: &Member, bytes: &mut dyn Read) -> Result<(), BackupError> {
        match member.part {
            Part::Segment(_) => {
                let found = text(member, bytes, self.watch)?;
                self.segment(member, &found)
            }
            Part::Database => {
                self.small(member, bytes, |fault| fault)?;
                self.database(&self.data.join(DATABASE))
            }
            _ => self.small(member, bytes, |fault| fault),
        }
    }

    fn fault(&mut self, member: &Member, fault: &str) -> Result<(), BackupError> {
        self.check.fault(member.part.to_string(), fault);
        Ok(())
    }
}
