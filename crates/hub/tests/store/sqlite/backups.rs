//! Backups of a store that changes meanwhile are of one moment, and come back whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fleetlink_hub::store::Store;
use fleetlink_hub::store::sqlite::SqliteStore;
use fleetlink_hub::{
    BackedUp, BackupError, BackupOrder, BackupPlace, RestoreOrder, Watch, back_up, restore,
    verify_backup,
};
use fleetlink_testkit::{run_on_small_disk, small_disk};
use rand::RngExt as _;
use tempfile::TempDir;

use super::Folder;
use crate::suite::*;

/// A key of a hub, without which a used store is not whole.
pub(super) fn give_key(folder: &Path) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    fs::write(folder.join("hub.key"), pair.serialize_pem()).unwrap();
}

pub(super) fn to_file(data: &Path, path: &Path, replace: bool) -> Result<BackedUp, BackupError> {
    let path = path.to_owned();
    let order = BackupOrder {
        data: data.to_owned(),
        to: BackupPlace::File { path, replace },
    };
    back_up(&order, &Watch::default())
}

pub(super) fn to_folder(
    data: &Path,
    path: &Path,
    keep: Option<usize>,
) -> Result<BackedUp, BackupError> {
    let path = path.to_owned();
    let order = BackupOrder {
        data: data.to_owned(),
        to: BackupPlace::Folder { path, keep },
    };
    back_up(&order, &Watch::default())
}

pub(super) fn restoring(from: &Path, at: Option<&str>, to: &Path) -> RestoreOrder {
    RestoreOrder {
        from: from.to_owned(),
        at: at.map(str::to_owned),
        data: to.to_owned(),
        despite_damage: false,
    }
}

pub(super) fn back(from: &Path, at: Option<&str>, to: &Path) -> Result<(), BackupError> {
    restore(&restoring(from, at, to), &Watch::default()).map(|_| ())
}

pub(super) async fn holding() -> Folder {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    give_key(folder.path());
    upload(&*store, To("cam", 1, 1), Replace, &large(20_000))
        .await
        .unwrap();
    upload(&*store, To("cam", 2, 2), Replace, b"1\n2\n")
        .await
        .unwrap();
    folder
}

/// The text of a version of the replaced file.
fn version(number: u64) -> Vec<u8> {
    format!("{number}\n").repeat(12_000).into_bytes()
}

/// The numbers that are acknowledged of each data file.
#[derive(Default)]
struct Acknowledged {
    appended: AtomicU64,
    replaced: AtomicU64,
    is_over: AtomicBool,
}

impl Acknowledged {
    fn now(&self) -> (u64, u64) {
        let number = |number: &AtomicU64| number.load(Ordering::SeqCst);
        (number(&self.appended), number(&self.replaced))
    }
}

async fn append(store: Arc<dyn Store>, noted: Arc<Acknowledged>) {
    for number in 1.. {
        let text = format!("{number}\n");
        let to = To("cam", 1, u128::from(number));
        upload(&*store, to, Append, text.as_bytes()).await.unwrap();
        noted.appended.store(number, Ordering::SeqCst);
        if noted.is_over.load(Ordering::SeqCst) {
            return;
        }
    }
}

async fn replace(store: Arc<dyn Store>, noted: Arc<Acknowledged>) {
    for number in 1.. {
        let to = To("cam", 2, (1 << 40) + u128::from(number));
        upload(&*store, to, Replace, &version(number))
            .await
            .unwrap();
        noted.replaced.store(number, Ordering::SeqCst);
        if noted.is_over.load(Ordering::SeqCst) {
            return;
        }
    }
}

/// Comes and goes.
async fn flicker(store: Arc<dyn Store>, noted: Arc<Acknowledged>) {
    let mut bits = 1 << 50;
    while !noted.is_over.load(Ordering::SeqCst) {
        bits += 2;
        upload(&*store, To("cam", 3, bits), Replace, &version(7))
            .await
            .unwrap();
        delete(&*store, To("cam", 3, bits + 1)).await.unwrap();
    }
}

