//! TLS 1.3 with a hub whose certificate nobody signed.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use fleetlink_proto::HubPin;
use fleetlink_proto::control::limits::HANDSHAKE_DEADLINE;
use fleetlink_proto::signed::{Channel, EXPORTER_LABEL};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Unfollowed;
use super::pin::PinVerifier;
use crate::limits::TLS_BUFFER;
use crate::{Error, ErrorKind, HubAddress, Result};

/// The protocol's name in the handshake (ALPN, RFC 7301).
const ALPN: &[u8] = b"fleetlink/1";

/// Shakes hands and returns what a proof is tied to; the hub's key is the expected one where one is.
pub(super) async fn handshake(
    tcp: TcpStream,
    hub: &HubAddress,
    expected: Option<HubPin>,
) -> Result<(TlsStream<TcpStream>, Channel)> {
    let tls_error = |source: io::Error| {
        let message = format!("what answers at {hub} is no fleetlink hub: {source}");
        Error::new(ErrorKind::NotAHub, message).because(source)
    };
    let verifier = Arc::new(PinVerifier::new(expected));
    let config = client_config(&verifier).map_err(|e| tls_error(io::Error::other(e)))?;
    // The pin says who the hub is; a name in the handshake would only tell others.
    let name = ServerName::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let connecting = TlsConnector::from(Arc::new(config)).connect_with(name, tcp, |tls| {
        tls.set_buffer_limit(Some(TLS_BUFFER));
    });
    let finished = timeout(HANDSHAKE_DEADLINE, connecting).await;
    let shown = verifier.shown();
    if let (Some(expected), Some(found)) = (expected, shown)
        && expected != found
    {
        return Err(super::pin_changed(
            hub,
            (expected, found),
            Unfollowed::Untried,
        ));
    }
    let stream = match finished {
        Ok(finished) => finished.map_err(tls_error)?,
        Err(_) => return Err(super::late("TLS handshake", HANDSHAKE_DEADLINE)),
    };
    if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        let what = "it does not speak the protocol fleetlink/1";
        return Err(tls_error(io::Error::other(what)));
    }
    let pin = shown.ok_or_else(|| tls_error(io::Error::other("it showed no certificate")))?;
    // What both ends of this connection export and nobody else knows (RFC 9266).
    let binding = stream
        .get_ref()
        .1
        .export_keying_material([0; 32], EXPORTER_LABEL, None)
        .map_err(|e| tls_error(io::Error::other(e)))?;
    Ok((stream, Channel { hub: pin, binding }))
}

fn client_config(verifier: &Arc<PinVerifier>) -> std::result::Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(verifier) as Arc<_>)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed handshake shows no certificate, and so no pin.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}
