//! A file that grows by whole lines, of which no reader sees a part.
//!
//! What is written becomes visible a page at a time, and what does not fit on the disk is cut. So
//! only lines that stay within one page are written in place. Others are written to a spare copy,
//! which then changes names with the file: what was shown becomes the spare and rests, so that
//! whoever has just opened it can read it to its end, before it is brought up to date. That takes
//! twice the room, and no time that grows with the file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleetlink_core::Change;
use tokio::time::Instant;

use super::{temporary, writable};

/// The smallest page of any system, in bytes.
const PAGE_BYTES: u64 = 4096;
/// How long a file that was shown is left as it is: well within the promised 250 ms.
const REST: Duration = Duration::from_millis(100);

/// A log file and its spare copy.
pub(super) struct AppendLog {
    path: PathBuf,
    shown: LineFile,
    /// Whether `shown` has its name already; before that nobody reads it.
    published: bool,
    /// None where it could not be made; it is tried again when it is needed.
    spare: Option<LineFile>,
    /// What the spare lacks.
    missing: Vec<u8>,
    /// Until when the spare is left as it is.
    resting_until: Instant,
    /// The last change in it, for a page of changes that was written only in part.
    sequence: u64,
}

impl AppendLog {
    /// An empty file beside the one in use, which it replaces when published.
    pub(super) fn create(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(name);
        let _ = fs::remove_file(temporary(&path));
        let file = writable()
            .create_new(true)
            .append(true)
            .open(temporary(&path))?;
        Ok(AppendLog {
            path,
            shown: LineFile::new(file, 0),
            published: false,
            spare: None,
            missing: Vec::new(),
            resting_until: Instant::now(),
            sequence: 0,
        })
    }

    /// Gives the file its name.
    pub(super) async fn publish(&mut self) -> io::Result<()> {
        fs::rename(temporary(&self.path), &self.path)?;
        self.published = true;
        self.spare = self.copy().await.ok();
        Ok(())
    }

    /// Adds the lines of those changes that are not in it yet, all or none of them.
    pub(super) async fn append(&mut self, changes: &[&Change]) -> io::Result<()> {
        let new = changes
            .iter()
            .filter(|change| change.sequence > self.sequence);
        let text: String = new.map(|change| change_line(change)).collect();
        if text.is_empty() {
            return Ok(());
        }
        if !self.published {
            self.shown.append(text.as_bytes())?;
        } else if self.shown.stays_within_a_page(text.len()) {
            self.shown.append(text.as_bytes())?;
            self.missing.extend_from_slice(text.as_bytes());
            self.refresh_spare();
        } else {
            self.exchange(text.as_bytes()).await?;
        }
        self.sequence = changes
            .last()
            .map_or(self.sequence, |change| change.sequence);
        Ok(())
    }

    /// When the spare can be brought up to date, where it is not: those who follow the file under
    /// its old name wait for it.
    pub(super) fn refresh_at(&self) -> Option<Instant> {
        let behind = self.spare.is_some() && !self.missing.is_empty();
        behind.then_some(self.resting_until)
    }

    /// Brings the spare up to date, where it has rested. Where that fails, it is made anew when it
    /// is needed.
    pub(super) fn refresh_spare(&mut self) {
        if Instant::now() < self.resting_until {
            return;
        }
        if let Some(spare) = &mut self.spare
            && spare.append(&self.missing).is_err()
        {
            self.drop_spare();
        }
        self.missing.clear();
    }

    /// Shows the spare with these lines in place of the file.
    async fn exchange(&mut self, text: &[u8]) -> io::Result<()> {
        tokio::time::sleep_until(self.resting_until).await;
        self.refresh_spare();
        if self.spare.is_none() {
            self.spare = Some(self.copy().await?);
        }
        let Some(spare) = &mut self.spare else {
            return Ok(());
        };
        spare.append(text)?;
        let swapped = match swap_names(&temporary(&self.path), &self.path) {
            Ok(swapped) => swapped,
            Err(error) => {
                spare.take_back(text.len());
                return Err(error);
            }
        };
        std::mem::swap(&mut self.shown, spare);
        self.missing = text.to_vec();
        self.resting_until = Instant::now() + REST;
        if !swapped {
            self.spare = None;
        }
        Ok(())
    }

    async fn copy(&mut self) -> io::Result<LineFile> {
        self.missing.clear();
        let path = temporary(&self.path);
        let copied = async {
            let length = tokio::fs::copy(&self.path, &path).await?;
            if length != self.shown.length {
                return Err(io::Error::other("another program writes to it"));
            }
            let file = writable().append(true).open(&path)?;
            Ok(LineFile::new(file, length))
        };
        copied.await.inspect_err(|_| {
            // Its room is of more use to others.
            let _ = fs::remove_file(&path);
        })
    }

    fn drop_spare(&mut self) {
        self.spare = None;
        let _ = fs::remove_file(temporary(&self.path));
    }
}

impl Drop for AppendLog {
    fn drop(&mut self) {
        self.drop_spare();
    }
}

/// Whether both are there under each other's name; else, on a file system that cannot do that,
/// `from` has taken the place of `to`.
fn swap_names(from: &Path, to: &Path) -> io::Result<bool> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE).is_ok() {
            return Ok(true);
        }
    }
    fs::rename(from, to).map(|()| false)
}

/// A file that holds whole lines.
struct LineFile {
    file: File,
    /// What is known to be written whole.
    length: u64,
    /// Whether something may stand behind that.
    cut: bool,
}

