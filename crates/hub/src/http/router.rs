//! The paths of the door, and what happens to every request.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use utoipa::OpenApi as _;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use super::connection::Connection;
use super::limits::MAX_BODY_BYTES;
use super::openapi::{self, Description, Document};
use super::problem::Problem;
use super::{
    Http, access, audit, counted, data, devices, events, headers, health, hub, metrics, page, rest,
    rules, session, transfers,
};

/// All paths, with the state of this hub.
///
/// # Errors
/// The description of the API cannot be written.
pub(super) fn router(http: &Arc<Http>) -> Result<Router, serde_json::Error> {
    let all = OpenApiRouter::with_openapi(Description::openapi());
    let (paths, description) = all_routes()
        .into_iter()
        .fold(all, OpenApiRouter::routes)
        .split_for_parts();
    let document = Document::new(&description)?;
    Ok(paths
        .route(openapi::PATH, get(async || document.send()))
        .fallback(page::serve)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(
            CompressionLayer::new()
                .gzip(true)
                .compress_when(is_compressible()),
        )
        .layer(from_fn_with_state(Arc::clone(http), counted::count))
        .layer(from_fn_with_state(Arc::clone(http), metrics::count))
        .layer(from_fn_with_state(Arc::clone(http), admit))
        .layer(from_fn(rest::read))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(map_response(headers::add))
        .with_state(Arc::clone(http)))
}

/// The description of each path, and its handlers.
fn all_routes() -> Vec<UtoipaMethodRouter<Arc<Http>>> {
    vec![
        routes!(health::healthz),
        routes!(health::readyz),
        routes!(metrics::metrics),
        routes!(hub::hub),
        routes!(devices::list),
        routes!(devices::one, devices::remove),
        routes!(devices::sessions),
        routes!(devices::end_session),
        routes!(events::follow),
        routes!(session::log_in),
        routes!(session::show, session::end),
        routes!(access::list_accounts, access::add_account),
        routes!(access::set_account_password),
        routes!(access::revoke_key),
        routes!(access::list_tickets, access::issue_ticket),
        routes!(access::revoke_ticket),
        routes!(access::list_logins, access::add_login),
        routes!(access::set_login_password),
        routes!(access::remove_login),
        routes!(access::list_tokens, access::add_token),
        routes!(access::revoke_token),
        routes!(access::list_lockouts),
        routes!(access::unlock),
        routes!(access::list_penalties),
        routes!(audit::list_audit),
        routes!(rules::list),
        routes!(rules::set, rules::remove),
        routes!(transfers::list),
        routes!(data::list),
        routes!(
            data::content,
            data::head,
            data::replace,
            data::append,
            data::delete
        ),
        routes!(data::summary),
        routes!(data::points),
    ]
}

/// Selects the responses that are compressed. Data files are sent as they are stored, so that ranges of them can be asked for.
fn is_compressible() -> impl Predicate {
    DefaultPredicate::new().and(NotForContentType::const_new("text/plain"))
}

/// Finds the client of a request, and refuses one that is for another host.
async fn admit(
    State(http): State<Arc<Http>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let connection = request.extensions().get::<Connection>().copied();
    let connection = connection.ok_or_else(no_connection)?;
    let client = http.proxies.client(&connection, request.headers())?;
    http.hosts.check(request.uri(), request.headers())?;
    request.extensions_mut().insert(client);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    tracing::debug!(%method, path, status, client = %client.address, "answered by HTTP");
    Ok(response)
}

pub(super) fn no_connection() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "the request came by no connection",
    )
}

pub(super) async fn not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path takes other methods: the header Allow and the API's description name them",
    )
}

/// A fault of one handler ends its request alone.
fn panicked(_why: Box<dyn Any + Send>) -> Response {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "this is a fault of the hub; its log says more",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn no_two_operations_and_no_two_schemas_have_the_same_name() {
        let (mut operations, mut schemas) = (BTreeSet::new(), BTreeMap::new());
        for (described, paths, _) in all_routes() {
            for (name, schema) in described {
                let schema = serde_json::to_value(schema).unwrap();
                let known = schemas.entry(name.clone()).or_insert(schema.clone());
                assert_eq!(*known, schema, "{name}");
            }
            let paths = serde_json::to_value(paths).unwrap();
            for (path, methods) in paths.as_object().unwrap() {
                for (method, operation) in methods.as_object().unwrap() {
                    let id = operation["operationId"].as_str().unwrap().to_owned();
                    assert!(operations.insert(id), "{method} {path}");
                }
            }
        }
        assert!(operations.len() > 30 && schemas.len() > 20);
    }
}
