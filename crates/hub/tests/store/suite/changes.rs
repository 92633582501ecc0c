//! Uploads, deletions, and the journal of both.

use fleetlink_core::{ChangeKind, Deleter, JournalEntry, StagedId};

use super::*;

pub(crate) async fn are_durable_when_answered(subject: &dyn Subject) {
    let big = large(20_000);
    let store = with_cam(subject).await;
    upload(&*store, To("cam", 1, 1), Replace, b"1\n2\n")
        .await
        .unwrap();
    upload(&*store, To("cam", 2, 2), Replace, &big)
        .await
        .unwrap();
    drop(store);
    let store = subject.open();
    assert_eq!(read(&*store, "cam", 1).await.unwrap(), b"1\n2\n");
    assert_eq!(read(&*store, "cam", 2).await.unwrap(), big);
    assert_eq!(summary_of(&*store, "cam", 2).await, Ok(summary(&big)));
    assert_eq!(list(&*store, "cam", None, 10).await.files.len(), 2);
}

pub(crate) async fn replace_and_append(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let big = large(10_000);
    let steps: [(UploadMode, &[u8], Vec<u8>); 4] = [
        (Append, b"1\n", b"1\n".to_vec()),
        (Append, &big, [b"1\n", &big[..]].concat()),
        (Replace, b"7\n", b"7\n".to_vec()),
        (Append, b"8\n9\n", b"7\n8\n9\n".to_vec()),
    ];
    for (bits, (mode, text, whole)) in (1..).zip(steps) {
        let receipt = upload(&*store, To("cam", 1, bits), mode, text)
            .await
            .unwrap();
        let samples = summary(text).count();
        assert_eq!((receipt.mode, receipt.samples), (mode, samples));
        assert_eq!((receipt.bytes, receipt.at), (text.len() as u64, AT));
        assert_eq!(read(&*store, "cam", 1).await.unwrap(), whole);
        assert_eq!(summary_of(&*store, "cam", 1).await, Ok(summary(&whole)));
        let entry = list(&*store, "cam", None, 1).await.files.remove(0);
        assert_eq!(entry.bytes, whole.len() as u64);
        assert_eq!((entry.version, entry.changed), (receipt.version, AT));
    }
    assert_eq!(list(&*store, "cam", None, 1).await.files[0].segments, 2);
}

pub(crate) async fn count_versions_on(subject: &dyn Subject) {
    let mut last = Version::default();
    drop(with_cam(subject).await);
    for round in 0..3 {
        let store = subject.open();
        for (step, mode) in [(0, Replace), (1, Append)] {
            let to = To("cam", 1, round * 10 + step);
            let receipt = upload(&*store, to, mode, b"1\n").await.unwrap();
            assert!(receipt.version > last);
            last = receipt.version;
            assert_eq!(snapshot(&*store, "cam", 1).await.unwrap().version, last);
        }
        delete(&*store, To("cam", 1, round * 10 + 2)).await.unwrap();
    }
}

pub(crate) async fn have_one_effect_a_key(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let big = large(10_000);
    let to = To("cam", 1, 1);
    let staged = stage(&*store, "cam", 1, &big).await.unwrap();
    let receipt = commit(&*store, to, Append, staged.clone()).await.unwrap();
    // The same request again, and the same upload sent again.
    assert_eq!(
        commit(&*store, to, Append, staged).await,
        Ok(receipt.clone())
    );
    assert_eq!(upload(&*store, to, Append, &big).await, Ok(receipt.clone()));
    assert_eq!(read(&*store, "cam", 1).await.unwrap(), big);

    let deleted = delete(&*store, To("cam", 1, 2)).await.unwrap();
    drop(store);
    let store = subject.open();
    assert_eq!(delete(&*store, To("cam", 1, 2)).await, Ok(deleted));
    assert_eq!(upload(&*store, to, Append, &big).await, Ok(receipt.clone()));
    assert_eq!(find_receipt(&*store, "cam", 1).await, Ok(Some(receipt)));
    assert_eq!(find_receipt(&*store, "cam", 3).await, Ok(None));
    assert_eq!(snapshot(&*store, "cam", 1).await, Err(StoreError::NotFound));
    assert_eq!(store.journal(0, 10).await.unwrap().len(), 2);
}

pub(crate) async fn refuse_a_key_for_another_change(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    add(&*store, "other").await.unwrap();
    upload(&*store, To("cam", 1, 1), Replace, b"1\n")
        .await
        .unwrap();
    is_conflict(upload(&*store, To("cam", 2, 1), Replace, b"1\n").await);
    is_conflict(upload(&*store, To("cam", 1, 1), Append, b"1\n").await);
    is_conflict(delete(&*store, To("cam", 1, 1)).await);
    delete(&*store, To("cam", 1, 2)).await.unwrap();
    is_conflict(upload(&*store, To("cam", 1, 2), Replace, b"1\n").await);
    is_conflict(delete(&*store, To("cam", 2, 2)).await);
    is_conflict(find_receipt(&*store, "cam", 2).await);
    // Keys of one device are none of another.
    upload(&*store, To("other", 1, 1), Replace, b"1\n")
        .await
        .unwrap();
    assert_eq!(store.journal(0, 10).await.unwrap().len(), 3);
}

