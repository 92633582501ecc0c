//! A backup as one file: a tar archive of plain files, the manifest first.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use tar::{Archive, EntryType, Header};

use super::error::{BackupError, at};
use super::files;
use super::manifest::{ManifestReader, Member, NAME};
use super::reading::Sink;
use super::take::Taken;
use super::{BackedUp, BackupInfo, Workshop};
use crate::watch::Watch;

/// The unit of an archive.
const BLOCK: u64 = 512;
/// The bytes of a manifest, at most: those of forty million segments.
const MANIFEST_BYTES: u64 = 4 << 30;
/// Bytes that are written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// Makes the backup beside its place, and gives it its name when it is durable.
pub(super) fn write(
    data: &Path,
    path: &Path,
    replace: bool,
    watch: &Watch,
) -> Result<BackedUp, BackupError> {
    if !replace && fs::symlink_metadata(path).is_ok() {
        return Err(BackupError::Exists(path.to_owned()));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    // A folder that is made for a mistyped name would take the backup where nobody looks for it.
    if folder != Path::new("") && !folder.is_dir() {
        return Err(BackupError::NoFolder(folder.to_owned()));
    }
    let workshop = Workshop::open(&unfinished(path)?, path)?;
    let taken = Taken::take(data, &workshop, watch)?;
    let made = workshop.path("archive");
    let out = write_parts(&taken, &made, watch)?;
    out.sync_all().map_err(at(&made))?;
    let written = out.metadata().map_err(at(&made))?.len();
    files::rename(&made, path, replace)?;
    files::sync_folder(folder)?;
    Ok(BackedUp {
        to: path.to_owned(),
        manifest: None,
        backup: taken.info().clone(),
        written,
        removed: 0,
        not_removed: None,
    })
}

/// The workshop for a file: in its folder, since a name is given within a file system.
fn unfinished(path: &Path) -> Result<PathBuf, BackupError> {
    let name = path.file_name().ok_or_else(|| {
        let error = std::io::Error::other("it is no name of a file");
        at(path)(error)
    })?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".unfinished");
    Ok(path.with_file_name(hidden))
}

fn write_parts(taken: &Taken<'_>, path: &Path, watch: &Watch) -> Result<File, BackupError> {
    let written = at(path);
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, files::create(path)?);
    let seconds = u64::try_from(taken.info().at.unix_millis() / 1000).unwrap_or(0);
    let manifest = taken.manifest_path();
    let mut file = File::open(&manifest).map_err(at(&manifest))?;
    let bytes = file.metadata().map_err(at(&manifest))?.len();
    begin(&mut out, NAME, bytes, seconds).map_err(&written)?;
    std::io::copy(&mut file, &mut out).map_err(&written)?;
    pad(&mut out, bytes).map_err(&written)?;
    let mut members = taken.manifest()?;
    while let Some(member) = members.next()? {
        let name = member.part.to_string();
        begin(&mut out, &name, member.bytes, seconds).map_err(&written)?;
        taken.copy(&member, &mut out, path, watch)?;
        pad(&mut out, member.bytes).map_err(&written)?;
    }
    // Two empty blocks are the end.
    out.write_all(&[0; 1024]).map_err(&written)?;
    out.into_inner()
        .map_err(|error| written(error.into_error()))
}

fn begin(out: &mut impl Write, name: &str, bytes: u64, seconds: u64) -> std::io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(seconds);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    out.write_all(header.as_bytes())
}

fn pad(out: &mut impl Write, bytes: u64) -> std::io::Result<()> {
    let rest = bytes.next_multiple_of(BLOCK) - bytes;
    std::io::copy(&mut std::io::repeat(0).take(rest), out).map(|_| ())
}

/// Reads an archive from its beginning to its end. The manifest is kept at `manifest`.
pub(super) fn read(
    path: &Path,
    manifest: &Path,
    sink: &mut dyn Sink,
) -> Result<BackupInfo, BackupError> {
    let file = File::open(path).map_err(at(path))?;
    let mut archive = Archive::new(BufReader::with_capacity(BUFFER_BYTES, file));
    // Raw: a name that is not in the header itself, or a hole, is none of ours.
    let entries = archive.entries().map_err(at(path))?.raw(true);
    let mut entries = entries.map(|entry| entry.map_err(|error| cut(&error)));
    let none = |why: &str| BackupError::NoBackup {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    let mut first = match entries.next() {
        None => return Err(none("it is empty")),
        Some(Err(_)) => return Err(none("it is no archive")),
        Some(Ok(entry)) => entry,
    };
    if !is_plain(first.header(), NAME) {
        return Err(none("its first part is not the manifest of a backup"));
    }
    keep_manifest(&mut first, manifest)?;
    let kept = File::open(manifest).map_err(at(manifest))?;
    let mut members = ManifestReader::begin(BufReader::new(kept))?;
    sink.begin(members.info())?;
    while let Some(member) = members.next()? {
        let ends = || BackupError::damaged(member.part, "the archive ends before it");
        let mut entry = entries.next().ok_or_else(ends)??;
        expect(entry.header(), &member)?;
        sink.part(&member, &mut entry)?;
    }
    match entries.next() {
        None => Ok(members.info().clone()),
        Some(_) => Err(BackupError::damaged(
            "its end",
            "it holds more than its manifest names",
        )),
    }
}

fn cut(error: &std::io::Error) -> BackupError {
    BackupError::damaged("the archive", error)
}

/// Copies as much as there is, whatever length is claimed.
fn keep_manifest(entry: &mut impl Read, path: &Path) -> Result<(), BackupError> {
    let mut out = BufWriter::new(files::create(path)?);
    let copied = std::io::copy(&mut entry.take(MANIFEST_BYTES), &mut out);
    copied.map_err(|error| BackupError::damaged("its manifest", error))?;
    out.flush().map_err(at(path))
}

/// A plain file of this name, in the oldest form: nothing that leads elsewhere.
fn is_plain(header: &Header, name: &str) -> bool {
    header.entry_type() == EntryType::Regular && header.path_bytes().as_ref() == name.as_bytes()
}

fn expect(header: &Header, member: &Member) -> Result<(), BackupError> {
    let part = member.part;
    if !is_plain(header, &part.to_string()) {
        let found = String::from_utf8_lossy(&header.path_bytes()).into_owned();
        let fault = format!(
            "in its place is {} ({:?})",
            found.escape_debug(),
            header.entry_type()
        );
        return Err(BackupError::damaged(part, fault));
    }
    match header.entry_size() {
        Ok(bytes) if bytes == member.bytes => Ok(()),
        _ => Err(BackupError::damaged(
            part,
            "its length is not that of the manifest",
        )),
    }
}
