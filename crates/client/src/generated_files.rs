//! The files that this device has generated: those, and no others, are generated anew in their place.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use crate::Error;
use crate::kept_file::KeptFile;
use crate::limits::MAX_GENERATED_FILES;

/// The generated files of a state folder. A file that was changed since is not one of them.
#[derive(Debug, Clone)]
pub struct GeneratedFiles(KeptFile);

/// By what a file is known again, without a look at its content: its place on the disk, its size
/// and when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileMark(String);

impl FileMark {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        FileMark(format!(
            "{} {} {} {}.{:09}",
            metadata.dev(),
            metadata.ino(),
            metadata.size(),
            metadata.mtime(),
            metadata.mtime_nsec()
        ))
    }
}

impl GeneratedFiles {
    /// The generated files of this state folder.
    pub fn in_folder(folder: PathBuf) -> Self {
        GeneratedFiles(KeptFile::new(folder, "generated-files"))
    }

    /// Whether this file was generated, and is as it was then.
    pub(crate) fn contains(&self, file: &FileMark) -> io::Result<bool> {
        let marks = self.0.read().map_err(|e| of(&e))?;
        Ok(marks.lines().any(|line| line == file.0))
    }

    /// Remembers a file, and forgets the one that it takes the place of. Of too many, the oldest is
    /// forgotten.
    pub(crate) fn remember(&self, new: &FileMark, old: Option<&FileMark>) -> io::Result<()> {
        let change = |before: &str| {
            let kept = before
                .lines()
                .filter(|line| old.is_none_or(|old| *line != old.0));
            let mut marks: Vec<&str> = kept.chain([new.0.as_str()]).collect();
            marks.drain(..marks.len().saturating_sub(MAX_GENERATED_FILES));
            Ok((marks.join("\n") + "\n", ()))
        };
        self.0.change(change).map_err(|e| of(&e))
    }
}

fn of(error: &Error) -> io::Error {
    let kind = error.io().map_or(io::ErrorKind::Other, io::Error::kind);
    io::Error::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_too_many_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let files = GeneratedFiles::in_folder(folder.path().to_owned());
        let mark = |n: usize| FileMark(format!("1 {n} 3 4.000000000"));
        let text: String = (0..MAX_GENERATED_FILES).map(|n| mark(n).0 + "\n").collect();
        std::fs::write(folder.path().join("generated-files"), text).unwrap();
        let new = mark(MAX_GENERATED_FILES);
        files.remember(&new, None).unwrap();
        assert!(!files.contains(&mark(0)).unwrap());
        assert!(files.contains(&mark(1)).unwrap());
        files.remember(&mark(0), Some(&new)).unwrap();
        assert!(!files.contains(&new).unwrap());
        assert!(files.contains(&mark(1)).unwrap(), "there was room");
    }
}
