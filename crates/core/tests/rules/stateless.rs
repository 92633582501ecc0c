//! Calls without a session: by HTTP, say.

use std::collections::BTreeMap;

use fleetlink_core::authorisation::Means;
use fleetlink_core::{
    AccountOrder, AdminReply, AdminRequest, CallId, Caller, Change, DataReply, DataRequest,
    Deleter, Door, Effect, Input, Made, Proof, Query, Staged, StagedId, StoreCall, StoreReply,
};
use fleetlink_proto::control::limits::MAX_UPLOADS_PER_DEVICE;
use fleetlink_proto::control::{
    Compute, DeleteFile, DeleteReply, ErrorCode, FileList, Join, ListDevices, ListFiles, Login,
    OpenDownload, Reply, Request,
};
use fleetlink_proto::samples::{Operation, SampleParser, Summary};
use fleetlink_proto::{ContentHash, DataFile, DeviceKey, IdempotencyKey};

use crate::authorisation::device_caller;
use crate::fixture::{Fixture, administrator, hash, name, open, viewer};

const FILE: DataFile = DataFile::numbered(7);

fn summary() -> Summary {
    let mut parser = SampleParser::new();
    parser.feed(b"1\n2\n").unwrap();
    parser.finish().unwrap()
}

fn sum() -> Request {
    Request::Compute(Compute {
        file: FILE,
        operation: Operation::Sum,
    })
}

fn delete() -> Request {
    Request::DeleteFile(DeleteFile {
        file: FILE,
        key: IdempotencyKey::from_bits(1),
    })
}

fn cam() -> Caller {
    device_caller(&name("cam"), Means::Password)
}

#[test]
fn a_device_computes_lists_and_deletes_by_password_without_a_session() {
    let mut f = Fixture::new();
    let call = f.call_by(Door::Http, cam(), sum());
    assert_eq!(f.stateless_reply(call), None, "not before the store");
    let asked = f.store_answers(Ok(StoreReply::Summary(summary())));
    assert!(matches!(
        asked,
        StoreCall::Query(Query::Summary { device, file: FILE }) if device == name("cam")
    ));
    match f.stateless_reply(call) {
        Some(Ok(Reply::Compute(reply))) => assert_eq!(reply.result.to_string(), "3"),
        other => panic!("{other:?}"),
    }

    let call = f.call_by(Door::Http, cam(), Request::ListFiles(ListFiles::default()));
    let list = FileList {
        files: Vec::new(),
        next: None,
    };
    f.store_answers(Ok(StoreReply::Files(list.clone())));
    assert_eq!(f.stateless_reply(call), Some(Ok(Reply::Files(list))));

    let call = f.call_by(Door::Mqtt, cam(), delete());
    let deleted = DeleteReply {
        file: FILE,
        samples: 2,
    };
    f.store_answers(Ok(StoreReply::Deleted(deleted.clone(), Made::Now)));
    assert_eq!(f.stateless_reply(call), Some(Ok(Reply::Delete(deleted))));
    assert_eq!(f.active(), [""; 0], "nobody has joined");
    assert_eq!(f.hub.poll_timeout(), None, "nothing is left to end");
}

#[test]
fn a_proof_that_holds_no_more_is_nobodys() {
    let mut f = Fixture::new();
    for proof in [
        Proof::Password(hash("before")),
        Proof::Key(DeviceKey::from_bytes([1; 32])),
    ] {
        let caller = Caller::Device {
            name: name("cam"),
            proof,
            address: None,
        };
        let call = f.call_by(Door::Http, caller, sum());
        let error = f.stateless_reply(call).unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::OutOfOrder);
    }
    assert!(f.store_call().is_none());
}

#[test]
fn what_waits_is_refused_when_the_password_is_changed() {
    let mut f = Fixture::new();
    let first = f.call_by(Door::Http, cam(), sum());
    let waiting = [sum(), delete()].map(|request| f.call_by(Door::Http, cam(), request));
    f.operate(AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::SetPassword(hash("another")),
    });
    f.store_answers(Ok(StoreReply::Summary(summary())));
    assert!(f.stateless_reply(first).unwrap().is_ok());
    let next = f.store_answers(Ok(StoreReply::Done));
    assert!(matches!(
        next,
        StoreCall::Change(Change::SetPassword { .. })
    ));
    for call in waiting {
        f.stateless_reply(call).unwrap().unwrap_err();
    }
    assert!(f.store_call().is_none());
}

