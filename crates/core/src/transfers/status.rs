//! A transfer as people see it, and the numbers of all.

use fleetlink_proto::transfer::{FileName, Reason, TransferPath};
use fleetlink_proto::{DeviceName, WallTime};

/// A file that goes, or went, from device to device, by its sender's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferStatus {
    /// Its number in this run of the hub.
    pub number: u64,
    pub from: DeviceName,
    pub to: DeviceName,
    pub name: FileName,
    /// Its size.
    pub bytes: u64,
    /// Bytes that came to the receiver.
    pub done: u64,
    pub path: Option<TransferPath>,
    pub standing: TransferStanding,
    /// The time at which the hub first heard of it.
    pub started: WallTime,
    pub ended: Option<WallTime>,
}

/// Whether a transfer is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferStanding {
    Running,
    Finished,
    Failed(TransferFault),
}

/// The reason why a transfer failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferFault {
    /// The sender told it.
    Told(Reason),
    /// The sender is gone, and has told no end.
    Silent,
}

impl TransferFault {
    /// The reason's name.
    pub fn name(self) -> &'static str {
        match self {
            TransferFault::Told(reason) => reason.name(),
            TransferFault::Silent => "silent",
        }
    }
}

/// The transfers that are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransferChoice {
    /// Only those from or to this device.
    pub device: Option<DeviceName>,
    /// Only those that stand so.
    pub state: Option<TransferState>,
    /// Only smaller numbers.
    pub before: Option<u64>,
}

/// Whether a transfer is over, without the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferState {
    Running,
    Finished,
    Failed,
}

impl TransferStanding {
    /// The standing without the reason.
    pub fn state(self) -> TransferState {
        match self {
            TransferStanding::Running => TransferState::Running,
            TransferStanding::Finished => TransferState::Finished,
            TransferStanding::Failed(_) => TransferState::Failed,
        }
    }
}

impl TransferChoice {
    pub(crate) fn holds(&self, transfer: &TransferStatus) -> bool {
        let is_of = |device: &DeviceName| transfer.from == *device || transfer.to == *device;
        self.device.as_ref().is_none_or(is_of)
            && self
                .state
                .is_none_or(|state| state == transfer.standing.state())
    }
}

/// The numbers of transfers since the hub's start, by the way that they took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransferTotals {
    /// Transfers that are under way.
    pub running: usize,
    pub direct: TransfersOfPath,
    pub relayed: TransfersOfPath,
    /// Those that ended before there was a way.
    pub without_path: TransfersOfPath,
}

/// The transfers that took one way and are over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransfersOfPath {
    pub finished: u64,
    pub failed: u64,
    /// Bytes that came to receivers.
    pub bytes: u64,
}

impl TransferTotals {
    pub(crate) fn count(&mut self, ended: &TransferStatus) {
        let of_path = match ended.path {
            Some(TransferPath::Direct) => &mut self.direct,
            Some(TransferPath::Relayed) => &mut self.relayed,
            None => &mut self.without_path,
        };
        match ended.standing {
            TransferStanding::Finished => of_path.finished += 1,
            _ => of_path.failed += 1,
        }
        of_path.bytes = of_path.bytes.saturating_add(ended.done);
    }
}
