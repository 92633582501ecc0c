//! The three log files: projections of the active devices and of the store's journal.

mod append;
mod bounds;
mod journal;
mod position;

use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::control::ActiveDevice;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::bounds::LogBounds;

use self::journal::JournalFiles;
use crate::store::Store;
use crate::whole_file::{self, Lasting, Readers};

const ACTIVE_FILE: &str = "edge-device-log.txt";
/// The time for which events are collected before the files follow: well within the promised 250
/// ms.
const GATHER: Duration = Duration::from_millis(50);
/// After a failure, as a full disk, the files are tried again this often.
const RETRY: Duration = Duration::from_millis(1000);
/// The time between two notes of the files' positions, while they grow.
const SETTLE: Duration = Duration::from_millis(1000);

/// Held by the hub whose log files are in a folder that is not its data folder.
const LOCK_FILE: &str = ".fleetlink-logs.lock";

/// The folder of the log files, which this hub alone uses.
pub(crate) struct LogFolder {
    path: PathBuf,
    /// The folder of the note with the files' positions.
    data: PathBuf,
    /// Locked while it is open; the data folder has a lock of its own.
    _lock: Option<File>,
}

impl LogFolder {
    /// Locks the folder. To be called by whoever holds the lock of `data`.
    pub(crate) fn lock(folder: &Path, data: &Path) -> io::Result<Self> {
        let is_data = folder.canonicalize()? == data.canonicalize()?;
        let lock = (!is_data).then(|| {
            let path = folder.join(LOCK_FILE);
            let lock = writable()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            match lock.try_lock() {
                Ok(()) => Ok(lock),
                Err(TryLockError::WouldBlock) => Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    "another hub keeps its log files there",
                )),
                Err(TryLockError::Error(error)) => Err(error),
            }
        });
        Ok(LogFolder {
            path: folder.to_owned(),
            data: data.to_owned(),
            _lock: lock.transpose()?,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// The three files in one folder.
pub(crate) struct LogFiles {
    folder: LogFolder,
    bounds: LogBounds,
    store: Arc<dyn Store>,
    /// None while they cannot be opened.
    journal: Option<JournalFiles>,
    /// The time of the next note.
    settle_at: Option<Instant>,
    settling: Option<JoinHandle<()>>,
}

/// Has the log files opened anew: they were rotated.
pub(crate) type Reopen = watch::Receiver<u64>;

impl LogFiles {
    /// Makes all three true: nobody is active, and the others show the whole journal. To be called
    /// before the first connection is accepted.
    ///
    /// On a full disk the other two stay as they are until there is room: the hub must start, so
    /// that something can be deleted.
    pub(crate) async fn open(
        folder: LogFolder,
        bounds: LogBounds,
        store: Arc<dyn Store>,
    ) -> io::Result<Self> {
        let mut files = LogFiles {
            folder,
            bounds,
            store,
            journal: None,
            settle_at: None,
            settling: None,
        };
        files.clear_active()?;
        match files.bring_journal_up_to_date().await {
            Err(error) if is_full(&error) => {
                tracing::warn!(%error, "the upload and deletion logs are behind until there is room");
            }
            opened => opened?,
        }
        Ok(files)
    }

    /// Follows both sources until `shutdown`, and a last time then.
    pub(crate) async fn follow(
        mut self,
        mut active: watch::Receiver<Vec<ActiveDevice>>,
        mut journal: watch::Receiver<u64>,
        mut reopen: Reopen,
        shutdown: CancellationToken,
    ) {
        // A failed attempt leaves its source marked as changed, and so does one at the start.
        let mut failed = true;
        journal.mark_changed();
        loop {
            let mut last = tokio::select! {
                () = shutdown.cancelled() => true,
                () = sleep_until(self.settle_at) => {
                    self.settle();
                    continue;
                }
                Ok(()) = reopen.changed() => {
                    self.reopen();
                    // Before any line: after a crash it is known which file has which lines.
                    self.settle_now().await;
                    active.mark_changed();
                    journal.mark_changed();
                    false
                }
                Ok(()) = active.changed() => { active.mark_changed(); false }
                Ok(()) = journal.changed() => { journal.mark_changed(); false }
            };
            let pause = if failed { RETRY } else { GATHER };
            if !last {
                let waited = tokio::time::timeout(pause, shutdown.cancelled()).await;
                last = waited.is_ok();
            }
            failed = self.bring_up_to_date(&mut active, &mut journal).await;
            if last {
                return self.settle_now().await;
            }
        }
    }

    /// Nobody is active. Where there is no room for a new file, the old one is emptied.
    fn clear_active(&self) -> io::Result<()> {
        let path = self.folder.join(ACTIVE_FILE);
        replace_active(&path, b"").or_else(|_| {
            let emptied = writable()
                .write(true)
                .create(true)
                .truncate(true)
                .open(path);
            emptied.map(|_| ())
        })
    }

    /// Whether something failed and is to be tried again.
    async fn bring_up_to_date(
        &mut self,
        active: &mut watch::Receiver<Vec<ActiveDevice>>,
        journal: &mut watch::Receiver<u64>,
    ) -> bool {
        let mut failed = false;
        if active.has_changed().unwrap_or(true) {
            let text = active_text(&active.borrow_and_update());
            if let Err(error) = replace_active(&self.folder.join(ACTIVE_FILE), text.as_bytes()) {
                tracing::warn!(%error, file = ACTIVE_FILE, "cannot write a log file");
                active.mark_changed();
                failed = true;
            }
        }
        if journal.has_changed().unwrap_or(true) {
            journal.mark_unchanged();
            if let Err(error) = self.bring_journal_up_to_date().await {
                tracing::warn!(%error, "cannot bring the upload and deletion logs up to date");
                journal.mark_changed();
                failed = true;
            }
        }
        failed
    }

    async fn bring_journal_up_to_date(&mut self) -> io::Result<()> {
        let files = match self.journal.take() {
            Some(files) => files,
            None => JournalFiles::open(&self.folder, self.bounds, &*self.store).await?,
        };
        let files = self.journal.insert(files);
        if files.follow(&*self.store).await? {
            self.settle_at.get_or_insert(Instant::now() + SETTLE);
        }
        Ok(())
    }

    /// The files that have the names now are the ones to write to.
    fn reopen(&mut self) {
        if let Some(files) = &mut self.journal {
            match files.reopen() {
                Ok(()) => tracing::info!("the log files were opened anew"),
                Err(error) => tracing::warn!(%error, "the log files cannot be opened anew"),
            }
        }
    }

    /// Begins to note how far the files are: the flush before it takes its time.
    fn settle(&mut self) {
        self.settle_at = None;
        if self
            .settling
            .as_ref()
            .is_some_and(|task| !task.is_finished())
        {
            self.settle_at = Some(Instant::now() + SETTLE);
            return;
        }
        let Some(files) = &self.journal else {
            return;
        };
        let settled = |settled: io::Result<()>| {
            if let Err(error) = settled {
                tracing::debug!(%error, "it is not noted how far the log files are");
            }
        };
        match files.settle(&self.folder) {
            Ok(settle) => {
                let settling = tokio::task::spawn_blocking(move || settled(settle()));
                self.settling = Some(settling);
            }
            Err(error) => settled(Err(error)),
        }
    }

    /// Notes it and waits until it is noted.
    async fn settle_now(&mut self) {
        if let Some(settling) = self.settling.take() {
            // A panic of it leaves what was noted before.
            let _ = settling.await;
        }
        self.settle();
        if let Some(settling) = self.settling.take() {
            let _ = settling.await;
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// `1; 30 September 2022 10:31:13; supersmartwatch; 129.64.31.13; 5432`, numbered from 1.
fn active_text(active: &[ActiveDevice]) -> String {
    let mut text = String::new();
    for (number, entry) in active.iter().enumerate() {
        let ActiveDevice {
            name,
            address,
            udp_port,
            since,
        } = entry;
        let since = since.local();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}; {since}; {name}; {address}; {udp_port}",
            number + 1
        );
    }
    text
}

/// Readers see the old list or the new one. The next start writes it anew.
fn replace_active(path: &Path, content: &[u8]) -> io::Result<()> {
    whole_file::replace(path, content, Readers::All, Lasting::UntilNextStart)
}

/// A new file is for others to read at most, whatever the umask.
fn writable() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "other systems have no mode"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
    options
}