/// Asserts that the restored store is of one moment between these two.
async fn is_of_one_moment(data: &Path, before: (u64, u64), after: (u64, u64)) {
    let store = SqliteStore::open(data).unwrap();
    assert_eq!(store.reconciliation().damaged, []);
    let appended = read(&store, "cam", 1).await.unwrap();
    let lines = String::from_utf8(appended).unwrap();
    let numbers: Vec<u64> = lines.lines().map(|line| line.parse().unwrap()).collect();
    let last = numbers.len() as u64;
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
    // One more may have been committed that was not acknowledged yet.
    assert!(
        (before.0..=after.0 + 1).contains(&last),
        "{before:?} {last} {after:?}"
    );
    let replaced = read(&store, "cam", 2).await.unwrap();
    let number = String::from_utf8_lossy(&replaced);
    let number: u64 = number.lines().next().unwrap().parse().unwrap();
    assert!(
        replaced == version(number),
        "version {number} is half there"
    );
    assert!(
        (before.1..=after.1 + 1).contains(&number),
        "{before:?} {number} {after:?}"
    );
    if let Ok(text) = read(&store, "cam", 3).await {
        assert!(text == version(7));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_store_that_changes_are_of_one_moment() {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    give_key(folder.path());
    let noted = Arc::<Acknowledged>::default();
    let work = [
        tokio::spawn(append(Arc::clone(&store), Arc::clone(&noted))),
        tokio::spawn(replace(Arc::clone(&store), Arc::clone(&noted))),
        tokio::spawn(flicker(Arc::clone(&store), Arc::clone(&noted))),
    ];
    while noted.now().0 < 200 || noted.now().1 < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let place = TempDir::new().unwrap();
    for round in 0..8 {
        let pause = rand::rng().random_range(0..60);
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        let data = folder.path().to_owned();
        let in_folder = round % 2 == 0;
        let path = place.path().join(if in_folder { "all" } else { "one" });
        let before = noted.now();
        let made = tokio::task::spawn_blocking(move || match in_folder {
            true => to_folder(&data, &path, Some(2)).map(|_| path),
            false => to_file(&data, &path, true).map(|_| path),
        });
        let made = made.await.unwrap().unwrap();
        let after = noted.now();
        let restored = place.path().join(format!("restored {round}"));
        let to = restored.clone();
        tokio::task::spawn_blocking(move || back(&made, None, &to))
            .await
            .unwrap()
            .unwrap();
        is_of_one_moment(&restored, before, after).await;
    }
    noted.is_over.store(true, Ordering::SeqCst);
    for work in work {
        work.await.unwrap();
    }
    let all = verify_backup(&place.path().join("all"), None, &Watch::default()).unwrap();
    assert_eq!((all.whole.len(), all.faults), (2, Vec::new()));
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn that_are_damaged_or_cut_leave_nothing_behind() {
    let folder = holding().await;
    let place = TempDir::new().unwrap();
    let whole = place.path().join("whole");
    to_file(folder.path(), &whole, false).unwrap();
    let bytes = fs::read(&whole).unwrap();
    let damaged = place.path().join("damaged");
    let restored = place.path().join("restored");
    let (mut refused, mut harmless) = (0, 0);
    for at in (0..bytes.len()).step_by(1931) {
        for is_cut in [true, false] {
            let mut changed = bytes.clone();
            match is_cut {
                true => changed.truncate(at),
                false => changed[at] ^= 0x20,
            }
            fs::write(&damaged, changed).unwrap();
            let checked = verify_backup(&damaged, None, &Watch::default());
            let is_whole = checked.is_ok_and(|found| found.faults.is_empty());
            match back(&damaged, None, &restored) {
                Err(error) => {
                    assert!(!is_whole, "{at}: {error}");
                    assert!(!restored.exists(), "{at}: {error}");
                    refused += 1;
                }
                // A byte between the parts says nothing.
                Ok(()) => {
                    assert!(is_whole, "{at}");
                    assert!(!is_cut || at + 1024 >= bytes.len(), "{at}");
                    let store = SqliteStore::open(&restored).unwrap();
                    assert_eq!(read(&store, "cam", 1).await.unwrap(), large(20_000));
                    drop(store);
                    fs::remove_dir_all(&restored).unwrap();
                    harmless += 1;
                }
            }
        }
    }
    assert!(refused > 10 * harmless.max(1), "{refused} {harmless}");
    assert_eq!(names(place.path()).len(), 2);
}

#[tokio::test]
async fn in_a_folder_that_are_damaged_are_named() {
    let folder = holding().await;
    let place = TempDir::new().unwrap();
    let all = place.path().join("all");
    for _ in 0..2 {
        to_folder(folder.path(), &all, None).unwrap();
    }
    let objects: Vec<PathBuf> = names(&all.join("objects"))
        .iter()
        .flat_map(|folder| names(folder))
        .collect();
    for object in &objects {
        let bytes = fs::read(object).unwrap();
        for change in ["missing", "shorter", "other"] {
            match change {
                "missing" => fs::remove_file(object).unwrap(),
                "shorter" => fs::write(object, &bytes[1..]).unwrap(),
                _ => {
                    let mut bytes = bytes.clone();
                    bytes[0] ^= 1;
                    fs::write(object, bytes).unwrap();
                }
            }
            let found = verify_backup(&all, None, &Watch::default()).unwrap();
            assert!(!found.faults.is_empty(), "{object:?} {change}");
            let restored = place.path().join("restored");
            let both = [Some("1"), Some("2")].map(|at| back(&all, at, &restored).is_err());
            assert!(both.contains(&true), "{object:?} {change}");
            if both == [true, true] {
                assert!(!restored.exists());
            }
            let _ = fs::remove_dir_all(&restored);
        }
        fs::write(object, bytes).unwrap();
    }
    let found = verify_backup(&all, None, &Watch::default()).unwrap();
    assert_eq!((found.whole.len(), found.faults.len()), (2, 0));
    assert!(matches!(
        back(&all, Some("7"), &place.path().join("restored")),
        Err(BackupError::NoManifest { .. })
    ));
}

#[tokio::test]
async fn in_a_folder_share_what_is_the_same_and_go_with_the_last_that_names_it() {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    give_key(folder.path());
    let place = TempDir::new().unwrap();
    let all = place.path().join("all");
    let text = large(20_000);
    upload(&*store, To("cam", 1, 1), Replace, &text)
        .await
        .unwrap();
    let first = to_folder(folder.path(), &all, None).unwrap();
    assert!(first.written > text.len() as u64);
    let second = to_folder(folder.path(), &all, None).unwrap();
    assert!(second.written < text.len() as u64, "{second:?}");
    let other = large(30_000);
    upload(&*store, To("cam", 1, 2), Replace, &other)
        .await
        .unwrap();
    let third = to_folder(folder.path(), &all, Some(1)).unwrap();
    assert_eq!(third.removed, 2);
    let kept: u64 = names(&all.join("objects"))
        .iter()
        .flat_map(|folder| names(folder))
        .map(|object| fs::metadata(object).unwrap().len())
        .sum();
    assert_eq!(kept, third.backup.part_bytes);
    let restored = place.path().join("restored");
    back(&all, None, &restored).unwrap();
    let store = SqliteStore::open(&restored).unwrap();
    assert_eq!(read(&store, "cam", 1).await.unwrap(), other);
}

#[tokio::test]
async fn of_a_damaged_store_are_not_made() {
    for is_missing in [true, false] {
        let folder = holding().await;
        let segment = folder.files("segments").remove(0);
        match is_missing {
            true => fs::remove_file(&segment).unwrap(),
            false => {
                let mut bytes = fs::read(&segment).unwrap();
                bytes[9] ^= 1;
                fs::write(&segment, bytes).unwrap();
            }
        }
        let place = TempDir::new().unwrap();
        let (one, all) = (place.path().join("one"), place.path().join("all"));
        for refused in [
            to_file(folder.path(), &one, false),
            to_folder(folder.path(), &all, None),
        ] {
            let error = refused.unwrap_err();
            assert!(matches!(error, BackupError::DamagedStore { .. }), "{error}");
            assert!(error.to_string().contains("of cam/1"), "{error}");
        }
        assert!(!one.exists());
        assert_eq!(names(&all.join("manifests")).len(), 0);
        assert_eq!(names(place.path()).len(), 1);
    }
}

#[tokio::test]
async fn overwrite_nothing_and_are_restored_over_nothing() {
    let folder = holding().await;
    let place = TempDir::new().unwrap();
    let one = place.path().join("one");
    fs::write(&one, "mine").unwrap();
    let refused = to_file(folder.path(), &one, false).unwrap_err();
    assert!(matches!(refused, BackupError::Exists(_)), "{refused}");
    assert_eq!(fs::read(&one).unwrap(), b"mine");
    to_file(folder.path(), &one, true).unwrap();
    for used in ["notes.txt", "hub.db"] {
        let target = place.path().join("target");
        fs::create_dir(&target).unwrap();
        fs::write(target.join(used), "mine").unwrap();
        for refused in [
            back(&one, None, &target).unwrap_err(),
            to_folder(folder.path(), &target, None).unwrap_err(),
        ] {
            assert!(
                matches!(
                    refused,
                    BackupError::NotEmpty(_) | BackupError::NoBackupFolder(_)
                ),
                "{refused}"
            );
        }
        assert_eq!(names(&target), [target.join(used)]);
        fs::remove_dir_all(&target).unwrap();
    }
    // The data of the hub that runs.
    let refused = back(&one, None, folder.path()).unwrap_err();
    assert!(matches!(refused, BackupError::NotEmpty(_)), "{refused}");
    let empty = place.path().join("empty");
    fs::create_dir(&empty).unwrap();
    back(&one, None, &empty).unwrap();
    assert_eq!(
        read(&SqliteStore::open(&empty).unwrap(), "cam", 2)
            .await
            .unwrap(),
        b"1\n2\n"
    );
}

#[tokio::test]
async fn that_were_stopped_leave_nothing() {
    let folder = holding().await;
    let place = TempDir::new().unwrap();
    let watch = Watch::default();
    watch.stop();
    let path = place.path().join("one");
    let order = BackupOrder {
        data: folder.path().to_owned(),
        to: BackupPlace::File {
            path: path.clone(),
            replace: false,
        },
    };
    let stopped = back_up(&order, &watch).unwrap_err();
    assert!(matches!(stopped, BackupError::Stopped(_)), "{stopped}");
    assert_eq!(names(place.path()).len(), 0);
    to_file(folder.path(), &path, false).unwrap();
    let stopped = restore(
        &restoring(&path, None, &place.path().join("restored")),
        &watch,
    )
    .unwrap_err();
    assert!(matches!(stopped, BackupError::Stopped(_)), "{stopped}");
    assert_eq!(names(place.path()), [path]);
}

/// As after a kill at any moment.
#[tokio::test]
async fn and_restores_go_on_where_a_kill_left_something() {
    let folder = holding().await;
    let place = TempDir::new().unwrap();
    let one = place.path().join("one");
    let left = place.path().join(".one.unfinished");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("archive"), "half").unwrap();
    fs::write(left.join("hub.db"), "half").unwrap();
    to_file(folder.path(), &one, false).unwrap();
    assert!(!left.exists());
    let target = place.path().join("target");
    fs::create_dir_all(target.join("restore.unfinished/data/segments")).unwrap();
    fs::write(target.join("restore.unfinished/data/hub.db"), "half").unwrap();
    fs::write(target.join("hub.lock"), "").unwrap();
    fs::write(target.join("hub.key"), "half").unwrap();
    fs::create_dir(target.join("segments")).unwrap();
    back(&one, None, &target).unwrap();
    assert_eq!(
        read(&SqliteStore::open(&target).unwrap(), "cam", 2)
            .await
            .unwrap(),
        b"1\n2\n"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn on_a_full_disk_are_not_half_there() {
    if let Some(path) = small_disk() {
        let folder = holding().await;
        let store = folder.store();
        for id in 10..40 {
            let to = To("cam", id, u128::from(id));
            upload(&store, to, Replace, &large(20_000 + id))
                .await
                .unwrap();
        }
        drop(store);
        let one = path.join("one");
        let refused = to_file(folder.path(), &one, false).unwrap_err();
        assert!(refused.to_string().contains("space"), "{refused}");
        let refused = to_folder(folder.path(), &path.join("all"), None).unwrap_err();
        assert!(refused.to_string().contains("space"), "{refused}");
        assert!(!one.exists());
        assert_eq!(names(&path.join("all/manifests")).len(), 0);
        fs::remove_dir_all(path.join("all")).unwrap();
        // And neither is what is restored there.
        let whole = TempDir::new().unwrap();
        let whole = whole.path().join("whole");
        to_file(folder.path(), &whole, false).unwrap();
        let refused = back(&whole, None, &path.join("restored")).unwrap_err();
        assert!(refused.to_string().contains("space"), "{refused}");
        assert_eq!(names(&path).len(), 0, "{:?}", names(&path));
        return;
    }
    let folder = Folder::fresh();
    run_on_small_disk(
        "sqlite::backups::on_a_full_disk_are_not_half_there",
        "2m",
        folder.path(),
    );
}

#[tokio::test]
async fn of_newer_formats_and_stores_are_refused_with_a_sentence() {
    let folder = holding().await;
    let place = TempDir::new().unwrap();
    let one = place.path().join("one");
    to_file(folder.path(), &one, false).unwrap();
    let database = rusqlite::Connection::open(folder.path().join("hub.db")).unwrap();
    database.pragma_update(None, "user_version", 9999).unwrap();
    drop(database);
    for refused in [
        to_file(folder.path(), &place.path().join("two"), false)
            .unwrap_err()
            .to_string(),
        fleetlink_hub::verify(folder.path(), &Watch::default())
            .unwrap_err()
            .to_string(),
    ] {
        assert!(refused.contains("format 9999"), "{refused}");
    }
    assert_eq!(names(place.path()), [one]);
}
