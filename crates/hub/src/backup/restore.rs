//! Restoring a backup: all of it, checked, or nothing.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::{BackupError, at};
use super::manifest::{BackupInfo, Member};
use super::place::RestorePlace;
use super::reading::{self, Sink};
use super::{check, files};
use crate::store::sqlite::{SqliteStore, make_private_folder, verify};
use crate::watch::Watch;

/// A backup that was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The folder of the data.
    pub data: PathBuf,
    /// The content of the backup.
    pub backup: BackupInfo,
}

pub(super) fn restore(
    from: &Path,
    at: Option<&str>,
    data: &Path,
    watch: &Watch,
) -> Result<Restored, BackupError> {
    let place = RestorePlace::take(data)?;
    let making = place.path("data");
    make_private_folder(&making.join("segments"))?;
    let manifest = place.path("manifest");
    let mut writing = Writing {
        folder: &making,
        watch,
    };
    let backup = reading::read(from, at, &manifest, &mut writing)?;
    check::references(&making.join("hub.db"), &manifest)?;
    open_once(&making)?;
    check_whole(&making, watch)?;
    make_durable(&making)?;
    place.fill(&making)?;
    Ok(Restored {
        data: data.to_owned(),
        backup,
    })
}

/// Opens the store once: one of an earlier format gets the newest.
fn open_once(folder: &Path) -> Result<(), BackupError> {
    let store = SqliteStore::open(folder).map_err(|error| BackupError::damaged("hub.db", error))?;
    let found = store.reconciliation();
    if let Some(lost) = found.damaged.first() {
        let part = format!("segment {} of {}/{}", lost.segment, lost.device, lost.file);
        return Err(BackupError::damaged(
            part,
            "it is missing or of another length",
        ));
    }
    if found.orphans_moved > 0 {
        let fault = "the database does not name all of them";
        return Err(BackupError::damaged("its segments", fault));
    }
    Ok(())
}

fn check_whole(folder: &Path, watch: &Watch) -> Result<(), BackupError> {
    let found = verify(folder, watch)?;
    match found.faults.into_iter().next() {
        None => Ok(()),
        Some(fault) => Err(BackupError::damaged(fault.place, fault.fault)),
    }
}

/// One call for all files of the file system where there is one, else one for each.
fn make_durable(folder: &Path) -> Result<(), BackupError> {
    let opened = File::open(folder).map_err(at(folder))?;
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(&opened)
        .map_err(std::io::Error::from)
        .map_err(at(folder))?;
    drop(opened);
    sync_all(folder)
}

fn sync_all(folder: &Path) -> Result<(), BackupError> {
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        match path.is_dir() {
            true => sync_all(&path)?,
            // After syncfs nothing is left to be written; it tells of an error once more.
            false => File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(at(&path))?,
        }
    }
    files::sync_folder(folder)
}

struct Writing<'a> {
    folder: &'a Path,
    watch: &'a Watch,
}

impl Sink for Writing<'_> {
    fn begin(&mut self, info: &BackupInfo) -> Result<(), BackupError> {
        self.watch.begin(info.part_bytes);
        Ok(())
    }

    fn part(&mut self, member: &Member, bytes: &mut dyn Read) -> Result<(), BackupError> {
        let path = self.folder.join(member.part.to_string());
        let mut file = files::create(&path)?;
        files::copy(bytes, member, &mut file, self.watch)
            .map_err(|error| error.of_backup(member, &path))
    }
}
