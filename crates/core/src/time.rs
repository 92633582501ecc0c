//! The time, as an argument.

use std::time::Duration;

use fleetlink_proto::WallTime;

/// One reading of the driver's two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since the hub started, by a clock that is never set: every deadline is of this time.
    pub monotonic: Duration,
    /// The civil time: recorded and shown, and what a ticket expires by.
    pub wall: WallTime,
}
