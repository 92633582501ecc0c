//! The position up to which a log file shows the journal. It is kept over restarts, because a
//! rotated file does not tell it.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::whole_file::{self, Lasting, Readers};

/// The positions of both files, in the data folder.
const POSITION_FILE: &str = "log-positions";

/// The end of a log file when this was noted. Everything before it is on the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The identity of the file.
    pub(super) identity: Identity,
    pub(super) bytes: u64,
    /// The last change in it, or in those before it.
    pub(super) sequence: u64,
    /// The time of its first line, in Unix milliseconds.
    pub(super) begun_ms: i64,
}

/// Distinguishes a file from a later one of the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            Identity {
                device: metadata.dev(),
                inode: metadata.ino(),
            }
        }
        #[cfg(not(unix))]
        {
            let _ = metadata;
            Identity::default()
        }
    }
}

/// The positions of both files, in one folder of log files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Positions {
    folder: PathBuf,
    pub(super) uploads: Position,
    pub(super) deletions: Position,
}

impl Positions {
    /// The positions that were noted for this folder; `None` where there are none that can be read.
    pub(super) fn read(data: &Path, logs: &Path) -> Option<Self> {
        let text = fs::read(data.join(POSITION_FILE)).ok()?;
        let positions: Positions = serde_json::from_slice(&text).ok()?;
        (positions.folder == logs.canonicalize().ok()?).then_some(positions)
    }

    pub(super) fn new(logs: &Path, uploads: Position, deletions: Position) -> Self {
        Positions {
            folder: logs.canonicalize().unwrap_or_else(|_| logs.to_owned()),
            uploads,
            deletions,
        }
    }

    /// Notes them, all or nothing.
    pub(super) fn write(&self, data: &Path) -> io::Result<()> {
        let (path, text) = (data.join(POSITION_FILE), serde_json::to_vec(self)?);
        whole_file::replace(&path, &text, Readers::All, Lasting::Always)
    }
}

/// The place from which to continue an existing file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The change after which to go on.
    pub(super) after: u64,
    /// Lines that stand behind it already.
    pub(super) lines: u64,
    /// The last of them, where nothing was noted: the file may be another hub's.
    pub(super) to_compare: Option<Vec<u8>>,
}

/// Looks at a file: how many whole lines it has that are not noted. A line that was cut off is cut away.
pub(super) fn look(file: &mut File, noted: Option<&Position>) -> io::Result<Found> {
    let metadata = file.metadata()?;
    let noted = noted.cloned().unwrap_or_default();
    let is_same = noted.identity == Identity::of(&metadata) && metadata.len() >= noted.bytes;
    let from = if is_same { noted.bytes } else { 0 };
    let (lines, whole, last) = whole_lines(file, from)?;
    if whole < metadata.len() {
        file.set_len(whole)?;
    }
    let is_new = noted == Position::default();
    Ok(Found {
        after: noted.sequence,
        // Those of a file that was rotated in between are in what is noted, but for the last moment.
        lines: if is_same || is_new { lines } else { 0 },
        to_compare: (is_new && lines > 0).then_some(last),
    })
}

/// Counts the whole lines behind this byte; returns the count, the end of the last line, and that
/// line.
fn whole_lines(file: &mut File, from: u64) -> io::Result<(u64, u64, Vec<u8>)> {
    use std::io::{Seek as _, SeekFrom};

    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::new(file);
    let (mut lines, mut end) = (0, from);
    let (mut line, mut last) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok((lines, end, last));
        }
        lines += 1;
        end += read as u64;
        std::mem::swap(&mut line, &mut last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> File {
        let mut options = File::options();
        options
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .unwrap()
    }

    fn noted(file: &File, bytes: u64) -> Position {
        Position {
            identity: Identity::of(&file.metadata().unwrap()),
            bytes,
            sequence: 40,
            begun_ms: 0,
        }
    }

    #[test]
    fn lines_behind_what_is_noted_are_counted_and_a_torn_one_is_cut_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "a\nb\nc\nto").unwrap();
        let mut file = open(&path);
        let position = noted(&file, 2);
        let found = look(&mut file, Some(&position)).unwrap();
        assert_eq!((found.after, found.lines), (40, 2));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\nb\nc\n");
        let found = look(&mut file, None).unwrap();
        assert_eq!((found.after, found.lines), (0, 3));
    }

    #[test]
    fn a_file_that_was_rotated_goes_on_behind_what_is_noted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "a\nb\n").unwrap();
        let position = noted(&open(&path), 4);
        // As by copytruncate, and as by create.
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(0)
            .unwrap();
        let found = look(&mut open(&path), Some(&position)).unwrap();
        assert_eq!((found.after, found.lines), (40, 0));
        fs::rename(&path, folder.path().join("log.1")).unwrap();
        let found = look(&mut open(&path), Some(&position)).unwrap();
        assert_eq!((found.after, found.lines), (40, 0));
    }
}
