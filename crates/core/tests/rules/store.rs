use fleetlink_core::{Change, Effect, Input, Made, SessionId, StoreCall, StoreError, StoreReply};
use fleetlink_proto::control::limits::{MAX_QUEUED_OPERATIONS, MAX_UPLOADS_PER_SESSION};
use fleetlink_proto::control::{
    Compute, DeleteFile, DeleteReply, ErrorCode, ListFiles, OpenDownload, OpenUploadReply, Receipt,
    Reply, Request, UploadMode,
};
use fleetlink_proto::samples::{Operation, Summary};
use fleetlink_proto::{DataFile, IdempotencyKey};

use crate::fixture::{Fixture, coded, open, receipt};

const FILE: DataFile = DataFile::numbered(1);

#[test]
fn an_upload_is_acknowledged_after_the_commit() {
    let mut f = Fixture::new();
    f.attached(1, "watch");
    f.shown();
    let upload = f.open_upload(1, 7);
    let id = f.staged(1, upload);
    assert!(f.answer(&id).is_none(), "the store has not answered");
    let call = f.store_answers(Ok(StoreReply::Committed(receipt(), Made::Now)));
    assert!(matches!(call, StoreCall::Change(Change::Commit(commit)) if commit.key.bits() == 7));
    assert_eq!(f.answer(&id), Some(Ok(Reply::Committed(receipt()))));
    let grew = |effect: &Effect| matches!(effect, Effect::JournalGrew).then_some(());
    assert!(f.take(grew).is_some());
    let lines = [
        "Edge device watch issued UED command",
        "The file with ID of 1 has been received, upload-log.txt file has been updated",
    ];
    assert_eq!(f.shown(), lines);
}

#[test]
fn a_change_that_was_made_before_is_answered_and_shown_no_more() {
    let mut f = Fixture::new();
    f.attached(1, "watch");
    let upload = f.open_upload(1, 7);
    let id = f.staged(1, upload);
    f.shown();
    f.store_answers(Ok(StoreReply::Committed(receipt(), Made::Before)));
    assert_eq!(f.answer(&id), Some(Ok(Reply::Committed(receipt()))));
    let received = |line: &String| line.contains("has been received");
    assert!(!f.shown().iter().any(received), "it is counted once");
    let delete = DeleteFile {
        file: FILE,
        key: IdempotencyKey::from_bits(8),
    };
    let id = f.call(1, Request::DeleteFile(delete));
    f.shown();
    let reply = DeleteReply {
        file: FILE,
        samples: 3,
    };
    f.store_answers(Ok(StoreReply::Deleted(reply.clone(), Made::Before)));
    assert_eq!(f.answer(&id), Some(Ok(Reply::Delete(reply))));
    let removed = |line: &String| line.contains("has been removed");
    assert!(!f.shown().iter().any(removed));
}

#[test]
fn a_repeated_key_finds_its_receipt_and_another_use_of_it_is_a_conflict() {
    let mut f = Fixture::new();
    f.attached(1, "watch");
    let id = f.call(1, open(7));
    f.store_answers(Ok(StoreReply::Receipt(Some(receipt()))));
    let committed = OpenUploadReply::Committed { receipt: receipt() };
    assert_eq!(f.answer(&id), Some(Ok(Reply::OpenUpload(committed))));

    let id = f.call(1, open(7));
    let other = Receipt {
        mode: UploadMode::Append,
        ..receipt()
    };
    f.store_answers(Ok(StoreReply::Receipt(Some(other))));
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
}

#[test]
fn a_commit_goes_on_when_its_session_is_gone() {
    let mut f = Fixture::new();
    f.attached(1, "watch");
    let upload = f.open_upload(1, 7);
    // Another operation is before the commit.
    f.call(1, Request::ListFiles(ListFiles::default()));
    f.staged(1, upload);
    f.call(1, Request::ListFiles(ListFiles::default()));
    let session = SessionId(1);
    f.input(Input::Disconnected { session });
    f.store_answers(Err(StoreError::Unavailable(String::new())));
    let call = f.store_answers(Ok(StoreReply::Committed(receipt(), Made::Now)));
    assert!(matches!(call, StoreCall::Change(Change::Commit(_))));
    assert!(f.store_call().is_none(), "nobody waits for the list");
}

