//! The senders' reports of their transfers: what a hub may believe, and when it gives one up.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetlink_core::{
    Input, Possession, SessionId, TransferFault, TransferStanding, TransferStatus,
};
use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{ErrorCode, Reply, Request, RequestId, RpcError};
use fleetlink_proto::transfer::limits::{
    MAX_REPORTING_GRANTS_PER_DEVICE, REPORT_SILENCE, REPORT_STEP,
};
use fleetlink_proto::transfer::{Reason, ReportTransfer, ReportedState, TransferId, TransferPath};

use crate::client::Wants;
use crate::oracle::{Asked, Oracle};
use crate::world::{Event, World};

/// Files of a grant that a device sends in a run.
const FILES: u64 = 6;

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) now: Duration,
    /// Sender and receiver.
    grants: BTreeMap<TransferId, (DeviceName, DeviceName)>,
    files: BTreeMap<(TransferId, u32), File>,
}

struct File {
    number: u64,
    /// The session that reported it last, and since when that is gone.
    session: SessionId,
    orphaned: Option<Duration>,
    is_over: bool,
    done: u64,
    told: Duration,
}

impl Model {
    pub(crate) fn granted(&mut self, id: TransferId, from: &DeviceName, to: &DeviceName) {
        self.grants.insert(id, (from.clone(), to.clone()));
    }

    pub(crate) fn session_ended(&mut self, session: SessionId) {
        let own = self
            .files
            .values_mut()
            .filter(|file| file.session == session);
        for file in own.filter(|file| file.orphaned.is_none()) {
            file.orphaned = Some(self.now);
        }
    }

    pub(crate) fn stood_still(&mut self, time: Duration) {
        for file in self.files.values_mut() {
            file.orphaned = file.orphaned.map(|at| at + time);
        }
    }

    /// Checks the rules that hold between two inputs.
    pub(crate) fn check(&self) {
        for (file, known) in &self.files {
            let is_late = known
                .orphaned
                .is_some_and(|at| at + REPORT_SILENCE <= self.now);
            assert!(known.is_over || !is_late, "{file:?} is not given up");
        }
    }

    fn told(&mut self, report: &ReportTransfer, session: SessionId, status: &TransferStatus) {
        let state = match status.standing {
            TransferStanding::Running => ReportedState::Running,
            TransferStanding::Finished => ReportedState::Finished,
            TransferStanding::Failed(_) => ReportedState::Failed,
        };
        assert_eq!(state, report.state);
        assert_eq!(status.ended.is_some(), state != ReportedState::Running);
        let now = self.now;
        let known = self
            .files
            .entry((report.grant, report.file))
            .or_insert(File {
                number: status.number,
                session,
                orphaned: None,
                is_over: false,
                done: 0,
                told: now.saturating_sub(REPORT_STEP),
            });
        assert!(!known.is_over, "{status:?} is over already");
        assert_eq!(known.number, status.number);
        assert!(status.done >= known.done, "{status:?} goes back");
        let is_due = now >= known.told + REPORT_STEP;
        assert!(
            is_due || status.ended.is_some(),
            "{status:?} is told too often"
        );
        known.is_over = status.ended.is_some();
        (known.done, known.told) = (status.done, now);
    }
}

