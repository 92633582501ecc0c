//! Grants: the senders, receivers and endpoints for which the hub signs one.

use Possession::{NoChannel, Proven, Unproven};
use fleetlink_core::{Effect, Input, Possession, SessionId};
use fleetlink_proto::control::{
    AnnounceEndpoint, ErrorCode, Join, OpenTransfer, Reply, Request, RpcError,
};
use fleetlink_proto::transfer::{
    EndpointCertificate, EndpointId, GrantedParty, Party, SignedCertificate,
};
use fleetlink_proto::{DeviceKey, HubPin, HubRun, HubTime, Signature};

use crate::fixture::{Answer, Fixture, coded, name};

fn party(device: &str, key: u8) -> Party {
    Party {
        name: name(device),
        key: DeviceKey::from_bytes([key; 32]),
        endpoint: EndpointId::from_bytes([key + 100; 32]),
    }
}

fn granted_party(device: &str, key: u8, enrolled: bool) -> GrantedParty {
    let party = party(device, key);
    GrantedParty { party, enrolled }
}

pub(crate) fn announcement(device: &str, key: u8) -> Request {
    announcement_at(device, key, &[])
}

fn announcement_at(device: &str, key: u8, addresses: &[&str]) -> Request {
    let addresses: Vec<_> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    Request::AnnounceEndpoint(AnnounceEndpoint {
        certificate: certificate(device, key),
        addresses: addresses.try_into().unwrap(),
    })
}

fn certificate(device: &str, key: u8) -> Box<SignedCertificate> {
    let certificate = EndpointCertificate {
        party: party(device, key),
        hub: HubPin::from_sha256([0; 32]),
        expires: HubTime {
            run: HubRun::default(),
            ms: 0,
        },
    };
    let signature = Signature::from_bytes([0; 64]);
    Box::new(SignedCertificate {
        certificate,
        signature,
    })
}

fn open(to: &str) -> Request {
    Request::OpenTransfer(OpenTransfer {
        to: name(to),
        certificate: None,
    })
}

fn announce(f: &mut Fixture, session: u64, (device, key): (&str, u8), shown: Possession) -> Answer {
    let id = f.call_with(session, announcement(device, key), shown);
    f.answer(&id).expect("an answer at once")
}

/// Asks for a grant, and returns its sender, its receiver and the addresses.
fn granted(
    f: &mut Fixture,
    session: u64,
    to: &str,
) -> Result<(GrantedParty, GrantedParty, String), RpcError> {
    granted_for(f, session, open(to), Unproven)
}

fn granted_for(
    f: &mut Fixture,
    session: u64,
    open: Request,
    shown: Possession,
) -> Result<(GrantedParty, GrantedParty, String), RpcError> {
    let id = f.call_with(session, open, shown);
    if let Some(answer) = f.answer(&id) {
        return Err(answer.unwrap_err());
    }
    let granted = f.take(|effect| match effect {
        Effect::Grant {
            from,
            to,
            addresses,
            ..
        } => Some((from.clone(), to.clone(), addresses.clone())),
        _ => None,
    });
    let (from, to, addresses) = granted.expect("a grant");
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    Ok((*from, *to, addresses.join(",")))
}

fn refusal(f: &mut Fixture, session: u64, to: &str) -> ErrorCode {
    granted(f, session, to).unwrap_err().code
}

#[test]
fn two_that_said_where_they_are_reached_may_meet() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    assert_eq!(refusal(&mut f, 1, "uav"), ErrorCode::Offline);
    f.joined(2, "uav");
    assert_eq!(refusal(&mut f, 1, "uav"), ErrorCode::NoEndpoint);
    announce(&mut f, 1, ("cam", 1), Proven).unwrap();
    assert_eq!(refusal(&mut f, 1, "uav"), ErrorCode::NoEndpoint);
    announce(&mut f, 2, ("uav", 2), Proven).unwrap();
    let leave = (
        granted_party("cam", 1, false),
        granted_party("uav", 2, false),
        "192.0.2.1:5000".to_owned(),
    );
    assert_eq!(granted(&mut f, 1, "uav").unwrap(), leave);
    // An announcement is of one join: who left, or joined anew, is not where it was.
    f.joined(3, "uav");
    assert_eq!(refusal(&mut f, 1, "uav"), ErrorCode::NoEndpoint);
    f.call(3, Request::Leave);
    let error = granted(&mut f, 1, "uav").unwrap_err();
    assert_eq!(coded(&error), (ErrorCode::Offline, "uav is offline"));
    // Somebody is called nearly so.
    let error = granted(&mut f, 1, "CAM").unwrap_err();
    let alike = "CAM is offline, but cam is active: names are case-sensitive";
    assert_eq!(coded(&error), (ErrorCode::Offline, alike));
}

