//! The parts that the tests of several crates share: hosts of their own, small disks, disks and files that stand still,
//! a hub that follows a script, TLS with any hub, models of the penalties, and tests that this user
//! cannot run.

#[cfg(feature = "hubs")]
pub mod any_hub;
mod hex;
mod name_penalty_model;
mod namespace;
mod pausing_disk;
#[cfg(target_os = "linux")]
mod pausing_file;
mod penalty_model;
#[cfg(feature = "hubs")]
pub mod scripted_hub;
mod skip;
mod small_disk;

pub use hex::{hex, unhex};
pub use name_penalty_model::NamePenaltyModel;
pub use namespace::Namespace;
pub use pausing_disk::{Frozen, run_on_pausing_disk};
#[cfg(target_os = "linux")]
pub use pausing_file::PausingFile;
pub use penalty_model::PenaltyModel;
pub use skip::skip;
pub use small_disk::{run_on_disk, run_on_small_disk, small_disk};
