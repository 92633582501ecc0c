//! The hub's rules and state. Inputs go in, effects come out; sockets, disks, clocks and password
//! hashing are the driver's. The time is an argument, so thousands of devices can be simulated in
//! one process under virtual time.

mod accounts;
mod admin;
mod administration;
pub mod authorisation;
mod capacity;
mod census;
mod console;
mod deadlines;
mod direct;
mod effect;
mod endings;
mod errors;
mod files;
mod hub;
mod imports;
mod input;
mod jobs;
mod joining;
mod key_changes;
mod key_login;
mod lifecycle;
mod lockout;
mod login;
mod name_penalties;
#[cfg(test)]
mod name_penalties_model;
mod operations;
mod penalties;
#[cfg(test)]
mod penalties_model;
mod presence;
mod redemption;
mod removal;
mod session;
mod session_administration;
mod settings;
mod sources;
mod store;
mod ticket;
mod ticket_administration;
mod ticket_events;
mod tickets;
mod time;
mod transfers;
mod uploads;

pub use admin::{
    AccountStatus, AdminReply, AdminRequest, ImportOrder, ImportOutcome, SessionChoice,
    SessionStatus, TicketStatus,
};
pub use capacity::Capacity;
pub use console::{AccountChange, Command, ConsoleEvent, Departure, LoginFailure};
pub use effect::Effect;
pub use errors::of_store as rpc_error_of_store;
pub use hub::Hub;
pub use input::{AdminId, CheckId, Input, OperationId, Possession, SessionId};
pub use settings::{MaxAttempts, MaxAttemptsError, PenaltySettings, Settings};
pub use store::{
    Account, Change, ChangeKind, Commit, GivenLogin, Hold, ImportMemory, PasswordHash, SegmentRef,
    Snapshot, Staged, StagedId, StoreCall, StoreError, StoreReply, UnfinishedUpload,
};
pub use ticket::{Ticket, TicketStanding, TicketUse};
pub use ticket_events::TicketEvent;
pub use tickets::Refusal;
pub use time::Now;
