//! A store of an earlier version is opened, and has everything that it had.

use std::fs;

use fleetlink_core::{ChangeKind, Deleter};
use fleetlink_hub::store::Store;

use super::Folder;
use crate::suite::*;

/// Format 3: a hundred appends, a large segment and a small one behind it, times, a deletion.
const FORMAT_3: &[u8] = include_bytes!("format-3.db");

pub(super) fn of_format_3() -> Folder {
    let folder = Folder::fresh();
    fs::create_dir(folder.path().join("segments")).unwrap();
    fs::write(folder.path().join("hub.db"), FORMAT_3).unwrap();
    fs::write(folder.path().join("segments/101"), large(10_000)).unwrap();
    folder
}

#[tokio::test]
async fn a_store_of_format_3_keeps_everything() {
    let folder = of_format_3();
    for _ in 0..2 {
        let store = folder.store();
        assert_eq!(store.reconciliation().damaged, []);
        assert_eq!(store.reconciliation().orphans_moved, 0);
        let lines = (0..100).map(|n| format!("{n}\n")).collect::<String>();
        assert_eq!(read(&store, "cam", 1).await.unwrap(), lines.as_bytes());
        let two = [&large(10_000)[..], b"7"].concat();
        assert_eq!(read(&store, "cam", 2).await.unwrap(), two);
        assert_eq!(read(&store, "phone", 1).await.unwrap(), b"1664533873,1\n");
        let journal = store.journal(0, 1000).await.unwrap();
        assert_eq!(journal.len(), 105);
        assert_eq!(journal[104].kind, ChangeKind::Delete(Deleter::Device));
        let receipt = find_receipt(&store, "cam", 42).await.unwrap().unwrap();
        assert_eq!(receipt.version.get(), 43);
        assert_eq!(accounts(&store).await.unwrap().len(), 2);
    }
    // It goes on where it was, and takes names that are not numbers.
    let store = folder.store();
    let receipt = upload(&store, To("cam", 1, 1000), Append, b"100\n")
        .await
        .unwrap();
    assert_eq!(receipt.version.get(), 106);
    assert_eq!(summary_of(&store, "cam", 1).await.unwrap().count(), 101);
}
