//! The check finds every kind of damage, and nothing where there is none.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use fleetlink_hub::store::sqlite::Fault;
use fleetlink_hub::{Watch, verify};
use rusqlite::Connection;

use super::Folder;
use crate::suite::*;

/// The faults but for the key, which these stores have none of.
fn faults(folder: &Path) -> Vec<Fault> {
    let found = verify(folder, &Watch::default()).unwrap();
    let faults = found.faults.into_iter();
    faults.filter(|fault| fault.part != "key").collect()
}

/// Two data files of `cam`: 1 in a file with a pyramid, 2 in rows of which one ends open.
async fn holding() -> Folder {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    upload(&*store, To("cam", 1, 1), Replace, &large(20_000))
        .await
        .unwrap();
    for (bits, text) in [(2, "1\n2"), (3, "-3.5\n")] {
        upload(&*store, To("cam", 2, bits), Append, text.as_bytes())
            .await
            .unwrap();
    }
    upload(&*store, To("cam", 3, 4), Replace, b"1\n")
        .await
        .unwrap();
    delete(&*store, To("cam", 3, 5)).await.unwrap();
    drop(store);
    // The pyramid is built in the background.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while folder.files("pyramids").is_empty() {
        let store = folder.store();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        drop(store);
        assert!(std::time::Instant::now() < deadline);
    }
    folder
}

