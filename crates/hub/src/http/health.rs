//! Whether the hub runs, for whatever starts it again. Nobody learns details here.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::Http;
use super::problem::Problem;

/// Tells that the process runs.
#[utoipa::path(get, path = "/healthz", tag = "health", operation_id = "healthz", security(),
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// Tells whether the hub takes requests: not while it shuts down.
#[utoipa::path(get, path = "/readyz", tag = "health", operation_id = "readyz", security(),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 503, body = super::problem::ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn readyz(State(http): State<Arc<Http>>) -> Result<&'static str, Problem> {
    match http.closing.is_cancelled() {
        false => Ok("ok"),
        true => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "closing",
            "the hub is shutting down",
        )),
    }
}
