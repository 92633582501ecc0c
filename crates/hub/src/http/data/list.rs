//! The data files of a device, page by page.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use fleetlink_core::{DataReply, DataRequest, Query, StoreCall, StoreError, StoreReply};
use fleetlink_proto::control::FileEntry;
use fleetlink_proto::samples::Summary;
use fleetlink_proto::{DataFile, DeviceName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Http;
use super::super::auth::Authenticated;
use super::super::extract::Fields;
use super::super::limits::PAGE_ITEMS;
use super::super::problem::{Problem, ProblemDocument};
use super::super::texts::{DataFileText, DeviceText};
use super::of_store;
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
}

impl DataFileItem {
    fn new(entry: &FileEntry, summary: &Summary) -> Self {
        DataFileItem {
            name: entry.file.to_string(),
            samples: entry.samples,
            bytes: entry.bytes,
            version: entry.version.into(),
            changed: entry.changed.to_string(),
            summary: SummaryDocument::from(summary),
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
    let entries: Vec<FileEntry> = files
        .into_iter()
        .take(limit)
        .map(|(_, entry)| entry)
        .collect();
    let next = entries.last().filter(|_| more);
    let next = next.map(|entry| entry.file.to_string());
    let place = http.read_place().await?;
    let reading = async move { http.items(&device, &entries).await };
    let items = super::held(place, reading).await?;
    Ok(Json(DataFiles { items, next }))
}

impl Http {
    async fn items(
        &self,
        device: &DeviceName,
        entries: &[FileEntry],
    ) -> Result<Vec<DataFileItem>, Problem> {
        let mut items = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(summary) = self.summary_of(device, &entry.file).await? {
                items.push(DataFileItem::new(entry, &summary));
            }
        }
        Ok(items)
    }

    /// The summary of a data file that the caller has been shown; `None` if it is gone meanwhile.
    async fn summary_of(
        &self,
        device: &DeviceName,
        file: &DataFile,
    ) -> Result<Option<Summary>, Problem> {
        let query = StoreCall::Query(Query::Summary {
            device: device.clone(),
            file: file.clone(),
        });
        match self.store.execute(query).await {
            Ok(StoreReply::Summary(summary)) => Ok(Some(summary)),
            Ok(_) => Err(Problem::odd_reply()),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(of_store(error)),
        }
    }
}
