//! An audit event, and its record.

use std::net::IpAddr;

use fleetlink_proto::{DataFile, WallTime};

use crate::door::Door;
use crate::store::audit::action::AuditAction;
use crate::store::audit::author::{Actor, ActorKind, Author};
use crate::store::audit::words::Outcome;

/// The number of an audit record; counted from 1, never used again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditId(pub u64);

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    pub at: WallTime,
    pub action: AuditAction,
    /// The one who did it, or tried to.
    pub by: Actor,
    /// The door; none where the hub itself did it, or a command without a running hub.
    pub door: Option<Door>,
    /// The address of the session or of the HTTP client.
    pub address: Option<IpAddr>,
    /// The device that it is about. Of a failed login the name as it was sent, which need not be a
    /// device's.
    pub device: Option<Box<str>>,
    /// The data file that it is about.
    pub file: Option<DataFile>,
    /// Something else that it is about, in words: `ticket 3`, `login ana`.
    pub subject: Option<Box<str>>,
    pub outcome: Outcome,
    /// More in words.
    pub detail: Option<Box<str>>,
}

/// An event that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    pub id: AuditId,
    pub event: AuditEvent,
}

impl AuditEvent {
    /// An event that nothing more is known of.
    pub fn new(at: WallTime, action: AuditAction, author: Author) -> Self {
        let Author { by, door, address } = author;
        AuditEvent {
            at,
            action,
            by,
            door,
            address,
            device: None,
            file: None,
            subject: None,
            outcome: Outcome::Done,
            detail: None,
        }
    }

    #[must_use]
    pub(crate) fn of_device(self, device: impl Into<Box<str>>) -> Self {
        let device = Some(device.into());
        AuditEvent { device, ..self }
    }

    #[must_use]
    pub(crate) fn about(self, subject: impl Into<Box<str>>) -> Self {
        let subject = Some(subject.into());
        AuditEvent { subject, ..self }
    }

    /// The same with more words.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<Box<str>>) -> Self {
        let detail = Some(detail.into());
        AuditEvent { detail, ..self }
    }

    #[must_use]
    pub(crate) fn with_outcome(self, outcome: Outcome) -> Self {
        AuditEvent { outcome, ..self }
    }

    /// Whether nobody has shown who caused it: anybody can cause such events.
    pub fn is_by_stranger(&self) -> bool {
        self.by.kind == ActorKind::Nobody
    }
}
