//! Opening a folder, and which ones are refused.

use std::fs;

use fleetlink_hub::store::sqlite::{OpenError, SqliteStore};
use rusqlite::Connection;

use super::Folder;
use crate::suite::*;

fn refusal(folder: &Folder) -> OpenError {
    SqliteStore::open(folder.path()).map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn one_process_uses_a_folder() {
    let folder = Folder::fresh();
    let store = folder.store();
    let refused = refusal(&folder);
    assert!(matches!(refused, OpenError::InUse(_)));
    let message = refused.to_string();
    assert!(
        message.starts_with("another hub or command is using the folder /"),
        "{message}"
    );
    let staging = begin(&store, "cam", 1).await.unwrap();
    drop(store);
    assert!(matches!(refusal(&folder), OpenError::InUse(_)));
    drop(staging);
    folder.store();
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let folder = Folder::fresh();
    drop(folder.store());
    let database = Connection::open(folder.path().join("hub.db")).unwrap();
    database.pragma_update(None, "user_version", 999).unwrap();
    drop(database);
    for _ in 0..2 {
        let refused = refusal(&folder);
        assert!(
            matches!(refused, OpenError::Newer { found: 999, .. }),
            "{refused}"
        );
        assert!(
            refused
                .to_string()
                .contains("start the newer version again")
        );
    }
}

#[test]
fn another_programs_database_is_left_alone() {
    let folder = Folder::fresh();
    let path = folder.path().join("hub.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE mine (x)")
        .unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(refusal(&folder), OpenError::Foreign(_)));
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::write(
        &path,
        "this is no database at all, but some text of a person",
    )
    .unwrap();
    assert!(matches!(refusal(&folder), OpenError::Database(_)));
}

#[tokio::test]
async fn data_without_their_database_are_not_orphans() {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    upload(&*store, To("cam", 1, 1), Replace, &large(20_000))
        .await
        .unwrap();
    drop(store);
    fs::rename(folder.path().join("hub.db"), folder.path().join("saved")).unwrap();
    for _ in 0..2 {
        let refused = refusal(&folder);
        assert!(matches!(refused, OpenError::DatabaseMissing { .. }));
    }
    assert_eq!(folder.files("segments").len(), 1);
    fs::rename(folder.path().join("saved"), folder.path().join("hub.db")).unwrap();
    assert!(read(&folder.store(), "cam", 1).await.is_ok());
}

#[cfg(unix)]
#[tokio::test]
async fn what_it_makes_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::fresh();
    let root = folder.path().join("a/b");
    let store = SqliteStore::open(&root).unwrap();
    add(&store, "cam").await.unwrap();
    upload(&store, To("cam", 1, 1), Replace, &large(20_000))
        .await
        .unwrap();
    let mut staging = begin(&store, "cam", 2).await.unwrap();
    staging.write(&large(20_000)).unwrap();
    let is_whole = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        !name.starts_with("unfinished-")
    };
    while !folder.files("a/b/pyramids").iter().any(is_whole) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    let mut seen = 0;
    for part in ["a/b", "a/b/segments", "a/b/partial", "a/b/pyramids"] {
        for path in folder.files(part) {
            let expected = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(&path), expected, "{}", path.display());
            seen += 1;
        }
    }
    // Lock, database, its log and its index, the reserve, three folders, a file in each, and the pyramid
    // of the upload that arrives.
    assert_eq!(seen, 12);
}