#[test]
fn what_needs_a_session_is_refused_without_one() {
    let mut f = Fixture::new();
    let calls = BTreeMap::from([
        ("ping", Request::Ping),
        ("leave", Request::Leave),
        ("login", Request::Login(Login::by_password("cam", "right"))),
        ("join", Request::Join(Join::default())),
        ("key.list", Request::ListKeys),
        ("key.revoke", Request::RevokeKey),
        (
            "download.open",
            Request::OpenDownload(OpenDownload {
                file: FILE,
                download: None,
            }),
        ),
    ]);
    for (method, request) in calls {
        for caller in [cam(), Caller::Nobody, administrator()] {
            let call = f.call_by(Door::Http, caller, request.clone());
            let reply = f.stateless_reply(call).expect("a reply");
            assert!(reply.is_err(), "{method}");
            assert!(f.store_call().is_none(), "{method}, and yet it is done");
        }
    }
    let list = Request::ListDevices(ListDevices::default());
    let call = f.call_by(Door::Http, cam(), list);
    assert!(f.stateless_reply(call).unwrap().is_ok());
}

#[test]
fn nothing_begins_once_the_hub_is_closing() {
    let mut f = Fixture::new();
    f.input(Input::Close);
    let call = f.call_by(Door::Http, cam(), sum());
    let error = f.stateless_reply(call).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Busy);
    assert!(f.hub.is_drained());
}

fn read() -> AdminRequest {
    AdminRequest::Data(DataRequest::Compute {
        device: name("cam"),
        file: FILE,
        operation: Operation::Sum,
    })
}

fn remove() -> AdminRequest {
    AdminRequest::Data(DataRequest::Delete {
        device: name("cam"),
        file: FILE,
        version: None,
        key: IdempotencyKey::from_bits(1),
    })
}

fn unlock() -> AdminRequest {
    AdminRequest::Unlock { name: name("cam") }
}

#[test]
fn an_administrator_changes_things_a_viewer_looks_and_a_device_does_neither() {
    let device = || device_caller(&name("cam"), Means::Password);
    for (caller, door, reads, changes) in [
        (Caller::Operator, Door::Socket, true, true),
        (Caller::Operator, Door::Http, false, false),
        (administrator(), Door::Http, true, true),
        (administrator(), Door::Mqtt, false, false),
        (viewer(), Door::Http, true, false),
        (Caller::Nobody, Door::Http, false, false),
        (device(), Door::Session, false, false),
    ] {
        let mut f = Fixture::new();
        f.administer(
            caller.clone(),
            door,
            AdminRequest::ListAccounts { after: None },
        );
        assert_eq!(f.operator_answer().unwrap().is_ok(), reads, "{caller:?}");
        f.administer(caller.clone(), door, unlock());
        assert_eq!(f.operator_answer().unwrap().is_ok(), changes, "{caller:?}");
        f.administer(caller.clone(), door, remove());
        assert_eq!(f.operator_answer().is_none(), changes, "{caller:?}");
        assert_eq!(f.store_call().is_some(), changes, "{caller:?}");
    }
    let mut f = Fixture::new();
    f.administer(viewer(), Door::Http, read());
    f.store_answers(Ok(StoreReply::Summary(summary())));
    let answer = f.operator_answer().unwrap();
    assert!(matches!(
        answer,
        Ok(AdminReply::Data(DataReply::Computed(_)))
    ));
}

