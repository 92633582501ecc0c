//! What Tab offers: commands, file IDs, operations, file names.

use std::fs;
use std::path::Path;
use std::sync::PoisonError;

use fleetlink_proto::DeviceName;
use fleetlink_proto::samples::Operation;
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::KnownFiles;
use super::command::WORDS;

pub(super) struct Completion {
    pub(super) device: DeviceName,
    pub(super) files: KnownFiles,
}

impl Completion {
    fn candidates(&self, before: &[&str]) -> Vec<String> {
        let Some(word) = before.first() else {
            return WORDS.map(str::to_owned).to_vec();
        };
        match (word.to_ascii_uppercase().as_str(), before.len()) {
            ("EDG" | "UED", 1) => self.local_ids(),
            ("SCS" | "DTE" | "APPEND" | "GET", 1) => self.uploaded_ids(),
            ("SCS", 2) => Operation::ALL.map(|o| o.name().to_owned()).to_vec(),
            ("APPEND" | "UVF", 2) => file_names(Path::new(".")),
            _ => Vec::new(),
        }
    }

    fn uploaded_ids(&self) -> Vec<String> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().map(ToString::to_string).collect()
    }

    /// The IDs of the files `<device>-<fileID>.txt` in the working directory.
    fn local_ids(&self) -> Vec<String> {
        let prefix = format!("{}-", self.device);
        let id = |name: &String| {
            let id = name.strip_prefix(&prefix)?.strip_suffix(".txt")?;
            id.parse::<fleetlink_proto::FileId>().ok()?;
            Some(id.to_owned())
        };
        file_names(Path::new(".")).iter().filter_map(id).collect()
    }
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
        .filter(|name| !name.chars().any(|c| c.is_whitespace() || c.is_control()))
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
        let starts = |candidate: &String| {
            let head = candidate.get(..partial.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(partial))
        };
        let candidates = self.candidates(&before);
        Ok((start, candidates.into_iter().filter(starts).collect()))
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
    use std::sync::{Arc, Mutex};

    use fleetlink_proto::FileId;
    use rustyline::history::MemHistory;

    use super::*;

    #[test]
    fn offers_what_can_stand_there() {
        let completion = Completion {
            device: "d".parse().unwrap(),
            files: Arc::new(Mutex::new(vec![FileId::new(12), FileId::new(30)])),
        };
        let history = MemHistory::new();
        let offered = |line: &str| {
            let context = Context::new(&history);
            completion.complete(line, line.len(), &context).unwrap()
        };
        assert_eq!(offered("e"), (0, vec!["EDG".to_owned()]));
        assert_eq!(offered("SCS 1"), (4, vec!["12".to_owned()]));
        assert_eq!(
            offered("SCS 12 m"),
            (7, vec!["MAX".to_owned(), "MIN".to_owned()])
        );
        assert_eq!(offered("OUT "), (4, vec![]));
    }
}
