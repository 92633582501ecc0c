//! Data files of devices: `/api/v1/devices/{device}/data`.

mod content;
mod delete;
mod lines;
mod list;
mod points;
mod range;
pub(super) mod subject;
mod summary;
mod upload;

pub(super) use self::content::*;
pub(super) use self::delete::*;
pub(super) use self::list::*;
pub(super) use self::points::*;
pub(super) use self::summary::*;
pub(super) use self::upload::*;

use fleetlink_core::{AdminReply, AdminRequest, Caller, DataReply, DataRequest, Snapshot};
use fleetlink_core::{StoreError, rpc_error_of_store};
use fleetlink_proto::samples::Summary;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::Http;
use super::limits::READ_WAIT;
use super::problem::Problem;
use fleetlink_proto::control::{ErrorCode, RpcError};

impl Http {
    /// Makes a request about data files. The core decides whether the caller may.
    async fn data(&self, caller: Caller, request: DataRequest) -> Result<DataReply, Problem> {
        match self
            .calls
            .administer(caller, AdminRequest::Data(request))
            .await?
        {
            AdminReply::Data(DataReply::Refused(error)) => Err(error.into()),
            AdminReply::Data(reply) => Ok(reply),
            _ => Err(Problem::odd_reply()),
        }
    }

    /// The summary of all samples of a data file that the caller may read.
    async fn summary(&self, caller: Caller, of: &subject::Subject) -> Result<Summary, Problem> {
        let (device, file) = (of.device.clone(), of.file.clone());
        match self
            .data(caller, DataRequest::Summarise { device, file })
            .await?
        {
            DataReply::Summary(summary) => Ok(summary),
            _ => Err(Problem::odd_reply()),
        }
    }

    /// The content of a data file that the caller may read.
    async fn snapshot(&self, caller: Caller, of: &subject::Subject) -> Result<Snapshot, Problem> {
        let (device, file) = (of.device.clone(), of.file.clone());
        match self
            .data(caller, DataRequest::Read { device, file })
            .await?
        {
            DataReply::Content(snapshot) => Ok(snapshot),
            _ => Err(Problem::odd_reply()),
        }
    }

    /// A place for one read of the store.
    async fn read_place(&self) -> Result<SemaphorePermit<'_>, Problem> {
        match timeout(READ_WAIT, self.reads.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            _ => {
                let message = "many requests read the hub's store now; try again later";
                let error = RpcError::new(ErrorCode::Busy, message).retry_after(READ_WAIT);
                Err(error.into())
            }
        }
    }
}

/// An error of the store about a data file.
pub(super) fn of_store(error: StoreError) -> Problem {
    rpc_error_of_store(error, "there is no such data file any more").into()
}
