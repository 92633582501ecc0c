//! A hub from its start to its end.

mod error;
mod renewal;
mod running;
mod start;
mod upkeep;

pub use error::{HubError, StartError};
pub use running::RunningHub;
pub(crate) use start::listen_at;
#[cfg(feature = "without-dummy-hash")]
pub use start::start_without_dummy_hash;
pub use start::{CredentialsFile, HubConfig, start, start_with_clock};
