//! The parts that the tests of several crates share: small disks, disks and files that stand still,
//! TLS with any hub, and tests that this user cannot run.

pub mod any_hub;
mod hex;
mod pausing_disk;
#[cfg(target_os = "linux")]
mod pausing_file;
mod skip;
mod small_disk;

pub use hex::{hex, unhex};
pub use pausing_disk::{Frozen, run_on_pausing_disk};
#[cfg(target_os = "linux")]
pub use pausing_file::PausingFile;
pub use skip::skip;
pub use small_disk::{run_on_disk, run_on_small_disk, small_disk};