#[test]
fn a_device_reads_and_deletes_its_own_data_by_http_and_no_other() {
    let cases = |device: &str| {
        [
            DataRequest::Summarise {
                device: name(device),
                file: FILE,
            },
            DataRequest::Read {
                device: name(device),
                file: FILE,
            },
            DataRequest::Delete {
                device: name(device),
                file: FILE,
                version: None,
                key: IdempotencyKey::from_bits(1),
            },
        ]
    };
    for request in cases("cam") {
        let mut f = Fixture::new();
        f.administer(cam(), Door::Http, AdminRequest::Data(request));
        let (_, asked) = f.store_call().expect("it is permitted");
        if let StoreCall::Change(Change::Delete(delete)) = asked {
            assert_eq!(delete.by, Deleter::Device);
        }
    }
    for request in cases("uav") {
        let mut f = Fixture::new();
        f.administer(cam(), Door::Http, AdminRequest::Data(request));
        assert!(f.operator_answer().unwrap().is_err());
        assert!(f.store_call().is_none());
    }
    // One whose password is another by now is nobody.
    let mut f = Fixture::new();
    let before = Caller::Device {
        name: name("cam"),
        proof: Proof::Password(hash("before")),
        address: None,
    };
    let [request, ..] = cases("cam");
    f.administer(before, Door::Http, AdminRequest::Data(request));
    assert!(f.operator_answer().unwrap().is_err());
    assert!(f.store_call().is_none());
}

/// Opens an upload without a session; `None` if it is refused.
fn begin_upload(f: &mut Fixture, key: u128) -> Option<CallId> {
    let call = f.call_by(Door::Http, cam(), open(key));
    if let Some(Err(_)) = f.stateless_reply(call) {
        return None;
    }
    f.store_answers(Ok(StoreReply::Receipt(None)));
    f.take(|effect| match effect {
        Effect::StartStatelessUpload { call, .. } => Some(*call),
        _ => None,
    })
}

fn commit(f: &mut Fixture, upload: CallId, caller: Caller) -> CallId {
    let call = CallId(1_000_000 + upload.0);
    f.input(Input::StatelessUploadStaged {
        call,
        door: Door::Http,
        caller,
        upload,
        staged: Box::new(Staged {
            id: StagedId(upload.0),
            bytes: 4,
            hash: ContentHash::of(b"100\n"),
            summary: Summary::default(),
            last: None,
            ends_open: false,
        }),
    });
    call
}

#[test]
fn an_upload_without_a_session_holds_a_slot_until_its_commit_or_its_end() {
    let mut f = Fixture::new();
    let mut open = Vec::new();
    for key in 0..20 {
        open.extend(begin_upload(&mut f, key));
    }
    assert_eq!(open.len(), MAX_UPLOADS_PER_DEVICE);
    let (Some(ended), Some(committed)) = (open.pop(), open.pop()) else {
        panic!("two at least");
    };
    f.input(Input::StatelessUploadEnded { upload: ended });
    f.input(Input::StatelessUploadEnded { upload: ended });
    let call = commit(&mut f, committed, cam());
    let asked = f.store_call().map(|(_, call)| call);
    assert!(matches!(asked, Some(StoreCall::Change(Change::Commit(_)))));
    assert_eq!(f.stateless_reply(call), None, "not before the store");
    for key in 100..102 {
        // They wait behind the commit.
        assert!(f.call_by(Door::Http, cam(), crate::fixture::open(key)).0 > 0);
    }
    let refused = f.call_by(Door::Http, cam(), crate::fixture::open(200));
    let error = f.stateless_reply(refused).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Busy);
}

#[test]
fn an_upload_without_a_session_is_committed_once_and_only_by_its_device() {
    let mut f = Fixture::new();
    let upload = begin_upload(&mut f, 1).unwrap();
    let before = Caller::Device {
        name: name("cam"),
        proof: Proof::Password(hash("before")),
        address: None,
    };
    let call = commit(&mut f, upload, before);
    assert!(f.stateless_reply(call).unwrap().is_err());
    assert!(f.is_discarded());
    let upload = begin_upload(&mut f, 2).unwrap();
    commit(&mut f, upload, cam());
    assert!(f.store_call().is_some());
    let again = commit(&mut f, upload, cam());
    let error = f.stateless_reply(again).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::NoSuchTransfer);
    assert!(f.is_discarded() && f.store_call().is_none());
}
