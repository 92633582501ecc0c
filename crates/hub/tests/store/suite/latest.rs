//! The last sample of a data file: the newest in the order of arrival, whatever happens to the file.

use fleetlink_hub::store::Retention;
use fleetlink_proto::samples::LastSample;

use super::*;

/// The last sample of a file, as its list shows it.
async fn latest(store: &dyn Store, id: u32) -> Option<String> {
    let files = store.files(Some(name("cam")), None, 100).await.unwrap();
    let found = files
        .into_iter()
        .find(|(_, record)| record.entry.file == file(id));
    let last = found.unwrap().1.latest?;
    Some(last.value.to_string())
}

/// Uploads a text as the hub does: with the last sample that it found.
async fn put(store: &dyn Store, id: u32, bits: u128, mode: UploadMode, text: &str) {
    let staged = stage(store, "cam", bits, text.as_bytes()).await.unwrap();
    let last = LastSample::of_end(text.as_bytes());
    let staged = Staged { last, ..staged };
    commit(store, To("cam", id, bits), mode, staged)
        .await
        .unwrap();
}

pub(crate) async fn follow_every_change(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let mut bits = 0;
    for (mode, text, expected) in [
        (Replace, "", None),
        (Append, "5\n7\n", Some("7")),
        (Append, "", Some("7")),
        (Append, "-1.50", Some("-1.5")),
        (Append, "3\n", Some("3")),
        (Replace, "9\n1\n", Some("1")),
        (Replace, "", None),
        (Append, "2\n", Some("2")),
    ] {
        bits += 1;
        put(&*store, 1, bits, mode, text).await;
        assert_eq!(latest(&*store, 1).await.as_deref(), expected, "{bits}");
    }
    delete(&*store, To("cam", 1, 100)).await.unwrap();
    put(&*store, 1, 101, Append, "8\n").await;
    // Out of order in time: the one that came last counts.
    put(&*store, 2, 102, Replace, "1664533873,1\n1664533800,2\n").await;
    // So many that they are merged.
    for n in 0..200_u128 {
        put(&*store, 3, 200 + n, Append, &format!("{n}\n")).await;
    }
    drop(store);
    let store = subject.open();
    for (id, expected) in [(1, "8"), (2, "2"), (3, "199")] {
        assert_eq!(latest(&*store, id).await.as_deref(), Some(expected));
    }
    let files = store.files(Some(name("cam")), None, 100).await.unwrap();
    let time = files[1].1.latest.unwrap().time.unwrap();
    assert_eq!(time.to_string(), "2022-09-30T10:30:00Z");
}

pub(crate) async fn are_found_where_nobody_told_them(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let big = large(20_000);
    upload(&*store, To("cam", 1, 1), Replace, &big)
        .await
        .unwrap();
    upload(&*store, To("cam", 2, 2), Replace, b"1\n42")
        .await
        .unwrap();
    upload(&*store, To("cam", 2, 3), Append, b"").await.unwrap();
    upload(&*store, To("cam", 3, 4), Replace, b"")
        .await
        .unwrap();
    for id in 1..4 {
        assert_eq!(latest(&*store, id).await, None);
    }
    store.tend(AT, Retention::default()).await.unwrap();
    let last = String::from_utf8(big).unwrap();
    let last = last.lines().last().unwrap().to_owned();
    assert_eq!(latest(&*store, 1).await, Some(last));
    assert_eq!(latest(&*store, 2).await.as_deref(), Some("42"));
    assert_eq!(latest(&*store, 3).await, None);
    put(&*store, 1, 10, Append, "6\n").await;
    store.tend(AT, Retention::default()).await.unwrap();
    assert_eq!(latest(&*store, 1).await.as_deref(), Some("6"));
}
