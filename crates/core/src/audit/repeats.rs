//! Like events within a minute: the first ones are recorded, the others counted, and their number is
//! recorded once at the end of the minute.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::{ClientNetwork, DataFile};

use crate::audit::limits::{LIKE_EVENTS, LIKE_REFUSALS, MAX_REMEMBERED, WINDOW};
use crate::store::audit::action::AuditAction;
use crate::store::audit::author::ActorKind;
use crate::store::audit::event::AuditEvent;
use crate::store::audit::words::Outcome;

/// The members in which like events are the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Likeness {
    action: AuditAction,
    outcome: Outcome,
    by: (ActorKind, Option<Box<str>>),
    device: Option<Box<str>>,
    file: Option<DataFile>,
    subject: Option<Box<str>>,
    network: Option<ClientNetwork>,
}

#[derive(Debug)]
struct Seen {
    recorded: u32,
    more: u64,
    last: AuditEvent,
}

/// The events of the last minute, by likeness.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    seen: BTreeMap<Likeness, Seen>,
    /// In the order in which their minutes end.
    ends: VecDeque<(Duration, Likeness)>,
}

/// The fate of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// To be recorded, if it passes the bound of events a second.
    Recorded,
    /// Counted among like ones.
    Counted,
}

impl Repeats {
    /// Counts an event among like ones, where enough of them are recorded.
    pub(super) fn see(&mut self, event: &AuditEvent) -> Fate {
        let Some(seen) = self.seen.get_mut(&Likeness::of(event)) else {
            return Fate::Recorded;
        };
        let is_plain = event.outcome == Outcome::Done && !event.is_by_stranger();
        let most = if is_plain { LIKE_EVENTS } else { LIKE_REFUSALS };
        if seen.recorded < most {
            return Fate::Recorded;
        }
        seen.more += 1;
        seen.last = event.clone();
        Fate::Counted
    }

    /// Remembers an event that is recorded.
    pub(super) fn recorded(&mut self, event: &AuditEvent, now: Duration) {
        let like = Likeness::of(event);
        if let Some(seen) = self.seen.get_mut(&like) {
            seen.recorded += 1;
        } else if self.seen.len() < MAX_REMEMBERED {
            self.ends.push_back((now + WINDOW, like.clone()));
            let last = event.clone();
            let seen = Seen {
                recorded: 1,
                more: 0,
                last,
            };
            self.seen.insert(like, seen);
        }
    }

    pub(super) fn next_end(&self) -> Option<Duration> {
        self.ends.front().map(|(at, _)| *at)
    }

    /// The record of the events that were counted in a minute that is over by `until`.
    pub(super) fn take_over(&mut self, until: Duration) -> Option<AuditEvent> {
        while self.ends.front().is_some_and(|(at, _)| *at <= until) {
            let (_, like) = self.ends.pop_front()?;
            let counted = self.seen.remove(&like).filter(|seen| seen.more > 0);
            if let Some(Seen { more, last, .. }) = counted {
                let times = format!(
                    "{more} more within {} s, this is the last",
                    WINDOW.as_secs()
                );
                let detail = match &last.detail {
                    Some(detail) => format!("{detail}; {times}"),
                    None => times,
                };
                return Some(last.with_detail(detail));
            }
        }
        None
    }
}

impl Likeness {
    fn of(event: &AuditEvent) -> Self {
        Likeness {
            action: event.action,
            outcome: event.outcome,
            by: (event.by.kind, event.by.name.clone()),
            device: event.device.clone(),
            file: event.file.clone(),
            subject: event.subject.clone(),
            network: event
                .address
                .map(|address: IpAddr| ClientNetwork::of(address)),
        }
    }
}
