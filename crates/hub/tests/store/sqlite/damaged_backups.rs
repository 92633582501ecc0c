//! Backup, check and restore agree about damage, and damage ends nothing that is whole.

use std::fs;
use std::path::{Path, PathBuf};

use fleetlink_hub::store::sqlite::{OpenError, SqliteStore};
use fleetlink_hub::{
    BackupError, BackupOrder, BackupPlace, RestoreOrder, Watch, back_up, restore, verify,
    verify_backup,
};
#[cfg(target_os = "linux")]
use fleetlink_testkit::{run_on_small_disk, small_disk};
use rusqlite::Connection;
use tempfile::TempDir;

use super::Folder;
use super::backups::{back, give_key, holding, restoring, to_file, to_folder};
use crate::suite::*;

fn sql(database: &Path, statements: &str) {
    let database = Connection::open(database).unwrap();
    database.execute_batch(statements).unwrap();
}

/// Damage that leaves the database a database: in a row's bytes, in a summary, in a counter.
const DAMAGES: [&str; 4] = [
    "UPDATE segments SET body = x'310a330a' WHERE file = 2",
    "UPDATE segments SET summary = (SELECT summary FROM segments WHERE file = 1) WHERE file = 2",
    "UPDATE files SET bytes = bytes + 1 WHERE file = 2",
    "UPDATE account_totals SET accounts = 7",
];

fn is_damaged(error: &BackupError) -> bool {
    matches!(
        error,
        BackupError::Damaged { .. } | BackupError::DamagedStore { .. } | BackupError::Faults(_)
    )
}

#[tokio::test]
async fn of_damaged_rows_no_backup_is_made() {
    for damage in DAMAGES {
        let folder = holding().await;
        sql(&folder.path().join("hub.db"), damage);
        let place = TempDir::new().unwrap();
        for refused in [
            to_file(folder.path(), &place.path().join("one"), false),
            to_folder(folder.path(), &place.path().join("all"), None),
        ] {
            let error = refused.expect_err(damage);
            assert!(is_damaged(&error), "{damage}: {error}");
        }
        assert!(!place.path().join("one").exists());
    }
}

/// The only object of a folder of backups that is a database.
fn database_of(all: &Path) -> PathBuf {
    let folders = fs::read_dir(all.join("objects")).unwrap();
    let objects = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    let mut paths: Vec<PathBuf> = objects
        .map(|object| object.unwrap().path())
        .filter(|path| fs::read(path).unwrap().starts_with(b"SQLite format 3\0"))
        .collect();
    assert_eq!(paths.len(), 1);
    paths.remove(0)
}

/// Puts other bytes of the database into a backup, with their hashes: as of a store that was damaged
/// when an earlier version took it.
fn damage_in(all: &Path, statements: &str) {
    let old = database_of(all);
    let new = all.join("changed");
    fs::copy(&old, &new).unwrap();
    sql(&new, statements);
    let bytes = fs::read(&new).unwrap();
    fs::remove_file(&new).unwrap();
    fs::remove_file(&old).unwrap();
    let hash = blake3::hash(&bytes).to_hex().to_string();
    let object = all.join("objects").join(&hash[..2]);
    fs::create_dir_all(&object).unwrap();
    fs::write(object.join(&hash[2..]), &bytes).unwrap();
    let manifest = fs::read_dir(all.join("manifests")).unwrap().next();
    let manifest = manifest.unwrap().unwrap().path();
    let text = fs::read_to_string(&manifest).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let end = lines.pop().unwrap();
    let mut database: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
    database["bytes"] = bytes.len().into();
    database["blake3"] = hash.into();
    lines[1] = database.to_string();
    let above = lines.join("\n") + "\n";
    let mut end: serde_json::Value = serde_json::from_str(&end).unwrap();
    end["blake3"] = blake3::hash(above.as_bytes()).to_hex().to_string().into();
    fs::write(&manifest, format!("{above}{end}\n")).unwrap();
}

