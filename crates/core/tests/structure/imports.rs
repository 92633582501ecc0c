//! Reads which modules a file names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A file of the crate, without its tests and comments.
pub(crate) struct Source {
    pub(crate) module: String,
    pub(crate) text: String,
    is_folder: bool,
}

impl Source {
    pub(crate) fn new(module: &str, text: &str) -> Self {
        let code = text.split("#[cfg(test)]\nmod tests").next();
        let lines = code.unwrap_or_default().lines();
        let code: Vec<_> = lines
            .map(|line| line.split("//").next().unwrap_or_default())
            .collect();
        Source {
            module: module.to_owned(),
            text: code.join("\n"),
            is_folder: false,
        }
    }

    /// The paths that it names, from the root of the crate: `store::calls::Account`.
    pub(crate) fn paths(&self) -> impl Iterator<Item = String> {
        let parent = match self.is_folder {
            true => self.module.as_str(),
            false => self
                .module
                .rsplit_once("::")
                .map_or("", |(parent, _)| parent),
        };
        let mut paths = Vec::new();
        for (keyword, base) in [
            ("crate::", ""),
            ("super::", parent),
            ("self::", self.module.as_str()),
        ] {
            for (at, _) in self.text.match_indices(keyword) {
                let before = self.text[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                    continue;
                }
                let rest = &self.text[at + keyword.len()..];
                expand(base, rest, &mut paths);
            }
        }
        paths.into_iter()
    }
}

/// Adds the paths that begin here: one, or each of a list in braces.
fn expand(base: &str, text: &str, paths: &mut Vec<String>) {
    let joined = |name: &str| match base {
        "" => name.to_owned(),
        base => format!("{base}::{name}"),
    };
    if let Some(list) = text.trim_start().strip_prefix('{') {
        for item in items(list) {
            expand(base, item, paths);
        }
        return;
    }
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    match rest.strip_prefix("::") {
        Some(rest) => expand(&joined(name), rest, paths),
        None => paths.push(joined(name)),
    }
}

/// The items of a list whose opening brace is behind us.
fn items(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0_usize, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&list[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.retain(|item| !item.trim().is_empty());
    items
}

/// The module that a path leads into. A name that the root of the crate re-exports leads to `lib`.
pub(crate) fn module_of(path: &str, modules: &BTreeSet<String>) -> String {
    let mut path = path;
    loop {
        if modules.contains(path) {
            return path.to_owned();
        }
        match path.rsplit_once("::") {
            Some((parent, _)) => path = parent,
            None => return "lib".to_owned(),
        }
    }
}

/// The files of a folder. Tests and models that lie beside the code are left out.
pub(crate) fn read_sources(folder: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    read_folder(folder, "", &mut sources);
    sources
}

fn read_folder(folder: &Path, module: &str, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let stem = stem.expect("a name");
        let joined = match module {
            "" => stem.to_owned(),
            module => format!("{module}::{stem}"),
        };
        if path.is_dir() {
            read_folder(&path, &joined, sources);
            continue;
        }
        if ["tests", "model"].iter().any(|end| stem.ends_with(end)) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        let is_folder = stem == "mod";
        let module = match stem {
            "mod" => module.to_owned(),
            _ => joined,
        };
        sources.push(Source {
            is_folder,
            ..Source::new(&module, &text)
        });
    }
}
