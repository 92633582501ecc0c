use std::time::Duration;

use fleetlink_core::{
    AccountOrder, AdminReply, AdminRequest, Change, Possession, StoreCall, StoreError, StoreReply,
};
use fleetlink_proto::control::{
    EndReason, EnrolKey, ErrorCode, KeyList, Login, ReplaceKey, Reply, Request, RequestId,
};
use fleetlink_proto::{DeviceKey, Signature};

use crate::fixture::{Answer, Fixture, coded, hash, name};
use Possession::{NoChannel, Proven, Unproven};

fn signature() -> Signature {
    Signature::from_bytes([0; 64])
}

fn key(byte: u8) -> DeviceKey {
    DeviceKey::from_bytes([byte; 32])
}

pub(crate) fn enrol(byte: u8) -> Request {
    enrol_of("cam", byte)
}

fn enrol_of(device: &str, byte: u8) -> Request {
    Request::EnrolKey(EnrolKey {
        name: name(device),
        key: key(byte),
        signature: signature(),
    })
}

fn replace(byte: u8) -> Request {
    Request::ReplaceKey(ReplaceKey {
        name: name("cam"),
        key: key(byte),
        signature: signature(),
    })
}

impl Fixture {
    pub(crate) fn key_login(
        &mut self,
        session: u64,
        name: &str,
        byte: u8,
        possession: Possession,
    ) -> Answer {
        let login = Login::by_key(name, key(byte), signature());
        let id = self.call_with(session, Request::Login(login), possession);
        self.answer(&id).expect("an answer at once")
    }

    /// A hub whose `cam` has the key 1; its owner's session is 1.
    pub(crate) fn enrolled() -> Self {
        let mut f = Fixture::new();
        f.attached(1, "cam");
        f.enrol_first(1);
        f
    }

    /// Gives `cam`, whose session this is, the key 1.
    pub(crate) fn enrol_first(&mut self, session: u64) {
        self.enrol_first_of(session, "cam");
    }

    /// Gives this device, whose session this is, the key 1.
    pub(crate) fn enrol_first_of(&mut self, session: u64, device: &str) {
        let id = self.call_with(session, enrol_of(device, 1), Proven);
        self.store_answers(Ok(StoreReply::Done));
        self.answer(&id).unwrap().unwrap();
    }

    fn owner_asks(&mut self, request: Request) -> RequestId {
        self.call_with(1, request, Proven)
    }
}

#[test]
fn a_key_logs_in_after_the_commit_and_not_before() {
    let mut f = Fixture::new();
    f.attached(1, "cam");
    let id = f.call_with(1, enrol(1), Proven);
    f.greeted(2);
    let error = f.key_login(2, "cam", 1, Proven).unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyRefused);
    assert!(f.answer(&id).is_none());
    f.store_answers(Ok(StoreReply::Done));
    f.answer(&id).unwrap().unwrap();
    let Ok(Reply::Login(reply)) = f.key_login(2, "cam", 1, Proven) else {
        panic!("is logged in");
    };
    assert_eq!((reply.name, reply.key), (name("cam"), Some(key(1))));
}

/// Unknown names, names without a key, other keys and wrong signatures: the same words, no password
/// work, no count.
#[test]
fn every_key_that_is_not_the_devices_is_refused_in_the_same_words() {
    for (who, byte, possession) in [
        ("nobody", 1, Proven),
        ("uav", 1, Proven),
        ("cam", 2, Proven),
        ("cam", 1, Unproven),
        ("Cam", 1, Proven),
        ("a b\u{1b}", 1, Proven),
    ] {
        let mut f = Fixture::enrolled();
        f.greeted(2);
        for _ in 0..10 {
            let error = f.key_login(2, who, byte, possession).unwrap_err();
            let words = "the hub does not know this device by this key";
            assert_eq!(coded(&error), (ErrorCode::KeyRefused, words));
        }
        assert!(f.check().is_none());
        f.login(2, "cam", "right").unwrap();
    }
}

#[test]
fn without_a_channel_there_are_no_keys() {
    let mut f = Fixture::enrolled();
    f.greeted(2);
    let error = f.key_login(2, "cam", 1, NoChannel).unwrap_err();
    assert_eq!(error.code, ErrorCode::NoChannel);
    let id = f.call_with(1, replace(2), NoChannel);
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::NoChannel);
    assert!(f.store_call().is_none());
}

#[test]
fn a_lock_out_does_not_stop_a_key_and_a_key_does_not_reset_it() {
    let mut f = Fixture::enrolled();
    for session in 2..=5 {
        f.greeted(session);
    }
    f.login(2, "cam", "wrong").unwrap_err();
    f.key_login(3, "cam", 1, Proven).unwrap();
    let error = f.login(2, "cam", "wrong").unwrap_err();
    assert_eq!(
        error.code,
        ErrorCode::NowBlocked,
        "the key did not reset it"
    );
    f.key_login(4, "cam", 2, Proven).unwrap_err();
    f.key_login(4, "cam", 1, Proven).unwrap();
    let error = f.refused(5, Request::Login(Login::by_password("cam", "right")));
    assert_eq!(error.code, ErrorCode::Blocked, "the key did not end it");
    f.pass(Duration::from_secs(10));
    f.login(5, "cam", "right").unwrap();
}