#[test]
fn leave_is_for_who_has_joined_and_to_others() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    announce(&mut f, 1, ("cam", 1), Proven).unwrap();
    assert_eq!(refusal(&mut f, 1, "cam"), ErrorCode::OutOfOrder);
    f.attached(2, "cam");
    assert_eq!(refusal(&mut f, 2, "uav"), ErrorCode::OutOfOrder);
    let early = announce(&mut f, 2, ("cam", 1), Proven).unwrap_err();
    assert_eq!(early.code, ErrorCode::OutOfOrder);
    f.greeted(3);
    assert_eq!(f.refused(3, open("cam")).code, ErrorCode::OutOfOrder);
}

/// A process that only sends has an endpoint of its own, beside the one of the joined process.
#[test]
fn who_has_not_joined_sends_from_the_endpoint_that_it_names() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    announce(&mut f, 1, ("cam", 1), Proven).unwrap();
    f.joined(2, "uav");
    announce(&mut f, 2, ("uav", 2), Proven).unwrap();
    f.attached(3, "cam");
    let open_as = |device, key| {
        Request::OpenTransfer(OpenTransfer {
            to: name("uav"),
            certificate: Some(certificate(device, key)),
        })
    };
    for session in [3, 1] {
        let granted = granted_for(&mut f, session, open_as("cam", 9), Proven).unwrap();
        let own = granted_party("cam", 9, false);
        assert_eq!(
            (granted.0, granted.1),
            (own, granted_party("uav", 2, false))
        );
    }
    for (device, shown, refused) in [
        ("cam", Unproven, ErrorCode::BadCertificate),
        ("cam", NoChannel, ErrorCode::NoChannel),
        ("uav", Proven, ErrorCode::BadCertificate),
    ] {
        let error = granted_for(&mut f, 3, open_as(device, 9), shown).unwrap_err();
        assert_eq!(error.code, refused);
    }
    // By the enrolled key alone, where there is one.
    f.enrol_first(1);
    let error = granted_for(&mut f, 3, open_as("cam", 9), Proven).unwrap_err();
    assert_eq!(error.code, ErrorCode::BadCertificate);
}

#[test]
fn an_endpoint_is_believed_by_the_devices_own_key_alone() {
    let mut f = Fixture::enrolled();
    f.joined(5, "cam");
    f.joined(6, "uav");
    announce(&mut f, 6, ("uav", 6), Proven).unwrap();
    let code = |answer: Answer| answer.err().map(|error| error.code);
    for (who, shown, refused) in [
        (("cam", 1), Unproven, Some(ErrorCode::BadCertificate)),
        (("cam", 1), NoChannel, Some(ErrorCode::NoChannel)),
        (("uav", 1), Proven, Some(ErrorCode::BadCertificate)),
        (("cam", 2), Proven, Some(ErrorCode::BadCertificate)),
        (("cam", 1), Proven, None),
    ] {
        assert_eq!(code(announce(&mut f, 5, who, shown)), refused, "{who:?}");
    }
    // The peer is told whose key will be the same the next time.
    let (from, to, _) = granted(&mut f, 6, "cam").unwrap();
    let expected = (
        granted_party("uav", 6, false),
        granted_party("cam", 1, true),
    );
    assert_eq!((from, to), expected);
    assert!(matches!(
        announce(&mut f, 5, ("cam", 1), Proven),
        Ok(Reply::Done(_))
    ));
}

