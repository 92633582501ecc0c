//! Devices' data files: listed, read, computed on and deleted by the operator.

use fleetlink_core::{AdminReply, AdminRequest, DataReply, DataRequest, FileRecord};
use fleetlink_proto::control::{ComputeReply, DeleteReply, FileEntry, RpcError};
use fleetlink_proto::samples::Operation;
use fleetlink_proto::{DataFile, DeviceName};
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::desk::{Desk, random_key};

/// A call about devices' data files.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "data", rename_all = "snake_case")]
pub enum DataCall {
    /// Lists data files, by device and ID; a page of them.
    List {
        /// Of this device; of all devices where it is not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<DeviceName>,
        /// Only those that follow this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<(DeviceName, DataFile)>,
    },
    /// Computes on a data file.
    Compute {
        device: DeviceName,
        file: DataFile,
        operation: Operation,
    },
    /// Deletes a data file.
    Delete { device: DeviceName, file: DataFile },
}

/// The answer to a [`DataCall`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataCallReply {
    /// A page of data files; the last page is empty.
    Files(Vec<FileInfo>),
    /// A result.
    Computed(ComputeReply),
    /// The data file is deleted.
    Deleted(DeleteReply),
    /// It was not done.
    Refused(RpcError),
}

/// A data file as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    pub device: DeviceName,
    /// The file as the device sees it.
    #[serde(flatten)]
    pub entry: FileEntry,
}

impl Desk {
    /// Has a call about data files done.
    pub(super) async fn data(&self, call: DataCall) -> Result<DataCallReply, String> {
        let request = match call {
            DataCall::List { device, after } => DataRequest::List { device, after },
            DataCall::Compute {
                device,
                file,
                operation,
            } => DataRequest::Compute {
                device,
                file,
                operation,
            },
            DataCall::Delete { device, file } => DataRequest::Delete {
                device,
                file,
                version: None,
                key: random_key().map_err(|e| e.to_string())?,
            },
        };
        match self.ask(request).await? {
            DataReply::Files(files) => {
                let info = |(device, record): (_, FileRecord)| FileInfo {
                    device,
                    entry: record.entry,
                };
                Ok(DataCallReply::Files(files.into_iter().map(info).collect()))
            }
            DataReply::Computed(reply) => Ok(DataCallReply::Computed(reply)),
            DataReply::Deleted(reply) => Ok(DataCallReply::Deleted(reply)),
            DataReply::Refused(error) => Ok(DataCallReply::Refused(error)),
            DataReply::Content(_) | DataReply::Summary(_) => Err(odd()),
        }
    }

    /// Opens a data file.
    pub(super) async fn content(
        &self,
        device: DeviceName,
        file: DataFile,
    ) -> Result<Result<Content, RpcError>, String> {
        match self.ask(DataRequest::Read { device, file }).await? {
            DataReply::Content(snapshot) => Ok(Ok(Content::new(&self.store, snapshot))),
            DataReply::Refused(error) => Ok(Err(error)),
            _ => Err(odd()),
        }
    }

    async fn ask(&self, request: DataRequest) -> Result<DataReply, String> {
        match self.driver.admin(AdminRequest::Data(request)).await? {
            AdminReply::Data(reply) => Ok(reply),
            _ => Err(odd()),
        }
    }
}

fn odd() -> String {
    "the hub sent a reply of another kind".to_owned()
}
