//! The journal: the changes of files, in order.

use fleetlink_proto::control::UploadMode;
use fleetlink_proto::{DataFile, DeviceName, WallTime};

/// One line of the journal: the log files are made of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its place in the journal, counted from 1, without gaps in what is visible.
    pub sequence: u64,
    pub device: DeviceName,
    pub file: DataFile,
    pub kind: ChangeKind,
    /// The number of uploaded samples, or of samples in the deleted file.
    pub samples: u64,
    pub at: WallTime,
}

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// An upload.
    Upload(UploadMode),
    /// A deletion.
    Delete(Deleter),
}

/// The deleter of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleter {
    /// Its device.
    Device,
    /// The operator, also together with the account.
    Operator,
    /// The hub: the file was beyond the bounds of what is kept.
    Retention,
}
