//! A log file that only grows: each line is one write, at the end of the file as it is then. So it can be
//! rotated from outside: cut (`copytruncate`), or renamed and opened anew by SIGHUP (`create`).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use fleetlink_core::{ChangeKind, Deleter, JournalEntry};
use fleetlink_proto::WallTime;

use super::bounds::LogBounds;
use super::position::{Identity, Position};
use super::writable;

/// A log file of changes.
pub(super) struct AppendLog {
    path: PathBuf,
    file: File,
    bounds: LogBounds,
    /// The end of the last whole line, while a line that was cut off may stand behind it.
    torn_at: Option<u64>,
    /// The time of the first line.
    begun: WallTime,
    /// The last change in it.
    sequence: u64,
}

impl AppendLog {
    /// Goes on with a file that is there, behind this change. `begun` is the time of its first line.
    pub(super) fn new(
        path: PathBuf,
        file: File,
        bounds: LogBounds,
        begun: WallTime,
        sequence: u64,
    ) -> Self {
        AppendLog {
            path,
            file,
            bounds,
            torn_at: None,
            begun,
            sequence,
        }
    }

    /// The last change in it.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// No line of it is missing up to this change.
    pub(super) fn has_seen(&mut self, sequence: u64) {
        self.sequence = self.sequence.max(sequence);
    }

    /// Opens the file that has the name now, since the old one was renamed or removed.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.file = open(&self.path)?;
        self.torn_at = None;
        Ok(())
    }

    /// Adds the lines of those changes that are not in it yet.
    pub(super) fn append(&mut self, changes: &[&JournalEntry]) -> io::Result<()> {
        let last = self.sequence;
        for change in changes.iter().filter(|change| change.sequence > last) {
            self.add(change)?;
            self.sequence = change.sequence;
        }
        Ok(())
    }

    /// The position of this file, valid once the file is flushed.
    pub(super) fn position(&self) -> io::Result<(File, Position)> {
        let metadata = self.file.metadata()?;
        let position = Position {
            identity: Identity::of(&metadata),
            bytes: metadata.len(),
            sequence: self.sequence,
            begun_ms: self.begun.unix_millis(),
        };
        Ok((self.file.try_clone()?, position))
    }

    /// Removes the file before this one, once its last line is too old.
    pub(super) fn drop_old(&self, now: WallTime) {
        let before = before(&self.path);
        let written = fs::metadata(&before).and_then(|metadata| metadata.modified());
        let since = written
            .ok()
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let last = since.and_then(|since| i64::try_from(since.as_millis()).ok());
        let last = last.map(WallTime::from_unix_millis);
        if last.is_some_and(|last| self.bounds.is_over(last, now)) {
            // It is tried again.
            let _ = fs::remove_file(before);
        }
    }

    fn add(&mut self, change: &JournalEntry) -> io::Result<()> {
        self.cut_off()?;
        let line = change_line(change);
        let mut bytes = self.file.metadata()?.len();
        if self.bounds.is_reached(bytes, self.begun, &line, change.at) {
            fs::rename(&self.path, before(&self.path))?;
            self.reopen()?;
            bytes = 0;
        }
        if bytes == 0 {
            self.begun = change.at;
        }
        // One write, unless the disk takes only a part of it.
        self.torn_at = Some(bytes);
        self.file.write_all(line.as_bytes()).inspect_err(|_| {
            // Where this fails as well, it is done before the next line.
            let _ = self.cut_off();
        })?;
        self.torn_at = None;
        Ok(())
    }

    /// Cuts a line away that was not written whole; a file that is shorter was rotated meanwhile.
    fn cut_off(&mut self) -> io::Result<()> {
        if let Some(end) = self.torn_at {
            if self.file.metadata()?.len() > end {
                self.file.set_len(end)?;
            }
            self.torn_at = None;
        }
        Ok(())
    }
}

/// Opens a file to write at its end, or makes an empty one.
pub(super) fn open(path: &Path) -> io::Result<File> {
    writable().read(true).append(true).create(true).open(path)
}

