//! Deleting a data file.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, StatusCode};
use fleetlink_core::{DataReply, DataRequest};
use fleetlink_proto::Version;

use super::super::Http;
use super::super::auth::Authenticated;
use super::super::problem::{Problem, ProblemDocument};
use super::super::texts::{DataFileText, DeviceText};
use super::subject::Subject;
use super::upload::key_of;

/// Deletes a data file. With `If-Match`, only the version that has this tag.
#[utoipa::path(delete, path = "/api/v1/devices/{device}/data/{file}", tag = "data",
    operation_id = "delete_data_file",
    params(("device" = inline(DeviceText), Path), ("file" = inline(DataFileText), Path),
        ("If-Match" = Option<String>, Header, description = "The tag of the version that is meant."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "Names this deletion across retries.")),
    responses(
        (status = 204, description = "It is deleted."),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn delete(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Subject { device, file }: Subject,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let version = meant_version(&headers)?;
    let of = device.clone();
    let request = DataRequest::Delete {
        device,
        file,
        version,
        key: key_of(&headers)?,
    };
    let _turn = http.turns.take(&of, false).await;
    match http.data(caller, request).await {
        Ok(DataReply::Deleted(_)) => Ok(StatusCode::NO_CONTENT),
        Ok(_) => Err(Problem::odd_reply()),
        Err(problem) if version.is_some() && problem.status() == StatusCode::CONFLICT => {
            let why = "the data file has another version by now";
            Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "conflict",
                why,
            ))
        }
        Err(problem) => Err(problem),
    }
}

/// The version whose tag `If-Match` has; any where it is not given.
fn meant_version(headers: &HeaderMap) -> Result<Option<Version>, Problem> {
    let Some(tag) = headers.get(IF_MATCH) else {
        return Ok(None);
    };
    let tag = tag.to_str().unwrap_or_default().trim();
    if tag == "*" {
        return Ok(None);
    }
    let number = tag
        .strip_prefix("\"v")
        .and_then(|tag| tag.strip_suffix('"'));
    let version = number.and_then(|number| number.parse::<u64>().ok());
    match version {
        Some(version) => Ok(Some(Version::at_most(version))),
        None => {
            let why = "If-Match is the ETag of one version of this data file";
            Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "conflict",
                why,
            ))
        }
    }
}
