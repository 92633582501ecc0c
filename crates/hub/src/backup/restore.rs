//! Restoring a backup: all of it, checked, or nothing.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::{BackupError, at, sentences};
use super::files::CopyError;
use super::manifest::{BackupInfo, Member};
use super::part::Part;
use super::place::RestorePlace;
use super::reading::{self, Sink};
use super::{RestoreOrder, files};
use crate::store::sqlite::{SEGMENTS, make_private_folder, pass_over_numbers, verify};
use crate::watch::Watch;

/// A backup that was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The folder of the data.
    pub data: PathBuf,
    /// The content of the backup.
    pub backup: BackupInfo,
    /// One sentence for each fault of the backup, which what was restored has too.
    pub faults: Vec<String>,
    /// A folder of the restore that could not be removed.
    pub left: Option<PathBuf>,
}

pub(super) fn restore(order: &RestoreOrder, watch: &Watch) -> Result<Restored, BackupError> {
    let place = RestorePlace::take(&order.data)?;
    let making = place.path("data");
    make_private_folder(&making.join(SEGMENTS))?;
    let mut writing = Writing {
        folder: &making,
        watch,
        faults: Vec::new(),
    };
    let manifest = place.path("manifest");
    let backup = reading::read(&order.from, order.at.as_deref(), &manifest, &mut writing)?;
    let mut faults = writing.faults;
    pass_over_numbers(&making).map_err(BackupError::of_database)?;
    faults.extend(sentences(&verify(&making, watch)?));
    if !faults.is_empty() && !order.despite_damage {
        return Err(BackupError::Faults(faults));
    }
    make_durable(&making)?;
    let left = place.fill(&making)?;
    Ok(Restored {
        data: order.data.clone(),
        backup,
        faults,
        left,
    })
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
    /// Faults of parts that cannot be seen in what was restored.
    faults: Vec<String>,
}

impl Sink for Writing<'_> {
    fn begin(&mut self, info: &BackupInfo) -> Result<(), BackupError> {
        self.watch.begin(info.part_bytes);
        Ok(())
    }

    fn part(&mut self, member: &Member, bytes: &mut dyn Read) -> Result<(), BackupError> {
        let path = self.folder.join(member.part.to_string());
        let mut file = files::create(&path)?;
        files::copy(bytes, member, &mut file, self.watch).or_else(|error| match error {
            CopyError::Source(fault) => self.fault(member, &fault),
            error => Err(error.of_backup(member, &path)),
        })
    }

    fn fault(&mut self, member: &Member, fault: &str) -> Result<(), BackupError> {
        // A segment is compared with its row, which says whose it is.
        if !matches!(member.part, Part::Segment(_)) {
            let fault = BackupError::damaged(member.part, fault).to_string();
            self.faults.push(fault);
        }
        Ok(())
    }
}