/// Files go to a session that is there to receive, else to the newest, and to the next one when that
/// ends; a session that has not said where it is reached gets none.
#[test]
fn of_several_endpoints_of_a_device_the_one_that_receives_is_told() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    announce(&mut f, 1, ("cam", 1), Proven).unwrap();
    f.attached(2, "uav");
    f.enrol_first_of(2, "uav");
    // The shell, a receiver, and another shell: all by the one key.
    for (session, receives) in [(3, false), (4, true), (5, false)] {
        f.greeted(session);
        f.key_login(session, "uav", 1, Proven).unwrap();
        let join = Join {
            udp_port: 5000 + u16::try_from(session).unwrap(),
            receives,
            ..Join::default()
        };
        let id = f.call(session, Request::Join(join));
        f.answer(&id).unwrap().unwrap();
        assert_eq!(f.end_of(session - 1), None, "they share the presence");
    }
    let told = |f: &mut Fixture| granted(f, 1, "uav").map(|(_, _, addresses)| addresses);
    let announced = |f: &mut Fixture, session| {
        announce(f, session, ("uav", 1), Proven).unwrap();
        told(f).unwrap()
    };
    assert_eq!(told(&mut f).unwrap_err().code, ErrorCode::NoEndpoint);
    assert_eq!(announced(&mut f, 3), "192.0.2.1:5003", "the only one");
    assert_eq!(announced(&mut f, 5), "192.0.2.1:5005", "the newest");
    assert_eq!(announced(&mut f, 4), "192.0.2.1:5004", "the receiver");
    for (ended, next) in [(4, "192.0.2.1:5005"), (5, "192.0.2.1:5003")] {
        let session = SessionId(ended);
        f.input(Input::Disconnected { session });
        assert_eq!(told(&mut f).unwrap(), next, "after {ended}");
        assert_eq!(f.active(), ["cam", "uav"]);
    }
    f.call(3, Request::Leave);
    assert_eq!(told(&mut f).unwrap_err().code, ErrorCode::Offline);
}

/// First where the hub sees the receiver, then where it says that it is; loopback within one host.
#[test]
fn a_sender_is_told_the_addresses_that_are_of_use_to_it() {
    let mut f = Fixture::new();
    f.joined_from(1, "cam", [192, 0, 2, 9]);
    announce(&mut f, 1, ("cam", 1), Proven).unwrap();
    let mut told = |session, receiver, own: &[&str]| {
        f.joined_from(session, "uav", receiver);
        let id = f.call_with(session, announcement_at("uav", 2, own), Proven);
        f.answer(&id).unwrap().unwrap();
        let granted = granted(&mut f, 1, "uav");
        granted.map(|(_, _, addresses)| addresses)
    };
    let own = ["198.51.100.7:5001", "[2001:db8::7]:5001", "127.0.0.1:5001"];
    let elsewhere = "198.51.100.7:5001,[2001:db8::7]:5001";
    // Over loopback the hub sees nothing that is of use to others.
    assert_eq!(told(2, [127, 0, 0, 1], &own).unwrap(), elsewhere);
    let seen = told(3, [198, 51, 100, 7], &own[..2]).unwrap();
    assert_eq!(seen, format!("198.51.100.7:5000,{elsewhere}"));
    let once = told(4, [198, 51, 100, 7], &["198.51.100.7:5000"]).unwrap();
    assert_eq!(once, "198.51.100.7:5000");
    let behind_one_address = told(5, [192, 0, 2, 9], &own).unwrap();
    let all = format!("192.0.2.9:5000,{elsewhere},127.0.0.1:5001");
    assert_eq!(behind_one_address, all);
    // One that says nothing, as an older version does.
    assert_eq!(told(6, [192, 0, 2, 9], &[]).unwrap(), "192.0.2.9:5000");
    let error = told(7, [127, 0, 0, 1], &["127.0.0.1:5001"]).unwrap_err();
    assert_eq!(error.code, ErrorCode::NoEndpoint);
    assert!(error.message.contains("on the hub's own host"), "{error}");
    // Both on the hub's host, by whichever of its loopback addresses.
    f.joined_from(8, "cam", [127, 0, 0, 2]);
    announce(&mut f, 8, ("cam", 1), Proven).unwrap();
    let (.., addresses) = granted(&mut f, 8, "uav").unwrap();
    assert_eq!(addresses, "127.0.0.1:5000,127.0.0.1:5001");
}

/// An endpoint announced with an earlier key of the device is forgotten.
#[test]
fn a_replaced_key_takes_its_endpoint_along() {
    let mut f = Fixture::new();
    f.joined(5, "cam");
    f.joined(6, "uav");
    announce(&mut f, 5, ("cam", 3), Proven).unwrap();
    announce(&mut f, 6, ("uav", 6), Proven).unwrap();
    granted(&mut f, 6, "cam").unwrap();
    f.enrol_first(5);
    assert_eq!(refusal(&mut f, 6, "cam"), ErrorCode::NoEndpoint);
    assert_eq!(refusal(&mut f, 5, "uav"), ErrorCode::NoEndpoint);
    let session = SessionId(5);
    f.input(Input::Disconnected { session });
    assert_eq!(refusal(&mut f, 6, "cam"), ErrorCode::Offline);
}
