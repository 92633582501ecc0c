use fleetlink_core::{
    AccountOrder, AdminReply, AdminRequest, Change, Delete, Made, StoreCall, StoreError, StoreReply,
};
use fleetlink_proto::control::{DeleteReply, EndReason, ErrorCode, FileEntry, FileList};
use fleetlink_proto::{DataFile, IdempotencyKey, WallTime};

use crate::fixture::{Fixture, hash, name};

fn add(text: &str) -> AdminRequest {
    AdminRequest::Change {
        name: name(text),
        order: AccountOrder::Add(hash("right")),
    }
}

fn remove(with_data: bool) -> AdminRequest {
    AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::Remove {
            with_data,
            key: IdempotencyKey::from_bits(100),
        },
    }
}

fn files(ids: &[u32]) -> Result<StoreReply, StoreError> {
    let entry = |id: &u32| FileEntry {
        file: DataFile::numbered(*id),
        samples: 1,
        bytes: 4,
        segments: 1,
        version: 1.into(),
        changed: WallTime::from_unix_millis(0),
    };
    Ok(StoreReply::Files(FileList {
        files: ids.iter().map(entry).collect(),
        next: None,
    }))
}

#[test]
fn an_account_is_there_after_the_commit() {
    let mut f = Fixture::new();
    f.operate(add("new"));
    f.greeted(1);
    f.login(1, "new", "right").unwrap_err();
    assert_eq!(f.operator_answer(), None);
    f.store_answers(Ok(StoreReply::Done));
    assert_eq!(f.operator_answer(), Some(Ok(AdminReply::Done)));
    f.login(1, "new", "right").unwrap();
}

#[test]
fn a_name_that_is_taken_or_differs_by_case_is_refused() {
    for (text, message) in [
        ("cam", "there is an account cam already"),
        ("Cam", "Cam differs only by case from the account cam"),
    ] {
        let mut f = Fixture::new();
        f.operate(add(text));
        f.store_answers(Err(StoreError::Conflict("x".to_owned())));
        assert_eq!(f.operator_answer(), Some(Err(message.to_owned())));
    }
}

#[test]
fn an_account_with_files_stays_unless_they_go_too() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.operate(remove(false));
    f.store_answers(Err(StoreError::Conflict("x".to_owned())));
    let message = "the account cam has files; it is removed only together with them";
    assert_eq!(f.operator_answer(), Some(Err(message.to_owned())));
    assert_eq!(f.active(), ["cam"]);
}

#[test]
fn a_removal_with_data_deletes_file_by_file_and_then_ends_the_sessions() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.operate(remove(true));
    for (id, key) in [(3, 100), (5, 101)] {
        f.store_answers(files(&[id]));
        let file = DataFile::numbered(id);
        let deleted = DeleteReply {
            file: file.clone(),
            samples: 1,
        };
        let deleted = StoreReply::Deleted(deleted, Made::Now);
        let call = f.store_answers(Ok(deleted));
        assert!(
            matches!(call, StoreCall::Change(Change::Delete(Delete { file: asked, key: with, .. }))
            if asked == file && with.bits() == key)
        );
    }
    f.store_answers(files(&[]));
    assert_eq!(f.end_of(1), None);
    let call = f.store_answers(Ok(StoreReply::Done));
    assert!(matches!(
        call,
        StoreCall::Change(Change::RemoveAccount { .. })
    ));
    assert_eq!(f.end_of(1), Some(EndReason::AccountRemoved));
    assert_eq!(f.operator_answer(), Some(Ok(AdminReply::Done)));
    assert_eq!(f.active(), [""; 0]);
}

#[test]
fn the_commit_behind_a_removal_is_not_done() {
    let mut f = Fixture::new();
    f.attached(1, "cam");
    let upload = f.open_upload(1, 7);
    f.operate(remove(false));
    f.staged(1, upload);
    f.store_answers(Ok(StoreReply::Done));
    assert!(f.is_discarded());
    assert!(f.store_call().is_none());
}

#[test]
fn unlocking_ends_a_lock_out_and_the_list_shows_it() {
    let mut f = Fixture::new();
    f.greeted(1);
    f.login(1, "cam", "wrong").unwrap_err();
    let error = f.login(1, "cam", "wrong").unwrap_err();
    assert_eq!(error.code, ErrorCode::NowBlocked);
    let blocked = |f: &mut Fixture| {
        f.operate(AdminRequest::ListAccounts { after: None });
        match f.operator_answer() {
            Some(Ok(AdminReply::Accounts(all))) => all[0].locked_out_for.map(|time| time.as_secs()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(blocked(&mut f), Some(10));
    f.operate(AdminRequest::Unlock { name: name("cam") });
    assert_eq!(f.operator_answer(), Some(Ok(AdminReply::Done)));
    assert_eq!(blocked(&mut f), None);
    f.login(1, "cam", "right").unwrap();
}
