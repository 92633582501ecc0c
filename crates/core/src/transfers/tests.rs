use std::time::Duration;

use fleetlink_proto::transfer::limits::{
    MAX_ENDED_PER_DEVICE, MAX_ENDED_PER_HUB, MAX_REPORTED_PER_DEVICE, MAX_REPORTED_PER_HUB,
    MAX_REPORTING_GRANTS_PER_DEVICE, REPORT_SILENCE, REPORTED_FILE_STEP, REPORTED_FILES_AHEAD,
};
use fleetlink_proto::transfer::{Reason, ReportTransfer, ReportedState, TransferId, TransferPath};
use fleetlink_proto::{DeviceName, WallTime};

use super::status::{TransferChoice, TransferFault, TransferStanding, TransferState};
use super::table::{NotReported, Transfers};
use crate::ids::SessionId;
use crate::time::Now;

const ONE: SessionId = SessionId(1);
const TWO: SessionId = SessionId(2);

fn name(text: &str) -> DeviceName {
    text.parse().unwrap()
}

fn at(millis: u64) -> Now {
    Now {
        monotonic: Duration::from_millis(millis),
        wall: WallTime::from_unix_millis(1_664_533_873_000),
    }
}

fn grant(number: u8) -> TransferId {
    TransferId::from_bytes([number; 16])
}

fn report(of: u8, file: u32, done: u64, state: ReportedState) -> ReportTransfer {
    ReportTransfer {
        grant: grant(of),
        file,
        name: "<b>a.mp4".parse().unwrap(),
        bytes: 100,
        done,
        path: Some(TransferPath::Direct),
        state,
        reason: (state == ReportedState::Failed).then_some(Reason::NoSpace),
    }
}

fn table() -> Transfers {
    let mut transfers = Transfers::default();
    transfers.granted(grant(1), name("cam"), name("uav"));
    transfers
}

fn all(transfers: &Transfers) -> Vec<(u64, TransferStanding)> {
    let page = transfers.page(&TransferChoice::default(), usize::MAX);
    page.into_iter().map(|t| (t.number, t.standing)).collect()
}

#[test]
fn a_transfer_begins_moves_and_ends_and_people_hear_of_it_once_a_second() {
    let (mut transfers, cam) = (table(), name("cam"));
    let mut tell = |file, done, state, millis| {
        let told = transfers.report((ONE, &cam), &report(1, file, done, state), at(millis));
        told.unwrap().map(|status| status.done)
    };
    let running = ReportedState::Running;
    assert_eq!(tell(1, 0, running, 0), Some(0));
    // Too early, and nothing new.
    assert_eq!(tell(1, 10, running, 999), None);
    assert_eq!(tell(1, 20, running, 1000), Some(20));
    assert_eq!(tell(1, 20, running, 5000), None);
    // It does not go back, and ends at once.
    assert_eq!(tell(1, 5, running, 9000), None);
    assert_eq!(tell(1, 100, ReportedState::Finished, 9001), Some(100));
    // The reply may have been lost.
    assert_eq!(tell(1, 100, ReportedState::Finished, 9002), None);
    assert_eq!(tell(1, 0, running, 99_000), None);
    // One that is told late is told once.
    assert_eq!(tell(2, 3, ReportedState::Failed, 99_001), Some(3));
    let fault = TransferFault::Told(Reason::NoSpace);
    let expected = [
        (2, TransferStanding::Failed(fault)),
        (1, TransferStanding::Finished),
    ];
    assert_eq!(all(&transfers), expected);
    let totals = transfers.totals();
    assert_eq!((totals.running, totals.direct.finished), (0, 1));
    assert_eq!((totals.direct.failed, totals.direct.bytes), (1, 103));
}

#[test]
fn nobody_reports_under_the_grant_of_another() {
    let mut transfers = table();
    let mut refused = |sender: &str, of| {
        let told = report(of, 1, 0, ReportedState::Running);
        transfers
            .report((ONE, &name(sender)), &told, at(0))
            .unwrap_err()
    };
    assert_eq!(refused("uav", 1), NotReported::NoGrant);
    assert_eq!(refused("CAM", 1), NotReported::NoGrant);
    assert_eq!(refused("cam", 2), NotReported::NoGrant);
    assert_eq!(all(&transfers), []);
}

