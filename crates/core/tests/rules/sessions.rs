use std::time::Duration;

use fleetlink_core::{Capacity, Input, Possession, SessionId};
use fleetlink_proto::HashAlgorithm;
use fleetlink_proto::control::limits::MAX_UNKNOWN_SESSIONS_PER_NETWORK;
use fleetlink_proto::control::{
    EndReason, ErrorCode, Feature, Hello, Join, ListDevices, Reply, Request, SessionLimits,
};

use crate::fixture::Fixture;

#[test]
fn calls_out_of_order_are_refused() {
    let mut f = Fixture::new();
    f.connect(1);
    for request in [
        Request::Ping,
        Request::Leave,
        Request::Join(Join {
            udp_port: 1,
            rejoin: None,
            ..Join::default()
        }),
    ] {
        assert_eq!(f.refused(1, request).code, ErrorCode::OutOfOrder);
    }
    f.hello(1, &[1]).unwrap();
    assert_eq!(f.hello(1, &[1]).unwrap_err().code, ErrorCode::OutOfOrder);
    let list = Request::ListDevices(ListDevices::default());
    assert_eq!(f.refused(1, list).code, ErrorCode::OutOfOrder);

    f.joined(2, "cam");
    let again = Request::Join(Join {
        udp_port: 1,
        rejoin: None,
        ..Join::default()
    });
    assert_eq!(f.refused(2, again).code, ErrorCode::OutOfOrder);
    let id = f.begin_login(2, "cam", "right");
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::OutOfOrder);
    assert_eq!(f.active(), ["cam"], "the session goes on");
}

/// Without TLS the hub names nothing that needs it.
#[test]
fn hello_names_what_this_session_has_and_its_limits() {
    let capacity = Capacity {
        downloads: 2,
        ..Capacity::default()
    };
    let mut f = Fixture::with_capacity(capacity);
    let without_tls = [
        Feature::FileNames,
        Feature::ClientNumbers,
        Feature::Receives,
        Feature::OnlyIfFree,
        Feature::Background,
    ];
    for (session, possession, expected) in [
        (1, Possession::NoChannel, without_tls.as_slice()),
        (2, Possession::Unproven, Feature::ALL),
    ] {
        f.connect(session);
        let hello = Hello {
            versions: vec![1],
            ..Hello::default()
        };
        let id = f.call_with(session, Request::Hello(hello), possession);
        let Reply::Hello(reply) = f.answer(&id).unwrap().unwrap() else {
            panic!("an answer to hello");
        };
        assert_eq!(reply.features, expected);
        let expected = SessionLimits {
            downloads: 1,
            ..SessionLimits::default()
        };
        assert_eq!(reply.limits, expected);
    }
}

#[test]
fn without_a_common_version_the_session_ends() {
    let mut f = Fixture::new();
    f.connect(1);
    let error = f.hello(1, &[2, 3]).unwrap_err();
    assert_eq!(error.code, ErrorCode::VersionMismatch);
    assert_eq!(f.end_of(1), Some(EndReason::Protocol));
}

#[test]
fn a_session_without_a_hello_ends_after_ten_seconds() {
    let mut f = Fixture::new();
    f.connect(1);
    assert_eq!(f.hub.poll_timeout(), Some(Duration::from_secs(1010)));
    f.pass(Duration::from_secs(10));
    assert_eq!(f.end_of(1), Some(EndReason::Protocol));
    assert_eq!(f.hub.poll_timeout(), None);
}

#[test]
fn a_person_has_five_minutes_for_a_login_while_the_device_shows_life() {
    let mut f = Fixture::new();
    f.greeted(1);
    for _ in 0..29 {
        f.pass(Duration::from_secs(10));
        f.call(1, Request::Ping);
    }
    assert_eq!(f.end_of(1), None);
    f.pass(Duration::from_secs(10));
    assert_eq!(f.end_of(1), Some(EndReason::Protocol));
}

#[test]
fn a_silent_device_leaves_the_list_after_one_and_a_half_keep_alives() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.pass(Duration::from_secs(14));
    let session = SessionId(1);
    f.input(Input::Alive { session });
    f.pass(Duration::from_secs(14));
    assert_eq!(f.active(), ["cam"]);
    f.pass(Duration::from_secs(1));
    assert_eq!(f.active(), [""; 0]);
    assert_eq!(f.end_of(1), Some(EndReason::Silent));
}

#[test]
fn a_source_with_too_many_unknown_sessions_waits_until_some_log_in() {
    let mut f = Fixture::new();
    let limit = MAX_UNKNOWN_SESSIONS_PER_NETWORK as u64;
    for session in 1..=limit {
        f.greeted(session);
    }
    f.connect(limit + 1);
    assert_eq!(f.end_of(limit + 1), Some(EndReason::Busy));
    f.login(1, "cam", "right").unwrap();
    f.connect(limit + 2);
    assert_eq!(f.end_of(limit + 2), None);
}

#[test]
fn closing_tells_every_session_and_admits_no_other() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.connect(2);
    f.input(Input::Close);
    assert!(f.hub.is_drained());
    f.connect(3);
    for session in 1..=3 {
        assert_eq!(f.end_of(session), Some(EndReason::HubClosing));
    }
}

/// As without a common version, whatever else the call says.
#[test]
fn without_a_common_hash_the_session_ends() {
    let (blake3, sha256) = (HashAlgorithm::Blake3, HashAlgorithm::Sha256);
    let mut f = Fixture::new();
    for (session, hashes, agreed) in [
        (1, None, Some(blake3)),
        (2, Some(vec![sha256, blake3]), Some(sha256)),
        (3, Some(vec![]), None),
    ] {
        f.connect(session);
        let hello = Hello {
            versions: vec![1],
            hashes,
            ..Hello::default()
        };
        let id = f.call(session, Request::Hello(hello));
        match (f.answer(&id).unwrap(), agreed) {
            (Ok(Reply::Hello(reply)), Some(agreed)) => assert_eq!(reply.hash, agreed),
            (Err(error), None) => {
                assert_eq!(error.code, ErrorCode::VersionMismatch);
                assert_eq!(f.end_of(session), Some(EndReason::Protocol));
            }
            (answer, agreed) => panic!("{answer:?}, and not {agreed:?}"),
        }
    }
}
