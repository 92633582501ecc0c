//! Counts of the events in the runs: a simulation in which nothing happens proves nothing.

use std::collections::BTreeMap;

use fleetlink_core::{
    AdminReply, ConsoleEvent, Effect, Entrance, ImportEffect, LoginFailure, Query, StoreCall,
    TicketEvent,
};
use fleetlink_proto::control::Reply;

#[derive(Default)]
pub(crate) struct Coverage {
    pub(crate) seen: BTreeMap<String, u64>,
}

/// Events that any few dozen runs together must have seen.
pub(crate) const WANTED: &[&str] = &[
    "hub crashed",
    "sightings written",
    "sightings not written",
    "account changed elsewhere",
    "identified",
    "not identified",
    "read a ticket",
    "read a ticket anew",
    "listed tickets",
    "read an account",
    "asked for a free name",
    "listed accounts",
    "reply lost",
    "late farewell",
    "late call",
    "refused version_mismatch",
    "refused out_of_order",
    "refused replaced",
    "refused wrong_password",
    "refused now_blocked",
    "refused blocked",
    "refused key_refused",
    "refused stale_nonce",
    "refused not_allowed",
    "refused no_channel",
    "refused key_enrolled",
    "refused no_key",
    "refused penalised",
    "penalised",
    "penalised longer",
    "name penalised",
    "name penalised longer",
    "refused no_such_ticket",
    "refused ticket_used",
    "refused ticket_expired",
    "refused ticket_revoked",
    "refused name_taken",
    "ticket issued",
    "ticket used",
    "ticket revoked",
    "refused no_such_file",
    "refused conflict",
    "refused store_unavailable",
    "refused outcome_unknown",
    "refused store_full",
    "refused corrupt",
    "end Replaced",
    "end AccountRemoved",
    "end KeyRevoked",
    "end LoginRemoved",
    "login settled",
    "login imported",
    "import overruled",
    "end PasswordChanged",
    "end EndedByOperator",
    "end HubClosing",
    "end Silent",
    "end Busy",
    "stood still",
    "too many sessions",
    "refused busy",
    "logged in by key",
    "logged in by key while blocked",
    "nonce issued",
    "logged in by key while penalised",
    "answered before",
    "took over",
    "somebody else took over",
    "joined beside another session",
    "came back beside another session",
    "another session stayed",
    "refused active_elsewhere",
    "a file goes to one of several sessions",
    "refused offline",
    "refused no_endpoint",
    "transfer told",
    "transfer finished",
    "transfer failed",
    "transfer given up",
    "refused no_such_transfer",
    "received",
    "computed",
    "deleted",
    "listed devices",
    "listed files",
    "sending",
    "discarded",
    "operator done",
    "a change was recorded",
    "an event was recorded",
    "operator refused",
];

impl Coverage {
    pub(crate) fn count(&mut self, what: impl Into<String>) {
        *self.seen.entry(what.into()).or_default() += 1;
    }

    pub(crate) fn effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Store {
                call: StoreCall::Query(query),
                ..
            } => match query {
                Query::Account { .. } => self.count("read an account"),
                Query::FreeName { .. } => self.count("asked for a free name"),
                Query::Accounts { .. } => self.count("listed accounts"),
                Query::TicketOf(_) => self.count("read a ticket"),
                Query::Ticket(_) => self.count("read a ticket anew"),
                Query::Tickets { .. } => self.count("listed tickets"),
                _ => {}
            },
            Effect::Reply {
                result: Err(error), ..
            } => self.count(format!("refused {}", error.code)),
            Effect::Reply {
                result: Ok(Reply::LoginNonce(_)),
                ..
            } => self.count("nonce issued"),
            Effect::End { reason, .. } => self.count(format!("end {reason:?}")),
            Effect::Discard { .. } => self.count("discarded"),
            Effect::ReplyToOperator {
                result: Ok(AdminReply::Imported(outcome)),
                ..
            } => self.count(match outcome {
                ImportEffect::Remembered => "import overruled",
                ImportEffect::Added | ImportEffect::Changed => "login imported",
            }),
            Effect::ReplyToOperator { result: Ok(_), .. } => self.count("operator done"),
            Effect::ReplyToOperator { result: Err(_), .. } => self.count("operator refused"),
            Effect::Console(event) => self.console(event),
            _ => {}
        }
    }

    fn console(&mut self, event: &ConsoleEvent) {
        match event {
            ConsoleEvent::Joined {
                entrance: Entrance::TookOver,
                ..
            } => self.count("took over"),
            ConsoleEvent::SessionEnded { .. } => self.count("another session stayed"),
            ConsoleEvent::LoginFailed {
                failure: LoginFailure::TooManySessions,
                ..
            } => self.count("too many sessions"),
            ConsoleEvent::Penalised { time, .. } => {
                self.count("penalised");
                if ![1, 5, 15].contains(&time.as_secs()) {
                    self.count("penalised longer");
                }
            }
            ConsoleEvent::NamePenalised { time, .. } => {
                self.count("name penalised");
                if ![1, 5, 15].contains(&time.as_secs()) {
                    self.count("name penalised longer");
                }
            }
            ConsoleEvent::ReceivedBefore { .. } => self.count("answered before"),
            ConsoleEvent::Received { .. } => self.count("received"),
            ConsoleEvent::Computed { .. } => self.count("computed"),
            ConsoleEvent::Deleted { .. } => self.count("deleted"),
            ConsoleEvent::ListedDevices { .. } => self.count("listed devices"),
            ConsoleEvent::ListedFiles { .. } => self.count("listed files"),
            ConsoleEvent::Sending { .. } => self.count("sending"),
            ConsoleEvent::Ticket(TicketEvent::Issued { .. }) => self.count("ticket issued"),
            ConsoleEvent::Ticket(TicketEvent::Used { .. }) => self.count("ticket used"),
            ConsoleEvent::Ticket(TicketEvent::Revoked { .. }) => self.count("ticket revoked"),
            _ => {}
        }
    }

    pub(crate) fn merge(&mut self, other: &Coverage) {
        for (what, count) in &other.seen {
            *self.seen.entry(what.clone()).or_default() += count;
        }
    }
}
