//! Reading files and lists.

use fleetlink_core::FileRecord;

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
            seen.extend(page.files.iter().map(|entry| entry.file.number().unwrap()));
            match page.next {
                Some(next) => after = Some(next),
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
            (receipt.version, receipt.version.get())
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

pub(crate) async fn page_through_the_files_of_all(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    // One name begins as another does, and one has no files.
    for device in ["cam-2", "uav", "none"] {
        add(&*store, device).await.unwrap();
    }
    let all = [
        ("cam", 2),
        ("cam", 30),
        ("cam-2", 1),
        ("uav", 0),
        ("uav", 7),
    ];
    for (bits, (device, id)) in (1..).zip(all) {
        upload(&*store, To(device, id, bits), Append, b"1\n")
            .await
            .unwrap();
    }
    for device in [None, Some("cam"), Some("cam-2"), Some("none"), Some("uav")] {
        for limit in 1..=6 {
            let mut found: Vec<(String, u32)> = Vec::new();
            loop {
                let after = found.last().map(|(device, id)| (name(device), file(*id)));
                let page = store.files(device.map(name), after, limit).await.unwrap();
                if page.is_empty() {
                    break;
                }
                assert!(page.len() <= limit as usize);
                let place = |(device, record): (DeviceName, FileRecord)| {
                    (device.to_string(), record.entry.file.number().unwrap())
                };
                found.extend(page.into_iter().map(place));
            }
            let of = all
                .iter()
                .filter(|(of, _)| device.is_none_or(|device| device == *of));
            let expected: Vec<_> = of.map(|(of, id)| ((*of).to_owned(), *id)).collect();
            assert_eq!(found, expected, "{device:?} by {limit}");
        }
    }
}