#[test]
fn a_transfer_outlives_its_session_for_a_while() {
    let (mut transfers, cam) = (table(), name("cam"));
    let running = |file, done| report(1, file, done, ReportedState::Running);
    for file in [1, 2] {
        transfers
            .report((ONE, &cam), &running(file, 0), at(0))
            .unwrap();
    }
    // While the session lives, a transfer may stand still.
    assert_eq!(transfers.next_deadline(), None);
    transfers.session_ended(ONE, at(1000).monotonic);
    let deadline = Duration::from_secs(1) + REPORT_SILENCE;
    assert_eq!(transfers.next_deadline(), Some(deadline));
    // Another session of the device goes on with one of them.
    transfers
        .report((TWO, &cam), &running(2, 50), at(2000))
        .unwrap();
    transfers.session_ended(ONE, at(3000).monotonic);
    let millis = u64::try_from(deadline.as_millis()).unwrap();
    assert_eq!(transfers.give_up_due(at(millis - 1)), None);
    let given_up = transfers.give_up_due(at(millis)).unwrap();
    let silent = TransferStanding::Failed(TransferFault::Silent);
    assert_eq!((given_up.number, given_up.standing), (1, silent));
    assert_eq!(transfers.give_up_due(at(millis)), None);
    assert_eq!(
        all(&transfers),
        [(2, TransferStanding::Running), (1, silent)]
    );
    // Time in which the hub heard nobody does not count.
    transfers.session_ended(TWO, at(millis).monotonic);
    transfers.excuse(Duration::from_secs(9));
    let later = at(millis).monotonic + REPORT_SILENCE + Duration::from_secs(9);
    assert_eq!(transfers.next_deadline(), Some(later));
}

#[test]
fn everything_that_a_device_makes_the_hub_remember_has_a_bound() {
    let (mut transfers, cam, uav) = (table(), name("cam"), name("uav"));
    let mut file = 0;
    let mut begin = |transfers: &mut Transfers, state, millis| {
        file += 1;
        transfers.report((ONE, &cam), &report(1, file, 0, state), at(millis))
    };
    let running = ReportedState::Running;
    for _ in 0..MAX_REPORTED_PER_DEVICE {
        begin(&mut transfers, running, 0).unwrap();
    }
    assert_eq!(begin(&mut transfers, running, 0), Err(NotReported::TooMany));
    // Another device is not affected.
    transfers.granted(grant(2), uav.clone(), name("cam"));
    transfers
        .report((TWO, &uav), &report(2, 1, 0, running), at(0))
        .unwrap();
    for file in 1..=64 {
        let told = report(1, file, 0, ReportedState::Finished);
        transfers.report((ONE, &cam), &told, at(0)).unwrap();
    }
    let ahead = REPORTED_FILES_AHEAD.as_millis() / REPORTED_FILE_STEP.as_millis();
    for _ in 64..ahead {
        begin(&mut transfers, ReportedState::Finished, 0).unwrap();
    }
    let refused = begin(&mut transfers, ReportedState::Finished, 0);
    assert_eq!(refused, Err(NotReported::TooFast(REPORTED_FILE_STEP)));
    begin(&mut transfers, ReportedState::Finished, 20).unwrap();
    assert_eq!(all(&transfers).len(), MAX_ENDED_PER_DEVICE + 1);
    let of_uav = TransferChoice {
        device: Some(name("uav")),
        state: Some(TransferState::Running),
        before: None,
    };
    assert_eq!(transfers.page(&of_uav, 10).len(), 1);
    assert_eq!(transfers.totals().running, 1);
}

#[test]
fn the_whole_table_has_a_bound_and_forgets_the_oldest() {
    let mut transfers = Transfers::default();
    for device in 0..u8::MAX {
        let sender = name(&format!("d{device}"));
        transfers.granted(grant(device), sender.clone(), name("uav"));
        for file in 1..=20 {
            let told = report(device, file, 1, ReportedState::Finished);
            transfers.report((ONE, &sender), &told, at(60_000)).unwrap();
        }
    }
    let page = transfers.page(&TransferChoice::default(), usize::MAX);
    assert_eq!(page.len(), MAX_ENDED_PER_HUB);
    assert_eq!(page[0].number, 255 * 20);
    // Pages go on without a gap.
    let before = Some(page[499].number);
    let next = TransferChoice {
        before,
        ..TransferChoice::default()
    };
    assert_eq!(transfers.page(&next, 1)[0], page[500]);
}

