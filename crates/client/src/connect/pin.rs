//! Trust in one key.

use std::sync::OnceLock;

use fleetlink_proto::HubPin;
use fleetlink_proto::ring_keys::pin_of;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};

/// Accepts a certificate by its public key alone, and still demands the proof that the hub has the
/// private one.
#[derive(Debug)]
pub(super) struct PinVerifier {
    expected: Option<HubPin>,
    shown: OnceLock<HubPin>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinVerifier {
    /// Accepts the expected pin only; without one, any.
    pub(super) fn new(expected: Option<HubPin>) -> Self {
        PinVerifier {
            expected,
            shown: OnceLock::new(),
            algorithms: rustls::crypto::ring::default_provider().signature_verification_algorithms,
        }
    }

    /// The pin that the hub has shown.
    pub(super) fn shown(&self) -> Option<HubPin> {
        self.shown.get().copied()
    }
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let pin = pin_of(&ParsedCertificate::try_from(end_entity)?.subject_public_key_info());
        self.shown.get_or_init(|| pin);
        match self.expected {
            Some(expected) if expected != pin => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