/// `upload-log.txt.1`.
fn before(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// `supersmartwatch; 30 September 2022 10:31:13; 1; 10`
pub(super) fn change_line(change: &JournalEntry) -> String {
    let JournalEntry {
        device,
        file,
        samples,
        at,
        kind,
        ..
    } = change;
    let by = match kind {
        ChangeKind::Upload(_) | ChangeKind::Delete(Deleter::Device) => "",
        ChangeKind::Delete(Deleter::Operator) => "; by the operator",
        ChangeKind::Delete(Deleter::Retention) => "; by retention",
    };
    format!("{device}; {}; {file}; {samples}{by}\n", at.local())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetlink_proto::DataFile;
    use fleetlink_proto::control::UploadMode;
    use std::time::Duration;

    const NAME: &str = "upload-log.txt";

    fn changes(from: u64, count: u64) -> Vec<JournalEntry> {
        let change = |sequence| JournalEntry {
            sequence,
            device: "supersmartwatch".parse().unwrap(),
            file: DataFile::numbered(u32::try_from(sequence).unwrap()),
            kind: ChangeKind::Upload(UploadMode::Replace),
            samples: 10,
            at: WallTime::from_unix_millis(i64::try_from(sequence).unwrap() * 60_000),
        };
        (from..from + count).map(change).collect()
    }

    fn log(folder: &Path, bounds: LogBounds) -> AppendLog {
        let path = folder.join(NAME);
        let file = open(&path).unwrap();
        AppendLog::new(path, file, bounds, WallTime::from_unix_millis(0), 0)
    }

    fn append(log: &mut AppendLog, from: u64, count: u64) {
        let changes = changes(from, count);
        log.append(&changes.iter().collect::<Vec<_>>()).unwrap();
    }

    fn lines(from: u64, count: u64) -> String {
        changes(from, count).iter().map(change_line).collect()
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn each_change_is_one_line_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = log(folder.path(), LogBounds::default());
        append(&mut log, 1, 300);
        append(&mut log, 200, 300);
        assert_eq!(text(&folder.path().join(NAME)), lines(1, 499));
    }

    #[test]
    fn a_file_that_is_cut_by_copytruncate_goes_on_at_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let mut log = log(folder.path(), LogBounds::default());
        append(&mut log, 1, 10);
        fs::copy(&path, folder.path().join("rotated")).unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(0)
            .unwrap();
        append(&mut log, 11, 10);
        assert_eq!(text(&folder.path().join("rotated")), lines(1, 10));
        assert_eq!(text(&path), lines(11, 10));
    }

    #[test]
    fn a_file_that_is_renamed_gets_lines_until_it_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, rotated) = (folder.path().join(NAME), folder.path().join("rotated"));
        let mut log = log(folder.path(), LogBounds::default());
        append(&mut log, 1, 10);
        fs::rename(&path, &rotated).unwrap();
        append(&mut log, 11, 10);
        assert!(!path.exists());
        log.reopen().unwrap();
        append(&mut log, 21, 10);
        assert_eq!(text(&rotated), lines(1, 20));
        assert_eq!(text(&path), lines(21, 10));
    }

    #[test]
    fn a_line_that_was_cut_is_not_continued() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let mut log = log(folder.path(), LogBounds::default());
        append(&mut log, 1, 1);
        // As after a write that failed, and a cut that failed as well.
        log.torn_at = Some(log.file.metadata().unwrap().len());
        log.file.write_all(b"supersmartwa").unwrap();
        append(&mut log, 2, 10);
        assert_eq!(text(&path), lines(1, 11));
    }

    #[test]
    fn a_bound_begins_a_new_file_and_drops_the_one_before_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let size = lines(100, 10).len() as u64;
        let by_size = LogBounds {
            size: Some(size),
            age: None,
        };
        let mut log = log(folder.path(), by_size);
        append(&mut log, 100, 25);
        assert_eq!(text(&path), lines(120, 5));
        assert_eq!(text(&before(&path)), lines(110, 10));

        log.bounds = LogBounds {
            size: None,
            age: Some(Duration::from_secs(600)),
        };
        append(&mut log, 125, 10);
        assert_eq!(text(&before(&path)), lines(120, 11));
        assert_eq!(text(&path), lines(131, 4));
        log.drop_old(WallTime::from_unix_millis(0));
        assert!(before(&path).exists());
        log.drop_old(WallTime::from_unix_millis(i64::MAX));
        assert!(!before(&path).exists());
    }
}
