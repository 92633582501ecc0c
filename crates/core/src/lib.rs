//! The hub's rules and state. Inputs go in, effects come out; sockets, disks, clocks and password
//! hashing are the driver's. The time is an argument, so thousands of devices can be simulated in
//! one process under virtual time.

mod access;
mod audit;
mod call;
mod caller;
mod capacity;
mod console;
mod door;
mod effect;
mod errors;
mod files;
mod hub;
mod ids;
mod input;
mod operator;
mod outgoing;
mod presence;
mod session;
mod settings;
mod store;
mod time;
mod transfers;

pub use access::attempt_tables::AttemptTables;
pub use access::attempts::{
    AttemptLimits, Attempts, Failed, Fault, LockedOut, LockoutEffect, Penalty, Standing,
    UnderPenalty,
};
pub use access::authorisation;
pub use access::possession::Possession;
pub use access::shown_password::{Purpose, ShownPassword, ShownSecret};
pub use audit::collector::DroppedEvents;
pub use audit::of_change::{attempted, change_event, state_before};
pub use caller::{Caller, Person, Proof};
pub use capacity::Capacity;
pub use console::tickets::{Refusal, TicketEvent};
pub use console::{
    AccountChange, Command, ConsoleEvent, Departure, Entrance, LoginFailure, PeopleEvent,
};
pub use door::Door;
pub use effect::Effect;
pub use errors::of_store as rpc_error_of_store;
pub use hub::Hub;
pub use ids::{AdminId, CallId, CheckId, OperationId, SessionId};
pub use input::Input;
pub use operator::data::{DataReply, DataRequest};
pub use operator::errors::{AdminError, AdminErrorKind};
pub use operator::people::PeopleOrder;
pub use operator::presences::{DevicePresence, PresenceChoice, Presences};
pub use operator::requests::{
    AccountOrder, AccountStatus, AdminReply, AdminRequest, ImportEffect, ImportOrder,
    LockOutStatus, PenaltyStatus, SessionChoice, SessionStatus, TicketStatus,
};
pub use presence::half_hours::HalfHours;
pub use presence::sighting::{Course, Sighting, SightingNote, SightingNotes};
pub use settings::{MaxAttempts, MaxAttemptsError, PenaltySettings, Settings};
pub use store::admission::{Admission, PageSession, PageSessions, Token, TokenId, WebLogin};
pub use store::audit::action::AuditAction;
pub use store::audit::author::{Actor, ActorKind, Author};
pub use store::audit::event::{AuditEvent, AuditId, AuditRecord};
pub use store::audit::filter::{AuditBy, AuditFilter, AuditPart, AuditPlace};
pub use store::audit::words::Outcome;
pub use store::calls::{
    Account, AccountVersion, Change, Commit, Delete, FileRecord, GivenLogin, ImportMemory,
    KnownNames, PasswordHash, Provenance, Query, Staged, StagedId, StoreCall, StoreError,
    StoreReply, Totals, UnfinishedUpload, UploadChange,
};
pub use store::calls::{Ended, Made};
pub use store::journal::{ChangeKind, Deleter, JournalEntry};
pub use store::rule::{MAX_RULES, Rule, RuleKind, RuleKindError, RuleName};
pub use store::snapshot::{Hold, Part, SegmentRef, Snapshot};
pub use store::ticket::{NewTicket, Ticket, TicketRoom, TicketStanding, TicketUse};
pub use time::Now;
pub use transfers::status::{
    TransferChoice, TransferFault, TransferStanding, TransferState, TransferStatus, TransferTotals,
    TransfersOfPath,
};
