//! The summary of a data file, or of a stretch of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use fleetlink_proto::samples::Summary;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Http;
use super::super::auth::Authenticated;
use super::super::extract::Fields;
use super::super::problem::{Problem, ProblemDocument};
use super::super::texts::{DataFileText, DeviceText};
use super::range::{self, Scale};
use super::subject::Subject;

/// A summary of samples. Values are exact decimals in text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(title = "Summary")]
pub(crate) struct SummaryDocument {
    count: u64,
    sum: String,
    /// Exact, or rounded half to even at nine decimals; null without samples.
    mean: Option<String>,
    min: Option<String>,
    max: Option<String>,
    /// The earliest time; null where samples have none.
    first: Option<String>,
    /// The latest time.
    last: Option<String>,
}

impl From<&Summary> for SummaryDocument {
    fn from(summary: &Summary) -> Self {
        SummaryDocument {
            count: summary.count(),
            sum: summary.sum().to_string(),
            mean: summary.average().map(|mean| mean.to_string()),
            min: summary.min().map(|min| min.to_string()),
            max: summary.max().map(|max| max.to_string()),
            first: summary.first().map(|first| first.to_string()),
            last: summary.last().map(|last| last.to_string()),
        }
    }
}

/// A stretch of a data file.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StretchFields {
    /// Its beginning: RFC 3339, milliseconds since 1970, or an index where samples have no times.
    from: Option<String>,
    /// Its end, which is not part of it.
    to: Option<String>,
}

/// Computes the summary of a data file, or of a stretch of it.
#[utoipa::path(get, path = "/api/v1/devices/{device}/data/{file}/summary", tag = "data",
    operation_id = "summarise_data_file",
    params(("device" = inline(DeviceText), Path), ("file" = inline(DataFileText), Path), StretchFields),
    responses(
        (status = 200, body = SummaryDocument),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn summary(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    subject: Subject,
    Fields(StretchFields { from, to }): Fields<StretchFields>,
) -> Result<Json<SummaryDocument>, Problem> {
    let whole = http.summary(caller, &subject).await?;
    if from.is_none() && to.is_none() {
        return Ok(Json(SummaryDocument::from(&whole)));
    }
    let scale = Scale::of(&whole);
    let Some(window) = range::window(from.as_deref(), to.as_deref(), 1, scale)? else {
        return Ok(Json(SummaryDocument::from(&Summary::default())));
    };
    let columns = http.columns(subject, window).await?;
    let summary = columns.first().map(|column| column.summary);
    Ok(Json(SummaryDocument::from(&summary.unwrap_or_default())))
}
