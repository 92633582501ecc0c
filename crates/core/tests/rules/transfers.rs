//! Reports of transfers: whose they may be, who sees them, and how they end.

use std::time::Duration;

use fleetlink_core::Possession::Proven;
use fleetlink_core::authorisation::{Caller, Door, Means};
use fleetlink_core::{
    AdminErrorKind, AdminReply, AdminRequest, Effect, Input, TransferChoice, TransferFault,
    TransferStanding, TransferStatus,
};
use fleetlink_proto::control::{ErrorCode, Request};
use fleetlink_proto::transfer::limits::{MAX_REPORTED_PER_DEVICE, REPORT_SILENCE};
use fleetlink_proto::transfer::{Reason, ReportTransfer, ReportedState, TransferId, TransferPath};

use crate::authorisation::device_caller;
use crate::fixture::{Answer, Fixture, administrator, name, viewer};

pub(crate) fn report(grant: u8, file: u32, state: ReportedState) -> ReportTransfer {
    ReportTransfer {
        grant: TransferId::from_bytes([grant; 16]),
        file,
        name: "<i>lecture.mp4".parse().unwrap(),
        bytes: 1000,
        done: 0,
        path: Some(TransferPath::Direct),
        state,
        reason: (state == ReportedState::Failed).then_some(Reason::NoSpace),
    }
}

/// The device `cam` in session 1, with a grant to send to `uav`, which is in session 2.
fn granted() -> Fixture {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.joined(2, "uav");
    let grant = TransferId::from_bytes([7; 16]);
    let (from, to) = (name("cam"), name("uav"));
    f.input(Input::Granted { grant, from, to });
    f.effects.clear();
    f
}

fn tell(f: &mut Fixture, session: u64, report: ReportTransfer) -> Answer {
    let id = f.call_with(session, Request::ReportTransfer(report), Proven);
    f.answer(&id).expect("an answer at once")
}

fn told(f: &mut Fixture) -> Option<TransferStatus> {
    f.take(|effect| match effect {
        Effect::Transfer(status) => Some((**status).clone()),
        _ => None,
    })
}

fn list(
    f: &mut Fixture,
    caller: Caller,
    door: Door,
) -> Result<Vec<TransferStatus>, AdminErrorKind> {
    f.administer(
        caller,
        door,
        AdminRequest::ListTransfers(TransferChoice::default()),
    );
    let replied = f.take(|effect| match effect {
        Effect::ReplyToOperator { result, .. } => Some(result.clone()),
        _ => None,
    });
    match replied.expect("a reply at once") {
        Ok(AdminReply::Transfers(list)) => Ok(list),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.kind),
    }
}

#[test]
fn a_sender_tells_the_hub_and_people_see_it() {
    let mut f = granted();
    tell(&mut f, 1, report(7, 1, ReportedState::Running)).unwrap();
    let begun = told(&mut f).unwrap();
    assert_eq!((begun.from.as_str(), begun.to.as_str()), ("cam", "uav"));
    assert_eq!(
        (begun.standing, begun.ended),
        (TransferStanding::Running, None)
    );
    f.pass(Duration::from_secs(1));
    let half = ReportTransfer {
        done: 500,
        ..report(7, 1, ReportedState::Running)
    };
    tell(&mut f, 1, half).unwrap();
    assert_eq!(told(&mut f).unwrap().done, 500);
    tell(&mut f, 1, report(7, 1, ReportedState::Failed)).unwrap();
    let fault = TransferFault::Told(Reason::NoSpace);
    let ended = told(&mut f).unwrap();
    assert_eq!(
        (ended.standing, ended.done),
        (TransferStanding::Failed(fault), 500)
    );
    assert_eq!(list(&mut f, viewer(), Door::Http).unwrap(), [ended]);
    assert_eq!(f.hub.transfer_totals().direct.failed, 1);
}

#[test]
fn a_device_writes_into_no_transfer_of_another() {
    let mut f = granted();
    tell(&mut f, 1, report(7, 1, ReportedState::Running)).unwrap();
    told(&mut f).unwrap();
    // Not the receiver, not somebody else, and not under a grant that was never given.
    f.attached(3, "watch");
    for (session, grant) in [(2, 7), (3, 7), (1, 8)] {
        let refused = tell(&mut f, session, report(grant, 1, ReportedState::Finished));
        assert_eq!(refused.unwrap_err().code, ErrorCode::NoSuchTransfer);
    }
    assert_eq!(told(&mut f), None);
    // Another session of the sender may.
    f.attached(4, "cam");
    tell(&mut f, 4, report(7, 1, ReportedState::Finished)).unwrap();
    assert_eq!(told(&mut f).unwrap().standing, TransferStanding::Finished);
}

#[test]
fn a_sender_that_vanishes_is_given_up_and_one_that_returns_is_not() {
    let mut f = granted();
    for file in [1, 2] {
        tell(&mut f, 1, report(7, file, ReportedState::Running)).unwrap();
        told(&mut f).unwrap();
    }
    f.call(1, Request::Leave);
    f.attached(5, "cam");
    tell(&mut f, 5, report(7, 2, ReportedState::Running)).unwrap();
    // A device shows life meanwhile.
    let mut left = REPORT_SILENCE;
    while left > Duration::from_secs(5) {
        f.pass(Duration::from_secs(5));
        left -= Duration::from_secs(5);
        f.call(5, Request::Ping);
    }
    assert_eq!(told(&mut f), None);
    f.pass(left);
    let silent = TransferStanding::Failed(TransferFault::Silent);
    assert_eq!(told(&mut f).unwrap().standing, silent);
    assert_eq!(told(&mut f), None);
    let left: Vec<_> = list(&mut f, Caller::Operator, Door::Socket).unwrap();
    assert_eq!(left[0].standing, TransferStanding::Running);
}

#[test]
fn one_device_has_a_bounded_part_of_the_table() {
    let mut f = granted();
    let most = u32::try_from(MAX_REPORTED_PER_DEVICE).unwrap();
    for file in 1..=most {
        tell(&mut f, 1, report(7, file, ReportedState::Running)).unwrap();
    }
    let refused = tell(&mut f, 1, report(7, most + 1, ReportedState::Running)).unwrap_err();
    assert_eq!(refused.code, ErrorCode::Busy);
    assert_eq!(
        list(&mut f, viewer(), Door::Http).unwrap().len(),
        MAX_REPORTED_PER_DEVICE
    );
}

#[test]
fn transfers_are_for_people_by_the_table() {
    let mut f = granted();
    tell(&mut f, 1, report(7, 1, ReportedState::Running)).unwrap();
    let own = name("cam");
    for (caller, door, sees) in [
        (viewer(), Door::Http, true),
        (administrator(), Door::Http, true),
        (Caller::Operator, Door::Socket, true),
        (Caller::Operator, Door::Http, false),
        (viewer(), Door::Socket, false),
        (administrator(), Door::Session, false),
        (Caller::Nobody, Door::Http, false),
        (device_caller(&own, Means::Password), Door::Http, false),
        (device_caller(&own, Means::Password), Door::Session, false),
    ] {
        let case = format!("{caller:?} by {door:?}");
        assert_eq!(list(&mut f, caller, door).is_ok(), sees, "{case}");
    }
}
