//! The names by which the door is reached. A page of another name, which somebody lets point to this
//! address, is refused: else its scripts would speak to the hub as if they were the hub's own.

use std::net::IpAddr;

use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};
use rustls::pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

use super::problem::Problem;
use super::tls::Tls;

/// The names of the door.
pub(super) struct Hosts {
    named: Vec<String>,
    /// Its certificate, whose names are the door's.
    tls: Option<Tls>,
}

impl Hosts {
    pub(super) fn new(named: Vec<String>, tls: Option<Tls>) -> Self {
        let named = named.into_iter().map(|name| folded(&name)).collect();
        Hosts { named, tls }
    }

    /// Checks the host of a request.
    ///
    /// # Errors
    /// It names none, or another one.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let host = host_of(uri, headers)?;
        match self.contain(&host) {
            true => Ok(()),
            false => Err(Problem::misdirected(format!(
                "this hub is not known as {host}: use its IP address or localhost, or start it \
                 with --http-host {host}"
            ))),
        }
    }

    /// An IP address needs no name, so nobody can have a name point to it.
    fn contain(&self, host: &str) -> bool {
        let host = folded(host);
        let address = host.trim_start_matches('[').trim_end_matches(']');
        address.parse::<IpAddr>().is_ok()
            || host == "localhost"
            || self.named.contains(&host)
            || self.tls.as_ref().is_some_and(|tls| has_name(tls, &host))
    }
}

fn folded(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether the certificate that is shown now is valid for this name.
fn has_name(tls: &Tls, host: &str) -> bool {
    let Ok(name) = ServerName::try_from(host) else {
        return false;
    };
    let certificate: CertificateDer<'static> = tls.certificate();
    let parsed = EndEntityCert::try_from(&certificate);
    parsed.is_ok_and(|parsed| parsed.verify_is_valid_for_subject_name(&name).is_ok())
}

/// The host that a request is for, without the port.
pub(super) fn host_of(uri: &Uri, headers: &HeaderMap) -> Result<String, Problem> {
    Ok(authority_of(uri, headers)?.host().to_owned())
}

/// The host that a request is for, with the port where it names one.
pub(super) fn authority_of(uri: &Uri, headers: &HeaderMap) -> Result<Authority, Problem> {
    if let Some(authority) = uri.authority() {
        return Ok(authority.clone());
    }
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Problem::bad_request("a request has one Host header"));
    };
    let authority = host.to_str().ok().and_then(|host| host.parse().ok());
    authority
        .filter(|authority: &Authority| !authority.as_str().contains('@'))
        .ok_or_else(|| Problem::bad_request("the Host header is a name or an address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_known(host: &str) -> bool {
        let hosts = Hosts::new(vec!["Hub.Example.org".to_owned()], None);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        hosts.check(&Uri::from_static("/"), &headers).is_ok()
    }

    #[test]
    fn a_name_that_was_not_given_to_the_hub_is_refused() {
        for host in [
            "localhost",
            "LOCALHOST:7480",
            "127.0.0.1:7480",
            "[::1]:7480",
            "192.0.2.7",
            "hub.example.org",
            "hub.example.org.:443",
        ] {
            assert!(is_known(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:7480",
            "hub.example.org.evil.example",
            "evil.example@127.0.0.1",
            "",
        ] {
            assert!(!is_known(host), "{host}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let hosts = Hosts::new(Vec::new(), None);
        let mut headers = HeaderMap::new();
        assert!(hosts.check(&Uri::from_static("/"), &headers).is_err());
        headers.append(HOST, "localhost".parse().unwrap());
        headers.append(HOST, "evil.example".parse().unwrap());
        assert!(hosts.check(&Uri::from_static("/"), &headers).is_err());
        // What the request line says goes before the header.
        let elsewhere = Uri::from_static("http://evil.example/");
        assert!(hosts.check(&elsewhere, &headers).is_err());
    }
}
