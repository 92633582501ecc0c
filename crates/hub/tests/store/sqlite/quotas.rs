//! Devices are held to their quotas, whatever comes at once.

use fleetlink_core::{Change, Rule, RuleKind, RuleName, StoreCall, UploadChange};
use fleetlink_hub::store::sqlite::SqliteStore;
use fleetlink_hub::store::{Quotas, Store, StoreError};

use super::Folder;
use crate::suite::*;

/// `cam` may have 20 bytes, and any device 3 data files.
async fn bounded(folder: &Folder) -> SqliteStore {
    let store = folder.store().with_quotas(Quotas {
        bytes: vec![("c*".parse().unwrap(), 20), ("*".parse().unwrap(), 1 << 40)],
        data_files: vec![("*".parse().unwrap(), 3)],
    });
    for device in ["cam", "uav"] {
        add(&store, device).await.unwrap();
    }
    store
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Quota(why)) => assert!(why.contains("quota"), "{why}"),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn bytes_are_bounded_and_a_deletion_makes_room() {
    let folder = Folder::fresh();
    let store = bounded(&folder).await;
    let ten = b"1\n2\n3\n4\n5\n";
    upload(&store, To("cam", 1, 1), Replace, ten).await.unwrap();
    // Of twenty bytes eleven do not fit, and ten do.
    is_refused(upload(&store, To("cam", 2, 2), Replace, b"1\n2\n3\n4\n55\n").await);
    is_refused(upload(&store, To("cam", 1, 3), Append, b"1\n2\n3\n4\n55\n").await);
    upload(&store, To("cam", 1, 4), Append, ten).await.unwrap();
    // What is refused in the end is refused at the beginning.
    let append = UploadChange {
        mode: Append,
        ..change("cam", 5)
    };
    is_refused(store.stage(append).await.map(|_| ()));
    is_refused(upload(&store, To("cam", 2, 6), Replace, b"1\n").await);
    // Others are unaffected.
    upload(&store, To("uav", 1, 7), Replace, &large(20_000))
        .await
        .unwrap();
    // What shrinks is taken, and makes room.
    upload(&store, To("cam", 1, 8), Replace, ten).await.unwrap();
    upload(&store, To("cam", 2, 9), Replace, ten).await.unwrap();
    delete(&store, To("cam", 2, 10)).await.unwrap();
    upload(&store, To("cam", 3, 11), Replace, ten)
        .await
        .unwrap();
    assert_eq!(read(&store, "cam", 1).await.unwrap(), ten);
}

#[tokio::test]
async fn data_files_are_bounded() {
    let folder = Folder::fresh();
    let store = bounded(&folder).await;
    for id in 1..4 {
        let to = To("uav", id, u128::from(id));
        upload(&store, to, Append, b"1\n").await.unwrap();
    }
    is_refused(upload(&store, To("uav", 4, 4), Append, b"1\n").await);
    upload(&store, To("uav", 3, 5), Append, b"1\n")
        .await
        .unwrap();
    delete(&store, To("uav", 1, 6)).await.unwrap();
    upload(&store, To("uav", 4, 7), Append, b"1\n")
        .await
        .unwrap();
}

#[tokio::test]
async fn uploads_at_once_do_not_get_the_same_room() {
    let folder = Folder::fresh();
    let store = bounded(&folder).await;
    let ten = b"1\n2\n3\n4\n5\n";
    let mut staged = Vec::new();
    for bits in 1..5 {
        staged.push((bits, stage(&store, "cam", bits, ten).await.unwrap()));
    }
    let commits = staged
        .into_iter()
        .map(|(bits, staged)| commit(&store, To("cam", 1, bits), Append, staged));
    let results = futures_util::future::join_all(commits).await;
    let (done, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), refused.len()), (2, 2));
    refused.into_iter().for_each(is_refused);
    assert_eq!(read(&store, "cam", 1).await.unwrap().len(), 20);
}

#[tokio::test]
async fn an_endless_upload_ends_where_its_room_does() {
    let folder = Folder::fresh();
    let store = bounded(&folder).await;
    let mut staging = begin(&store, "cam", 1).await.unwrap();
    is_refused((0..1000).try_for_each(|_| staging.write(b"1\n")));
    drop(staging);
    assert_eq!(folder.files("partial").len(), 0);
}

#[tokio::test]
async fn a_rule_that_is_set_goes_before_those_of_the_options() {
    let folder = Folder::fresh();
    let store = bounded(&folder).await;
    let rule = |kind, value| {
        let name = RuleName {
            kind,
            pattern: "*".into(),
        };
        StoreCall::Change(Change::SetRule(Rule { name, value }))
    };
    let twenty = b"1\n2\n3\n4\n5\n6\n7\n8\n9\n0\n";
    upload(&store, To("cam", 1, 1), Replace, twenty)
        .await
        .unwrap();
    is_refused(upload(&store, To("cam", 2, 2), Replace, b"1\n").await);
    store
        .execute(rule(RuleKind::Quota, Some(40)))
        .await
        .unwrap();
    upload(&store, To("cam", 2, 3), Replace, twenty)
        .await
        .unwrap();
    is_refused(upload(&store, To("cam", 3, 4), Replace, b"1\n").await);
    store.execute(rule(RuleKind::Quota, None)).await.unwrap();
    upload(&store, To("cam", 3, 5), Replace, b"1\n")
        .await
        .unwrap();
    // The option about their number still holds.
    is_refused(upload(&store, To("cam", 4, 6), Replace, b"1\n").await);
}
