//! Checks the first words of doc comments.

use std::fs;
use std::path::Path;

use crate::step;

/// The folders whose comments are checked, those of the tests too.
const FOLDERS: [&str; 2] = ["crates", "xtask/src"];

/// Words that begin a relative clause. A doc comment names its item by a noun or a verb instead: "The
/// address that ...", "Returns ...".
const CLAUSES: [&str; 12] = [
    "What", "Who", "Whom", "Whose", "Whoever", "Whatever", "Which", "How", "Why", "That", "When",
    "Where",
];

/// No doc comment begins with a relative clause, which has to be read twice.
pub(crate) fn check() -> Result<(), String> {
    step::say("\n== the first words of doc comments");
    let mut found = Vec::new();
    for folder in FOLDERS {
        look_into(&step::root().join(folder), &mut found)?;
    }
    if found.is_empty() {
        Ok(())
    } else {
        let lines = found.join("\n");
        Err(format!(
            "comments that begin with a relative clause:\n{lines}"
        ))
    }
}

fn look_into(folder: &Path, found: &mut Vec<String>) -> Result<(), String> {
    let shown = |error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(shown)? {
        let path = entry.map_err(shown)?.path();
        if path.is_dir() {
            look_into(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let lines = first_lines(&text).filter(|(_, line)| begins_with_clause(line));
            found
                .extend(lines.map(|(number, line)| format!("{}:{number}: {line}", path.display())));
        }
    }
    Ok(())
}

/// The first line of each doc comment, with its number.
fn first_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let content = doc(line);
        let first = content.is_some() && !inside;
        inside = content.is_some();
        content.filter(|_| first).map(|content| (number, content))
    })
}

fn doc(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///").or(line.strip_prefix("//!"))
}

fn begins_with_clause(comment: &str) -> bool {
    let first = comment.split_whitespace().next();
    first.is_some_and(|word| CLAUSES.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<usize> {
        let lines = first_lines(text).filter(|(_, line)| begins_with_clause(line));
        lines.map(|(number, _)| number).collect()
    }

    #[test]
    fn a_clause_is_found_at_the_beginning_of_a_comment_alone() {
        assert_eq!(found("//! What it is.\n\n    /// Whose it is.\n"), [1, 3]);
        assert_eq!(found("/// The name\n/// Which follows.\n"), [0_usize; 0]);
        assert_eq!(
            found("/// Whether it is.\n// What is no doc comment.\n"),
            [0; 0]
        );
    }
}