#[test]
fn failed_commits_discard_what_is_staged_unless_it_may_be_committed() {
    for (error, code, discarded) in [
        (StoreError::Conflict("x".into()), ErrorCode::Conflict, true),
        (
            StoreError::Unavailable("/var/x".into()),
            ErrorCode::StoreUnavailable,
            true,
        ),
        (StoreError::Full, ErrorCode::StoreFull, true),
        (StoreError::Quota("x".into()), ErrorCode::QuotaReached, true),
        (
            StoreError::Unknown("/var/x".into()),
            ErrorCode::OutcomeUnknown,
            false,
        ),
    ] {
        let mut f = Fixture::new();
        f.attached(1, "watch");
        let upload = f.open_upload(1, 7);
        let id = f.staged(1, upload);
        f.store_answers(Err(error));
        let error = f.answer(&id).unwrap().unwrap_err();
        assert_eq!(error.code, code);
        assert!(!error.message.contains("/var"), "the hub's own matters");
        assert_eq!(f.is_discarded(), discarded, "{code}");
    }
}

#[test]
fn staged_bytes_of_a_session_that_is_gone_are_discarded() {
    let mut f = Fixture::new();
    f.attached(1, "watch");
    let upload = f.open_upload(1, 7);
    let session = SessionId(1);
    f.input(Input::Disconnected { session });
    f.staged(1, upload);
    assert!(f.is_discarded());
    assert!(f.store_call().is_none());
}

#[test]
fn a_session_has_a_few_uploads_open_and_each_end_makes_room() {
    let mut f = Fixture::new();
    f.attached(1, "watch");
    let uploads: Vec<_> = (0..MAX_UPLOADS_PER_SESSION as u128)
        .map(|key| f.open_upload(1, key))
        .collect();
    assert_eq!(f.refused(1, open(99)).code, ErrorCode::Busy);
    f.input(Input::UploadEnded {
        session: SessionId(1),
        upload: uploads[0],
    });
    f.open_upload(1, 99);
}

#[test]
fn a_queue_that_is_full_says_so() {
    let mut f = Fixture::new();
    f.attached(1, "watch");
    let list = || Request::ListFiles(ListFiles::default());
    for _ in 0..=MAX_QUEUED_OPERATIONS {
        f.call(1, list());
    }
    assert_eq!(f.refused(1, list()).code, ErrorCode::Busy);
    // Another name's queue is its own.
    f.attached(2, "cam");
    let id = f.call(2, list());
    assert!(f.answer(&id).is_none());
}

#[test]
fn a_file_that_is_not_there_is_no_such_file() {
    let delete = Request::DeleteFile(DeleteFile {
        file: FILE,
        key: IdempotencyKey::from_bits(1),
    });
    let compute = Request::Compute(Compute {
        file: FILE,
        operation: Operation::Sum,
    });
    for (request, message) in [
        (delete, "the file does not exist at the server side"),
        (
            compute,
            "there is no file with ID of 1 at the server side to compute on",
        ),
        (
            Request::OpenDownload(OpenDownload {
                file: FILE,
                download: None,
            }),
            "there is no file with ID of 1 at the server side to download",
        ),
    ] {
        let mut f = Fixture::new();
        f.attached(1, "watch");
        let id = f.call(1, request);
        f.store_answers(Err(StoreError::NotFound));
        let error = f.answer(&id).unwrap().unwrap_err();
        assert_eq!(coded(&error), (ErrorCode::NoSuchFile, message));
    }
}

#[test]
fn a_file_without_samples_has_a_sum_and_nothing_else() {
    let mut f = Fixture::new();
    f.attached(1, "watch");
    for operation in Operation::ALL {
        let compute = Compute {
            file: FILE,
            operation,
        };
        let id = f.call(1, Request::Compute(compute));
        f.store_answers(Ok(StoreReply::Summary(Summary::default())));
        match f.answer(&id).unwrap() {
            Ok(Reply::Compute(reply)) => assert_eq!(reply.result.to_string(), "0"),
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                let message = format!(
                    "the file with ID of 1 has no samples, so {operation} has no result on it"
                );
                assert_eq!(coded(&error), (ErrorCode::NoSamples, &message[..]));
            }
        }
    }
}
