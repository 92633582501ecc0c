//! Lock-outs of names and penalties of client networks: `/api/v1/lockouts` and `/api/v1/penalties`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fleetlink_core::{AdminReply, AdminRequest, LockOutStatus, PenaltyStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::lists::List;
use super::parse;
use crate::driver::wall_time;
use crate::http::Http;
use crate::http::auth::Authenticated;
use crate::http::extract::Segments;
use crate::http::problem::{Problem, ProblemDocument};

/// Stands in front of the name of a person's login.
const OF_LOGIN: &str = "login/";

/// A name that may not try passwords for a while.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Lockout")]
pub(crate) struct LockOutItem {
    /// The name of a device as it was tried, which need not be one; or `login/` and a person's login.
    device: String,
    /// The time at which it ends.
    until: String,
}

/// A client network that may not try passwords for a while.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Penalty")]
pub(crate) struct PenaltyItem {
    network: String,
    /// `many_names` where it may try none, `one_name` where it may not try a name that it failed on.
    fault: &'static str,
    /// The time at which it ends.
    until: String,
}

impl From<LockOutStatus> for LockOutItem {
    fn from(locked: LockOutStatus) -> Self {
        LockOutItem {
            device: locked.name.into_string(),
            until: wall_time().later(locked.left).to_string(),
        }
    }
}

impl From<PenaltyStatus> for PenaltyItem {
    fn from(penalty: PenaltyStatus) -> Self {
        PenaltyItem {
            network: penalty.source.to_string(),
            fault: match penalty.is_of_one_name {
                false => "many_names",
                true => "one_name",
            },
            until: wall_time().later(penalty.left).to_string(),
        }
    }
}

/// Lists the names that are locked out.
#[utoipa::path(get, path = "/api/v1/lockouts", tag = "access", operation_id = "list_lockouts",
    responses(
        (status = 200, body = List<LockOutItem>),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list_lockouts(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
) -> Result<Json<List<LockOutItem>>, Problem> {
    match http.order(caller, AdminRequest::ListLockOuts).await? {
        AdminReply::LockOuts(names) => Ok(Json(List {
            items: names.into_iter().map(LockOutItem::from).collect(),
            next: None,
        })),
        _ => Err(Problem::odd_reply()),
    }
}

/// Ends the lock-out of a device's name, or of a person's login: `login/NAME`.
#[utoipa::path(delete, path = "/api/v1/lockouts/{device}", tag = "access", operation_id = "unlock",
    params(("device" = String, Path)),
    responses(
        (status = 204, description = "It is not locked out any more"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn unlock(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    let request = match name.strip_prefix(OF_LOGIN) {
        Some(login) => AdminRequest::UnlockLogin {
            name: parse(login)?,
        },
        None => AdminRequest::Unlock {
            name: parse(&name)?,
        },
    };
    http.change(caller, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the client networks whose passwords are refused.
#[utoipa::path(get, path = "/api/v1/penalties", tag = "access", operation_id = "list_penalties",
    responses(
        (status = 200, body = List<PenaltyItem>),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list_penalties(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
) -> Result<Json<List<PenaltyItem>>, Problem> {
    match http.order(caller, AdminRequest::ListPenalties).await? {
        AdminReply::Penalties(penalties) => Ok(Json(List {
            items: penalties.into_iter().map(PenaltyItem::from).collect(),
            next: None,
        })),
        _ => Err(Problem::odd_reply()),
    }
}