pub(crate) async fn do_not_mix_times(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let (plain, timed) = (b"1\n", b"1664533873,1\n");
    upload(&*store, To("cam", 1, 1), Replace, plain)
        .await
        .unwrap();
    is_conflict(upload(&*store, To("cam", 1, 2), Append, timed).await);
    assert_eq!(read(&*store, "cam", 1).await.unwrap(), plain);
    // The refusal used up no key, and what has no samples goes with either.
    upload(&*store, To("cam", 1, 2), Replace, timed)
        .await
        .unwrap();
    is_conflict(upload(&*store, To("cam", 1, 3), Append, plain).await);
    upload(&*store, To("cam", 1, 4), Append, b"").await.unwrap();
    upload(&*store, To("cam", 1, 5), Append, timed)
        .await
        .unwrap();
    assert_eq!(summary_of(&*store, "cam", 1).await.unwrap().count(), 2);
}

pub(crate) async fn refuse_a_sum_that_does_not_fit(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let mut huge = summary(b"9223372036854775807\n");
    while let Ok(()) = { huge }.merge(&huge) {
        let half = huge;
        huge.merge(&half).unwrap();
    }
    for (bits, mode) in [(1, Replace), (2, Append)] {
        let mut staging = begin(&*store, "cam", bits).await.unwrap();
        staging.write(b"1\n").unwrap();
        let staged = staging
            .finish(huge, ContentHash::of(b"1\n"), false)
            .unwrap();
        let result = commit(&*store, To("cam", 1, bits), mode, staged).await;
        match mode {
            Replace => assert!(result.is_ok(), "{result:?}"),
            Append => is_conflict(result),
        }
    }
    assert_eq!(summary_of(&*store, "cam", 1).await, Ok(huge));
}

pub(crate) async fn delete_files(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    assert_eq!(
        delete(&*store, To("cam", 1, 1)).await,
        Err(StoreError::NotFound)
    );
    upload(&*store, To("cam", 1, 2), Replace, b"1\n2\n")
        .await
        .unwrap();
    upload(&*store, To("cam", 1, 3), Append, &large(10_000))
        .await
        .unwrap();
    // The attempt that found nothing used up no key.
    let deleted = delete(&*store, To("cam", 1, 1)).await.unwrap();
    assert_eq!((deleted.file, deleted.samples), (file(1), 10_002));
    assert_eq!(
        summary_of(&*store, "cam", 1).await,
        Err(StoreError::NotFound)
    );
    assert_eq!(list(&*store, "cam", None, 10).await.files, []);
}

pub(crate) async fn are_journalled_without_gaps(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    upload(&*store, To("cam", 1, 1), Replace, b"1\n")
        .await
        .unwrap();
    delete(&*store, To("cam", 9, 2)).await.unwrap_err();
    upload(&*store, To("cam", 1, 3), Append, b"1664533873,1\n")
        .await
        .unwrap_err();
    upload(&*store, To("cam", 1, 4), Append, b"2\n3\n")
        .await
        .unwrap();
    drop(store);
    let store = subject.open();
    delete(&*store, To("cam", 1, 5)).await.unwrap();
    let change = |sequence, kind, samples| JournalEntry {
        sequence,
        device: name("cam"),
        file: file(1),
        kind,
        samples,
        at: AT,
    };
    let all = [
        change(1, ChangeKind::Upload(Replace), 1),
        change(2, ChangeKind::Upload(Append), 2),
        change(3, ChangeKind::Delete(Deleter::Device), 3),
    ];
    assert_eq!(store.journal(0, 10).await.unwrap(), all);
    assert_eq!(store.journal(0, 2).await.unwrap(), all[..2]);
    assert_eq!(store.journal(2, 2).await.unwrap(), all[2..]);
    assert_eq!(store.journal(u64::MAX, 2).await.unwrap(), []);
}

pub(crate) async fn delete_one_version_alone(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    for bits in [1, 2] {
        upload(&*store, To("cam", 1, bits), Append, b"1\n")
            .await
            .unwrap();
    }
    let old = delete_by(
        &*store,
        To("cam", 1, 3),
        Deleter::Retention,
        Some(Version::at_most(1)),
    )
    .await;
    is_conflict(old);
    assert_eq!(summary_of(&*store, "cam", 1).await.unwrap().count(), 2);
    let (to, by) = (To("cam", 1, 4), Deleter::Retention);
    let deleted = delete_by(&*store, to, by, Some(Version::at_most(2)))
        .await
        .unwrap();
    drop(store);
    let store = subject.open();
    let last = store.journal(2, 10).await.unwrap();
    let kinds: Vec<_> = last.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Delete(Deleter::Retention)]);
    // A retry has the same answer, whatever version there is.
    let again = delete_by(&*store, To("cam", 1, 4), by, Some(Version::at_most(2))).await;
    assert_eq!(again, Ok(deleted));
    for (bits, by) in [(5, Deleter::Device), (6, Deleter::Operator)] {
        upload(&*store, To("cam", 1, bits + 100), Append, b"1\n")
            .await
            .unwrap();
        delete_by(&*store, To("cam", 1, bits), by, None)
            .await
            .unwrap();
        let journal = store.journal(0, 100).await.unwrap();
        assert_eq!(journal.last().unwrap().kind, ChangeKind::Delete(by));
    }
}

pub(crate) async fn need_what_they_commit(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let staged = stage(&*store, "cam", 1, b"1\n").await.unwrap();
    let invented = Staged {
        id: StagedId(staged.id.0 + 1000),
        ..staged.clone()
    };
    for (bits, staged) in [(1, invented), (2, staged.clone())] {
        let refused = commit(&*store, To("cam", 1, bits), Replace, staged).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
    }
    commit(&*store, To("cam", 1, 1), Replace, staged)
        .await
        .unwrap();
}
