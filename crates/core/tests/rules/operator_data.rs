//! Devices' data in the operator's hands.

use fleetlink_core::authorisation::{Action, Decision, Door, decide};
use fleetlink_core::{
    AdminError, AdminErrorKind, AdminReply, AdminRequest, Change, DataReply, DataRequest, Delete,
    Deleter, Effect, Hold, Made, Snapshot, StoreCall, StoreError, StoreReply,
};
use fleetlink_proto::control::limits::MAX_QUEUED_OPERATIONS;
use fleetlink_proto::control::{Compute, DeleteFile, DeleteReply, ErrorCode, Request};
use fleetlink_proto::samples::{Operation, SampleParser, Summary};
use fleetlink_proto::{DataFile, DeviceName, IdempotencyKey, Version};

use crate::authorisation::{DOORS, callers};
use crate::fixture::{Fixture, name};

const FILE: DataFile = DataFile::numbered(7);
const FIVE: Version = Version::at_most(5);
const KEY: IdempotencyKey = IdempotencyKey::from_bits(100);

fn delete(device: DeviceName) -> DataRequest {
    DataRequest::Delete {
        device,
        file: FILE,
        version: None,
        key: KEY,
    }
}

fn read(device: DeviceName) -> DataRequest {
    DataRequest::Read { device, file: FILE }
}

fn sum(device: DeviceName) -> DataRequest {
    DataRequest::Compute {
        device,
        file: FILE,
        operation: Operation::Sum,
    }
}

fn expire(device: DeviceName, version: Version) -> DataRequest {
    DataRequest::Expire {
        device,
        file: FILE,
        version,
        key: KEY,
    }
}

fn summary(text: &str) -> Summary {
    let mut parser = SampleParser::new();
    parser.feed(text.as_bytes()).unwrap();
    parser.finish().unwrap()
}

fn deleted() -> DeleteReply {
    DeleteReply {
        file: FILE,
        samples: 3,
    }
}