#[test]
fn a_revocation_ends_every_session_of_the_device_but_the_one_that_asks() {
    let mut f = Fixture::enrolled();
    for session in 2..=3 {
        f.greeted(session);
        f.key_login(session, "cam", 1, Proven).unwrap();
    }
    f.joined(4, "cam");
    f.attached(5, "uav");
    let id = f.owner_asks(Request::RevokeKey);
    let asked = f.store_answers(Ok(StoreReply::Done));
    assert_eq!(
        asked,
        StoreCall::Change(Change::RemoveKey { name: name("cam") })
    );
    f.answer(&id).unwrap().unwrap();
    for session in 2..=4 {
        assert_eq!(f.end_of(session), Some(EndReason::KeyRevoked));
    }
    assert_eq!((f.end_of(1), f.end_of(5)), (None, None));
    f.greeted(6);
    f.key_login(6, "cam", 1, Proven).unwrap_err();
    let id = f.owner_asks(Request::ListKeys);
    let none = Reply::Keys(KeyList { keys: vec![] });
    assert_eq!(f.answer(&id), Some(Ok(none)));
}

#[test]
fn a_replaced_key_ends_what_it_opened() {
    let mut f = Fixture::enrolled();
    f.greeted(2);
    f.key_login(2, "cam", 1, Proven).unwrap();
    let id = f.owner_asks(enrol(2));
    f.store_answers(Err(StoreError::Conflict("x".to_owned())));
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyEnrolled);
    assert_eq!(f.end_of(2), None);
    let id = f.owner_asks(replace(2));
    f.store_answers(Ok(StoreReply::Done));
    f.answer(&id).unwrap().unwrap();
    assert_eq!(f.end_of(2), Some(EndReason::KeyRevoked));
    f.greeted(3);
    f.key_login(3, "cam", 1, Proven).unwrap_err();
    f.key_login(3, "cam", 2, Proven).unwrap();
}

#[test]
fn a_revocation_of_unknown_outcome_is_taken_as_done() {
    let mut f = Fixture::enrolled();
    f.greeted(2);
    f.key_login(2, "cam", 1, Proven).unwrap();
    let id = f.owner_asks(Request::RevokeKey);
    f.store_answers(Err(StoreError::Unknown("x".to_owned())));
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::OutcomeUnknown);
    assert_eq!(f.end_of(2), Some(EndReason::KeyRevoked));
    let id = f.owner_asks(Request::RevokeKey);
    f.store_answers(Err(StoreError::NotFound));
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::NoKey);
}

/// A stolen key is no way to a key of the thief's.
#[test]
fn keys_are_changed_with_the_password_alone() {
    let mut f = Fixture::enrolled();
    f.greeted(2);
    f.key_login(2, "cam", 1, Proven).unwrap();
    for request in [enrol(3), replace(3), Request::RevokeKey, Request::ListKeys] {
        let id = f.call_with(2, request, Proven);
        let error = f.answer(&id).unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::NotAllowed);
    }
    assert!(f.store_call().is_none());
}

/// It is decided once more when the change's turn has come.
#[test]
fn a_change_that_waited_too_long_is_not_made() {
    let mut f = Fixture::new();
    f.attached(1, "cam");
    f.operate(AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::SetPassword(hash("another")),
    });
    f.owner_asks(enrol(3));
    f.store_answers(Ok(StoreReply::Done));
    assert_eq!(f.end_of(1), Some(EndReason::PasswordChanged));
    assert!(f.store_call().is_none());
}

#[test]
fn nobody_enrols_a_key_for_another_device_or_one_that_is_not_its_own() {
    let mut f = Fixture::new();
    f.attached(1, "uav");
    let id = f.owner_asks(enrol(1));
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::NotAllowed);
    f.attached(2, "cam");
    let error = f.refused(2, enrol(1));
    assert_eq!(error.code, ErrorCode::KeyRefused, "the signature is wrong");
    assert!(f.store_call().is_none());
}

#[test]
fn the_operator_sets_and_revokes_keys() {
    let mut f = Fixture::enrolled();
    f.greeted(2);
    f.key_login(2, "cam", 1, Proven).unwrap();
    f.operate(AdminRequest::SetKey {
        name: name("cam"),
        key: key(2),
    });
    f.store_answers(Ok(StoreReply::Done));
    assert!(f.operator_answer().unwrap().is_ok());
    assert_eq!(f.end_of(2), Some(EndReason::KeyRevoked));
    f.operate(AdminRequest::RevokeKey { name: name("cam") });
    f.store_answers(Ok(StoreReply::Done));
    assert_eq!(f.operator_answer(), Some(Ok(AdminReply::Done)));
    f.greeted(3);
    f.key_login(3, "cam", 2, Proven).unwrap_err();
}

/// The device may be in wrong hands, whatever opened its sessions.
#[test]
fn a_revocation_ends_the_sessions_of_a_device_without_a_key_too() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.attached(2, "cam");
    f.attached(3, "uav");
    f.operate(AdminRequest::RevokeKey { name: name("cam") });
    f.store_answers(Err(StoreError::NotFound));
    let error = f.operator_answer().unwrap().unwrap_err();
    assert!(
        error.contains("sessions of it that were ended: 2"),
        "{error}"
    );
    for session in [1, 2] {
        assert_eq!(f.end_of(session), Some(EndReason::KeyRevoked));
    }
    assert_eq!(f.end_of(3), None);

    f.attached(4, "cam");
    f.attached(5, "cam");
    let id = f.call_with(4, Request::RevokeKey, Unproven);
    f.store_answers(Err(StoreError::NotFound));
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::NoKey);
    assert_eq!(f.end_of(5), Some(EndReason::KeyRevoked));
    assert_eq!(f.end_of(4), None, "who asks goes on");
}
