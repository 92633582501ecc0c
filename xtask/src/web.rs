//! The page of the hub: its types, its tests, and its built assets in the repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::step;

/// The oldest Node that the tools of the page run on.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// The built page that the hub serves, in the repository.
const COMMITTED: &str = "crates/hub/assets";

/// The folder for the page that is built to compare.
const BUILT: &str = "target/web-assets";

/// Checks and builds the page, compares the result with the committed assets, and runs the tests in
/// a browser.
pub(crate) fn check() -> Result<(), String> {
    node_is_new_enough(&step::output("node", &["--version"])?)?;
    npm(&["ci"])?;
    npm(&["run", "check"])?;
    npm(&["test"])?;
    npm(&["run", "build", "--", "--to", &format!("../{BUILT}")])?;
    compare()?;
    npm(&["run", "size"])?;
    npm(&["run", "e2e"])
}

/// Runs the tests of the page in a browser at the real hub: the program of the release build.
pub(crate) fn check_at_the_hub() -> Result<(), String> {
    let program = step::target().join("release/fleetlink");
    let program = program.display().to_string();
    let arguments = ["--prefix", "web", "run", "e2e:hub"];
    step::run_with("npm", &arguments, &[("FLEETLINK", &program)])
}

fn npm(arguments: &[&str]) -> Result<(), String> {
    step::run("npm", &[&["--prefix", "web"], arguments].concat())
}

fn node_is_new_enough(version: &str) -> Result<(), String> {
    let version = version.trim();
    let mut numbers = version.trim_start_matches('v').split('.');
    let mut number = || numbers.next()?.parse::<u32>().ok();
    let known = number().zip(number());
    if known.is_some_and(|known| known >= OLDEST_NODE) {
        return Ok(());
    }
    let (major, minor) = OLDEST_NODE;
    Err(format!(
        "the page needs Node {major}.{minor} or later, and this machine has {version}: install a newer nodejs"
    ))
}

/// Compares the page just built with the committed one, byte for byte.
fn compare() -> Result<(), String> {
    step::say("\n== the committed assets of the page");
    let root = step::root();
    let differences = differences(&files(&root.join(COMMITTED))?, &files(&root.join(BUILT))?);
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{COMMITTED} is not what web/ builds: `npm --prefix web run build`, and commit the result\n{}",
        differences.join("\n")
    ))
}

/// The content of each file of a folder, by its path in it.
type Files = BTreeMap<String, Vec<u8>>;

fn files(folder: &Path) -> Result<Files, String> {
    let mut found = Files::new();
    collect(folder, "", &mut found)?;
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, found: &mut Files) -> Result<(), String> {
    let shown = |error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(shown)? {
        let entry = entry.map_err(shown)?;
        let name = format!("{prefix}{}", entry.file_name().display());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), found)?;
        } else {
            found.insert(name, fs::read(entry.path()).map_err(shown)?);
        }
    }
    Ok(())
}

fn differences(committed: &Files, built: &Files) -> Vec<String> {
    let gone = committed.keys().filter(|name| !built.contains_key(*name));
    let gone = gone.map(|name| format!("  {name} is no longer built"));
    let changed = built
        .iter()
        .filter_map(|(name, content)| match committed.get(name) {
            None => Some(format!("  {name} is not committed")),
            Some(old) if old != content => Some(format!("  {name} differs")),
            Some(_) => None,
        });
    gone.chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> Files {
        let owned = |&(name, content): &(&str, &str)| (name.to_owned(), content.into());
        files.iter().map(owned).collect()
    }

    #[test]
    fn each_difference_between_two_builds_is_named() {
        let committed = folder(&[("a.js", "1"), ("b.css", "2"), ("c.svg", "3")]);
        let built = folder(&[("a.js", "1"), ("b.css", "x"), ("d.js", "4")]);
        assert_eq!(
            differences(&committed, &built),
            [
                "  c.svg is no longer built",
                "  b.css differs",
                "  d.js is not committed"
            ]
        );
        assert!(differences(&built, &built).is_empty());
    }

    #[test]
    fn an_old_node_is_refused_with_a_sentence() {
        for good in ["v20.19.0\n", "v20.20.2", "v22.0.1", "v100.1.0"] {
            assert_eq!(node_is_new_enough(good), Ok(()), "{good}");
        }
        for bad in ["v18.20.4", "v20.18.9", "", "node"] {
            let refused = node_is_new_enough(bad).expect_err(bad);
            assert!(refused.contains("Node 20.19 or later"), "{refused}");
        }
    }
}
