//! Accounts.

use fleetlink_core::{AccountVersion, Totals};
use fleetlink_proto::DeviceKey;
use fleetlink_proto::control::EnrolledKey;

use super::*;

pub(crate) async fn are_kept(subject: &dyn Subject) {
    let store = subject.open();
    assert_eq!(accounts(&*store).await, Ok(vec![]));
    for name in ["b", "a"] {
        assert_eq!(left(add(&*store, name).await), Ok(Some(account(name))));
    }
    drop(store);
    let kept = accounts(&*subject.open()).await.unwrap();
    assert_eq!(kept, [account("a"), account("b")]);
}

pub(crate) async fn differ_by_more_than_case(subject: &dyn Subject) {
    let store = subject.open();
    add(&*store, "Camera").await.unwrap();
    is_conflict(add(&*store, "camera").await);
    is_conflict(add(&*store, "Camera").await);
    assert_eq!(accounts(&*store).await, Ok(vec![account("Camera")]));
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
    assert_eq!(accounts(&*store).await.unwrap().len(), 1);
}

pub(crate) async fn get_passwords(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let set = |text| {
        StoreCall::Change(Change::SetPassword {
            name: name(text),
            password_hash: PasswordHash::new("$new"),
        })
    };
    let set_now = left(store.execute(set("cam")).await).unwrap().unwrap();
    assert_eq!(set_now.password_hash, Some(PasswordHash::new("$new")));
    // A name is not an account that differs from it by case.
    for unknown in ["Cam", "nobody"] {
        assert_eq!(store.execute(set(unknown)).await, Err(StoreError::NotFound));
    }
    drop(store);
    let kept = accounts(&*subject.open()).await.unwrap();
    assert_eq!(kept[0].password_hash, Some(PasswordHash::new("$new")));
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
        let done = left(store.execute(set("cam", key, false)).await).unwrap();
        assert_eq!(done.unwrap().key, Some(first.clone()), "the first time");
    }
    is_conflict(store.execute(set("cam", &other, false)).await);
    let replaced = left(store.execute(set("cam", &other, true)).await).unwrap();
    assert_eq!(replaced.unwrap().key, Some(other.clone()));
    drop(store);
    let store = subject.open();
    let kept = accounts(&*store).await.unwrap();
    assert_eq!(kept[0].key, Some(other));
    let removed = left(store.execute(remove()).await);
    assert_eq!(removed, Ok(Some(account("cam"))));
    assert_eq!(store.execute(remove()).await, Err(StoreError::NotFound));
    drop(store);
    assert_eq!(accounts(&*subject.open()).await.unwrap()[0].key, None);
}

pub(crate) async fn stay_while_they_have_files(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let remove = || StoreCall::Change(Change::RemoveAccount { name: name("cam") });
    upload(&*store, To("cam", 1, 1), Replace, b"1\n")
        .await
        .unwrap();
    is_conflict(store.execute(remove()).await);
    delete(&*store, To("cam", 1, 2)).await.unwrap();
    let reply = StoreReply::Ended(fleetlink_core::Ended::default());
    assert_eq!(store.execute(remove()).await, Ok(reply));
    assert_eq!(store.execute(remove()).await, Err(StoreError::NotFound));
    assert_eq!(accounts(&*store).await, Ok(vec![]));
}

pub(crate) async fn are_needed_for_files(subject: &dyn Subject) {
    let store = subject.open();
    let to = To("nobody", 1, 1);
    let refused = upload(&*store, to, Replace, b"1\n").await;
    assert_eq!(refused, Err(StoreError::NotFound));
    assert_eq!(store.journal(0, 10).await, Ok(vec![]));
}

pub(crate) async fn are_found_by_their_folded_name(subject: &dyn Subject) {
    let store = subject.open();
    add(&*store, "Camera").await.unwrap();
    for text in ["Camera", "camera", "CAMERA"] {
        let name = name(text);
        let found = left(ask(&*store, Query::Account { name }).await);
        assert_eq!(found, Ok(Some(account("Camera"))), "{text}");
    }
    let name = name("camera-1");
    let found = ask(&*store, Query::Account { name }).await;
    assert_eq!(found, Ok(StoreReply::Account(None)));
}

/// Each change has a later number than all before it, also where an account is made anew.
pub(crate) async fn are_numbered_by_their_changes(subject: &dyn Subject) {
    let store = subject.open();
    let remove = StoreCall::Change(Change::RemoveAccount { name: name("cam") });
    let set = |text: &str| {
        StoreCall::Change(Change::SetPassword {
            name: name(text),
            password_hash: PasswordHash::new("$new"),
        })
    };
    let add_call = |text: &str| StoreCall::Change(Change::AddAccount(account(text)));
    let mut last = AccountVersion::default();
    for call in [
        add_call("cam"),
        add_call("uav"),
        set("cam"),
        set("uav"),
        remove,
        add_call("cam"),
        set("cam"),
    ] {
        let StoreReply::Account(Some(changed)) = store.execute(call).await.unwrap() else {
            continue;
        };
        assert!(changed.version > last, "{changed:?} after {last:?}");
        last = changed.version;
        let name = changed.name.clone();
        let found = ask(&*store, Query::Account { name }).await;
        assert_eq!(found, Ok(StoreReply::Account(Some(changed))));
    }
    drop(store);
    let store = subject.open();
    let StoreReply::Account(Some(changed)) = store.execute(set("uav")).await.unwrap() else {
        panic!("an account");
    };
    assert!(changed.version > last, "also after a start");
}

pub(crate) async fn are_counted(subject: &dyn Subject) {
    let store = subject.open();
    for n in 0..5 {
        add(&*store, &format!("cam-{n}")).await.unwrap();
    }
    is_conflict(add(&*store, "cam-1").await);
    let remove = StoreCall::Change(Change::RemoveAccount {
        name: name("cam-3"),
    });
    store.execute(remove).await.unwrap();
    drop(store);
    let totals = ask(&*subject.open(), Query::Totals { at: AT }).await;
    let expected = Totals {
        accounts: 4,
        open_tickets: 0,
        logins: 0,
    };
    assert_eq!(totals, Ok(StoreReply::Totals(expected)));
}
