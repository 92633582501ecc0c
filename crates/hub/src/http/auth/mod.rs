//! The caller of a request: a device by Basic, a person by a token or by the page's cookie.

mod basic;
mod bearer;
pub(super) mod cookie;
pub(super) mod origin;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use fleetlink_core::Caller;

use super::Http;
use super::connection::Client;
use super::problem::Problem;
use crate::traffic::Flow;

const HOW_TO_LOG_IN: &str = "log in: to the page, by Authorization: Bearer with a token, or by Basic \
                             with a device's name and password";

/// Refuses secrets that others can read on their way.
pub(super) fn need_privacy(client: Client) -> Result<(), Problem> {
    match client.is_private {
        true => Ok(()),
        false => Err(Problem::forbidden(
            "a password or a token is taken over TLS or on the hub's own machine alone; a proxy says \
             so by X-Forwarded-Proto: https",
        )),
    }
}

/// A request whose caller is known. Whether the caller may do what it asks for is not decided yet.
#[derive(Debug, Clone)]
pub(crate) struct Authenticated(pub(crate) Caller);

impl FromRequestParts<Arc<Http>> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, http: &Arc<Http>) -> Result<Self, Problem> {
        let client = parts.extensions.get::<Client>().copied();
        let client = client.ok_or_else(super::router::no_connection)?;
        let caller = find_caller(parts, client, http).await?;
        if let (Some(device), Some(flow)) = (caller.device(), parts.extensions.get::<Flow>()) {
            flow.belongs_to(device, &http.traffic);
        }
        Ok(Authenticated(caller))
    }
}

/// Finds the caller by the one proof that the request shows.
async fn find_caller(parts: &Parts, client: Client, http: &Http) -> Result<Caller, Problem> {
    let headers = &parts.headers;
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let (shown, another) = (shown.next(), shown.next());
    if another.is_some() {
        return Err(Problem::bad_request(
            "a request has one Authorization header",
        ));
    }
    let Some(shown) = shown else {
        let Some(session) = cookie::shown(headers, client, http) else {
            return Err(Problem::unauthorised(headers, HOW_TO_LOG_IN));
        };
        origin::check_change(&parts.method, &parts.uri, headers, client)?;
        return cookie::identify(session, headers, client, http).await;
    };
    let text = shown.to_str().unwrap_or_default();
    let (scheme, value) = text.split_once(' ').unwrap_or((text, ""));
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => {
            // A browser that knows a password sends it for the page of another port too.
            if !parts.method.is_safe() {
                origin::check(&parts.uri, headers, client)?;
            }
            basic::identify(value.trim(), headers, client, http).await
        }
        "bearer" => bearer::identify(value.trim(), headers, client, http).await,
        _ => Err(Problem::unauthorised(headers, HOW_TO_LOG_IN)),
    }
}
