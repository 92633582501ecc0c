//! A disk that fails. Only where a flush fails is durability unknown: then the store answers `Unknown`
//! and promises nothing more. Whatever else fails is an operation that did not happen.

use std::path::Path;
use std::time::Duration;

use fleetlink_hub::store::sqlite::SqliteStore;
use fleetlink_hub::store::{Store, StoreError};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Folder;
use super::faults::{Fault, child, inject, run_in_child};
use crate::suite::*;

/// Runs `in_child` of the test of this name, on a folder that the caller may look at afterwards.
macro_rules! in_child {
    ($test:literal, $in_child:expr) => {{
        if let Some(path) = child() {
            return $in_child(path).await;
        }
        let folder = Folder::fresh();
        run_in_child(concat!("sqlite::failing_disk::", $test), folder.path());
        folder
    }};
}

fn inline() -> Vec<u8> {
    large(5_000)
}

/// A store with one account and three appends of 5000 samples.
async fn begun(path: &Path) -> SqliteStore {
    let store = SqliteStore::open(path).unwrap();
    add(&store, "cam").await.unwrap();
    for bits in 0..3 {
        upload(&store, To("cam", 1, bits), Append, &inline())
            .await
            .unwrap();
    }
    store
}

/// Every acknowledged append can be read, and nothing else.
async fn holds(store: &SqliteStore, appends: u64) {
    assert_eq!(store.journal(0, 100).await.unwrap().len() as u64, appends);
    let samples = summary_of(store, "cam", 1).await.unwrap().count();
    assert_eq!(samples, appends * 5_000);
    let text = read(store, "cam", 1).await.unwrap();
    assert_eq!(summary(&text).count(), samples);
}

async fn has_failed(store: &SqliteStore) -> bool {
    let failed = tokio::time::timeout(Duration::from_millis(1), store.failed());
    failed.await.is_ok()
}

#[tokio::test]
async fn a_failed_commit_ends_the_promises() {
    let folder = in_child!("a_failed_commit_ends_the_promises", |path| async move {
        let store = begun(&path as &std::path::PathBuf).await;
        inject(&Fault::Flush, Errno::IO.raw_os_error());
        let refused = upload(&store, To("cam", 1, 3), Append, &inline()).await;
        assert!(
            matches!(refused, Err(StoreError::Unknown(_))),
            "{refused:?}"
        );
        assert!(!store.failed().await.is_empty());

        let is_unavailable = |error| assert!(matches!(error, Some(StoreError::Unavailable(_))));
        is_unavailable(add(&store, "other").await.err());
        is_unavailable(delete(&store, To("cam", 1, 2000)).await.err());
        is_unavailable(begin(&store, "cam", 2001).await.err());
        // Reads go on, and see what was answered.
        holds(&store, 3).await;
    });
    // What was answered is there, and what is in doubt can be asked for again.
    let store = folder.store();
    upload(&store, To("cam", 1, 3), Append, &inline())
        .await
        .unwrap();
    holds(&store, 4).await;
}

#[tokio::test]
async fn a_failed_flush_of_a_file_ends_the_promises() {
    in_child!(
        "a_failed_flush_of_a_file_ends_the_promises",
        |path| async move {
            let store = begun(&path as &std::path::PathBuf).await;
            inject(&Fault::Flush, Errno::IO.raw_os_error());
            let refused = stage(&store, "cam", 3, &large(20_000)).await;
            assert!(
                matches!(refused, Err(StoreError::Unavailable(_))),
                "{refused:?}"
            );
            assert!(has_failed(&store).await);
        }
    );
}

/// Small and large uploads are refused with this error, and the store stays sound.
async fn refuses_both(path: &Path, fault: &Fault, errno: Errno, expected: fn(&StoreError) -> bool) {
    let store = begun(path).await;
    inject(fault, errno.raw_os_error());
    let small = upload(&store, To("cam", 1, 3), Append, &inline()).await;
    let large = stage(&store, "cam", 4, &large(20_000)).await;
    for refused in [small.map(|_| ()), large.map(|_| ())] {
        assert!(expected(refused.as_ref().unwrap_err()), "{refused:?}");
    }
    assert!(!has_failed(&store).await);
    holds(&store, 3).await;
}

