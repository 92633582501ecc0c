//! Wrong bytes are never served whole.

use std::fs;
use std::sync::Arc;

use fleetlink_hub::store::{Store, StoreError};
use rusqlite::Connection;

use super::Folder;
use crate::suite::*;

fn is_corrupt<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}");
}

async fn holding(text: &[u8]) -> Folder {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    upload(&*store, To("cam", 1, 1), Replace, text)
        .await
        .unwrap();
    upload(&*store, To("cam", 2, 2), Replace, b"1\n")
        .await
        .unwrap();
    folder
}

/// The file stays listed, and the other file readable.
async fn only_reading_is_refused(store: &dyn Store) {
    is_corrupt(&read(store, "cam", 1).await);
    assert_eq!(list(store, "cam", None, 10).await.files.len(), 2);
    assert!(summary_of(store, "cam", 1).await.is_ok());
    assert_eq!(read(store, "cam", 2).await.unwrap(), b"1\n");
}

#[tokio::test]
async fn a_flipped_bit_in_a_file_is_found() {
    let text = large(20_000);
    for at in [0, text.len() / 2, text.len() - 1] {
        let folder = holding(&text).await;
        let path = folder.files("segments").remove(0);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        only_reading_is_refused(&folder.store()).await;
    }
}

#[tokio::test]
async fn a_flipped_bit_in_a_row_is_found() {
    let folder = holding(b"1\n2\n3\n").await;
    let database = Connection::open(folder.path().join("hub.db")).unwrap();
    let flip = "UPDATE segments SET body = x'310a320a350a' WHERE file = 1";
    assert_eq!(database.execute(flip, []).unwrap(), 1);
    drop(database);
    only_reading_is_refused(&folder.store()).await;
}

#[tokio::test]
async fn the_last_piece_is_withheld_and_stays_so() {
    let text = large(20_000);
    let folder = holding(&text).await;
    let path = folder.files("segments").remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] ^= 1;
    fs::write(&path, bytes).unwrap();
    let store = folder.store();
    let segment = snapshot(&store, "cam", 1).await.unwrap().segments.remove(0);
    let mut reader = store.open_segment(segment).await.unwrap();
    let mut buffer = vec![0; text.len() - 1];
    assert_eq!(reader.read(&mut buffer), Ok(text.len() - 1));
    for _ in 0..3 {
        is_corrupt(&reader.read(&mut buffer));
    }
}

#[tokio::test]
async fn a_file_that_is_missing_or_of_another_size_is_reported() {
    let text = large(20_000);
    for found in [None, Some(0), Some(text.len() - 1), Some(text.len() + 1)] {
        let folder = holding(&text).await;
        let path = folder.files("segments").remove(0);
        match found {
            None => fs::remove_file(path).unwrap(),
            Some(len) => {
                let mut bytes = text.clone();
                bytes.resize(len, b'\n');
                fs::write(path, bytes).unwrap();
            }
        }
        let store = Arc::new(folder.store());
        let damaged = &store.reconciliation().damaged;
        assert_eq!(damaged.len(), 1);
        assert_eq!(
            (&damaged[0].device, damaged[0].file.clone()),
            (&name("cam"), file(1))
        );
        assert_eq!(damaged[0].found, found.map(|len| len as u64));
        assert_eq!(damaged[0].expected, text.len() as u64);
        only_reading_is_refused(&*store).await;
        // It can be replaced like any other.
        upload(&*store, To("cam", 1, 3), Replace, &text)
            .await
            .unwrap();
        assert_eq!(read(&*store, "cam", 1).await.unwrap(), text);
    }
}

/// Versions are JSON numbers, which are exact below 2^53 only.
#[tokio::test]
async fn a_change_that_has_no_number_left_is_not_made() {
    let folder = holding(b"1\n").await;
    let database = Connection::open(folder.path().join("hub.db")).unwrap();
    let last = "UPDATE sqlite_sequence SET seq = 9007199254740990 WHERE name = 'journal'";
    assert_eq!(database.execute(last, []).unwrap(), 1);
    drop(database);
    let store = folder.store();
    let receipt = upload(&store, To("cam", 1, 3), Replace, b"2\n")
        .await
        .unwrap();
    assert_eq!(receipt.version.get(), 9_007_199_254_740_991);
    let refused = upload(&store, To("cam", 1, 4), Replace, b"3\n").await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    assert_eq!(read(&store, "cam", 1).await.unwrap(), b"2\n");
}
