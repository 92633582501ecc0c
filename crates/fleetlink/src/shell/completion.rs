//! Completion by Tab: commands, data files, operations, other devices, local files.

use std::fs;
use std::path::Path;

use fleetlink_proto::samples::Operation;
use fleetlink_proto::{DataFile, DeviceName, Escaped};
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::command::WORDS;
use super::roster::Roster;

pub(super) struct Completion {
    device: DeviceName,
    roster: Roster,
}

impl Completion {
    pub(super) fn new(device: DeviceName, roster: Roster) -> Self {
        Completion { device, roster }
    }

    /// The words that can stand behind these in the place of `partial`.
    fn candidates(&self, before: &[&str], partial: &str) -> Vec<String> {
        let Some(word) = before.first() else {
            return WORDS.map(str::to_owned).to_vec();
        };
        match (word.to_ascii_uppercase().as_str(), before.len()) {
            ("EDG" | "UED", 1) => numbers(self.local_files()),
            ("SCS" | "DTE", 1) => numbers(self.roster.files()),
            ("GET", 1) => texts(self.roster.files()),
            ("APPEND", 1) => {
                let mut files = self.local_files();
                files.extend(self.roster.files());
                files.sort();
                files.dedup();
                texts(files)
            }
            ("SCS", 2) => Operation::ALL.map(|o| o.name().to_owned()).to_vec(),
            ("UVF", 1) => texts(self.roster.devices()),
            ("APPEND" | "GET" | "UVF", 2) => paths(partial),
            _ => Vec::new(),
        }
    }

    /// The data files that the files `<device>-<file>.txt` in the working directory are of.
    fn local_files(&self) -> Vec<DataFile> {
        let prefix = format!("{}-", self.device);
        let file = |name: &String| {
            let local = name.strip_prefix(&prefix)?.strip_suffix(".txt")?;
            DataFile::of_local_name(local)
        };
        let mut files: Vec<_> = file_names(Path::new(".")).iter().filter_map(file).collect();
        files.sort();
        files
    }
}

/// The data files that the course's commands take.
fn numbers(files: Vec<DataFile>) -> Vec<String> {
    texts(files.into_iter().filter(|file| file.number().is_some()))
}

fn texts(names: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    names.into_iter().map(|name| name.to_string()).collect()
}

/// The files and folders whose paths begin with the folder of `partial`; a folder ends with `/`.
fn paths(partial: &str) -> Vec<String> {
    let folder = partial.rfind('/').map_or("", |end| &partial[..=end]);
    let of = Path::new(if folder.is_empty() { "." } else { folder });
    let mut names = file_names(of);
    for name in &mut names {
        if of.join(&*name).is_dir() {
            name.push('/');
        }
        name.insert_str(0, folder);
    }
    names
}

/// Only names that a line of the shell can hold and a terminal can show.
fn file_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .filter(|name| Escaped(name).to_string() == *name)
        .filter(|name| !name.chars().any(char::is_whitespace))
        .collect();
    names.sort();
    names
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..position).unwrap_or(line);
        let start = typed.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let (before, partial) = typed.split_at(start);
        let before: Vec<&str> = before.split_whitespace().collect();
        // Names of files and devices differ by case.
        let any_case =
            before.is_empty() || before.len() == 2 && before[0].eq_ignore_ascii_case("SCS");
        let starts = |candidate: &String| {
            let head = candidate.get(..partial.len());
            head.is_some_and(|head| {
                head == partial || any_case && head.eq_ignore_ascii_case(partial)
            })
        };
        let candidates = self.candidates(&before, partial);
        let fitting: Vec<String> = candidates.into_iter().filter(starts).collect();
        // The next word can be typed at once.
        let done = |word: &String| match word.ends_with('/') {
            true => word.clone(),
            false => format!("{word} "),
        };
        match fitting.as_slice() {
            [only] => Ok((start, vec![done(only)])),
            _ => Ok((start, fitting)),
        }
    }
}

impl Hinter for Completion {
    type Hint = String;
}
impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}

#[cfg(test)]
mod tests {
    use rustyline::history::MemHistory;

    use super::*;

    #[tokio::test]
    async fn offers_what_can_stand_there() {
        let roster = Roster::of(&["12", "30", "lab/t"], &["wei-phone", "Watch"]);
        let completion = Completion::new("d".parse().unwrap(), roster);
        let history = MemHistory::new();
        let offered = |line: &str| {
            let context = Context::new(&history);
            completion.complete(line, line.len(), &context).unwrap()
        };
        let words = |words: &[&str]| words.iter().map(|&w| w.to_owned()).collect::<Vec<_>>();
        assert_eq!(offered("ed"), (0, words(&["EDG "])));
        assert_eq!(offered("e"), (0, words(&["EDG", "exit"])));
        assert_eq!(offered("SCS 1"), (4, words(&["12 "])));
        assert_eq!(offered("dte "), (4, words(&["12", "30"])));
        assert_eq!(offered("get "), (4, words(&["12", "30", "lab/t"])));
        assert_eq!(offered("append l"), (7, words(&["lab/t "])));
        assert_eq!(offered("SCS 12 m"), (7, words(&["MAX", "MIN"])));
        assert_eq!(offered("UVF w"), (4, words(&["wei-phone "])));
        assert_eq!(offered("uvf "), (4, words(&["wei-phone", "Watch"])));
        assert_eq!(offered("OUT "), (4, vec![]));
    }

    #[tokio::test]
    async fn offers_local_files_and_what_is_in_folders() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("videos")).unwrap();
        for name in ["videos/one.mp4", "videos/t\u{1b}wo.mp4", "videos/a b"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        assert_eq!(paths(&path("")), [path("videos/")]);
        assert_eq!(paths(&path("videos/o")), [path("videos/one.mp4")]);
        assert!(paths("/does/not/exist/").is_empty());
    }
}
