//! The audit records that are asked for.

use fleetlink_proto::{DataFile, WallTime};

use crate::store::audit::action::AuditAction;
use crate::store::audit::author::ActorKind;
use crate::store::audit::event::AuditId;
use crate::store::audit::words::Outcome;

/// A place in the list of records, which is ordered by time and, within one, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPlace {
    pub at: WallTime,
    pub id: AuditId,
}

/// The records that are asked for: those that fit all that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this device, whatever its case.
    pub device: Option<Box<str>>,
    /// About this data file.
    pub file: Option<DataFile>,
    /// Any of these; none where it is given and empty.
    pub actions: Option<Vec<AuditAction>>,
    /// By this kind of caller, or by this name, whatever its case.
    pub by: Option<AuditBy>,
    pub outcome: Option<Outcome>,
    /// At this time or later.
    pub from: Option<WallTime>,
    /// Before this time.
    pub to: Option<WallTime>,
}

/// The part of the records that fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditPart {
    /// The newest ones, newest first: those behind this place.
    Newest { after: Option<AuditPlace> },
    /// Those with larger numbers, oldest first.
    Since(AuditId),
}

/// A filter by caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditBy {
    Kind(ActorKind),
    Name(Box<str>),
}
