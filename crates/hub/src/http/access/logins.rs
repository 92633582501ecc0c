//! Logins of people: `/api/v1/logins`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fleetlink_core::{AdminReply, AdminRequest, PeopleOrder, WebLogin};
use fleetlink_proto::Password;
use fleetlink_proto::control::limits::LISTED_AT_ONCE;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::lists::{List, ListPage, tagged};
use super::parse;
use crate::http::Http;
use crate::http::auth::Authenticated;
use crate::http::extract::{Document, Fields, Segments};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::texts::{AccessText, PasswordText, RoleText};

/// A login.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Login")]
pub(crate) struct LoginItem {
    name: String,
    /// `viewer` or `administrator`.
    role: String,
    made: String,
}

/// A new login.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLogin {
    #[schema(value_type = AccessText)]
    name: String,
    /// `viewer` or `administrator`.
    #[schema(value_type = RoleText)]
    role: String,
    #[schema(value_type = PasswordText)]
    password: Password,
}

/// Another password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    #[schema(value_type = PasswordText)]
    pub(super) password: Password,
}

impl From<WebLogin> for LoginItem {
    fn from(login: WebLogin) -> Self {
        LoginItem {
            name: login.name.to_string(),
            role: login.role.to_string(),
            made: login.created.to_string(),
        }
    }
}

/// Lists the logins, by name.
#[utoipa::path(get, path = "/api/v1/logins", tag = "access", operation_id = "list_logins",
    params(ListPage),
    responses(
        (status = 200, body = List<LoginItem>),
        (status = 304, description = "The client has it already"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list_logins(
    State(http): State<Arc<Http>>,
    headers: HeaderMap,
    Authenticated(caller): Authenticated,
    Fields(page): Fields<ListPage>,
) -> Result<Response, Problem> {
    let after = page.after.as_deref().map(parse).transpose()?;
    match http
        .order(caller, AdminRequest::ListLogins { after })
        .await?
    {
        AdminReply::Logins(logins) => {
            let items = logins.into_iter().map(LoginItem::from).collect();
            let list = page.cut(items, LISTED_AT_ONCE, |login: &LoginItem| {
                login.name.clone()
            })?;
            tagged(&headers, &list)
        }
        _ => Err(Problem::odd_reply()),
    }
}

/// Adds a login.
#[utoipa::path(post, path = "/api/v1/logins", tag = "access", operation_id = "add_login",
    request_body = NewLogin,
    responses(
        (status = 204, description = "It is added"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn add_login(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Document(order): Document<NewLogin>,
) -> Result<StatusCode, Problem> {
    let (name, role) = (parse(&order.name)?, parse(&order.role)?);
    let password_hash = http.hash(&caller, order.password).await?;
    let add = PeopleOrder::AddLogin {
        name,
        role,
        password_hash,
    };
    http.change(caller, AdminRequest::People(add)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the password of a login and ends its sessions.
#[utoipa::path(put, path = "/api/v1/logins/{name}/password", tag = "access",
    operation_id = "set_login_password",
    params(("name" = inline(AccessText), Path)), request_body = NewPassword,
    responses(
        (status = 204, description = "It is changed"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn set_login_password(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    Document(order): Document<NewPassword>,
) -> Result<StatusCode, Problem> {
    let name = parse(&name)?;
    let password_hash = http.hash(&caller, order.password).await?;
    let set = PeopleOrder::SetPassword {
        name,
        password_hash,
    };
    http.change(caller, AdminRequest::People(set)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a login and ends its sessions.
#[utoipa::path(delete, path = "/api/v1/logins/{name}", tag = "access",
    operation_id = "remove_login", params(("name" = inline(AccessText), Path)),
    responses(
        (status = 204, description = "It is removed"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn remove_login(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    let remove = PeopleOrder::RemoveLogin {
        name: parse(&name)?,
    };
    http.change(caller, AdminRequest::People(remove)).await?;
    Ok(StatusCode::NO_CONTENT)
}
