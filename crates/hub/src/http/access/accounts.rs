//! Accounts of devices: `/api/v1/accounts`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fleetlink_core::{
    AccountOrder, AccountStatus, AdminReply, AdminRequest, Caller, Door, PasswordHash,
    authorisation::{Action, Decision, decide},
};
use fleetlink_proto::Password;
use fleetlink_proto::control::limits::LISTED_AT_ONCE;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::lists::{List, ListPage, tagged};
use super::{NewPassword, parse};
use crate::http::Http;
use crate::http::auth::Authenticated;
use crate::http::extract::{Document, Fields, Segments};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::texts::{DeviceText, PasswordText};

/// An account of a device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Account")]
pub(crate) struct AccountItem {
    name: String,
    /// The time at which it was made.
    added: String,
    /// Whether the device has joined.
    present: bool,
    /// For how many more milliseconds its password is refused; null if it is not.
    locked_out_for_ms: Option<u64>,
    /// The device's key; null if it has none.
    key: Option<KeyItem>,
}

/// A device's key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "DeviceKey")]
pub(crate) struct KeyItem {
    /// Its public half.
    fingerprint: String,
    /// Since when it is the device's.
    since: String,
}

/// A new account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    /// The name of the device.
    #[schema(value_type = DeviceText)]
    name: String,
    #[schema(value_type = PasswordText)]
    password: Password,
}

impl From<AccountStatus> for AccountItem {
    fn from(account: AccountStatus) -> Self {
        let locked_out = account.locked_out_for;
        AccountItem {
            name: account.name.to_string(),
            added: account.created.to_string(),
            present: account.active,
            locked_out_for_ms: locked_out
                .map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            key: account.key.map(|key| KeyItem {
                fingerprint: key.key.to_string(),
                since: key.enrolled.to_string(),
            }),
        }
    }
}

impl Http {
    /// The hash of a new password. Only who may use it has the hub do the work.
    pub(super) async fn hash(
        &self,
        caller: &Caller,
        password: Password,
    ) -> Result<PasswordHash, Problem> {
        if decide(caller, Door::Http, Action::Administer) != Decision::Permitted {
            return Err(Problem::forbidden("this is for administrators"));
        }
        password
            .check_for_account()
            .map_err(|error| Problem::bad_request(error.to_string()))?;
        Ok(self.passwords.hash(password).await)
    }
}

/// Lists the accounts, by name.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "access", operation_id = "list_accounts",
    params(ListPage),
    responses(
        (status = 200, body = List<AccountItem>),
        (status = 304, description = "The client has it already"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list_accounts(
    State(http): State<Arc<Http>>,
    headers: HeaderMap,
    Authenticated(caller): Authenticated,
    Fields(page): Fields<ListPage>,
) -> Result<Response, Problem> {
    let after = page.after.as_deref().map(parse).transpose()?;
    match http
        .order(caller, AdminRequest::ListAccounts { after })
        .await?
    {
        AdminReply::Accounts(accounts) => {
            let items = accounts.into_iter().map(AccountItem::from).collect();
            let list = page.cut(items, LISTED_AT_ONCE, |item: &AccountItem| {
                item.name.clone()
            })?;
            tagged(&headers, &list)
        }
        _ => Err(Problem::odd_reply()),
    }
}

/// Adds an account with a password.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "access", operation_id = "add_account",
    request_body = NewAccount,
    responses(
        (status = 204, description = "It is added"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn add_account(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Document(order): Document<NewAccount>,
) -> Result<StatusCode, Problem> {
    let name = parse(&order.name)?;
    let order = AccountOrder::Add(http.hash(&caller, order.password).await?);
    http.change(caller, AdminRequest::Change { name, order })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes an account's password, and ends the sessions that the old one opened.
#[utoipa::path(put, path = "/api/v1/accounts/{name}/password", tag = "access",
    operation_id = "set_account_password",
    params(("name" = inline(DeviceText), Path)), request_body = NewPassword,
    responses(
        (status = 204, description = "It is changed"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn set_account_password(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    Document(order): Document<NewPassword>,
) -> Result<StatusCode, Problem> {
    let name = parse(&name)?;
    let order = AccountOrder::SetPassword(http.hash(&caller, order.password).await?);
    http.change(caller, AdminRequest::Change { name, order })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the key of a device away, and ends the sessions that it opened.
#[utoipa::path(delete, path = "/api/v1/accounts/{name}/key", tag = "access",
    operation_id = "revoke_key", params(("name" = inline(DeviceText), Path)),
    responses(
        (status = 204, description = "The device has no key any more"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn revoke_key(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    let name = parse(&name)?;
    http.change(caller, AdminRequest::RevokeKey { name })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