fn sql(folder: &Path, statements: &str) {
    let database = Connection::open(folder.join("hub.db")).unwrap();
    database.execute_batch(statements).unwrap();
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn only(folder: &Path, part: &str) -> std::path::PathBuf {
    let entries = fs::read_dir(folder.join(part)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(paths.len(), 1, "{paths:?}");
    paths.remove(0)
}

type Damage = fn(&Path);

const DAMAGES: &[(&str, Damage)] = &[
    ("segment", |folder| flip(&only(folder, "segments"), 70_000)),
    ("segment", |folder| {
        fs::remove_file(only(folder, "segments")).unwrap();
    }),
    ("segment", |folder| {
        let path = only(folder, "segments");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[1..]).unwrap();
    }),
    ("segment", |folder| {
        sql(
            folder,
            "UPDATE segments SET body = x'310a33' WHERE file = 2 AND position = 0",
        );
    }),
    ("segment", |folder| {
        // Of other samples, which the hash does not cover.
        sql(
            folder,
            "UPDATE segments SET summary = (SELECT summary FROM segments WHERE file = 2 AND position = 1) \
             WHERE file = 2 AND position = 0",
        );
    }),
    ("segment", |folder| {
        sql(
            folder,
            "UPDATE segments SET ends_open = 0 WHERE file = 2 AND position = 0",
        );
    }),
    ("data_file", |folder| {
        sql(folder, "UPDATE files SET bytes = bytes + 1 WHERE file = 2");
    }),
    ("data_file", |folder| {
        sql(folder, "UPDATE files SET segments = 3 WHERE file = 2");
    }),
    ("data_file", |folder| {
        sql(
            folder,
            "UPDATE files SET summary = (SELECT summary FROM files WHERE file = 1) WHERE file = 2",
        );
    }),
    ("data_file", |folder| {
        sql(folder, "UPDATE files SET version = 99 WHERE file = 2");
    }),
    ("data_file", |folder| {
        sql(
            folder,
            "DELETE FROM segments WHERE file = 2 AND position = 0",
        );
    }),
    ("journal", |folder| {
        sql(folder, "UPDATE files SET version = 1 WHERE file = 2");
    }),
    ("journal", |folder| {
        sql(
            folder,
            "DELETE FROM segments WHERE file = 2; DELETE FROM files WHERE file = 2",
        );
    }),
    ("journal", |folder| {
        sql(folder, "DELETE FROM journal WHERE sequence = 5");
    }),
    ("journal", |folder| {
        sql(folder, "DELETE FROM journal WHERE sequence = 3");
    }),
    ("database", |folder| {
        sql(
            folder,
            "PRAGMA foreign_keys = OFF; DELETE FROM accounts WHERE name = 'cam'",
        );
    }),
    ("database", |folder| {
        // A page that is none: sqlite_schema stays, the tables behind it do not.
        let path = folder.join("hub.db");
        let mut bytes = fs::read(&path).unwrap();
        bytes[8192..12_288].fill(0x55);
        fs::write(path, bytes).unwrap();
    }),
    ("database", |folder| {
        fs::write(folder.join("hub.db"), vec![7; 9000]).unwrap();
    }),
    ("database", |folder| {
        fs::write(folder.join("hub.db"), "").unwrap();
    }),
    ("orphan", |folder| {
        fs::write(folder.join("segments/4711"), "1\n").unwrap();
    }),
    ("pyramid", |folder| flip(&only(folder, "pyramids"), 3)),
    ("pyramid", |folder| {
        let path = only(folder, "pyramids");
        let middle = fs::metadata(&path).unwrap().len() / 2;
        flip(&path, usize::try_from(middle).unwrap());
    }),
    ("pyramid", |folder| {
        let path = only(folder, "pyramids");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    }),
    ("account", |folder| {
        sql(folder, "UPDATE account_totals SET accounts = 7");
    }),
    ("account", |folder| {
        sql(folder, "UPDATE account_totals SET version = 0");
    }),
    ("people", |folder| {
        sql(
            folder,
            "INSERT INTO tokens (hash, name, role, created_ms) VALUES (x'00', 't', 'device=gone', 0)",
        );
    }),
    ("people", |folder| {
        sql(
            folder,
            "INSERT INTO web_logins VALUES ('ana', 'ana', 'emperor', '', 0)",
        );
    }),
];

#[tokio::test]
async fn every_kind_of_damage_is_found_and_named() {
    for (number, (part, damage)) in DAMAGES.iter().enumerate() {
        let folder = holding().await;
        assert_eq!(faults(folder.path()), [], "before damage {number}");
        damage(folder.path());
        let found = faults(folder.path());
        let of_part = found.iter().find(|fault| fault.part == *part);
        let fault = of_part.unwrap_or_else(|| panic!("damage {number}, {part}: {found:?}"));
        assert!(!fault.place.is_empty() && !fault.remedy.is_empty());
    }
}

#[tokio::test]
async fn a_missing_or_damaged_key_is_found() {
    let folder = holding().await;
    for content in [None, Some("no key")] {
        if let Some(content) = content {
            fs::write(folder.path().join("hub.key"), content).unwrap();
        }
        let found = verify(folder.path(), &Watch::default()).unwrap();
        assert_eq!(found.faults.len(), 1, "{found:?}");
        assert_eq!(found.faults[0].part, "key");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_changes_meanwhile_is_whole_at_every_look() {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    let is_over = AtomicBool::new(false);
    let runtime = tokio::runtime::Handle::current();
    std::thread::scope(|scope| {
        // Small appends, which are merged; large files that are replaced and deleted.
        scope.spawn(|| {
            runtime.block_on(async {
                let mut bits = 0;
                while !is_over.load(Ordering::Relaxed) {
                    bits += 1;
                    let text = format!("{bits}\n").repeat(300);
                    upload(&*store, To("cam", 1, bits), Append, text.as_bytes())
                        .await
                        .unwrap();
                }
            });
        });
        scope.spawn(|| {
            runtime.block_on(async {
                let mut bits = 1 << 40;
                while !is_over.load(Ordering::Relaxed) {
                    bits += 2;
                    upload(&*store, To("cam", 2, bits), Replace, &large(12_000))
                        .await
                        .unwrap();
                    if bits % 3 == 0 {
                        delete(&*store, To("cam", 2, bits + 1)).await.unwrap();
                    }
                }
            });
        });
        let mut checked = 0;
        for _ in 0..12 {
            let found = verify(folder.path(), &Watch::default()).unwrap();
            checked = found.checked.segments;
            let faults = found.faults.iter().filter(|fault| fault.part != "key");
            assert_eq!(faults.count(), 0, "{found:?}");
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(checked > 0);
    });
    drop(store);
    assert_eq!(faults(folder.path()), []);
    assert_eq!(folder.store().reconciliation().orphans_moved, 0);
}

#[tokio::test]
async fn a_check_that_is_stopped_ends() {
    let folder = holding().await;
    let watch = Watch::default();
    watch.stop();
    let stopped = verify(folder.path(), &watch);
    assert!(
        matches!(
            stopped,
            Err(fleetlink_hub::store::sqlite::VerifyError::Stopped(_))
        ),
        "{stopped:?}"
    );
}
