//! The bounded table of transfers: those under way, and the last that are over.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::limits::{
    MAX_ENDED_PER_DEVICE, MAX_ENDED_PER_HUB, MAX_REPORTED_PER_DEVICE, MAX_REPORTED_PER_HUB,
    REPORT_SILENCE, REPORT_STEP,
};
use fleetlink_proto::transfer::{ReportTransfer, ReportedState, TransferId};

use crate::ids::SessionId;
use crate::time::Now;
use crate::transfers::budget::Budget;
use crate::transfers::grants::Grants;
use crate::transfers::status::{
    TransferChoice, TransferFault, TransferStanding, TransferStatus, TransferTotals,
};

/// The transfers of a hub, as their senders report them.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    grants: Grants,
    known: BTreeMap<u64, Known>,
    senders: BTreeMap<DeviceName, OfSender>,
    /// Senders of whom only the budget is left, by the time at which that is whole.
    spent: BTreeSet<(Duration, DeviceName)>,
    /// Those that are over, in the order in which they ended.
    ended: VecDeque<u64>,
    /// Those under way whose session has ended, by the time at which they are given up.
    orphans: BTreeSet<(Duration, u64)>,
    running: BTreeMap<SessionId, BTreeSet<u64>>,
    last: u64,
    totals: TransferTotals,
}

#[derive(Debug)]
struct Known {
    status: TransferStatus,
    grant: TransferId,
    file: u32,
    follows: Follows,
    /// The time at which people were told of it last.
    told: Duration,
}

/// The thing on which a transfer under way depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follows {
    /// The session that reported it last.
    Session(SessionId),
    /// No session: it is given up at this time.
    Nobody(Duration),
    /// It is over.
    Over,
}

#[derive(Debug, Default)]
struct OfSender {
    running: usize,
    ended: VecDeque<u64>,
    budget: Budget,
}

impl OfSender {
    /// Whether nothing is left of its transfers.
    fn is_idle(&self) -> bool {
        self.running == 0 && self.ended.is_empty()
    }
}

/// The reason why a report is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotReported {
    /// The hub has given this sender no such grant, or has forgotten it.
    NoGrant,
    /// The device has as many files under way as the hub hears of.
    TooMany,
    /// The device begins more files than the hub hears of in a time; it may go on after so long.
    TooFast(Duration),
}

impl Transfers {
    /// The hub has given a grant.
    pub(crate) fn granted(&mut self, id: TransferId, from: DeviceName, to: DeviceName) {
        self.grants.add(id, from, to);
    }

    /// Takes a sender's report; what people are to be told of it.
    ///
    /// # Errors
    /// The report is refused.
    pub(crate) fn report(
        &mut self,
        (session, sender): (SessionId, &DeviceName),
        report: &ReportTransfer,
        now: Now,
    ) -> Result<Option<TransferStatus>, NotReported> {
        self.forget_idle_senders(now.monotonic);
        let granted = self.grants.of_sender(report.grant, sender);
        let granted = granted.ok_or(NotReported::NoGrant)?;
        match granted.running.get(&report.file) {
            Some(number) => {
                let number = *number;
                self.follow(number, Follows::Session(session));
                Ok(self.update(number, report, now))
            }
            // It is over, or was before it was forgotten.
            None if report.file <= granted.last => Ok(None),
            None => {
                let number = self.begin(session, sender, report, now)?;
                let told = self.update(number, report, now);
                let begun = || self.known.get(&number).map(|known| known.status.clone());
                Ok(told.or_else(begun))
            }
        }
    }

    /// A session has ended: another one of the device may go on with what it reported.
    pub(crate) fn session_ended(&mut self, session: SessionId, now: Duration) {
        for number in self.running.remove(&session).unwrap_or_default() {
            self.follow(number, Follows::Nobody(now + REPORT_SILENCE));
        }
    }

