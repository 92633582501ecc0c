//! A device's name and password in each request (RFC 7617).

use axum::http::HeaderMap;
use data_encoding::BASE64;
use fleetlink_core::{Caller, ShownPassword};
use fleetlink_proto::Password;
use zeroize::Zeroizing;

use super::super::Http;
use super::super::connection::Client;
use super::super::problem::Problem;

/// The device whose name and password are shown.
pub(super) async fn identify(
    value: &str,
    headers: &HeaderMap,
    client: Client,
    http: &Http,
) -> Result<Caller, Problem> {
    super::need_privacy(client)?;
    let shown = parse(value).ok_or_else(|| {
        Problem::bad_request("Basic is followed by NAME:PASSWORD in UTF-8, in Base64")
    })?;
    let shown = ShownPassword {
        address: client.address,
        name: shown.0.into(),
        password: shown.1,
    };
    let found = http.calls.identify(shown).await;
    found.map_err(|error| Problem::of_login(error, headers))
}

/// A name ends with the first colon.
fn parse(value: &str) -> Option<(String, Password)> {
    let bytes = Zeroizing::new(BASE64.decode(value.as_bytes()).ok()?);
    let text = std::str::from_utf8(&bytes).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), Password::from(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_have_colons_and_a_name_none() {
        let (name, password) = parse(&BASE64.encode(b"cam:a:b")).unwrap();
        assert_eq!((name.as_str(), password.expose()), ("cam", "a:b"));
        for wrong in [&b"cam"[..], b"\xff:x"] {
            assert!(parse(&BASE64.encode(wrong)).is_none());
        }
        assert!(parse("not base64!").is_none());
    }
}
