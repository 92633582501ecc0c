//! Telling whether a write failed for want of room. SQLite calls a used-up quota and a limit for the
//! size of files an error of I/O like any other, and does not tell which one the system gave.

use std::fs;
use std::io::{self, Seek, SeekFrom, Write};

use super::failure::is_full;
use super::folder::{Folder, private};

/// The bytes that are written to see whether there is room.
const PROBE_BYTES: usize = 64 * 1024;

/// Whether the database's log could not grow because there is no room for it.
pub(super) fn is_used_up(folder: &Folder) -> bool {
    let end = fs::metadata(folder.log()).map_or(0, |log| log.len());
    let path = folder.root().join("room");
    let probed = probe(folder, end);
    // What is left of it is removed at the next probe.
    let _ = fs::remove_file(path);
    probed.is_err_and(|error| is_full(&error))
}

/// Writes behind where the log ends: a hole takes no room, and the size counts towards the limit.
fn probe(folder: &Folder, end: u64) -> io::Result<()> {
    let mut options = private();
    let options = options.write(true).create(true).truncate(true);
    let mut file = options.open(folder.root().join("room"))?;
    file.seek(SeekFrom::Start(end))?;
    file.write_all(&vec![1; PROBE_BYTES])
}
