//! Accounts.

use fleetlink_proto::DeviceKey;
use fleetlink_proto::control::EnrolledKey;

use super::*;

pub(crate) async fn are_kept(subject: &dyn Subject) {
    let store = subject.open();
    assert_eq!(store.accounts().await, Ok(vec![]));
    for name in ["b", "a"] {
        assert_eq!(add(&*store, name).await, Ok(StoreReply::Done));
    }
    drop(store);
    let mut accounts = subject.open().accounts().await.unwrap();
    accounts.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(accounts, [account("a"), account("b")]);
}

pub(crate) async fn differ_by_more_than_case(subject: &dyn Subject) {
    let store = subject.open();
    add(&*store, "Camera").await.unwrap();
    is_conflict(add(&*store, "camera").await);
    is_conflict(add(&*store, "Camera").await);
    assert_eq!(store.accounts().await, Ok(vec![account("Camera")]));
}

pub(crate) async fn have_one_winner(subject: &dyn Subject) {
    let store = subject.open();
    let attempts: Vec<_> = (0..100)
        .map(|n| {
            let store = Arc::clone(&store);
            let name = if n % 2 == 0 { "camera" } else { "CAMERA" };
            tokio::spawn(async move { add(&*store, name).await })
        })
        .collect();
    let mut winners = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => winners += 1,
            refused => is_conflict(refused),
        }
    }
    assert_eq!(winners, 1);
    assert_eq!(store.accounts().await.unwrap().len(), 1);
}

pub(crate) async fn get_passwords(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let set = |text| {
        StoreCall::Change(Change::SetPassword {
            name: name(text),
            password_hash: PasswordHash::new("$new"),
        })
    };
    assert_eq!(store.execute(set("cam")).await, Ok(StoreReply::Done));
    // A name is not an account that differs from it by case.
    for unknown in ["Cam", "nobody"] {
        assert_eq!(store.execute(set(unknown)).await, Err(StoreError::NotFound));
    }
    drop(store);
    let accounts = subject.open().accounts().await.unwrap();
    assert_eq!(accounts[0].password_hash, Some(PasswordHash::new("$new")));
}

pub(crate) async fn get_keys(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let enrolled = |byte: u8, at| EnrolledKey {
        key: DeviceKey::from_bytes([byte; 32]),
        enrolled: WallTime::from_unix_millis(at),
    };
    let set = |text, key: &EnrolledKey, replace| {
        StoreCall::Change(Change::SetKey {
            name: name(text),
            key: key.clone(),
            replace,
        })
    };
    let remove = || StoreCall::Change(Change::RemoveKey { name: name("cam") });
    let (first, other) = (enrolled(1, 10), enrolled(2, 20));
    assert_eq!(store.execute(remove()).await, Err(StoreError::NotFound));
    let refused = store.execute(set("Cam", &first, true)).await;
    assert_eq!(refused, Err(StoreError::NotFound));
    for key in [&first, &enrolled(1, 15)] {
        let done = store.execute(set("cam", key, false)).await;
        assert_eq!(done, Ok(StoreReply::Key(first.clone())), "the first time");
    }
    is_conflict(store.execute(set("cam", &other, false)).await);
    let replaced = store.execute(set("cam", &other, true)).await;
    assert_eq!(replaced, Ok(StoreReply::Key(other.clone())));
    drop(store);
    let store = subject.open();
    let kept = store.accounts().await.unwrap();
    assert_eq!(kept[0].key, Some(other));
    assert_eq!(store.execute(remove()).await, Ok(StoreReply::Done));
    assert_eq!(store.execute(remove()).await, Err(StoreError::NotFound));
    drop(store);
    assert_eq!(subject.open().accounts().await.unwrap()[0].key, None);
}

pub(crate) async fn stay_while_they_have_files(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let remove = || StoreCall::Change(Change::RemoveAccount { name: name("cam") });
    upload(&*store, To("cam", 1, 1), Replace, b"1\n")
        .await
        .unwrap();
    is_conflict(store.execute(remove()).await);
    delete(&*store, To("cam", 1, 2)).await.unwrap();
    assert_eq!(store.execute(remove()).await, Ok(StoreReply::Done));
    assert_eq!(store.execute(remove()).await, Err(StoreError::NotFound));
    assert_eq!(store.accounts().await, Ok(vec![]));
}

pub(crate) async fn are_needed_for_files(subject: &dyn Subject) {
    let store = subject.open();
    let to = To("nobody", 1, 1);
    let refused = upload(&*store, to, Replace, b"1\n").await;
    assert_eq!(refused, Err(StoreError::NotFound));
    assert_eq!(store.journal(0, 10).await, Ok(vec![]));
}
