//! The hub's rules and state. Inputs go in, effects come out; sockets, disks, clocks and password
//! hashing are the driver's. The time is an argument, so thousands of devices can be simulated in
//! one process under virtual time.

mod admin;
mod console;
mod effect;
mod input;
mod settings;
mod store;
mod time;

pub use admin::{AccountStatus, AdminReply, AdminRequest};
pub use console::ConsoleEvent;
pub use effect::Effect;
pub use input::{AdminId, CheckId, Input, OperationId, SessionId};
pub use settings::{MaxAttempts, MaxAttemptsError, Settings};
pub use store::{
    Account, Change, ChangeKind, Commit, PasswordHash, SegmentRef, Snapshot, Staged, StagedId,
    StoreCall, StoreError, StoreReply,
};
pub use time::Now;
