//! Reading files and lists.

use super::*;

pub(crate) async fn page_through_files(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    add(&*store, "other").await.unwrap();
    let ids = [0, 7, 9, 10, u32::MAX];
    for (bits, id) in (0..).zip(ids.iter().rev()) {
        upload(&*store, To("cam", *id, bits), Replace, b"1\n")
            .await
            .unwrap();
    }
    upload(&*store, To("other", 8, 1), Replace, b"1\n")
        .await
        .unwrap();
    for limit in [1, 2, 4, 5, 100] {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = list(&*store, "cam", after, limit).await;
            assert!(page.files.len() <= limit as usize);
            seen.extend(page.files.iter().map(|entry| entry.file.get()));
            match page.next {
                Some(next) => after = Some(next.get()),
                None => break,
            }
        }
        assert_eq!(seen, ids);
    }
    assert_eq!(list(&*store, "nobody", None, 10).await.files, []);
}

pub(crate) async fn join_open_ends(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    for (bits, text) in (0..).zip(["1", "", "2\n", "3", "4"]) {
        upload(&*store, To("cam", 1, bits), Append, text.as_bytes())
            .await
            .unwrap();
    }
    assert_eq!(read(&*store, "cam", 1).await.unwrap(), b"1\n2\n3\n4");
    let snapshot = snapshot(&*store, "cam", 1).await.unwrap();
    let open: Vec<_> = snapshot.segments.iter().map(|s| s.ends_open).collect();
    assert_eq!(open, [true, false, false, true, true]);
    let entry = list(&*store, "cam", None, 1).await.files.remove(0);
    assert_eq!(entry.bytes, snapshot.bytes());
}

pub(crate) async fn give_empty_files(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    upload(&*store, To("cam", 1, 1), Replace, b"")
        .await
        .unwrap();
    assert_eq!(read(&*store, "cam", 1).await.unwrap(), b"");
    assert_eq!(summary_of(&*store, "cam", 1).await, Ok(Summary::default()));
}

pub(crate) async fn see_what_was_answered(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    for bits in 0..50 {
        let receipt = upload(&*store, To("cam", 1, bits), Append, b"1\n")
            .await
            .unwrap();
        let snapshot = snapshot(&*store, "cam", 1).await.unwrap();
        assert_eq!(
            (snapshot.version, snapshot.samples),
            (receipt.version, receipt.version)
        );
    }
}

pub(crate) async fn go_on_while_a_segment_is_replaced(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let big = large(50_000);
    upload(&*store, To("cam", 1, 1), Replace, &big)
        .await
        .unwrap();
    let old = snapshot(&*store, "cam", 1)
        .await
        .unwrap()
        .segments
        .remove(0);
    let mut reader = store.open_segment(old.clone()).await.unwrap();
    let mut buffer = vec![0; big.len()];
    let mut read = reader.read(&mut buffer[..1000]).unwrap();
    upload(&*store, To("cam", 1, 2), Replace, b"1\n")
        .await
        .unwrap();
    while let n @ 1.. = reader.read(&mut buffer[read..]).unwrap() {
        read += n;
    }
    assert_eq!(buffer, big);
    let gone = store.open_segment(old).await.err();
    assert_eq!(gone, Some(StoreError::NotFound));
}
