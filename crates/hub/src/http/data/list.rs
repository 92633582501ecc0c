//! The data files of a device, page by page.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use fleetlink_core::{DataReply, DataRequest, FileRecord};
use fleetlink_proto::DataFile;
use fleetlink_proto::samples::LastSample;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Http;
use super::super::auth::Authenticated;
use super::super::extract::Fields;
use super::super::limits::PAGE_ITEMS;
use super::super::problem::{Problem, ProblemDocument};
use super::super::texts::{DataFileText, DeviceText};
use super::subject::OfDevice;
use super::summary::SummaryDocument;

/// The page that is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// The member `next` of the page before.
    #[param(value_type = Option<DataFileText>, inline)]
    after: Option<String>,
    /// The items of the page, at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
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
    summary: SummaryDocument,
    latest: Option<LatestSample>,
}

/// The last sample of a data file, in the order of arrival.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LatestSample {
    /// The exact value.
    value: String,
    /// Its time, where the samples have times.
    time: Option<String>,
}

impl From<LastSample> for LatestSample {
    fn from(last: LastSample) -> Self {
        LatestSample {
            value: last.value.to_string(),
            time: last.time.map(|time| time.to_string()),
        }
    }
}

impl DataFileItem {
    fn new(record: &FileRecord) -> Self {
        let entry = &record.entry;
        DataFileItem {
            name: entry.file.to_string(),
            samples: entry.samples,
            bytes: entry.bytes,
            version: entry.version.into(),
            changed: entry.changed.to_string(),
            summary: SummaryDocument::from(&record.summary),
            latest: record.latest.map(LatestSample::from),
        }
    }
}

/// Lists the data files of a device.
#[utoipa::path(get, path = "/api/v1/devices/{device}/data", tag = "data",
    operation_id = "list_data_files",
    params(("device" = inline(DeviceText), Path), Page),
    responses(
        (status = 200, body = DataFiles),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    OfDevice(device): OfDevice,
    Fields(page): Fields<Page>,
) -> Result<Json<DataFiles>, Problem> {
    let after: Option<DataFile> =
        page.after.map(|after| after.parse()).transpose().map_err(
            |error: fleetlink_proto::DataFileError| Problem::bad_request(error.to_string()),
        )?;
    let limit = page.limit.unwrap_or(PAGE_ITEMS);
    if !(1..=PAGE_ITEMS).contains(&limit) {
        let why = format!("limit is a number from 1 to {PAGE_ITEMS}");
        return Err(Problem::bad_request(why));
    }
    let request = DataRequest::List {
        device: Some(device.clone()),
        after: after.map(|after| (device.clone(), after)),
    };
    let DataReply::Files(files) = http.data(caller, request).await? else {
        return Err(Problem::odd_reply());
    };
    let more = files.len() > limit;
    let items: Vec<DataFileItem> = files
        .iter()
        .take(limit)
        .map(|(_, record)| DataFileItem::new(record))
        .collect();
    let next = items.last().filter(|_| more);
    let next = next.map(|item| item.name.clone());
    Ok(Json(DataFiles { items, next }))
}
