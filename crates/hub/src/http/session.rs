//! Sessions of the page: `/api/v1/login` and `/api/v1/session`.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use fleetlink_core::{Caller, ShownPassword};
use fleetlink_proto::Password;
use fleetlink_proto::access::{AccessSecret, Role, SecretKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Http;
use super::auth::{self, Authenticated, cookie, origin};
use super::connection::Client;
use super::extract::Document;
use super::problem::{Problem, ProblemDocument};
use super::texts::{LinkText, TypedNameText};
use crate::operator::draw;

/// The proof that opens a session of the page: a one-time link, or a login's name and password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginOrder {
    /// The secret of a one-time link.
    #[schema(value_type = Option<LinkText>)]
    token: Option<String>,
    /// The name of a login.
    #[schema(value_type = Option<TypedNameText>)]
    name: Option<String>,
    /// Its password.
    #[schema(value_type = Option<String>)]
    password: Option<Password>,
}

/// The caller of the requests.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Session")]
pub(crate) struct SessionDocument {
    /// The name of the login, the token or the device.
    name: String,
    /// `administrator`, `viewer` or `device`.
    role: &'static str,
    /// The time at which that ends unless it is used before; null if it has no end.
    expires: Option<String>,
}

impl SessionDocument {
    fn of(caller: &Caller) -> Result<Self, Problem> {
        let (person, role) = match caller {
            Caller::Administrator(person) => (person, Role::Administrator),
            Caller::Viewer(person) => (person, Role::Viewer),
            Caller::Device { name, .. } => {
                return Ok(SessionDocument {
                    name: name.to_string(),
                    role: "device",
                    expires: None,
                });
            }
            Caller::Nobody | Caller::Operator => return Err(Problem::odd_reply()),
        };
        Ok(SessionDocument {
            name: person.name.to_string(),
            role: role.as_str(),
            expires: person.expires.map(|expires| expires.to_string()),
        })
    }
}

/// Logs a person in to the page, by a one-time link or a password.
#[utoipa::path(post, path = "/api/v1/login", tag = "access", operation_id = "log_in",
    request_body = LoginOrder, security(()),
    responses(
        (status = 200, body = SessionDocument, headers(
            ("set-cookie" = String, description = "The session, for the page"))),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn log_in(
    State(http): State<Arc<Http>>,
    Extension(client): Extension<Client>,
    uri: Uri,
    headers: HeaderMap,
    Document(order): Document<LoginOrder>,
) -> Result<Response, Problem> {
    auth::need_privacy(client)?;
    // Nobody is logged in by the page of another site, as somebody else.
    origin::check(&uri, &headers, client)?;
    let session = draw(SecretKind::Session).map_err(Problem::internal)?;
    let opened = match order {
        LoginOrder {
            token: Some(link),
            name: None,
            password: None,
        } => {
            let link = link.parse::<AccessSecret>().ok();
            let link = link.filter(|link| link.kind() == SecretKind::Link);
            let Some(link) = link else {
                let why = "the token of a one-time link begins with fll_ and has 64 hexadecimal \
                           digits: fleetlink admin link makes one";
                return Err(Problem::bad_request(why));
            };
            let (link, session) = (link.hash(), session.hash());
            http.calls.use_link(client.address, link, session).await
        }
        LoginOrder {
            token: None,
            name: Some(name),
            password: Some(password),
        } => {
            let shown = ShownPassword {
                address: client.address,
                name: name.into(),
                password,
            };
            http.calls.log_in(shown, session.hash()).await
        }
        _ => {
            let why = "give a token, or a name and a password";
            return Err(Problem::bad_request(why));
        }
    };
    let caller = opened.map_err(Problem::from)?;
    let mut response = Json(SessionDocument::of(&caller)?).into_response();
    give_cookie(&mut response, &session, client, &http)?;
    Ok(response)
}

/// Tells who makes the request.
#[utoipa::path(get, path = "/api/v1/session", tag = "access", operation_id = "show_session",
    responses(
        (status = 200, body = SessionDocument),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn show(
    Authenticated(caller): Authenticated,
) -> Result<Json<SessionDocument>, Problem> {
    SessionDocument::of(&caller).map(Json)
}

/// Ends the session whose cookie comes with the request.
#[utoipa::path(delete, path = "/api/v1/session", tag = "access", operation_id = "log_out",
    responses(
        (status = 204, description = "It has ended"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn end(
    State(http): State<Arc<Http>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    Authenticated(_): Authenticated,
) -> Result<Response, Problem> {
    let Some(session) = cookie::shown(&headers, client, &http) else {
        let why = "only a session of the page can be ended so: a token is revoked, and Basic has no \
                   session";
        return Err(Problem::bad_request(why));
    };
    let ended = http.calls.end_page_session(client.address, session).await;
    ended.map_err(Problem::from)?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let cleared = cookie::clear(client, &http);
    response
        .headers_mut()
        .extend(cleared.map(|value| (SET_COOKIE, value)));
    Ok(response)
}

fn give_cookie(
    response: &mut Response,
    session: &AccessSecret,
    client: Client,
    http: &Http,
) -> Result<(), Problem> {
    let value = cookie::set(session, client, http);
    let value = value.ok_or_else(|| Problem::internal("the cookie cannot be written"))?;
    response.headers_mut().append(SET_COOKIE, value);
    Ok(())
}
