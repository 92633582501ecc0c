//! Checks that everything exists that documents name.

use std::fs;
use std::path::Path;

use crate::step;

/// Every test that docs/hazards.md names is a function of some source file.
pub(crate) fn check() -> Result<(), String> {
    step::say("\n== tests that docs/hazards.md names");
    let root = step::root();
    let document = read(&root.join("docs/hazards.md"))?;
    let mut sources = String::new();
    collect(&root.join("crates"), &mut sources)?;
    let rows = document.lines().filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let missing: Vec<&str> = names
        .filter(|name| !sources.contains(&format!("fn {name}(")))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("no such tests: {}", missing.join(", ")))
    }
}

fn collect(folder: &Path, sources: &mut String) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&read(&path)?);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}