#[tokio::test]
async fn what_a_check_calls_whole_is_restored_and_what_it_does_not_is_refused_with_every_fault() {
    for damage in DAMAGES {
        let folder = holding().await;
        let place = TempDir::new().unwrap();
        let all = place.path().join("all");
        to_folder(folder.path(), &all, None).unwrap();
        let found = verify_backup(&all, None, &Watch::default()).unwrap();
        assert_eq!(found.faults, Vec::<String>::new());
        let both = format!("{damage}; UPDATE files SET segments = 5 WHERE file = 1");
        damage_in(&all, &both);
        let found = verify_backup(&all, None, &Watch::default()).unwrap();
        assert!(found.faults.len() >= 2, "{damage}: {found:?}");
        let target = place.path().join("target");
        let error = back(&all, None, &target).expect_err(damage);
        let BackupError::Faults(faults) = &error else {
            panic!("{damage}: {error}");
        };
        assert_eq!(faults.len(), found.faults.len(), "{faults:?} {found:?}");
        for fault in faults {
            assert!(
                found.faults.iter().any(|told| told.ends_with(fault)),
                "{found:?}"
            );
        }
        assert!(!target.exists());
        let order = RestoreOrder {
            despite_damage: true,
            ..restoring(&all, None, &target)
        };
        let restored = restore(&order, &Watch::default()).unwrap();
        assert_eq!(restored.faults, *faults);
        let store = SqliteStore::open(&target).unwrap();
        assert_eq!(read(&store, "cam", 1).await.unwrap(), large(20_000));
    }
}

#[tokio::test]
async fn lost_parts_are_named_and_the_others_restored() {
    let folder = holding().await;
    let place = TempDir::new().unwrap();
    let all = place.path().join("all");
    to_folder(folder.path(), &all, None).unwrap();
    let object = object_of(&all, &large(20_000));
    fs::remove_file(&object).unwrap();
    let target = place.path().join("target");
    let order = RestoreOrder {
        despite_damage: true,
        ..restoring(&all, None, &target)
    };
    let restored = restore(&order, &Watch::default()).unwrap();
    assert_eq!(restored.faults.len(), 1, "{restored:?}");
    assert!(restored.faults[0].contains("of cam/1"), "{restored:?}");
    let store = SqliteStore::open(&target).unwrap();
    assert_eq!(read(&store, "cam", 2).await.unwrap(), b"1\n2\n");
    assert!(read(&store, "cam", 1).await.is_err());
}

fn object_of(all: &Path, bytes: &[u8]) -> PathBuf {
    let hash = blake3::hash(bytes).to_hex().to_string();
    all.join("objects").join(&hash[..2]).join(&hash[2..])
}

#[tokio::test]
async fn a_damaged_object_is_named_and_the_next_backup_heals_it() {
    let folder = holding().await;
    let place = TempDir::new().unwrap();
    let all = place.path().join("all");
    to_folder(folder.path(), &all, None).unwrap();
    let object = object_of(&all, &large(20_000));
    let mut bytes = fs::read(&object).unwrap();
    bytes[100] ^= 1;
    fs::write(&object, &bytes).unwrap();
    let found = verify_backup(&all, None, &Watch::default()).unwrap();
    let name = object.display().to_string();
    assert!(
        found.faults.iter().any(|fault| fault.contains(&name)),
        "{found:?}"
    );
    assert_eq!(fs::read(&object).unwrap(), bytes, "a check changes nothing");
    to_folder(folder.path(), &all, None).unwrap();
    let found = verify_backup(&all, None, &Watch::default()).unwrap();
    assert_eq!((found.whole.len(), found.faults), (2, Vec::new()));
    let target = place.path().join("target");
    back(&all, None, &target).unwrap();
    let store = SqliteStore::open(&target).unwrap();
    assert_eq!(read(&store, "cam", 1).await.unwrap(), large(20_000));
}