/// After the trouble is over, nothing is lost and all of it works again.
async fn goes_on(folder: &Folder) {
    let store = folder.store();
    assert_eq!(store.reconciliation().damaged, []);
    holds(&store, 3).await;
    upload(&store, To("cam", 1, 3), Append, &inline())
        .await
        .unwrap();
    upload(&store, To("cam", 2, 4), Append, &large(20_000))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_no_more_than_a_full_disk() {
    let folder = in_child!(
        "a_quota_that_is_used_up_is_no_more_than_a_full_disk",
        |path| async move {
            let is_full = |error: &StoreError| *error == StoreError::Full;
            let path: std::path::PathBuf = path;
            refuses_both(&path, &Fault::Write, Errno::DQUOT, is_full).await;
        }
    );
    goes_on(&folder).await;
}

#[tokio::test]
async fn a_limit_for_the_size_of_files_is_no_more_than_a_full_disk() {
    let folder = in_child!(
        "a_limit_for_the_size_of_files_is_no_more_than_a_full_disk",
        |path| async move {
            let is_full = |error: &StoreError| *error == StoreError::Full;
            let path: std::path::PathBuf = path;
            refuses_both(&path, &Fault::Write, Errno::FBIG, is_full).await;
        }
    );
    goes_on(&folder).await;
}

#[tokio::test]
async fn a_disk_that_became_read_only_refuses_changes_alone() {
    let folder = in_child!(
        "a_disk_that_became_read_only_refuses_changes_alone",
        |path| async move {
            let refused = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
            let path: std::path::PathBuf = path;
            refuses_both(&path, &Fault::Write, Errno::ROFS, refused).await;
        }
    );
    goes_on(&folder).await;
}

#[tokio::test]
async fn a_write_that_fails_is_an_operation_that_did_not_happen() {
    let folder = in_child!(
        "a_write_that_fails_is_an_operation_that_did_not_happen",
        |path| async move {
            let refused = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
            let path: std::path::PathBuf = path;
            refuses_both(&path, &Fault::Write, Errno::IO, refused).await;
        }
    );
    goes_on(&folder).await;
}

#[tokio::test]
async fn no_descriptors_left_refuses_what_needs_one_and_passes() {
    in_child!(
        "no_descriptors_left_refuses_what_needs_one_and_passes",
        |path| async move {
            let path: std::path::PathBuf = path;
            let store = begun(&path).await;
            upload(&store, To("cam", 2, 10), Replace, &large(20_000))
                .await
                .unwrap();
            let mut begun = begin(&store, "cam", 11).await.unwrap();
            begun.write(&large(20_000)).unwrap();
            let limit = getrlimit(Resource::Nofile);
            set_descriptors(Some(3), limit);

            // Files that are open already can be finished; others cannot be opened.
            let staged = finish(begun, &large(20_000)).unwrap();
            commit(&store, To("cam", 2, 11), Append, staged)
                .await
                .unwrap();
            let refused = stage(&store, "cam", 12, &large(20_000)).await;
            assert!(
                matches!(refused, Err(StoreError::Unavailable(_))),
                "{refused:?}"
            );
            let refused = read(&store, "cam", 2).await;
            assert!(
                matches!(refused, Err(StoreError::Unavailable(_))),
                "{refused:?}"
            );
            upload(&store, To("cam", 1, 3), Append, &inline())
                .await
                .unwrap();
            assert!(!has_failed(&store).await);

            set_descriptors(limit.current, limit);
            upload(&store, To("cam", 2, 12), Append, &large(20_000))
                .await
                .unwrap();
            let text = read(&store, "cam", 2).await.unwrap();
            assert_eq!(summary(&text).count(), 60_000);
        }
    );
}

fn set_descriptors(current: Option<u64>, limit: Rlimit) {
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
}