    /// The time at which the next transfer is given up.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.orphans.first().map(|(at, _)| *at)
    }

    /// Gives up a transfer whose time has come.
    pub(crate) fn give_up_due(&mut self, now: Now) -> Option<TransferStatus> {
        let (at, number) = *self.orphans.first()?;
        if at > now.monotonic {
            return None;
        }
        self.end(number, TransferStanding::Failed(TransferFault::Silent), now)
    }

    /// The hub stood still for this time, so it could hear nobody.
    pub(crate) fn excuse(&mut self, time: Duration) {
        let late = std::mem::take(&mut self.orphans);
        for (at, number) in late {
            self.follow(number, Follows::Nobody(at + time));
        }
    }

    /// A page of the chosen transfers, the newest first.
    pub(crate) fn page(&self, choice: &TransferChoice, most: usize) -> Vec<TransferStatus> {
        let before = choice.before.unwrap_or(u64::MAX);
        let newest = self.known.range(..before).rev();
        let chosen = newest.map(|(_, known)| &known.status);
        let chosen = chosen.filter(|status| choice.holds(status));
        chosen.take(most).cloned().collect()
    }

    /// The number of senders that are remembered.
    #[cfg(test)]
    pub(crate) fn senders(&self) -> usize {
        self.senders.len()
    }

    pub(crate) fn totals(&self) -> TransferTotals {
        self.totals
    }

    fn begin(
        &mut self,
        session: SessionId,
        sender: &DeviceName,
        report: &ReportTransfer,
        now: Now,
    ) -> Result<u64, NotReported> {
        // A sender whose file is refused is not remembered for it.
        let known = self.senders.get(sender);
        let (running, mut budget) = known.map_or_else(Default::default, |of_sender| {
            (of_sender.running, of_sender.budget)
        });
        if running >= MAX_REPORTED_PER_DEVICE || self.totals.running >= MAX_REPORTED_PER_HUB {
            return Err(NotReported::TooMany);
        }
        let taken = budget.take(now.monotonic);
        taken.map_err(NotReported::TooFast)?;
        let granted = self.grants.get_mut(report.grant);
        let granted = granted.ok_or(NotReported::NoGrant)?;
        let of_sender = self.senders.entry(sender.clone()).or_default();
        of_sender.budget = budget;
        of_sender.running += 1;
        self.totals.running += 1;
        self.last += 1;
        let number = self.last;
        granted.last = report.file;
        granted.running.insert(report.file, number);
        let known = Known {
            status: TransferStatus {
                number,
                from: granted.from.clone(),
                to: granted.to.clone(),
                name: report.name.clone(),
                bytes: report.bytes,
                done: report.done,
                path: report.path,
                standing: TransferStanding::Running,
                started: now.wall,
                ended: None,
            },
            grant: report.grant,
            file: report.file,
            follows: Follows::Over,
            told: now.monotonic,
        };
        self.known.insert(number, known);
        self.follow(number, Follows::Session(session));
        Ok(number)
    }

    /// Takes over what a report says; what people are to be told of it.
    fn update(&mut self, number: u64, report: &ReportTransfer, now: Now) -> Option<TransferStatus> {
        let known = self.known.get_mut(&number)?;
        let status = &mut known.status;
        let done = report.done.min(status.bytes).max(status.done);
        let path = report.path.or(status.path);
        let changed = done != status.done || path != status.path;
        (status.done, status.path) = (done, path);
        match (report.state, report.reason) {
            (ReportedState::Running, _) => {
                let is_due = now.monotonic >= known.told + REPORT_STEP;
                if !changed || !is_due {
                    return None;
                }
                known.told = now.monotonic;
                Some(status.clone())
            }
            (ReportedState::Failed, Some(reason)) => {
                let fault = TransferFault::Told(reason);
                self.end(number, TransferStanding::Failed(fault), now)
            }
            (ReportedState::Finished | ReportedState::Failed, _) => {
                self.end(number, TransferStanding::Finished, now)
            }
        }
    }

    fn end(&mut self, number: u64, standing: TransferStanding, now: Now) -> Option<TransferStatus> {
        self.follow(number, Follows::Over);
        let known = self.known.get_mut(&number)?;
        known.status.standing = standing;
        known.status.ended = Some(now.wall);
        let (status, grant, file) = (known.status.clone(), known.grant, known.file);
        if let Some(granted) = self.grants.get_mut(grant) {
            granted.running.remove(&file);
        }
        self.totals.running = self.totals.running.saturating_sub(1);
        self.totals.count(&status);
        let of_sender = self.senders.entry(status.from.clone()).or_default();
        of_sender.running = of_sender.running.saturating_sub(1);
        of_sender.ended.push_back(number);
        self.ended.push_back(number);
        if of_sender.ended.len() > MAX_ENDED_PER_DEVICE
            && let Some(oldest) = of_sender.ended.pop_front()
        {
            self.known.remove(&oldest);
            self.ended.retain(|other| *other != oldest);
        }
        self.forget_oldest(now.monotonic);
        Some(status)
    }

    /// Forgets the oldest of all that are over, where there are too many.
    fn forget_oldest(&mut self, now: Duration) {
        if self.ended.len() <= MAX_ENDED_PER_HUB {
            return;
        }
        let oldest = self.ended.pop_front();
        let Some(forgotten) = oldest.and_then(|oldest| self.known.remove(&oldest)) else {
            return;
        };
        let sender = forgotten.status.from;
        if let Some(of_sender) = self.senders.get_mut(&sender) {
            // They ended in this order, of each device too.
            of_sender.ended.pop_front();
            if of_sender.is_idle() {
                self.spent.insert((of_sender.budget.whole_at(), sender));
            }
        }
        self.forget_idle_senders(now);
    }

    /// Forgets the senders that have nothing under way, nothing that is over, and a whole budget.
    fn forget_idle_senders(&mut self, now: Duration) {
        while self.spent.first().is_some_and(|(whole, _)| *whole <= now) {
            let Some((_, sender)) = self.spent.pop_first() else {
                return;
            };
            let known = self.senders.get(&sender);
            if known.is_some_and(|known| known.is_idle() && known.budget.whole_at() <= now) {
                self.senders.remove(&sender);
            }
        }
    }

    /// Has a transfer follow something else from here on.
    fn follow(&mut self, number: u64, follows: Follows) {
        let Some(known) = self.known.get_mut(&number) else {
            return;
        };
        match std::mem::replace(&mut known.follows, follows) {
            Follows::Session(session) => {
                if let Some(own) = self.running.get_mut(&session) {
                    own.remove(&number);
                    if own.is_empty() {
                        self.running.remove(&session);
                    }
                }
            }
            Follows::Nobody(at) => _ = self.orphans.remove(&(at, number)),
            Follows::Over => {}
        }
        match follows {
            Follows::Session(session) => {
                self.running.entry(session).or_default().insert(number);
            }
            Follows::Nobody(at) => _ = self.orphans.insert((at, number)),
            Follows::Over => {}
        }
    }
}
