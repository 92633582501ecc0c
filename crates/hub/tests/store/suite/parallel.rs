//! Many callers at once.

use super::*;

pub(crate) async fn commits_all_succeed(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                // Every fourth is refused, which must not undo those beside it.
                let text: &[u8] = if n % 4 == 3 { b"x1\n" } else { b"1\n" };
                let to = To("cam", n, u128::from(n));
                if text[0] == b'x' {
                    delete(&*store, to).await.map(|_| ())
                } else {
                    upload(&*store, to, Replace, text).await.map(|_| ())
                }
            })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        let refused = (n % 4 == 3).then_some(StoreError::NotFound);
        assert_eq!(task.await.unwrap().err(), refused);
    }
    let journal = store.journal(0, 1000).await.unwrap();
    let sequences: Vec<_> = journal.iter().map(|change| change.sequence).collect();
    assert_eq!(sequences, (1..=150).collect::<Vec<_>>());
}

pub(crate) async fn retries_have_one_effect(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let big = large(10_000);
    let staged = stage(&*store, "cam", 1, &big).await.unwrap();
    let again = stage(&*store, "cam", 1, &big).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let store = Arc::clone(&store);
            let staged = if n % 2 == 0 {
                staged.clone()
            } else {
                again.clone()
            };
            tokio::spawn(async move { commit(&*store, To("cam", 1, 1), Append, staged).await })
        })
        .collect();
    let mut receipts = Vec::new();
    for task in tasks {
        receipts.push(task.await.unwrap().unwrap());
    }
    receipts.dedup();
    assert_eq!(receipts.len(), 1);
    assert_eq!(read(&*store, "cam", 1).await.unwrap(), big);
    drop(store);
    assert_eq!(read(&*subject.open(), "cam", 1).await.unwrap(), big);
}

pub(crate) async fn appends_are_all_there(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let store = Arc::clone(&store);
            let to = To("cam", 1, n);
            tokio::spawn(async move { upload(&*store, to, Append, b"1\n2").await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let text = read(&*store, "cam", 1).await.unwrap();
    assert_eq!(summary(&text).count(), 100);
    assert_eq!(summary_of(&*store, "cam", 1).await, Ok(summary(&text)));
    let entry = list(&*store, "cam", None, 1).await.files.remove(0);
    assert_eq!((entry.segments, entry.bytes), (50, text.len() as u64));
}
