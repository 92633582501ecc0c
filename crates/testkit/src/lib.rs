//! What the tests of several crates share: small disks, and tests that this user cannot run.

mod skip;
mod small_disk;

pub use skip::skip;
pub use small_disk::{run_on_disk, run_on_small_disk, small_disk};
