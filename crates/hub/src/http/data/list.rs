//! The data files of a device, page by page.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use fleetlink_proto::control::{FileEntry, ListFiles, Reply, Request};
use fleetlink_proto::{DataFile, DeviceName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Http;
use super::super::auth::Authenticated;
use super::super::extract::{Fields, Segments};
use super::super::problem::{Problem, ProblemDocument};

/// The page that is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// The member `next` of the page before.
    after: Option<String>,
}

/// A page of data files.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DataFiles {
    items: Vec<DataFileItem>,
    /// The value of `after` for the next page; null on the last one.
    next: Option<String>,
}

/// A data file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "DataFile")]
pub(crate) struct DataFileItem {
    name: String,
    samples: u64,
    bytes: u64,
    /// Grows with every change.
    version: u64,
    /// The time of the last change.
    changed: String,
}

impl From<FileEntry> for DataFileItem {
    fn from(entry: FileEntry) -> Self {
        DataFileItem {
            name: entry.file.to_string(),
            samples: entry.samples,
            bytes: entry.bytes,
            version: entry.version.into(),
            changed: entry.changed.to_string(),
        }
    }
}

/// Lists the data files of a device.
#[utoipa::path(get, path = "/api/v1/devices/{device}/data", tag = "data",
    operation_id = "list_data_files",
    params(("device" = String, Path), Page),
    responses(
        (status = 200, body = DataFiles),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Segments(device): Segments<String>,
    Fields(page): Fields<Page>,
) -> Result<Json<DataFiles>, Problem> {
    let device: DeviceName =
        device
            .parse()
            .map_err(|error: fleetlink_proto::DeviceNameError| {
                Problem::bad_request(error.to_string())
            })?;
    if caller.device() != Some(&device) {
        return Err(Problem::forbidden("a device sees its own data files alone"));
    }
    let after: Option<DataFile> =
        page.after.map(|after| after.parse()).transpose().map_err(
            |error: fleetlink_proto::DataFileError| Problem::bad_request(error.to_string()),
        )?;
    let request = Request::ListFiles(ListFiles {
        after,
        background: false,
    });
    match http.calls.call(caller, request).await? {
        Reply::Files(list) => Ok(Json(DataFiles {
            items: list.files.into_iter().map(DataFileItem::from).collect(),
            next: list.next.map(|next| next.to_string()),
        })),
        _ => Err(Problem::odd_reply()),
    }
}