impl Oracle {
    pub(crate) fn transfer_told(&mut self, status: &TransferStatus) -> &'static str {
        if status.standing == TransferStanding::Failed(TransferFault::Silent) {
            let files = &mut self.transfers.files;
            let given_up = files.values_mut().find(|file| file.number == status.number);
            let given_up = given_up.expect("was reported");
            let at = given_up.orphaned.expect("its session lives");
            assert!(!given_up.is_over && at + REPORT_SILENCE <= self.transfers.now);
            given_up.is_over = true;
            return "transfer given up";
        }
        let own = self
            .live
            .iter()
            .filter(|(_, live)| live.name.as_ref() == Some(&status.from));
        let mut reports = own.flat_map(|(session, live)| {
            live.asked.values().filter_map(|asked| match asked {
                Asked::Report(report) => Some((*session, report.clone())),
                _ => None,
            })
        });
        let told = reports.find(|(_, report)| report.name == status.name);
        let (session, report) = told.expect("nobody of this name has reported it");
        let granted = (status.from.clone(), status.to.clone());
        assert_eq!(self.transfers.grants.get(&report.grant), Some(&granted));
        self.transfers.told(&report, session, status);
        match report.state {
            ReportedState::Running => "transfer told",
            ReportedState::Finished => "transfer finished",
            ReportedState::Failed => "transfer failed",
        }
    }

    pub(crate) fn reported(
        &mut self,
        session: SessionId,
        report: &ReportTransfer,
        result: &Result<Reply, RpcError>,
    ) {
        let name = self.live.get(&session).and_then(|live| live.name.clone());
        let granted = self.transfers.grants.get(&report.grant);
        let is_own = name.is_some() && granted.map(|(from, _)| from) == name.as_ref();
        match result {
            Ok(_) => {
                assert!(is_own, "a device reports under the grant of another");
                let known = self.transfers.files.get_mut(&(report.grant, report.file));
                if let Some(known) = known.filter(|known| !known.is_over) {
                    (known.session, known.orphaned) = (session, None);
                }
            }
            Err(error) if error.code == ErrorCode::NoSuchTransfer => {
                let of_name = |(from, _): &&(DeviceName, DeviceName)| Some(from) == name.as_ref();
                let given = self.transfers.grants.values().filter(of_name).count();
                assert!(!is_own || given > MAX_REPORTING_GRANTS_PER_DEVICE);
            }
            Err(_) => {}
        }
    }
}

impl World {
    /// Tells the hub of a file, right behind what the client has sent last.
    pub(crate) fn report(&mut self, client: usize) {
        let name = self.clients[client].name.clone();
        let Some(report) = self.next_report(&name) else {
            return;
        };
        let now = self.now.monotonic;
        let Some(connection) = &mut self.clients[client].connection else {
            return;
        };
        let input = Input::Call {
            session: connection.session,
            id: connection.call(Wants::Report),
            request: Request::ReportTransfer(report),
            possession: Possession::Unproven,
        };
        let after = connection.last_arrival.saturating_sub(now);
        self.schedule(after, Event::Arrive(input));
    }

    /// Whether this is the hub's reply to a report; nothing comes of it.
    pub(crate) fn is_of_report(&mut self, session: SessionId, id: &RequestId) -> bool {
        let client = self.client_of(session);
        let connection = client.and_then(|client| self.clients[client].connection.as_mut());
        let (Some(connection), RequestId::Number(id)) = (connection, id) else {
            return false;
        };
        let is_of_report = connection.waiting.get(id) == Some(&Wants::Report);
        if is_of_report {
            connection.waiting.remove(id);
        }
        is_of_report
    }

    /// A report about a file under one of the grants that were given.
    fn next_report(&mut self, name: &str) -> Option<ReportTransfer> {
        let rng = &mut self.transfer_rng;
        let own = self.grants.iter().filter(|(_, from)| from.as_str() == name);
        let own: Vec<TransferId> = own.map(|(id, _)| *id).collect();
        let of_others: Vec<TransferId> = self.grants.iter().map(|(id, _)| *id).collect();
        let of = match own.is_empty() || rng.percent(5) {
            true => of_others,
            false => own[own.len().saturating_sub(2)..].to_vec(),
        };
        if of.is_empty() {
            return None;
        }
        let grant = *rng.pick(&of);
        let file = u32::try_from(1 + rng.below(FILES)).unwrap();
        let state = match rng.below(100) {
            0 => ReportedState::Finished,
            1 => ReportedState::Failed,
            _ => ReportedState::Running,
        };
        Some(ReportTransfer {
            grant,
            file,
            name: format!("{grant}-{file}").parse().unwrap(),
            bytes: 1000,
            done: rng.below(1001),
            path: rng.percent(50).then_some(TransferPath::Direct),
            state,
            reason: (state == ReportedState::Failed).then_some(Reason::Cancelled),
        })
    }
}
