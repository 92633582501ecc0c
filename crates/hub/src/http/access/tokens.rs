//! Bearer tokens: `/api/v1/tokens`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fleetlink_core::{AdminReply, AdminRequest, PeopleOrder, Token, TokenId};
use fleetlink_proto::access::TokenRole;
use fleetlink_proto::control::limits::LISTED_AT_ONCE;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::lists::{List, ListPage, tagged};
use super::{number, parse};
use crate::http::Http;
use crate::http::auth::Authenticated;
use crate::http::extract::{Document, Fields, Segments};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::texts::{AccessText, DeviceText, NumberText, TokenRoleText};
use crate::operator::{Drawn, TokenOrder, draw_token};

/// A token, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Token")]
pub(crate) struct TokenItem {
    id: String,
    name: String,
    /// `viewer`, `administrator` or `device`.
    role: &'static str,
    /// The device as which it acts; null if it acts as none.
    device: Option<String>,
    made: String,
    /// The time at which it ends; null if it has no end.
    expires: Option<String>,
    /// The time of its last use, to a minute.
    used: Option<String>,
}

/// A token that was added: the one time that its text is told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewToken {
    /// The value for `Authorization: Bearer`.
    token: String,
    #[serde(flatten)]
    item: TokenItem,
}

/// The settings of a new token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "NewTokenOrder")]
pub(crate) struct NewTokenOrder {
    /// Its purpose.
    #[schema(value_type = AccessText)]
    name: String,
    /// `viewer`, `administrator` or `device`.
    #[schema(value_type = TokenRoleText)]
    role: String,
    /// The device as which it acts, where that is its role.
    #[schema(value_type = Option<DeviceText>)]
    device: Option<String>,
    /// For how many seconds; without an end where it is not given.
    expires_in: Option<u64>,
}

impl From<Token> for TokenItem {
    fn from(token: Token) -> Self {
        let (role, device) = match token.role {
            TokenRole::Person(role) => (role.as_str(), None),
            TokenRole::Device(name) => ("device", Some(name.to_string())),
        };
        TokenItem {
            id: token.id.0.to_string(),
            name: token.name.to_string(),
            role,
            device,
            made: token.created.to_string(),
            expires: token.expires.map(|expires| expires.to_string()),
            used: token.used.map(|used| used.to_string()),
        }
    }
}

/// Lists the tokens, by number.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "access", operation_id = "list_tokens",
    params(ListPage),
    responses(
        (status = 200, body = List<TokenItem>),
        (status = 304, description = "The client has it already"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list_tokens(
    State(http): State<Arc<Http>>,
    headers: HeaderMap,
    Authenticated(caller): Authenticated,
    Fields(page): Fields<ListPage>,
) -> Result<Response, Problem> {
    let after = page.after.as_deref().map(parse).transpose()?.map(TokenId);
    match http
        .order(caller, AdminRequest::ListTokens { after })
        .await?
    {
        AdminReply::Tokens(tokens) => {
            let items = tokens.into_iter().map(TokenItem::from).collect();
            let list = page.cut(items, LISTED_AT_ONCE, |token: &TokenItem| token.id.clone())?;
            tagged(&headers, &list)
        }
        _ => Err(Problem::odd_reply()),
    }
}

/// Adds a token and tells its text, this one time.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "access", operation_id = "add_token",
    request_body = NewTokenOrder,
    responses(
        (status = 201, body = NewToken),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn add_token(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Document(order): Document<NewTokenOrder>,
) -> Result<(StatusCode, Json<NewToken>), Problem> {
    let role = match (order.role.as_str(), &order.device) {
        ("device", Some(name)) => TokenRole::Device(parse(name)?),
        ("device", None) => return Err(Problem::bad_request("give the device of the token")),
        (_, Some(_)) => {
            let why = "a device is given where the role is device";
            return Err(Problem::bad_request(why));
        }
        (role, None) => TokenRole::Person(parse(role)?),
    };
    let life = order.expires_in.map(Duration::from_secs);
    let order = TokenOrder {
        name: parse(&order.name)?,
        role,
        life_ms: life.map(|life| u64::try_from(life.as_millis()).unwrap_or(u64::MAX)),
    };
    let Drawn { secret, request } = draw_token(order).map_err(Problem::internal)?;
    match http.order(caller, request).await? {
        AdminReply::Token(token) => {
            let token = NewToken {
                token: secret.to_text().to_string(),
                item: token.into(),
            };
            Ok((StatusCode::CREATED, Json(token)))
        }
        _ => Err(Problem::odd_reply()),
    }
}

/// Revokes a token: it is of no use from now on.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "access", operation_id = "revoke_token",
    params(("id" = inline(NumberText), Path)),
    responses(
        (status = 204, description = "It is revoked"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn revoke_token(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Segments(id): Segments<String>,
) -> Result<StatusCode, Problem> {
    let token = TokenId(number(&id, "token")?);
    let revoke = AdminRequest::People(PeopleOrder::RevokeToken { token });
    http.change(caller, revoke).await?;
    Ok(StatusCode::NO_CONTENT)
}
