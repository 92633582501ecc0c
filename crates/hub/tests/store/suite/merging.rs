//! Many small appends: a store makes few segments of them, and nobody sees a difference but in their
//! number.

use std::time::Duration;

use super::*;

/// More than this many segments do not stay of so few bytes.
const FEW: u64 = 300;

/// Waits until the file has few segments.
async fn few_segments(store: &dyn Store, id: u32) -> u64 {
    let merging = async {
        loop {
            let entries = list(store, "cam", None, 100).await.files;
            let entry = entries.iter().find(|entry| entry.file == file(id));
            match entry.unwrap().segments {
                segments if segments <= FEW => return segments,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), merging)
        .await
        .expect("segments are merged")
}

/// Appends this many lines, one each; some without their newline, some empty.
async fn append_lines(store: &dyn Store, id: u32, bits: std::ops::Range<u128>) -> Vec<u8> {
    let mut whole = Vec::new();
    for n in bits {
        let text = match n % 7 {
            0 => format!("{n}"),
            1 => String::new(),
            _ => format!("{n}\n"),
        };
        if whole.last().is_some_and(|&last| last != b'\n') {
            whole.push(b'\n');
        }
        whole.extend_from_slice(text.as_bytes());
        upload(store, To("cam", id, n), Append, text.as_bytes())
            .await
            .unwrap();
    }
    whole
}

pub(crate) async fn leaves_everything_but_the_number_of_segments(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let whole = append_lines(&*store, 1, 0..1000).await;
    few_segments(&*store, 1).await;
    let check = async |store: &dyn Store| {
        assert_eq!(read(store, "cam", 1).await.unwrap(), whole);
        assert_eq!(summary_of(store, "cam", 1).await, Ok(summary(&whole)));
        let entry = list(store, "cam", None, 1).await.files.remove(0);
        assert_eq!(
            (entry.bytes, entry.version.get()),
            (whole.len() as u64, 1000)
        );
        assert_eq!(entry.changed, AT);
        let snapshot = snapshot(store, "cam", 1).await.unwrap();
        // Merging may go on meanwhile.
        assert!(snapshot.segments.len() as u64 <= entry.segments);
        assert_eq!(snapshot.version.get(), 1000);
        // What was answered is still what is answered to a retry.
        let receipt = find_receipt(store, "cam", 7).await.unwrap().unwrap();
        assert_eq!(receipt.version.get(), 8);
        let again = upload(store, To("cam", 1, 7), Append, b"7").await.unwrap();
        assert_eq!(again, receipt);
        assert_eq!(store.journal(0, 2000).await.unwrap().len(), 1000);
    };
    check(&*store).await;
    drop(store);
    let store = subject.open();
    check(&*store).await;
    upload(&*store, To("cam", 1, 5000), Append, b"8\n")
        .await
        .unwrap();
    assert!(read(&*store, "cam", 1).await.unwrap().ends_with(b"8\n"));
}

pub(crate) async fn waits_for_snapshots_in_use(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let begin = append_lines(&*store, 1, 0..50).await;
    let first = snapshot(&*store, "cam", 1).await.unwrap();
    let more = append_lines(&*store, 1, 50..500).await;
    let second = snapshot(&*store, "cam", 1).await.unwrap();
    // As slow downloads, that begin before the merging and end behind it.
    assert_eq!(read_snapshot(&*store, &first).await.unwrap(), begin);
    let mut both = begin;
    if both.last() != Some(&b'\n') {
        both.push(b'\n');
    }
    both.extend_from_slice(&more);
    assert_eq!(read_snapshot(&*store, &second).await.unwrap(), both);
    drop((first, second));
    few_segments(&*store, 1).await;
    assert_eq!(read(&*store, "cam", 1).await.unwrap(), both);
}

pub(crate) async fn minds_replacements_and_deletions(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    for round in 0..10_u128 {
        let first = round * 1000;
        append_lines(&*store, 1, first..first + 150).await;
        match round % 3 {
            0 => drop(delete(&*store, To("cam", 1, first + 900)).await.unwrap()),
            _ => {
                let to = To("cam", 1, first + 900);
                upload(&*store, to, Replace, b"1\n").await.unwrap();
            }
        }
        let whole = match round % 3 {
            0 => append_lines(&*store, 1, first + 500..first + 600).await,
            _ => {
                let more = append_lines(&*store, 1, first + 500..first + 600).await;
                [b"1\n", &more[..]].concat()
            }
        };
        assert_eq!(read(&*store, "cam", 1).await.unwrap(), whole);
        assert_eq!(summary_of(&*store, "cam", 1).await, Ok(summary(&whole)));
        delete(&*store, To("cam", 1, first + 901)).await.unwrap();
    }
}

pub(crate) async fn does_not_mix_files(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let tasks: Vec<_> = (0..4_u32)
        .map(|id| {
            let store = Arc::clone(&store);
            let first = u128::from(id) * 1000;
            tokio::spawn(async move { append_lines(&*store, id, first..first + 400).await })
        })
        .collect();
    for (id, task) in (0..).zip(tasks) {
        let whole = task.await.unwrap();
        few_segments(&*store, id).await;
        assert_eq!(read(&*store, "cam", id).await.unwrap(), whole);
    }
}
