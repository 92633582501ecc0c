//! The order of the core's modules: imports form no circle, neither between files nor between
//! folders, and only the hub's own files name the hub.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use imports::{Source, read_sources};

type Graph = BTreeMap<String, BTreeSet<String>>;

fn sources() -> Vec<Source> {
    let sources = read_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(sources.len() > 30, "{} files were found", sources.len());
    sources
}

/// The imports of each module.
fn files(sources: &[Source]) -> Graph {
    let modules: BTreeSet<_> = sources.iter().map(|s| s.module.clone()).collect();
    let imports = |source: &Source| {
        let imported = source
            .paths()
            .map(|path| imports::module_of(&path, &modules));
        imported.filter(|to| *to != source.module).collect()
    };
    sources
        .iter()
        .map(|source| (source.module.clone(), imports(source)))
        .collect()
}

/// The same by folder: `hub.rs` and `hub/` are one.
fn folders(files: &Graph) -> Graph {
    let folder = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
    let mut folders = Graph::new();
    for (from, imported) in files {
        let all = folders.entry(folder(from)).or_default();
        all.extend(
            imported
                .iter()
                .map(|to| folder(to))
                .filter(|to| *to != folder(from)),
        );
    }
    folders
}

/// A circle of imports, if there is one.
fn circle(graph: &Graph) -> Option<Vec<String>> {
    fn visit<'a>(
        graph: &'a Graph,
        module: &'a str,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<String>> {
        if let Some(start) = way.iter().position(|before| *before == module) {
            return Some(
                way[start..]
                    .iter()
                    .map(|&module| module.to_owned())
                    .collect(),
            );
        }
        if done.contains(module) {
            return None;
        }
        way.push(module);
        let mut imported = graph.get(module).into_iter().flatten();
        let found = imported.find_map(|next| visit(graph, next, way, done));
        way.pop();
        done.insert(module);
        found
    }
    let mut done = BTreeSet::new();
    let mut modules = graph.keys();
    modules.find_map(|module| visit(graph, module, &mut Vec::new(), &mut done))
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    assert_eq!(circle(&files(&sources())), None);
}

#[test]
fn no_folders_import_each_other_in_a_circle() {
    assert_eq!(circle(&folders(&files(&sources()))), None);
}

#[test]
fn nothing_but_the_hub_names_the_hub() {
    for (module, imported) in files(&sources()) {
        if module != "hub" && !module.starts_with("hub::") {
            let hub = imported
                .iter()
                .find(|to| to.split("::").next() == Some("hub"));
            assert_eq!(hub, None, "imported by {module}");
        }
    }
}

#[test]
fn a_planted_circle_is_found() {
    let planted = |text: &str, more: &str| {
        let mut sources = sources();
        let source = sources
            .iter_mut()
            .find(|source| source.module == "store::calls");
        let planted = Source::new("", text).text;
        source
            .expect("the calls of the store")
            .text
            .push_str(&planted);
        sources.push(Source::new("store::planted", more));
        files(&sources)
    };
    let between_files = planted(
        "use crate::store::planted::Planted;",
        "use super::calls::{Account, StoreError};",
    );
    assert_eq!(circle(&between_files).map(|c| c.len()), Some(2));
    let between_folders = planted("", "use crate::{ids::AdminId, session::state::Session};");
    assert!(circle(&folders(&between_folders)).is_some());
    let in_code = planted("fn f() { crate::store::planted::f() }", "use super::calls;");
    assert!(circle(&in_code).is_some());
    let in_a_comment = planted("// crate::store::planted", "use super::calls::Account;");
    assert_eq!(circle(&in_a_comment), None);
}

/// The files that ARCHITECTURE.md says a call passes, by the call.
fn passed_files() -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).expect("the document");
    let rows = text
        .lines()
        .skip_while(|line| *line != "| call | files |")
        .skip(2);
    let rows = rows.map_while(|line| line.strip_prefix("| ")?.split_once(" | "));
    let files = |cell: &str| {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    rows.map(|(call, cell)| (call.to_owned(), files(cell)))
        .collect()
}

#[test]
fn the_files_that_a_call_passes_are_there() {
    let passed = passed_files();
    assert_eq!(passed.len(), 4);
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (call, files) in &passed {
        for file in files {
            let (part, path) = file.split_once('/').expect("a crate and a file");
            let path = crates
                .join(part)
                .join("src")
                .join(path)
                .with_extension("rs");
            assert!(path.is_file(), "{call}: {}", path.display());
        }
    }
    let compute = &passed["`file.compute`"];
    assert!(compute.len() <= 7, "{compute:?}");
}