#[tokio::test]
async fn no_hub_starts_where_a_restore_was_cut_off() {
    let folder = holding().await;
    let place = TempDir::new().unwrap();
    let one = place.path().join("one");
    to_file(folder.path(), &one, false).unwrap();
    let target = place.path().join("target");
    fs::create_dir_all(target.join("restore.unfinished/data/segments")).unwrap();
    fs::write(target.join("hub.lock"), "").unwrap();
    assert!(SqliteStore::exists(&target));
    let refused = SqliteStore::open(&target).map(|_| ()).unwrap_err();
    assert!(matches!(refused, OpenError::RestoreCutOff(_)), "{refused}");
    let refused = verify(&target, &Watch::default()).unwrap_err().to_string();
    assert!(refused.contains("cut off"), "{refused}");
    let refused = to_file(&target, &place.path().join("two"), false).unwrap_err();
    assert!(refused.to_string().contains("cut off"), "{refused}");
    assert!(!target.join("hub.db").exists());
    back(&one, None, &target).unwrap();
    assert!(!target.join("restore.unfinished").exists());
    SqliteStore::open(&target).unwrap();
}

#[tokio::test]
async fn a_version_of_before_the_loss_is_not_given_out_again() {
    let folder = holding().await;
    let place = TempDir::new().unwrap();
    let one = place.path().join("one");
    to_file(folder.path(), &one, false).unwrap();
    let store = folder.store();
    let lost = upload(&store, To("cam", 2, 9), Replace, b"5\n")
        .await
        .unwrap();
    drop(store);
    let target = place.path().join("target");
    back(&one, None, &target).unwrap();
    let store = SqliteStore::open(&target).unwrap();
    let new = upload(&store, To("cam", 2, 10), Replace, b"6\n")
        .await
        .unwrap();
    assert!(new.version > lost.version, "{new:?} {lost:?}");
    drop(store);
    assert!(verify(&target, &Watch::default()).unwrap().is_whole());
}

#[tokio::test]
async fn what_no_backup_names_goes_and_a_manifest_that_cannot_be_read_is_told() {
    let folder = holding().await;
    let place = TempDir::new().unwrap();
    let all = place.path().join("all");
    to_folder(folder.path(), &all, Some(5)).unwrap();
    // As of a backup that ended on a full disk.
    let left = object_of(&all, b"of no backup");
    fs::create_dir_all(left.parent().unwrap()).unwrap();
    fs::write(&left, "of no backup").unwrap();
    to_folder(folder.path(), &all, None).unwrap();
    assert!(left.exists());
    let made = to_folder(folder.path(), &all, Some(5)).unwrap();
    assert_eq!((made.removed, made.not_removed), (0, None));
    assert!(!left.exists());
    let first = fs::read_dir(all.join("manifests")).unwrap();
    let mut manifests: Vec<PathBuf> = first.map(|entry| entry.unwrap().path()).collect();
    manifests.sort();
    fs::write(&manifests[2], "half").unwrap();
    let made = to_folder(folder.path(), &all, Some(3)).unwrap();
    assert_eq!(made.removed, 0);
    assert!(made.not_removed.unwrap().contains("000003"));
    let name = made.manifest.unwrap();
    back(&all, Some(&name), &place.path().join("target")).unwrap();
}

#[tokio::test]
async fn a_file_goes_into_a_folder_that_is_there() {
    let folder = holding().await;
    let place = TempDir::new().unwrap();
    let path = place.path().join("mistyped/path/one");
    let order = BackupOrder {
        data: folder.path().to_owned(),
        to: BackupPlace::File {
            path,
            replace: false,
        },
    };
    let refused = back_up(&order, &Watch::default()).unwrap_err();
    assert!(matches!(refused, BackupError::NoFolder(_)), "{refused}");
    assert!(!place.path().join("mistyped").exists());
}

