//! The logins that credentials files have given.

use fleetlink_core::{GivenLogin, ImportMemory};
use fleetlink_proto::DeviceKey;
use fleetlink_proto::control::EnrolledKey;

use super::*;

const FILE: &str = "/etc/credentials";

fn given(text: &str, hash: &str) -> GivenLogin {
    GivenLogin {
        origin: FILE.into(),
        name: name(text),
        password_hash: PasswordHash::new(hash),
        gives: true,
    }
}

fn import(text: &str, hash: &str, applies: bool) -> StoreCall {
    StoreCall::Change(Change::ImportLogin {
        given: given(text, hash),
        at: AT,
        applies,
    })
}

async fn memory(store: &dyn Store) -> ImportMemory {
    let mut memory = store.imports(FILE.into()).await.unwrap();
    memory.logins.sort_by(|a, b| a.name.cmp(&b.name));
    memory
}

async fn hashes(store: &dyn Store) -> Vec<(String, Option<PasswordHash>)> {
    let accounts = accounts(store).await.unwrap();
    let of = |account: Account| (account.name.to_string(), account.password_hash);
    accounts.into_iter().map(of).collect()
}

fn hash(text: &str) -> Option<PasswordHash> {
    Some(PasswordHash::new(text))
}

pub(crate) async fn make_accounts_and_are_remembered(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    assert_eq!(memory(&*store).await, ImportMemory::default());
    for call in [import("cam", "$1", true), import("uav", "$2", true)] {
        let left = left(store.execute(call).await).unwrap();
        assert!(left.unwrap().password_hash.is_some());
    }
    drop(store);
    let store = subject.open();
    let expected = [
        ("cam".to_owned(), hash("$1")),
        ("uav".to_owned(), hash("$2")),
    ];
    assert_eq!(hashes(&*store).await, expected);
    let logins = vec![given("cam", "$1"), given("uav", "$2")];
    let expected = ImportMemory {
        whole: None,
        logins,
    };
    assert_eq!(memory(&*store).await, expected);
    assert_eq!(accounts(&*store).await.unwrap()[1].created, AT);
}

pub(crate) async fn are_all_or_nothing(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    is_conflict(store.execute(import("Cam", "$1", true)).await);
    assert_eq!(memory(&*store).await, ImportMemory::default());
    // What is remembered alone changes no account, and makes none.
    for text in ["cam", "uav"] {
        store.execute(import(text, "$1", false)).await.unwrap();
    }
    let all = accounts(&*store).await.unwrap();
    assert_eq!(all, [account("cam")]);
    assert_eq!(memory(&*store).await.logins.len(), 2);
}

/// An account that was removed, or made anew, is no longer the file's.
pub(crate) async fn outlive_the_accounts(subject: &dyn Subject) {
    let store = subject.open();
    store.execute(import("cam", "$1", true)).await.unwrap();
    let remove = StoreCall::Change(Change::RemoveAccount { name: name("cam") });
    store.execute(remove).await.unwrap();
    assert_eq!(memory(&*store).await.logins, [given("cam", "$1")]);
    add(&*store, "cam").await.unwrap();
    let disowned = GivenLogin {
        gives: false,
        ..given("cam", "$1")
    };
    assert_eq!(memory(&*store).await.logins, [disowned]);
}

pub(crate) async fn take_logins_away(subject: &dyn Subject) {
    let store = subject.open();
    store.execute(import("cam", "$1", true)).await.unwrap();
    let key = EnrolledKey {
        key: DeviceKey::from_bytes([7; 32]),
        enrolled: AT,
    };
    let set_key = StoreCall::Change(Change::SetKey {
        name: name("cam"),
        key,
        replace: false,
    });
    store.execute(set_key).await.unwrap();
    for text in ["cam", "nobody"] {
        let remove = StoreCall::Change(Change::RemoveLogin {
            name: name(text),
            origin: FILE.into(),
        });
        let left = left(store.execute(remove).await).unwrap();
        assert_eq!(left.is_some(), text == "cam");
    }
    add(&*store, "uav").await.unwrap();
    let of_other_case = StoreCall::Change(Change::RemoveLogin {
        name: name("UAV"),
        origin: FILE.into(),
    });
    let before = accounts(&*store).await.unwrap().remove(1);
    let left = left(store.execute(of_other_case).await).unwrap();
    assert_eq!(left, Some(before), "whose name it is not");
    drop(store);
    let store = subject.open();
    let all = accounts(&*store).await.unwrap();
    assert_eq!((&all[0].password_hash, &all[0].key), (&None, &None));
    assert_eq!(memory(&*store).await, ImportMemory::default());
}

pub(crate) async fn forget_what_is_no_longer_given(subject: &dyn Subject) {
    let store = subject.open();
    for text in ["cam", "uav"] {
        store.execute(import(text, "$1", true)).await.unwrap();
    }
    let finish = |origin: &str, whole: &str, forget: &[&str]| {
        StoreCall::Change(Change::FinishImport {
            origin: origin.into(),
            whole: PasswordHash::new(whole),
            forget: forget.iter().map(|text| name(text)).collect(),
        })
    };
    store
        .execute(finish("/other", "$x", &["cam"]))
        .await
        .unwrap();
    store.execute(finish(FILE, "$y", &["uav"])).await.unwrap();
    let expected = ImportMemory {
        whole: hash("$y"),
        logins: vec![given("cam", "$1")],
    };
    assert_eq!(memory(&*store).await, expected);
    assert_eq!(store.imports("/third".into()).await.unwrap().whole, None);
    assert_eq!(hashes(&*store).await.len(), 2, "accounts stay");
}
