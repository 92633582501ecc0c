//! Reading a backup, whatever its form.

use std::io::Read;
use std::path::Path;

use super::error::{BackupError, at};
use super::manifest::{BackupInfo, Member};
use super::{archive, folder};

/// The receiver of a backup's parts.
pub(super) trait Sink {
    /// The description, before any part.
    fn begin(&mut self, info: &BackupInfo) -> Result<(), BackupError>;

    /// A part, whose bytes are to be compared with its length and hash.
    fn part(&mut self, member: &Member, bytes: &mut dyn Read) -> Result<(), BackupError>;

    /// A part that is missing, or whose bytes are others. Whoever can goes on.
    fn fault(&mut self, member: &Member, fault: &str) -> Result<(), BackupError>;
}

/// Reads a backup from a file or a folder; the manifest of a file is kept at `manifest`.
pub(super) fn read(
    from: &Path,
    name: Option<&str>,
    manifest: &Path,
    sink: &mut dyn Sink,
) -> Result<BackupInfo, BackupError> {
    let found = std::fs::metadata(from).map_err(at(from))?;
    match found.is_dir() {
        true => folder::read(from, name, manifest, sink),
        false => match name {
            None => archive::read(from, manifest, sink),
            Some(_) => Err(BackupError::NoBackup {
                path: from.to_owned(),
                why: "it is one file, of which no manifest can be chosen".to_owned(),
            }),
        },
    }
}
