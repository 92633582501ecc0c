//! The description of the API, made from its code.

use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// The path of the description.
pub(super) const PATH: &str = "/api/v1/openapi.json";

/// The parts of the description that belong to no single path.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "fleetlink hub",
        description = "The devices of a hub and their data. Errors are problem documents (RFC 9457).",
    ),
    modifiers(&Schemes),
    security(("device" = []), ("token" = []), ("session" = [])),
)]
pub(super) struct Description;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let mut add = |name: &str, scheme: Http| {
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        };
        add("device", Http::new(HttpAuthScheme::Basic));
        add("token", Http::new(HttpAuthScheme::Bearer));
        // Its name is __Host-fleetlink over TLS, and has the port without.
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("__Host-fleetlink")));
        components.add_security_scheme("session", cookie);
    }
}

/// The whole description as it is sent.
#[derive(Clone)]
pub(super) struct Document(Arc<str>);

impl Document {
    /// # Errors
    /// It cannot be written as JSON.
    pub(super) fn new(document: &utoipa::openapi::OpenApi) -> Result<Self, serde_json::Error> {
        Ok(Document(serde_json::to_string(document)?.into()))
    }

    pub(super) fn send(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        ([(CONTENT_TYPE, json)], self.0.to_string()).into_response()
    }
}
