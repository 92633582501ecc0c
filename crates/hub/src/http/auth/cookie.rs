//! The cookie of a session of the page (RFC 6265).

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use fleetlink_core::Caller;
use fleetlink_proto::access::{AccessHash, AccessSecret, SecretKind};

use super::super::Http;
use super::super::connection::Client;
use super::super::problem::Problem;

/// The time for which a browser keeps the cookie. The hub ends a session that is idle much earlier.
const KEPT_SECONDS: u32 = 30 * 24 * 3600;

/// The hash of the session that a request shows, if it shows one.
pub(in super::super) fn shown(
    headers: &HeaderMap,
    client: Client,
    http: &Http,
) -> Option<AccessHash> {
    let wanted = name(client, http);
    let pairs = headers.get_all(COOKIE).iter();
    let pairs = pairs.filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';'));
    let (_, value) = pairs.find_map(|pair| {
        let pair = pair.trim().split_once('=')?;
        (pair.0 == wanted).then_some(pair)
    })?;
    let secret: AccessSecret = value.parse().ok()?;
    (secret.kind() == SecretKind::Session).then(|| secret.hash())
}

/// The caller that the session admits.
pub(super) async fn identify(
    session: AccessHash,
    headers: &HeaderMap,
    client: Client,
    http: &Http,
) -> Result<Caller, Problem> {
    super::need_privacy(client)?;
    let admitted = http.calls.admit(client.address, session).await;
    admitted.map_err(|error| Problem::of_login(error, headers))
}

/// The header that gives a browser its session.
pub(in super::super) fn set(
    secret: &AccessSecret,
    client: Client,
    http: &Http,
) -> Option<HeaderValue> {
    let text = secret.to_text();
    value(&text, KEPT_SECONDS, client, http)
}

/// The header that has a browser forget its session.
pub(in super::super) fn clear(client: Client, http: &Http) -> Option<HeaderValue> {
    value("", 0, client, http)
}

fn value(text: &str, seconds: u32, client: Client, http: &Http) -> Option<HeaderValue> {
    let name = name(client, http);
    let secure = if client.is_tls { "; Secure" } else { "" };
    let value =
        format!("{name}={text}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The name of the cookie. Without TLS no browser takes the name that only a secure cookie may have; and
/// cookies know no ports, so hubs on one machine would take each other's.
fn name(client: Client, http: &Http) -> String {
    match client.is_tls {
        true => "__Host-fleetlink".to_owned(),
        false => format!("fleetlink-{}", http.port),
    }
}