#[tokio::test]
async fn texts_of_a_backup_are_shown_as_text() {
    let folder: Folder = holding().await;
    let place = TempDir::new().unwrap();
    let all = place.path().join("all");
    to_folder(folder.path(), &all, None).unwrap();
    let harm = "\u{1b}]52;c;eA==\u{7}\u{202e}";
    let manifest = fs::read_dir(all.join("manifests")).unwrap().next();
    let manifest = manifest.unwrap().unwrap().path();
    let text = serde_json::json!({ "fleetlink_backup": 99, "version": harm });
    fs::write(&manifest, format!("{text}\n")).unwrap();
    fs::rename(&manifest, all.join(format!("manifests/1-{harm}"))).unwrap();
    let target = place.path().join("target");
    for refused in [
        back(&all, Some("1"), &target).unwrap_err(),
        back(&all, Some("7"), &target).unwrap_err(),
    ] {
        let told = refused.to_string();
        assert!(!told.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{told:?}");
    }
    fs::remove_file(all.join(format!("manifests/1-{harm}"))).unwrap();
    to_folder(folder.path(), &all, None).unwrap();
    // The name of a device in the database.
    let rename = format!(
        "PRAGMA foreign_keys = OFF; UPDATE files SET device = '{harm}'; \
         UPDATE segments SET device = '{harm}'"
    );
    damage_in(&all, &rename);
    let told = back(&all, None, &target).unwrap_err().to_string();
    assert!(told.contains("\\u{1b}"), "{told:?}");
    assert!(!told.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{told:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_of_kept_backups_has_room_for_the_next_one() {
    const TEST: &str =
        "sqlite::damaged_backups::a_full_disk_of_kept_backups_has_room_for_the_next_one";
    let Some(disk) = small_disk() else {
        let folder = TempDir::new().unwrap();
        return run_on_small_disk(TEST, "3m", folder.path());
    };
    let folder = holding().await;
    let all = disk.join("all");
    let mut were_full = 0;
    for night in 1..=5_u32 {
        let text = format!("{night}\n").repeat(450_000);
        let store = folder.store();
        let to = To("cam", 7, 100 + u128::from(night));
        upload(&store, to, Replace, text.as_bytes()).await.unwrap();
        drop(store);
        if let Err(error) = to_folder(folder.path(), &all, None) {
            assert!(error.to_string().contains("space"), "{error}");
            let made = to_folder(folder.path(), &all, Some(2)).unwrap();
            assert_eq!((made.removed, made.not_removed), (1, None));
            were_full += 1;
        }
        let found = verify_backup(&all, None, &Watch::default()).unwrap();
        assert_eq!(found.faults, Vec::<String>::new());
        assert_eq!(found.whole.len(), usize::try_from(night.min(2)).unwrap());
    }
    assert!(were_full > 0);
    // The only one does not go for the next one.
    let kept = to_folder(folder.path(), &all, Some(1)).map(|made| made.removed);
    assert!(kept.is_err() || kept.is_ok_and(|removed| removed == 2));
}

#[tokio::test]
async fn of_an_earlier_format_are_checked_as_they_will_be() {
    for damage in [
        None,
        Some("UPDATE segments SET body = x'310a330a' WHERE id = 7"),
    ] {
        let folder = super::upgrade::of_format_3();
        give_key(folder.path());
        let place = TempDir::new().unwrap();
        let (one, all) = (place.path().join("one"), place.path().join("all"));
        if let Some(damage) = damage {
            sql(&folder.path().join("hub.db"), damage);
            let refused = to_file(folder.path(), &one, false).unwrap_err();
            assert!(is_damaged(&refused), "{refused}");
            continue;
        }
        to_file(folder.path(), &one, false).unwrap();
        to_folder(folder.path(), &all, None).unwrap();
        for backup in [&one, &all] {
            let found = verify_backup(backup, None, &Watch::default()).unwrap();
            assert_eq!((found.whole.len(), found.faults), (1, Vec::new()));
            let target = place.path().join("target");
            back(backup, None, &target).unwrap();
            assert_eq!(
                read(&SqliteStore::open(&target).unwrap(), "phone", 1)
                    .await
                    .unwrap(),
                b"1664533873,1\n"
            );
            fs::remove_dir_all(&target).unwrap();
        }
    }
}

#[tokio::test]
async fn of_a_store_without_its_key_are_not_made() {
    let folder = holding().await;
    fs::remove_file(folder.path().join("hub.key")).unwrap();
    let place = TempDir::new().unwrap();
    let refused = to_file(folder.path(), &place.path().join("one"), false).unwrap_err();
    assert!(refused.to_string().contains("hub.key"), "{refused}");
}
