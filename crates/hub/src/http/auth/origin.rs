//! Requests that another site has a browser make are refused: by where they come from, and by a header
//! that no form can send.

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderName, Method, Uri};

use super::super::connection::Client;
use super::super::host;
use super::super::problem::{PAGE_HEADER, Problem};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Checks a request with a session's cookie that changes something.
///
/// # Errors
/// It does not show that the hub's own page makes it.
pub(super) fn check_change(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    client: Client,
) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    if headers.get(PAGE_HEADER).is_none_or(|value| value != "1") {
        let why = "a request with a session's cookie that changes something has the header \
                   X-Fleetlink: 1";
        return Err(Problem::forbidden(why));
    }
    match check(uri, headers, client)? {
        Shown::Own => Ok(()),
        Shown::Nothing => {
            let why = "a request with a session's cookie that changes something has an Origin, or \
                       Sec-Fetch-Site: same-origin";
            Err(Problem::forbidden(why))
        }
    }
}

/// The origin that a request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Shown {
    /// It comes from this hub's own page.
    Own,
    /// Nothing: no browser of today makes it.
    Nothing,
}

/// Finds out where a request comes from.
///
/// # Errors
/// It comes from another site.
pub(in super::super) fn check(
    uri: &Uri,
    headers: &HeaderMap,
    client: Client,
) -> Result<Shown, Problem> {
    let foreign = || Problem::forbidden("the request comes from the page of another site");
    let mut shown = Shown::Nothing;
    for site in headers.get_all(SITE) {
        match site.as_bytes() {
            b"same-origin" => shown = Shown::Own,
            _ => return Err(foreign()),
        }
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    if let Some(origin) = origins.next() {
        let scheme = if client.is_tls { "https" } else { "http" };
        let own = format!("{scheme}://{}", host::authority_of(uri, headers)?);
        if origin.as_bytes() != own.as_bytes() || origins.next().is_some() {
            return Err(foreign());
        }
        shown = Shown::Own;
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(is_tls: bool) -> Client {
        Client {
            address: [127, 0, 0, 1].into(),
            is_private: true,
            is_tls,
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().chain(&[("host", "hub.example:7480")]);
        let pairs =
            pairs.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        pairs.collect()
    }

    fn checked(method: &Method, is_tls: bool, pairs: &[(&'static str, &str)]) -> bool {
        let uri = Uri::from_static("/api/v1/tokens");
        check_change(method, &uri, &headers(pairs), client(is_tls)).is_ok()
    }

    #[test]
    fn only_the_hubs_own_page_changes_things_by_a_cookie() {
        let page = ("x-fleetlink", "1");
        let own = ("origin", "http://hub.example:7480");
        for (pairs, permitted) in [
            (&[page, own][..], true),
            (&[page, ("sec-fetch-site", "same-origin")], true),
            (&[page, own, ("sec-fetch-site", "same-origin")], true),
            (&[own], false),
            (&[page], false),
            (&[("x-fleetlink", "2"), own], false),
            (&[page, own, ("sec-fetch-site", "cross-site")], false),
            (&[page, ("sec-fetch-site", "same-site")], false),
            (&[page, ("sec-fetch-site", "none")], false),
            (&[page, ("origin", "null")], false),
            (&[page, ("origin", "http://hub.example")], false),
            (&[page, ("origin", "http://hub.example:7481")], false),
            (&[page, ("origin", "http://evil.example:7480")], false),
            (&[page, ("origin", "https://hub.example:7480")], false),
            (&[page, own, own], false),
        ] {
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
                assert_eq!(checked(&method, false, pairs), permitted, "{pairs:?}");
            }
            assert!(checked(&Method::GET, false, pairs));
        }
        let over_tls = ("origin", "https://hub.example:7480");
        assert!(checked(&Method::POST, true, &[page, over_tls]));
        assert!(!checked(&Method::POST, true, &[page, own]));
    }
}
