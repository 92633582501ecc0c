//! Who the hub is: a key made at its first start, and the certificate for it.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use fleetlink_proto::HubPin;

use crate::grants::GrantSigner;
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The protocol's name in the TLS handshake (RFC 7301).
const ALPN: &[u8] = b"fleetlink/1";
const KEY_FILE: &str = "hub.key";
const CERTIFICATE_FILE: &str = "hub.crt";

/// The hub's key and certificate.
pub(crate) struct Identity {
    key: KeyPair,
    certificate: CertificateDer<'static>,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file could not be read or written.
    #[error("cannot use {path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The key file holds no usable key. A new one would look like another hub to every device.
    #[error(
        "{path} holds no usable private key ({reason}); restore it from a backup, or remove it \
         to give the hub a new key, which every device must then be told"
    )]
    Key {
        /// Which.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
}

impl Identity {
    /// The identity kept in `folder`, made there at the first start.
    pub(crate) fn load_or_create(folder: &Path) -> Result<Self, IdentityError> {
        let key = load_or_create_key(&folder.join(KEY_FILE))?;
        let certificate = load_certificate(&folder.join(CERTIFICATE_FILE), &key)?;
        Ok(Identity { key, certificate })
    }

    /// What devices know the hub by.
    pub(crate) fn pin(&self) -> HubPin {
        pin_of(&self.key)
    }

    /// What signs the leave that devices get to send files to each other: the same key, since it is
    /// the one that they know.
    pub(crate) fn grant_signer(&self) -> Result<GrantSigner, IdentityError> {
        let signer = GrantSigner::new(
            &self.key.serialize_der(),
            &self.key.subject_public_key_info(),
        );
        signer.ok_or_else(|| IdentityError::Key {
            path: KEY_FILE.to_owned(),
            reason: "it is no ECDSA P-256 key".to_owned(),
        })
    }

    /// TLS 1.3 alone, without tickets and early data.
    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

fn pin_of(key: &KeyPair) -> HubPin {
    let digest = ring::digest::digest(&ring::digest::SHA256, &key.subject_public_key_info());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    HubPin::from_sha256(hash)
}

fn load_or_create_key(path: &Path) -> Result<KeyPair, IdentityError> {
    match fs::read_to_string(path) {
        Ok(pem) => KeyPair::from_pem(&pem).map_err(|e| IdentityError::Key {
            path: path.display().to_string(),
            reason: e.to_string(),
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
                .map_err(|e| IdentityError::Certificate(e.to_string()))?;
            write_private(path, key.serialize_pem().as_bytes()).map_err(|e| io_error(path, e))?;
            Ok(key)
        }
        Err(e) => Err(io_error(path, e)),
    }
}

/// The kept certificate if it is for this key, else a new one.
fn load_certificate(path: &Path, key: &KeyPair) -> Result<CertificateDer<'static>, IdentityError> {
    if let Ok(der) = fs::read(path) {
        let der = CertificateDer::from(der);
        let fits = rustls::server::ParsedCertificate::try_from(&der)
            .is_ok_and(|c| c.subject_public_key_info().as_ref() == key.subject_public_key_info());
        if fits {
            return Ok(der);
        }
    }
    let failed = |e: rcgen::Error| IdentityError::Certificate(e.to_string());
    let mut params = CertificateParams::new(vec!["fleetlink-hub".to_owned()]).map_err(failed)?;
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "fleetlink hub");
    let certificate = params.self_signed(key).map_err(failed)?;
    write_private(path, certificate.der()).map_err(|e| io_error(path, e))?;
    Ok(certificate.into())
}

/// Durable and whole, or not there: a key that was announced must survive a power cut.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let _ = fs::remove_file(&temporary);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn io_error(path: &Path, source: io::Error) -> IdentityError {
    IdentityError::Io {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_pin_survives_restarts_and_a_lost_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let first = Identity::load_or_create(folder.path()).unwrap();
        first.server_config().unwrap();
        assert_eq!(
            Identity::load_or_create(folder.path()).unwrap().pin(),
            first.pin()
        );
        fs::remove_file(folder.path().join(CERTIFICATE_FILE)).unwrap();
        let renewed = Identity::load_or_create(folder.path()).unwrap();
        assert_eq!(renewed.pin(), first.pin());
        assert_ne!(renewed.certificate, first.certificate);
        let mode = fs::metadata(folder.path().join(KEY_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_an_error_and_not_a_new_key() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(KEY_FILE), "nonsense").unwrap();
        let refused = Identity::load_or_create(folder.path()).err().unwrap();
        assert!(
            refused.to_string().contains("restore it from a backup"),
            "{refused}"
        );
    }
}
