//! Uploads before their commit.

use fleetlink_proto::control::limits::RESUME_FROM_BYTES;

use super::*;

pub(crate) async fn is_exclusive(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let first = begin(&*store, "cam", 1).await.unwrap();
    let second = store.stage(change("cam", 1)).await.unwrap();
    assert!(matches!(second, StageReply::Busy));
    let others = [("cam", 2), ("other", 1)];
    for (device, bits) in others {
        assert!(begin(&*store, device, bits).await.is_ok());
    }
    drop(first);
    assert!(begin(&*store, "cam", 1).await.is_ok());
}

/// Begins another change than that of [`begin`], with the same key.
async fn is_refused_otherwise(store: &dyn Store, bits: u128) {
    for (id, mode) in [(2, Replace), (1, Append)] {
        let other = UploadChange {
            file: file(id),
            mode,
            ..change("cam", bits)
        };
        is_conflict(store.stage(other).await.map(|_| ()));
    }
}

/// From the promised size on it is remembered what an interrupted upload is for.
pub(crate) async fn is_for_one_change(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let mut staging = begin(&*store, "cam", 1).await.unwrap();
    is_refused_otherwise(&*store, 1).await;
    staging.write(&large(20_000)).unwrap();
    is_refused_otherwise(&*store, 1).await;
    drop(staging);
    is_refused_otherwise(&*store, 1).await;
    drop(store);
    let store = subject.open();
    is_refused_otherwise(&*store, 1).await;
    // It goes on, and the key is free once it is given up.
    let staging = begin(&*store, "cam", 1).await.unwrap();
    assert_eq!(staging.held(), 140_000);
    is_refused_otherwise(&*store, 1).await;
    staging.abandon();
    let other = UploadChange {
        file: "a/b".parse().unwrap(),
        mode: Append,
        ..change("cam", 1)
    };
    for held in [0, 140_000] {
        let StageReply::Begun(mut staging) = store.stage(other.clone()).await.unwrap() else {
            panic!("it is being staged");
        };
        assert_eq!(staging.held(), held);
        staging.write(&large(20_000)).unwrap();
    }
}

/// A deletion cannot have the key of an upload, as long as the upload is not given up.
pub(crate) async fn has_a_key_of_its_own(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    upload(&*store, To("cam", 1, 1), Replace, b"1\n")
        .await
        .unwrap();
    let mut staging = begin(&*store, "cam", 2).await.unwrap();
    is_conflict(delete(&*store, To("cam", 1, 2)).await);
    staging.write(&large(20_000)).unwrap();
    drop(staging);
    is_conflict(delete(&*store, To("cam", 1, 2)).await);
    begin(&*store, "cam", 2).await.unwrap().abandon();
    delete(&*store, To("cam", 1, 2)).await.unwrap();
}

pub(crate) async fn is_invisible(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    upload(&*store, To("cam", 1, 1), Replace, b"1\n")
        .await
        .unwrap();
    let staged = stage(&*store, "cam", 2, &large(20_000)).await.unwrap();
    assert_eq!(read(&*store, "cam", 1).await.unwrap(), b"1\n");
    assert_eq!(staged.bytes, 140_000);
    assert_eq!(find_receipt(&*store, "cam", 2).await, Ok(None));
    drop(store);
    let store = subject.open();
    assert_eq!(read(&*store, "cam", 1).await.unwrap(), b"1\n");
    assert_eq!(list(&*store, "cam", None, 10).await.files.len(), 1);
}

/// A store may keep nothing of a small interrupted upload; what it keeps is the beginning. From the
/// promised size on it keeps all that it was given.
pub(crate) async fn resumes(subject: &dyn Subject) {
    let big = large(100_000);
    let promised = usize::try_from(RESUME_FROM_BYTES).unwrap();
    let mut store = with_cam(subject).await;
    for (number, size) in [300_000, promised, promised - 1, 1].into_iter().enumerate() {
        let bits = 1 + number as u128;
        let mut staging = begin(&*store, "cam", bits).await.unwrap();
        for piece in big[..size].chunks(10_000) {
            staging.write(piece).unwrap();
        }
        drop(staging);
        drop(store);
        store = subject.open();
        let mut staging = begin(&*store, "cam", bits).await.unwrap();
        let mut held = Vec::new();
        staging
            .read_held(&mut |piece| held.extend_from_slice(piece))
            .unwrap();
        assert_eq!(held.len() as u64, staging.held());
        assert!(big[..size].starts_with(&held));
        assert!(
            size < promised || held.len() == size,
            "{size}: {}",
            held.len()
        );
        staging.write(&big[held.len()..]).unwrap();
        let staged = finish(staging, &big).unwrap();
        commit(&*store, To("cam", 1, bits), Replace, staged)
            .await
            .unwrap();
        assert_eq!(read(&*store, "cam", 1).await.unwrap(), big);
    }
}

pub(crate) async fn is_forgotten_when_discarded(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    for (bits, text) in [(1, b"1\n".to_vec()), (2, large(20_000))] {
        let staged = stage(&*store, "cam", bits, &text).await.unwrap();
        store.discard(staged.id).await.unwrap();
        store.discard(staged.id).await.unwrap();
        let refused = commit(&*store, To("cam", 1, bits), Replace, staged).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))));
        // The key is as good as new.
        upload(&*store, To("cam", 1, bits), Replace, &text)
            .await
            .unwrap();
    }
}

pub(crate) async fn does_not_discard_what_is_committed(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let big = large(20_000);
    let staged = stage(&*store, "cam", 1, &big).await.unwrap();
    commit(&*store, To("cam", 1, 1), Replace, staged.clone())
        .await
        .unwrap();
    store.discard(staged.id).await.unwrap();
    drop(store);
    assert_eq!(read(&*subject.open(), "cam", 1).await.unwrap(), big);
}

pub(crate) async fn keeps_nothing_of_what_is_abandoned(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    for text in [b"1\n".to_vec(), large(20_000)] {
        let mut staging = begin(&*store, "cam", 1).await.unwrap();
        staging.write(&text).unwrap();
        staging.abandon();
        let staging = begin(&*store, "cam", 1).await.unwrap();
        assert_eq!(staging.held(), 0);
    }
}
