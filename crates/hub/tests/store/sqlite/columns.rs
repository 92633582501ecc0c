//! Pyramids beside the segments: built, built again, and removed.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use fleetlink_hub::store::{Store, StoreError, Window};

use super::Folder;
use crate::suite::columns::columns_of;
use crate::suite::*;

const SAMPLES: u32 = 60_000;

/// Two columns that meet within a leaf, of which both go through many.
fn halves() -> Window {
    Window::new(Some(0), Some(60_000 - 26), 2).unwrap()
}

/// The counts of [`halves`], once they are right.
async fn check(store: &dyn Store) -> Result<(), StoreError> {
    let columns = columns_of(store, 1, halves()).await?;
    let lines = large(SAMPLES);
    let lines: Vec<_> = lines.split_inclusive(|byte| *byte == b'\n').collect();
    let half = (60_000 - 26) / 2;
    for (column, lines) in columns.iter().zip(lines.chunks(half)) {
        assert_eq!(column.summary, summary(&lines.concat()));
    }
    assert_eq!(columns.len(), 2);
    Ok(())
}

/// A store with a large data file whose pyramid is built.
async fn holding() -> (Folder, PathBuf) {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    upload(&*store, To("cam", 1, 1), Replace, &large(SAMPLES))
        .await
        .unwrap();
    let pyramid = built(&folder, 1).await.remove(0);
    drop(store);
    (folder, pyramid)
}

/// Waits until there are so many pyramids.
async fn built(folder: &Folder, count: usize) -> Vec<PathBuf> {
    let building = async {
        loop {
            let mut pyramids = folder.files("pyramids");
            pyramids.retain(|path| {
                let name = path.file_name().and_then(OsStr::to_str);
                !name.unwrap().starts_with("unfinished-")
            });
            if pyramids.len() == count {
                return pyramids;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let building = tokio::time::timeout(Duration::from_secs(60), building);
    building.await.expect("pyramids are built and removed")
}

#[tokio::test]
async fn a_commit_has_its_pyramid_built_without_a_query() {
    let (folder, pyramid) = holding().await;
    let bytes = fs::metadata(&pyramid).unwrap().len();
    // 66 bytes for 256 samples, and a little more for the levels above.
    assert!((15_000..20_000).contains(&bytes), "{bytes}");
    check(&folder.store()).await.unwrap();
}

#[tokio::test]
async fn a_start_builds_what_is_missing_and_removes_what_is_left_over() {
    let (folder, pyramid) = holding().await;
    let good = fs::read(&pyramid).unwrap();
    fs::remove_file(&pyramid).unwrap();
    let stale = pyramid.with_file_name("999999");
    fs::write(&stale, &good).unwrap();
    for of in ["segment", "0123456789abcdef0123456789abcdef-cam"] {
        let unfinished = pyramid.with_file_name(format!("unfinished-{of}"));
        fs::write(unfinished, b"x").unwrap();
    }
    let _store = folder.store();
    assert_eq!(built(&folder, 1).await, std::slice::from_ref(&pyramid));
    assert_eq!(fs::read(&pyramid).unwrap(), good);
    assert!(!stale.exists());
    assert_eq!(folder.files("pyramids"), [pyramid]);
}

#[tokio::test]
async fn a_damaged_pyramid_is_built_again() {
    let (folder, pyramid) = holding().await;
    let good = fs::read(&pyramid).unwrap();
    for at in [0, 60, 100, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&pyramid, bad).unwrap();
        check(&folder.store()).await.unwrap();
    }
    for length in [0, 50, 100, good.len() - 1] {
        fs::write(&pyramid, &good[..length]).unwrap();
        check(&folder.store()).await.unwrap();
    }
    assert_eq!(fs::read(&pyramid).unwrap(), good);
}

#[tokio::test]
async fn without_room_for_a_pyramid_the_text_is_read() {
    let (folder, pyramid) = holding().await;
    fs::remove_file(&pyramid).unwrap();
    // Nothing can be made beneath a file, not even by root.
    fs::remove_dir(pyramid.parent().unwrap()).unwrap();
    let store = folder.store();
    let _built = built(&folder, 1).await;
    fs::remove_dir_all(pyramid.parent().unwrap()).unwrap();
    fs::write(pyramid.parent().unwrap(), b"").unwrap();
    check(&store).await.unwrap();
}

#[tokio::test]
async fn damaged_text_is_found_with_and_without_a_pyramid() {
    let (folder, pyramid) = holding().await;
    let segment = folder.files("segments").remove(0);
    let mut text = fs::read(&segment).unwrap();
    // A digit of a line in the leaf in which the columns meet: lines have 7 bytes.
    text[29_990 * 7 + 2] ^= 1;
    fs::write(&segment, &text).unwrap();
    let found = check(&folder.store()).await;
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
    fs::remove_file(&pyramid).unwrap();
    let found = check(&folder.store()).await;
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
    assert_eq!(folder.files("pyramids"), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_missing_segment_is_damage_and_no_endless_loop() {
    let (folder, _) = holding().await;
    fs::remove_file(folder.files("segments").remove(0)).unwrap();
    let found = check(&folder.store()).await;
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
}

#[tokio::test]
async fn a_pyramid_goes_with_its_segment() {
    let (folder, pyramid) = holding().await;
    let store = folder.store();
    let mut lines = large(SAMPLES);
    lines.extend(b"7\n");
    upload(&store, To("cam", 1, 2), Replace, &lines)
        .await
        .unwrap();
    while pyramid.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_ne!(built(&folder, 1).await, [pyramid]);
    delete(&store, To("cam", 1, 3)).await.unwrap();
    built(&folder, 0).await;
}
