//! Rules about data: `/api/v1/rules`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fleetlink_core::AdminRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Http;
use super::access::{List, tagged};
use super::auth::Authenticated;
use super::extract::{Document, Segments};
use super::problem::{Problem, ProblemDocument};
use super::texts::{RuleKindText, RulePatternText};
use crate::rules::{self, RuleDocument};

/// The value of a rule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleOrder {
    /// Bytes, data files, or seconds, by its kind; null for no bound.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true)]
    value: Option<u64>,
}

/// Lists the rules about data: quotas of devices, and how long data files stay. Of each kind, the first one
/// that is for a device or a data file counts.
#[utoipa::path(get, path = "/api/v1/rules", tag = "hub", operation_id = "list_rules",
    responses(
        (status = 200, body = List<RuleDocument>),
        (status = 304, description = "The client has it already"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(http): State<Arc<Http>>,
    headers: HeaderMap,
    Authenticated(caller): Authenticated,
) -> Result<Response, Problem> {
    let reply = http.order(caller, AdminRequest::ListRules).await?;
    let documents = rules::documents(reply, http.hub_state.option_rules());
    let items = documents.ok_or_else(Problem::odd_reply)?;
    tagged(&headers, &List { items, next: None })
}

/// Sets a rule, which holds from now on and goes before those of the hub's options.
#[utoipa::path(put, path = "/api/v1/rules/{kind}/{pattern}", tag = "hub", operation_id = "set_rule",
    params(("kind" = inline(RuleKindText), Path), ("pattern" = inline(RulePatternText), Path)),
    request_body = RuleOrder,
    responses(
        (status = 204, description = "It is set"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn set(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Segments((kind, pattern)): Segments<(String, String)>,
    Document(order): Document<RuleOrder>,
) -> Result<StatusCode, Problem> {
    let request = rules::set_rule(&kind, &pattern, order.value).map_err(Problem::bad_request)?;
    http.change(caller, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a rule that was set. Those of the hub's options are changed there.
#[utoipa::path(delete, path = "/api/v1/rules/{kind}/{pattern}", tag = "hub", operation_id = "remove_rule",
    params(("kind" = inline(RuleKindText), Path), ("pattern" = inline(RulePatternText), Path)),
    responses(
        (status = 204, description = "It is removed"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn remove(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Segments((kind, pattern)): Segments<(String, String)>,
) -> Result<StatusCode, Problem> {
    let request = rules::remove_rule(&kind, &pattern).map_err(Problem::bad_request)?;
    http.change(caller, request).await?;
    Ok(StatusCode::NO_CONTENT)
}
