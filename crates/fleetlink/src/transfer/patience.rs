//! The patience with other devices.

use std::time::Duration;

use clap::Args;
use fleetlink_client::transfer::SendOptions;
use fleetlink_proto::transfer::FileName;
use fleetlink_proto::transfer::limits::STALL_DEADLINE;

use crate::duration;

/// The time that a device that sends files waits for others.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PatienceArguments {
    /// Try again for this long if a device refuses a file for a reason that may pass: it is busy.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    pub(crate) retry_for: Duration,
    /// End a transfer in which no byte has moved for this long while its connection lives.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    pub(crate) idle_timeout: Duration,
}

impl Default for PatienceArguments {
    fn default() -> Self {
        PatienceArguments {
            retry_for: STALL_DEADLINE,
            idle_timeout: STALL_DEADLINE,
        }
    }
}

impl PatienceArguments {
    /// The options of a send, with this name in place of the file's own.
    pub(crate) fn options(&self, name: Option<FileName>) -> SendOptions {
        SendOptions {
            name,
            retry_for: self.retry_for,
            idle_timeout: self.idle_timeout,
        }
    }
}
