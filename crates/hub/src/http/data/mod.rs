//! Data files of devices: `/api/v1/devices/{device}/data`.

mod conditions;
mod content;
mod delete;
mod lines;
mod list;
mod points;
mod range;
mod source;
pub(super) mod subject;
mod summary;
mod upload;

pub(super) use self::conditions::Turns;
pub(super) use self::content::*;
pub(super) use self::delete::*;
pub(super) use self::list::*;
pub(super) use self::points::*;
pub(super) use self::summary::*;
pub(super) use self::upload::*;

use std::sync::Arc;

use fleetlink_core::{AdminReply, AdminRequest, Caller, DataReply, DataRequest, Snapshot};
use fleetlink_core::{StoreError, rpc_error_of_store};
use fleetlink_proto::samples::Summary;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::Http;
use super::limits::READ_WAIT;
use super::problem::Problem;
use crate::store::{Column, Window};
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

    /// The columns of a stretch of a data file that the caller may read.
    async fn columns(&self, of: subject::Subject, window: Window) -> Result<Vec<Column>, Problem> {
        let place = self.read_place().await?;
        let store = Arc::clone(&self.store);
        let read = async move { store.columns(of.device, of.file, window).await };
        held(place, read).await.map_err(of_store)
    }

    /// A place for one read of the store.
    async fn read_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let places = Arc::clone(&self.reads);
        match timeout(READ_WAIT, places.acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => {
                let message = "many requests read the hub's store now; try again later";
                let error = RpcError::new(ErrorCode::Busy, message).retry_after(READ_WAIT);
                Err(error.into())
            }
        }
    }
}

/// Does a read with its place. If the client goes, the read goes on, and keeps its place to its end.
async fn held<T: Send + 'static>(
    place: impl Send + 'static,
    read: impl Future<Output = T> + Send + 'static,
) -> T {
    let reading = tokio::spawn(async move {
        let done = read.await;
        drop(place);
        done
    });
    match reading.await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

/// An error of the store about a data file.
pub(super) fn of_store(error: StoreError) -> Problem {
    rpc_error_of_store(error, "there is no such data file any more").into()
}
