//! The two files that show the journal.

use std::io;
use std::path::Path;

use fleetlink_core::{ChangeKind, JournalEntry};
use fleetlink_proto::WallTime;

use super::LogFolder;
use super::append::{self, AppendLog};
use super::bounds::LogBounds;
use super::position::{self, Found, Position, Positions};
use crate::driver::wall_time;
use crate::store::Store;

const UPLOAD_FILE: &str = "upload-log.txt";
const DELETION_FILE: &str = "deletion-log.txt";
/// Changes that are read from the journal at once.
const PAGE: u32 = 1000;

/// The files of uploads and of deletions.
pub(super) struct JournalFiles {
    uploads: AppendLog,
    deletions: AppendLog,
}

impl JournalFiles {
    /// Goes on with the files where they end.
    pub(super) async fn open(
        folder: &LogFolder,
        bounds: LogBounds,
        store: &dyn Store,
    ) -> io::Result<Self> {
        let noted = Positions::read(&folder.data, &folder.path);
        let of = |select: fn(&Positions) -> &Position| noted.as_ref().map(select);
        let open = async |name, position: Option<&Position>, is_shown| {
            open(&folder.join(name), position, is_shown, bounds, store).await
        };
        Ok(JournalFiles {
            uploads: open(UPLOAD_FILE, of(|noted| &noted.uploads), is_upload).await?,
            deletions: open(DELETION_FILE, of(|noted| &noted.deletions), is_deletion).await?,
        })
    }

    /// Adds what the journal has more; whether there was something.
    pub(super) async fn follow(&mut self, store: &dyn Store) -> io::Result<bool> {
        let mut grew = false;
        let mut after = self.uploads.sequence().min(self.deletions.sequence());
        while let Some(page) = page(store, after).await? {
            let (uploaded, deleted): (Vec<&JournalEntry>, Vec<&JournalEntry>) =
                page.iter().partition(|change| is_upload(change));
            self.uploads.append(&uploaded)?;
            self.deletions.append(&deleted)?;
            after = page.last().map_or(after, |change| change.sequence);
            self.uploads.has_seen(after);
            self.deletions.has_seen(after);
            grew = true;
        }
        Ok(grew)
    }

    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let uploads = self.uploads.reopen();
        self.deletions.reopen().and(uploads)
    }

    /// The work that makes both files durable, and then notes their positions. It removes files
    /// that are too old.
    pub(super) fn settle(
        &self,
        folder: &LogFolder,
    ) -> io::Result<impl FnOnce() -> io::Result<()> + Send + 'static> {
        let now = wall_time();
        self.uploads.drop_old(now);
        self.deletions.drop_old(now);
        let (uploads, up_to) = self.uploads.position()?;
        let (deletions, deletions_to) = self.deletions.position()?;
        let positions = Positions::new(&folder.path, up_to, deletions_to);
        let data = folder.data.clone();
        Ok(move || {
            uploads.sync_data()?;
            deletions.sync_data()?;
            positions.write(&data)
        })
    }
}

fn is_upload(change: &JournalEntry) -> bool {
    matches!(change.kind, ChangeKind::Upload(_))
}

fn is_deletion(change: &JournalEntry) -> bool {
    !is_upload(change)
}

async fn page(store: &dyn Store, after: u64) -> io::Result<Option<Vec<JournalEntry>>> {
    let page = store.journal(after, PAGE).await.map_err(io::Error::other)?;
    Ok((!page.is_empty()).then_some(page))
}

/// Opens one of the files and finds the last change in it.
async fn open(
    path: &Path,
    noted: Option<&Position>,
    is_shown: fn(&JournalEntry) -> bool,
    bounds: LogBounds,
    store: &dyn Store,
) -> io::Result<AppendLog> {
    let mut file = append::open(path)?;
    let found = position::look(&mut file, noted)?;
    let begun = noted.map_or_else(wall_time, |noted| {
        WallTime::from_unix_millis(noted.begun_ms)
    });
    let (mut sequence, line) = after_lines(store, &found, is_shown).await?;
    if found.to_compare.is_some() && found.to_compare != line {
        tracing::warn!(path = %path.display(), "the lines that are there are not of this hub's journal, which follows them");
        sequence = found.after;
    }
    let path = path.to_owned();
    Ok(AppendLog::new(path, file, bounds, begun, sequence))
}

/// The change whose line is so many lines behind what is noted, and that line.
async fn after_lines(
    store: &dyn Store,
    found: &Found,
    is_shown: fn(&JournalEntry) -> bool,
) -> io::Result<(u64, Option<Vec<u8>>)> {
    let mut line = None;
    let (mut after, mut sequence, mut lines) = (found.after, found.after, found.lines);
    while lines > 0
        && let Some(page) = page(store, after).await?
    {
        for change in page.iter().filter(|change| is_shown(change)) {
            if lines == 0 {
                break;
            }
            lines -= 1;
            sequence = change.sequence;
            line = Some(append::change_line(change).into_bytes());
        }
        after = page.last().map_or(after, |change| change.sequence);
    }
    // Fewer lines than are there are not these.
    Ok((sequence, line.filter(|_| lines == 0)))
}
