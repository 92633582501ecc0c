//! A damaged backup at the command line: every fault has a line, and what is whole comes back if asked.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Finished, Hub, fleetlink, run};

fn keep(folder: &Path, arguments: &[&str]) -> Finished {
    run(fleetlink(folder).args(arguments), "")
}

/// The objects of a folder of backups.
fn objects(all: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(all.join("objects")).unwrap();
    let objects = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    objects.map(|object| object.unwrap().path()).collect()
}

#[test]
fn a_damaged_backup_is_told_line_by_line_and_restored_if_asked() {
    let mut hub = Hub::start(&["cam"]);
    let folder = tempfile::tempdir().unwrap();
    let lines: String = (0..30_000).map(|number| format!("{number}\n")).collect();
    fs::write(folder.path().join("big.txt"), &lines).unwrap();
    let uploaded = hub.run(folder.path(), "cam", &["data", "upload", "1", "big.txt"]);
    assert_eq!(uploaded.code, Some(0), "{uploaded:?}");
    let data = hub.data().display().to_string();
    let made = keep(folder.path(), &["backup", "--data", &data, "--to", "all/"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    hub.kill();
    let all = folder.path().join("all");
    let mut objects = objects(&all).into_iter();
    let segment = objects.find(|object| fs::read(object).unwrap() == lines.as_bytes());
    fs::write(segment.unwrap(), lines.replace("77\n", "78\n")).unwrap();
    let found = keep(folder.path(), &["verify", "--backup", "all"]);
    assert_eq!(found.code, Some(7), "{found:?}");
    let restore = ["restore", "--from", "all", "--data", "back"];
    let refused = keep(folder.path(), &restore);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stdout.contains(" of cam/1: "), "{refused:?}");
    assert!(!folder.path().join("back").exists());
    let restored = keep(
        folder.path(),
        &[&restore[..], &["--despite-damage", "--json"]].concat(),
    );
    assert_eq!(restored.code, Some(7), "{restored:?}");
    let document: Value = serde_json::from_str(&restored.stdout).unwrap();
    assert_eq!(
        document["faults"].as_array().unwrap().len(),
        1,
        "{document}"
    );
    let list = ["account", "list", "--data", "back"];
    let listed = keep(folder.path(), &list);
    assert!(listed.stdout.contains("cam"), "{listed:?}");
    let read = ["data", "get", "1", "--device", "cam", "--data", "back"];
    assert_ne!(keep(folder.path(), &read).code, Some(0));
}

#[test]
fn a_text_of_a_backup_does_nothing_to_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let all = folder.path().join("all");
    fs::create_dir_all(all.join("manifests")).unwrap();
    fs::create_dir_all(all.join("objects")).unwrap();
    fs::write(all.join("fleetlink-backups"), "").unwrap();
    let harm = "\u{1b}]52;c;eA==\u{7}\u{202e}";
    let manifest = serde_json::json!({ "fleetlink_backup": 99, "version": harm });
    let name = format!("000001-{harm}");
    fs::write(all.join("manifests").join(name), format!("{manifest}\n")).unwrap();
    for command in [
        &["verify", "--backup", "all"][..],
        &["restore", "--from", "all", "--data", "back"],
        &["restore", "--from", "all", "--at", "7", "--data", "back"],
        &["restore", "--from", harm, "--data", "back"],
    ] {
        let told = keep(folder.path(), command);
        assert_ne!(told.code, Some(0), "{told:?}");
        for text in [&told.stdout, &told.stderr] {
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{told:?}");
        }
    }
}
