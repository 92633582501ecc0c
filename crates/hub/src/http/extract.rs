//! The parts of a request that handlers ask for. One that cannot be read is a problem document.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Http;
use super::limits::BODY_DEADLINE;
use super::problem::Problem;

/// The named segments of the path.
pub(crate) struct Segments<T>(pub(crate) T);

/// The fields behind the question mark.
pub(crate) struct Fields<T>(pub(crate) T);

/// A body in JSON.
pub(crate) struct Document<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Http>> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, http: &Arc<Http>) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, http).await;
        match path {
            Ok(Path(segments)) => Ok(Segments(segments)),
            Err(error) => Err(Problem::bad_request(error.body_text())),
        }
    }
}

impl<T: DeserializeOwned> FromRequestParts<Arc<Http>> for Fields<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, http: &Arc<Http>) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, http).await;
        match query {
            Ok(Query(fields)) => Ok(Fields(fields)),
            Err(error) => Err(Problem::bad_request(error.body_text())),
        }
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Http>> for Document<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, http: &Arc<Http>) -> Result<Self, Problem> {
        match timeout(BODY_DEADLINE, Json::from_request(request, http)).await {
            Ok(Ok(Json(document))) => Ok(Document(document)),
            Ok(Err(error)) => Err(unreadable(&error)),
            Err(_) => Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "too_slow",
                "the body did not come in time",
            )),
        }
    }
}

fn unreadable(error: &JsonRejection) -> Problem {
    let code = match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        _ => "invalid_params",
    };
    Problem::new(error.status(), code, error.body_text())
}