/// Asks, has the store answer, and returns what was asked of it and answered.
fn done(
    f: &mut Fixture,
    request: DataRequest,
    result: Result<StoreReply, StoreError>,
) -> (StoreCall, DataReply) {
    f.operate(AdminRequest::Data(request));
    let call = f.store_answers(result);
    match f.operator_answer() {
        Some(Ok(AdminReply::Data(reply))) => (call, reply),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deletion_names_the_operator_in_journal_and_console() {
    let mut f = Fixture::new();
    let reply = Ok(StoreReply::Deleted(deleted(), Made::Now));
    let (call, answer) = done(&mut f, delete(name("cam")), reply);
    assert!(matches!(
        &call,
        StoreCall::Change(Change::Delete(Delete { device, file: FILE, key: KEY, by: Deleter::Operator, version: None, .. }))
        if *device == name("cam")
    ));
    assert_eq!(answer, DataReply::Deleted(deleted()));
    let grew = |effect: &Effect| matches!(effect, Effect::JournalGrew).then_some(());
    assert!(f.take(grew).is_some(), "the log follows");
    let line = "The file with ID of 7 of cam has been removed by the operator, deletion-log.txt \
                file has been updated";
    assert_eq!(f.shown(), [line]);
}

#[test]
fn retention_deletes_one_version_alone_and_says_so() {
    let mut f = Fixture::new();
    let reply = Ok(StoreReply::Deleted(deleted(), Made::Now));
    let (call, _) = done(&mut f, expire(name("cam"), FIVE), reply);
    assert!(matches!(
        call,
        StoreCall::Change(Change::Delete(Delete {
            by: Deleter::Retention,
            version: Some(FIVE),
            ..
        }))
    ));
    let shown = f.shown().join("");
    assert!(
        shown.contains("of cam has been removed by retention"),
        "{shown}"
    );

    let changed = Err(StoreError::Conflict("it has changed".to_owned()));
    let (_, answer) = done(&mut f, expire(name("cam"), FIVE), changed);
    let DataReply::Refused(error) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(error.code, ErrorCode::Conflict);
    assert_eq!(f.shown(), [""; 0], "nothing was removed");
}

#[test]
fn the_operator_reads_and_computes() {
    let mut f = Fixture::new();
    let samples = Ok(StoreReply::Summary(summary("1\n2\n")));
    let (_, answer) = done(&mut f, sum(name("uav")), samples);
    let DataReply::Computed(reply) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!((reply.result.to_string(), reply.samples), ("3".into(), 2));

    let empty = Ok(StoreReply::Summary(Summary::default()));
    let maximum = DataRequest::Compute {
        device: name("uav"),
        file: FILE,
        operation: Operation::Max,
    };
    let (_, answer) = done(&mut f, maximum, empty);
    let DataReply::Refused(error) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(error.code, ErrorCode::NoSamples);

    let snapshot = Snapshot {
        version: 3.into(),
        samples: 2,
        segments: Vec::new(),
        hold: Hold::default(),
    };
    let held = Ok(StoreReply::Snapshot(snapshot.clone()));
    let (_, answer) = done(&mut f, read(name("uav")), held);
    assert_eq!(answer, DataReply::Content(snapshot));
}

#[test]
fn a_missing_file_is_named_with_its_device() {
    let mut f = Fixture::new();
    for request in [delete(name("cam")), read(name("cam")), sum(name("cam"))] {
        let (_, answer) = done(&mut f, request, Err(StoreError::NotFound));
        let DataReply::Refused(error) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(error.code, ErrorCode::NoSuchFile);
        assert_eq!(error.message, "there is no file with ID of 7 of cam");
    }
    assert_eq!(f.shown(), [""; 0]);
}

#[test]
fn without_the_account_nothing_is_asked_of_the_store() {
    let mut f = Fixture::new();
    let list = DataRequest::List {
        device: Some(name("Cam")),
        after: None,
    };
    for request in [
        delete(name("Cam")),
        read(name("Cam")),
        sum(name("Cam")),
        list,
    ] {
        f.operate(AdminRequest::Data(request));
        let missing = "there is no account Cam".to_owned();
        assert_eq!(f.operator_answer(), Some(Err(missing)));
        assert!(f.store_call().is_none());
    }
}

#[test]
fn lists_are_of_one_device_or_of_all() {
    let mut f = Fixture::new();
    for device in [Some(name("cam")), None] {
        f.operate(AdminRequest::Data(DataRequest::List {
            device: device.clone(),
            after: None,
        }));
        let listed = f.take(|effect| match effect {
            Effect::ListData { device, .. } => Some(device.clone()),
            _ => None,
        });
        assert_eq!(listed, Some(device));
    }
}

/// A device that has filled its queue keeps nobody from deleting its files.
#[test]
fn the_operator_goes_before_what_a_device_has_asked_for() {
    let mut f = Fixture::new();
    f.attached(1, "cam");
    let compute = Compute {
        file: FILE,
        operation: Operation::Sum,
    };
    for _ in 0..=MAX_QUEUED_OPERATIONS {
        f.call(1, Request::Compute(compute.clone()));
    }
    let own = Request::DeleteFile(DeleteFile {
        file: FILE,
        key: KEY,
    });
    assert_eq!(f.refused(1, own).code, ErrorCode::Busy);
    f.operate(AdminRequest::Data(delete(name("cam"))));
    f.store_answers(Ok(StoreReply::Summary(summary("1\n"))));
    let next = f.store_answers(Ok(StoreReply::Deleted(deleted(), Made::Now)));
    assert!(matches!(
        next,
        StoreCall::Change(Change::Delete(Delete {
            by: Deleter::Operator,
            ..
        }))
    ));
    let answer = f.operator_answer();
    assert_eq!(
        answer,
        Some(Ok(AdminReply::Data(DataReply::Deleted(deleted()))))
    );
}

#[test]
fn a_device_deletes_in_its_own_name() {
    let mut f = Fixture::new();
    f.attached(1, "cam");
    f.call(
        1,
        Request::DeleteFile(DeleteFile {
            file: FILE,
            key: KEY,
        }),
    );
    let call = f.store_answers(Ok(StoreReply::Deleted(deleted(), Made::Now)));
    assert!(matches!(
        call,
        StoreCall::Change(Change::Delete(Delete {
            by: Deleter::Device,
            ..
        }))
    ));
}

/// A follower of events is asked each second whether it still may: the reply is what the table says, for every
/// caller whose word the core takes without a look at the store.
#[test]
fn events_are_followed_by_whom_the_table_says_and_by_nobody_else() {
    let own = name("cam");
    let mut permitted = 0;
    for (shown, caller) in callers(&own) {
        for (door_name, door) in DOORS {
            for device in [None, Some(name("cam")), Some(name("uav"))] {
                let mut f = Fixture::enrolled();
                let action = Action::Follow(device.as_ref());
                let decision = decide(&caller, door, action);
                let case = format!("{device:?} by {shown} at {door_name}");
                let request = AdminRequest::Follow {
                    device: device.clone(),
                };
                f.administer(caller.clone(), door, request);
                let answer = f.administrators_answer();
                let in_session = door == Door::Session;
                match answer {
                    Some(Ok(AdminReply::Done)) => {
                        assert!(decision == Decision::Permitted && !in_session, "{case}");
                        permitted += 1;
                    }
                    Some(Err(AdminError { kind, .. })) => {
                        let is_known = kind == AdminErrorKind::Forbidden;
                        let is_right = !is_known || decision != Decision::Permitted || in_session;
                        assert!(is_right, "{case}: {kind:?}");
                    }
                    other => panic!("{case}: {other:?}"),
                }
            }
        }
    }
    assert!(permitted >= 9, "{permitted}");
}
