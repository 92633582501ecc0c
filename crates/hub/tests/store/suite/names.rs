//! Data files whose names are not numbers.

use fleetlink_core::Made;
use fleetlink_hub::store::Retention;

use super::*;

/// In their order. The last has the longest name that there is.
fn names() -> Vec<DataFile> {
    let longest = format!("z/{}", "a".repeat(126));
    let texts = [
        "0",
        "2",
        "10",
        "4294967295",
        "-1",
        "00",
        "01",
        "1.0",
        "4294967296",
        "A",
        "a",
        "a-b",
        "a/b",
        "a/b/c",
        "ab",
        "temperature",
        &longest,
    ];
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

async fn upload_named(
    store: &dyn Store,
    device: &'static str,
    file: &DataFile,
    (bits, mode): (u128, UploadMode),
    text: &str,
) -> Receipt {
    let staged = stage(store, device, bits, text.as_bytes()).await.unwrap();
    let commit = Commit {
        device: name(device),
        file: file.clone(),
        mode,
        key: key(bits),
        staged,
        at: AT,
    };
    execute_commit(store, commit).await.unwrap()
}

/// One data file of every name, each with its place as its only sample.
async fn with_names(subject: &dyn Subject) -> Arc<dyn Store> {
    let store = with_cam(subject).await;
    // Their order is not that of the uploads.
    let numbered: Vec<_> = (0..).zip(names()).collect();
    for (number, file) in numbered.into_iter().rev() {
        let text = format!("{number}\n");
        let receipt = upload_named(&*store, "cam", &file, (number, Replace), &text).await;
        assert_eq!(receipt.file, file);
    }
    store
}

pub(crate) async fn keep_data_files_apart(subject: &dyn Subject) {
    drop(with_names(subject).await);
    let store = subject.open();
    for (number, file) in (0..).zip(names()) {
        let text = format!("{number}\n");
        assert_eq!(
            read(&*store, "cam", file.clone()).await.unwrap(),
            text.as_bytes()
        );
        assert_eq!(
            summary_of(&*store, "cam", file).await,
            Ok(summary(text.as_bytes()))
        );
        let receipt = find_receipt(&*store, "cam", number).await.unwrap().unwrap();
        assert_eq!(receipt.file, names()[usize::try_from(number).unwrap()]);
    }
    for other in ["1", "b", "a/c", "A/b", "1.00"] {
        let other: DataFile = other.parse().unwrap();
        assert_eq!(
            snapshot(&*store, "cam", other).await,
            Err(StoreError::NotFound)
        );
    }
    let journal = store.journal(0, 100).await.unwrap();
    let journalled: Vec<_> = journal.into_iter().rev().map(|entry| entry.file).collect();
    assert_eq!(journalled, names());
}

pub(crate) async fn order_lists(subject: &dyn Subject) {
    let store = with_names(subject).await;
    add(&*store, "uav").await.unwrap();
    let lonely = "temperature".parse().unwrap();
    upload_named(&*store, "uav", &lonely, (1, Replace), "1\n").await;
    for limit in [1, 2, 5, 16, 100] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = list(&*store, "cam", after, limit).await;
            seen.extend(page.files.into_iter().map(|entry| entry.file));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, names(), "by {limit}");
        for device in [None, Some(name("cam"))] {
            let mut seen: Vec<(DeviceName, DataFile)> = Vec::new();
            loop {
                let page = store
                    .files(device.clone(), seen.last().cloned(), limit)
                    .await;
                match page.unwrap() {
                    page if page.is_empty() => break,
                    page => {
                        seen.extend(page.into_iter().map(|(of, record)| (of, record.entry.file)));
                    }
                }
            }
            let mut expected: Vec<_> = names()
                .into_iter()
                .map(|file| (name("cam"), file))
                .collect();
            if device.is_none() {
                expected.push((name("uav"), lonely.clone()));
            }
            assert_eq!(seen, expected, "by {limit}");
        }
    }
    // Behind a name that is not there.
    let after = Some("a/a".parse().unwrap());
    let page = list(&*store, "cam", after, 1).await;
    assert_eq!(page.files[0].file, "a/b".parse().unwrap());
}

pub(crate) async fn go_through_every_change(subject: &dyn Subject) {
    let store = with_names(subject).await;
    let file: DataFile = "a/b".parse().unwrap();
    // More than are merged at once.
    let mut whole = read(&*store, "cam", file.clone()).await.unwrap();
    for bits in 100..200 {
        upload_named(&*store, "cam", &file, (bits, Append), "7\n").await;
        whole.extend_from_slice(b"7\n");
    }
    assert_eq!(read(&*store, "cam", file.clone()).await.unwrap(), whole);
    let delete = |bits| {
        StoreCall::Change(Change::Delete(Delete {
            device: name("cam"),
            file: file.clone(),
            key: key(bits),
            at: AT,
            by: Deleter::Device,
            version: None,
        }))
    };
    let deleted = DeleteReply {
        file: file.clone(),
        samples: 101,
    };
    for made in [Made::Now, Made::Before] {
        let reply = StoreReply::Deleted(deleted.clone(), made);
        assert_eq!(store.execute(delete(500)).await, Ok(reply));
    }
    assert_eq!(store.execute(delete(501)).await, Err(StoreError::NotFound));
    let left = list(&*store, "cam", None, 100).await.files;
    assert_eq!(left.len(), names().len() - 1);
    let everything_goes = Retention {
        data_bytes: Some(0),
        ..Retention::default()
    };
    let surplus = store.surplus(AT, everything_goes, 100).await.unwrap();
    assert_eq!(surplus.len(), left.len());
    assert!(
        surplus
            .iter()
            .any(|found| found.file.text() == Some("temperature"))
    );
}