#[test]
fn a_device_with_too_many_grants_loses_the_oldest_that_it_does_not_use() {
    let (mut transfers, cam) = (table(), name("cam"));
    transfers
        .report((ONE, &cam), &report(1, 1, 0, ReportedState::Running), at(0))
        .unwrap();
    transfers.granted(grant(2), cam.clone(), name("uav"));
    for number in 0..MAX_REPORTING_GRANTS_PER_DEVICE - 1 {
        let id = grant(3 + u8::try_from(number).unwrap());
        transfers.granted(id, cam.clone(), name("uav"));
    }
    let mut known = |of, file| {
        let told = report(of, file, 0, ReportedState::Running);
        transfers.report((ONE, &cam), &told, at(0)).is_ok()
    };
    assert!(known(1, 1) && !known(2, 1));
}

#[test]
fn a_sender_whose_file_is_refused_is_not_remembered() {
    let mut transfers = Transfers::default();
    let senders = u8::try_from(MAX_REPORTED_PER_HUB / MAX_REPORTED_PER_DEVICE).unwrap();
    for device in 0..=senders {
        let sender = name(&format!("d{device}"));
        transfers.granted(grant(device), sender.clone(), name("uav"));
        for file in 1..=u32::try_from(MAX_REPORTED_PER_DEVICE).unwrap() {
            let told = report(device, file, 1, ReportedState::Running);
            let told = transfers.report((ONE, &sender), &told, at(0));
            assert_eq!(told.is_err(), device == senders, "{told:?}");
        }
    }
    assert_eq!(transfers.senders(), usize::from(senders));
}

#[test]
fn a_sender_of_whom_nothing_is_left_is_forgotten_once_its_budget_is_whole() {
    let mut transfers = Transfers::default();
    let cam = name("cam");
    transfers.granted(grant(200), cam.clone(), name("uav"));
    let told = |of, file| report(of, file, 1, ReportedState::Finished);
    for file in 1..=2 {
        let end = transfers.report((ONE, &cam), &told(200, file), at(0));
        end.unwrap();
    }
    // Its ends are forgotten while it is ahead; it goes on with what it had left.
    let others = u8::try_from(MAX_ENDED_PER_HUB / MAX_ENDED_PER_DEVICE).unwrap();
    let each = u32::try_from(MAX_ENDED_PER_DEVICE).unwrap();
    let fill = |transfers: &mut Transfers, from: u32, millis| {
        for device in 0..others {
            let sender = name(&format!("d{device}"));
            transfers.granted(grant(device), sender.clone(), name("uav"));
            for file in from..from + each {
                let end = transfers.report((ONE, &sender), &told(device, file), at(millis));
                end.unwrap();
            }
        }
    };
    fill(&mut transfers, 1, 0);
    assert_eq!(transfers.senders(), usize::from(others) + 1);
    let running = report(200, 3, 0, ReportedState::Running);
    transfers.report((ONE, &cam), &running, at(30)).unwrap();
    // Nobody forgets it while it has a file under way.
    fill(&mut transfers, 1 + each, 60_000);
    assert_eq!(transfers.senders(), usize::from(others) + 1);
    transfers
        .report((ONE, &cam), &told(200, 3), at(60_000))
        .unwrap();
    fill(&mut transfers, 1 + 2 * each, 60_000);
    assert_eq!(transfers.senders(), usize::from(others));
}

#[test]
fn a_sender_that_was_ahead_is_forgotten_with_the_next_report_of_anyone() {
    let mut transfers = Transfers::default();
    let ended = |transfers: &mut Transfers, device: u8, file, millis| {
        let sender = name(&format!("d{device}"));
        transfers.granted(grant(device), sender.clone(), name("uav"));
        let told = report(device, file, 1, ReportedState::Finished);
        transfers.report((ONE, &sender), &told, at(millis)).unwrap();
    };
    ended(&mut transfers, 200, 1, 0);
    let others = u8::try_from(MAX_ENDED_PER_HUB / MAX_ENDED_PER_DEVICE).unwrap();
    for device in 0..others {
        for file in 1..=u32::try_from(MAX_ENDED_PER_DEVICE).unwrap() {
            ended(&mut transfers, device, file, 0);
        }
    }
    assert_eq!(transfers.senders(), usize::from(others) + 1);
    ended(&mut transfers, 0, 1000, 60_000);
    assert_eq!(transfers.senders(), usize::from(others));
}
