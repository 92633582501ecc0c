//! A token in each request (RFC 6750).

use axum::http::HeaderMap;
use fleetlink_core::Caller;
use fleetlink_proto::access::{AccessSecret, SecretKind};

use super::super::Http;
use super::super::connection::Client;
use super::super::problem::Problem;

/// The caller that the token admits.
pub(super) async fn identify(
    value: &str,
    headers: &HeaderMap,
    client: Client,
    http: &Http,
) -> Result<Caller, Problem> {
    super::need_privacy(client)?;
    let secret = value.parse::<AccessSecret>().ok();
    let Some(secret) = secret.filter(|secret| secret.kind() == SecretKind::Token) else {
        let why = "a token begins with flt_ and has 64 hexadecimal digits: fleetlink token add";
        return Err(Problem::unauthorised(headers, why));
    };
    let admitted = http.calls.admit(client.address, secret.hash()).await;
    admitted.map_err(|error| Problem::of_login(error, headers))
}