impl LineFile {
    fn new(file: File, length: u64) -> Self {
        LineFile {
            file,
            length,
            cut: false,
        }
    }

    fn stays_within_a_page(&self, more: usize) -> bool {
        self.length % PAGE_BYTES + more as u64 <= PAGE_BYTES
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.cut_off()?;
        self.cut = true;
        if let Err(error) = self.file.write_all(lines) {
            // Where this fails as well, it is done before the next lines.
            let _ = self.cut_off();
            return Err(error);
        }
        self.cut = false;
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Forgets the last bytes.
    fn take_back(&mut self, bytes: usize) {
        self.length -= bytes as u64;
        self.cut = true;
    }

    fn cut_off(&mut self) -> io::Result<()> {
        if self.cut {
            self.file.set_len(self.length)?;
            self.cut = false;
        }
        Ok(())
    }
}

/// `supersmartwatch; 30 September 2022 10:31:13; 1; 10`
fn change_line(change: &Change) -> String {
    let Change {
        device,
        file,
        samples,
        at,
        ..
    } = change;
    format!("{device}; {}; {file}; {samples}\n", at.local())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetlink_core::ChangeKind;
    use fleetlink_proto::control::UploadMode;
    use fleetlink_proto::{FileId, WallTime};
    use std::os::unix::fs::FileExt;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    const NAME: &str = "upload-log.txt";

    fn changes(from: u64, count: u64) -> Vec<Change> {
        let change = |sequence| Change {
            sequence,
            device: "supersmartwatch".parse().unwrap(),
            file: FileId::new(u32::try_from(sequence).unwrap()),
            kind: ChangeKind::Upload(UploadMode::Replace),
            samples: 10,
            at: WallTime::from_unix_millis(0),
        };
        (from..from + count).map(change).collect()
    }

    async fn append(log: &mut AppendLog, next: &mut u64, count: u64) -> io::Result<()> {
        let changes = changes(*next, count);
        *next += count;
        log.append(&changes.iter().collect::<Vec<_>>()).await
    }

    fn expected(until: u64) -> String {
        changes(1, until - 1).iter().map(change_line).collect()
    }

    async fn published(folder: &Path) -> AppendLog {
        let mut log = AppendLog::create(folder, NAME).unwrap();
        log.publish().await.unwrap();
        log
    }

    /// Reads the end of the file again and again; how often, and how often it ended within a line.
    fn look_for_parts(path: &Path, ended: &AtomicBool, parts: &AtomicU64) -> u64 {
        let (mut reads, mut buffer) = (0, vec![0; 256 * 1024]);
        while !ended.load(Ordering::Relaxed) {
            let file = File::open(path).unwrap();
            let start = file.metadata().unwrap().len().saturating_sub(64);
            let read = file.read_at(&mut buffer, start).unwrap();
            if read > 0 && buffer[read - 1] != b'\n' {
                parts.fetch_add(1, Ordering::Relaxed);
            }
            reads += 1;
        }
        reads
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn no_reader_sees_a_part_of_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let mut log = published(folder.path()).await;
        let (ended, parts) = (AtomicBool::new(false), AtomicU64::new(0));
        let mut next = 1;
        // For a measurement: more of the same.
        let rounds = std::env::var("FLEETLINK_TEST_ROUNDS").map_or(30, |n| n.parse().unwrap());
        std::thread::scope(|scope| {
            let look = || look_for_parts(&path, &ended, &parts);
            let readers = [scope.spawn(look), scope.spawn(look)];
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async {
                    for _ in 0..rounds {
                        append(&mut log, &mut next, 1000).await.unwrap();
                        for _ in 0..100 {
                            append(&mut log, &mut next, 1).await.unwrap();
                        }
                    }
                });
            });
            ended.store(true, Ordering::Relaxed);
            let reads: u64 = readers.into_iter().map(|r| r.join().unwrap()).sum();
            println!("{reads} reads");
        });
        assert_eq!(parts.into_inner(), 0);
        assert_eq!(fs::read_to_string(&path).unwrap(), expected(next));
    }

    #[tokio::test]
    async fn who_keeps_the_file_open_sees_every_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let mut log = published(folder.path()).await;
        let mut next = 1;
        append(&mut log, &mut next, 1).await.unwrap();
        let kept_open = File::open(&path).unwrap();
        for count in [100, 1, 100, 100] {
            append(&mut log, &mut next, count).await.unwrap();
        }
        while let Some(at) = log.refresh_at() {
            tokio::time::sleep_until(at).await;
            log.refresh_spare();
        }
        let text = io::read_to_string(kept_open).unwrap();
        assert_eq!(text, expected(next));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        drop(log);
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "the spare goes at the end");
    }

    #[tokio::test]
    async fn a_line_that_was_cut_is_not_continued() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let mut log = published(folder.path()).await;
        let mut next = 1;
        append(&mut log, &mut next, 1).await.unwrap();
        // As after a write that failed, and a cut that failed as well.
        for file in [&mut log.shown, log.spare.as_mut().unwrap()] {
            file.file.write_all(b"supersmartwa").unwrap();
            file.cut = true;
        }
        append(&mut log, &mut next, 1).await.unwrap();
        append(&mut log, &mut next, 200).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), expected(next));
    }

    #[tokio::test]
    async fn a_spare_that_is_gone_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let mut log = published(folder.path()).await;
        let mut next = 1;
        append(&mut log, &mut next, 10).await.unwrap();
        log.drop_spare();
        for _ in 0..2 {
            append(&mut log, &mut next, 200).await.unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), expected(next));
    }
}
