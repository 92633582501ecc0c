//! The uploaded files, for people.

use fleetlink_proto::control::FileEntry;

/// A line for each file.
pub(crate) fn list_lines(files: &[FileEntry]) -> String {
    if files.is_empty() {
        return "no uploaded files".to_owned();
    }
    let lines: Vec<String> = files.iter().map(line).collect();
    lines.join("\n")
}

/// The line of a file.
pub(crate) fn line(entry: &FileEntry) -> String {
    let FileEntry {
        file,
        samples,
        bytes,
        changed,
        ..
    } = entry;
    let changed = changed.local();
    format!("{file}; {samples} samples; {bytes} bytes; changed {changed}")
}
