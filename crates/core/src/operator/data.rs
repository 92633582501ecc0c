//! Devices' data files in the operator's hands, and those that retention deletes.

use fleetlink_proto::control::{ComputeReply, DeleteReply, RpcError};
use fleetlink_proto::samples::{Operation, Summary};
use fleetlink_proto::{DataFile, DeviceName, IdempotencyKey, Version};

use crate::store::calls::FileRecord;
use crate::store::snapshot::Snapshot;

/// A request about data files by another caller than their device, or by a device without a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataRequest {
    /// Lists data files, by device and ID.
    List {
        /// Of this device; of all devices where it is not given.
        device: Option<DeviceName>,
        /// Only those that follow this one.
        after: Option<(DeviceName, DataFile)>,
    },
    /// Computes on a data file.
    Compute {
        device: DeviceName,
        file: DataFile,
        operation: Operation,
    },
    /// Reads a data file.
    Read { device: DeviceName, file: DataFile },
    /// Asks for the summary of a data file.
    Summarise { device: DeviceName, file: DataFile },
    /// Deletes a data file.
    Delete {
        device: DeviceName,
        file: DataFile,
        /// The version that is meant; any where it is not given.
        version: Option<Version>,
        /// Names this deletion across retries.
        key: IdempotencyKey,
    },
    /// Deletes a data file that is beyond the bounds of retention. The hub asks this itself.
    Expire {
        device: DeviceName,
        file: DataFile,
        /// The version that is beyond the bounds; a newer one stays.
        version: Version,
        /// Names this deletion across retries.
        key: IdempotencyKey,
    },
}

impl DataRequest {
    /// The device whose data files these are.
    pub(crate) fn device(&self) -> Option<&DeviceName> {
        match self {
            DataRequest::List { device, .. } => device.as_ref(),
            DataRequest::Compute { device, .. }
            | DataRequest::Read { device, .. }
            | DataRequest::Summarise { device, .. }
            | DataRequest::Delete { device, .. }
            | DataRequest::Expire { device, .. } => Some(device),
        }
    }
}

/// The answer to a [`DataRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataReply {
    /// A page of data files; the last page is empty.
    Files(Vec<(DeviceName, FileRecord)>),
    /// A result.
    Computed(ComputeReply),
    /// The summary of all samples.
    Summary(Summary),
    /// The content, to be read from the store.
    Content(Snapshot),
    /// The data file is deleted.
    Deleted(DeleteReply),
    /// It was not done.
    Refused(RpcError),
}
