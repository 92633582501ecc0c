//! The hub: listeners, sessions, the driver of the core, the store and the log files.

mod accept;
mod credentials;
mod devices;
mod driver;
mod grants;
mod identity;
mod ingest;
mod lease;
mod logs;
mod newcomers;
pub mod number_exchange;
mod operator;
mod passwords;
mod server;
mod session;
pub mod store;

pub use credentials::{Applied, Credentials};
pub use fleetlink_core::{MaxAttempts, MaxAttemptsError, PenaltySettings, Settings};
pub use identity::IdentityError;
pub use lease::{Clock, LeaseConfig, LeaseStartError, LeasesEnded, RunningLeases, start_leases};
pub use operator::{AccountInfo, Operator, OperatorCall, OperatorError, OperatorReply};
#[doc(hidden)]
pub use server::start_without_dummy_hash;
pub use server::{HubConfig, HubError, RunningHub, StartError, start};
