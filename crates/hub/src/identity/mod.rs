//! The hub's identity: a key made at its first start, the certificate for it, and how it came from the
//! keys before.

mod certificate;
mod error;
mod key_file;
mod validity;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use fleetlink_proto::ring_keys::pin_of;
use fleetlink_proto::succession::Succession;
use fleetlink_proto::transfer::limits::MAX_GRANT_SUCCESSION;
use fleetlink_proto::{HubPin, WallTime};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::TLS13;

pub use self::error::IdentityError;
use self::key_file::KeyFile;
pub(crate) use self::validity::not_after;
use crate::grants::GrantSigner;

/// The protocol's name in the TLS handshake (RFC 7301).
const ALPN: &[u8] = b"fleetlink/1";
/// The file of the key.
pub(crate) const KEY_FILE: &str = "hub.key";
/// The file of the certificate.
pub(crate) const CERTIFICATE_FILE: &str = "hub.crt";

/// The hub's key and certificate; clones share them. Connections that are open when one of them
/// changes go on as they are.
#[derive(Clone)]
pub(crate) struct Identity {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    /// One change at a time; none of them is waited for by a connection.
    key: Mutex<KeyFile>,
    shown: RwLock<Arc<Shown>>,
}

/// The identity that a new connection is shown. Key, certificate and statements are read together:
/// a connection that begins during a change sees all old or all new ones.
pub(crate) struct Shown {
    pin: HubPin,
    succession: Vec<Succession>,
    certificate: CertificateDer<'static>,
    tls: Arc<ServerConfig>,
    grants: GrantSigner,
}

/// The pin of the key in this folder, whose file is only read; `None` where there is none.
///
/// # Errors
/// It is damaged.
pub(crate) fn inspect(folder: &Path) -> Result<Option<HubPin>, IdentityError> {
    match KeyFile::read(&folder.join(KEY_FILE)) {
        Ok(key) => Ok(Some(key.pin())),
        Err(IdentityError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A key that took the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rotated {
    pub(crate) old: HubPin,
    pub(crate) new: HubPin,
}

impl Identity {
    /// The identity kept in `folder`, made there at the first start.
    pub(crate) fn load_or_create(folder: &Path, now: WallTime) -> Result<Self, IdentityError> {
        Self::of(
            folder,
            KeyFile::load_or_create(&folder.join(KEY_FILE))?,
            now,
        )
    }

    /// The identity kept in `folder`.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub(crate) fn load(folder: &Path, now: WallTime) -> Result<Self, IdentityError> {
        Self::of(folder, KeyFile::load(&folder.join(KEY_FILE))?, now)
    }

    fn of(folder: &Path, key: KeyFile, now: WallTime) -> Result<Self, IdentityError> {
        let certificate = certificate::load_or_make(&folder.join(CERTIFICATE_FILE), &key, now)?;
        let shown = Shown::new(&key, certificate)?;
        Ok(Identity {
            inner: Arc::new(Inner {
                folder: folder.to_owned(),
                key: Mutex::new(key),
                shown: RwLock::new(Arc::new(shown)),
            }),
        })
    }

    /// The identity for a connection that begins now.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        let shown = self.inner.shown.read();
        Arc::clone(&shown.unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes a new key, signed for by the one that it replaces. It is shown once it is durable; the
    /// old private key is then nowhere any more. Blocking.
    ///
    /// # Errors
    /// The key file could not be written, and the hub goes on with its old key. Where that file was
    /// replaced and only its folder could not be made durable, the next start may find the new one:
    /// devices follow either way.
    pub(crate) fn rotate(&self, now: WallTime) -> Result<Rotated, IdentityError> {
        let mut key = self.key();
        let old = key.pin();
        let next = key.successor(now)?;
        let certificate = certificate::make(&next, now)?;
        let shown = Shown::new(&next, certificate)?;
        next.keep()?;
        *key = next;
        let new = key.pin();
        // Without its file, the next start makes another: devices do not look at certificates.
        if let Err(error) = certificate::keep(&self.certificate_path(), &shown.certificate) {
            tracing::warn!(%error, "the new key's certificate was not kept");
        }
        self.show(shown);
        tracing::info!(%old, %new, "the hub has a new key");
        Ok(Rotated { old, new })
    }

    /// Makes a new certificate for the same key where the old one's life nears its end, or the
    /// clock is before its beginning; whether it did. Blocking.
    pub(crate) fn renew(&self, now: WallTime) -> Result<bool, IdentityError> {
        let key = self.key();
        let path = self.certificate_path();
        let certificate = certificate::load_or_make(&path, &key, now)?;
        if certificate == self.shown().certificate {
            return Ok(false);
        }
        self.show(Shown::new(&key, certificate)?);
        tracing::info!("the hub has a new certificate for its key");
        Ok(true)
    }

    fn show(&self, shown: Shown) {
        let mut place = self.inner.shown.write();
        let place = place.as_deref_mut();
        match place {
            Ok(place) => *place = Arc::new(shown),
            Err(poisoned) => **poisoned.get_mut() = Arc::new(shown),
        }
    }

    fn key(&self) -> MutexGuard<'_, KeyFile> {
        self.inner
            .key
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn certificate_path(&self) -> PathBuf {
        self.inner.folder.join(CERTIFICATE_FILE)
    }
}

impl Shown {
    fn new(key: &KeyFile, certificate: CertificateDer<'static>) -> Result<Self, IdentityError> {
        Ok(Shown {
            pin: key.pin(),
            succession: key.succession().to_vec(),
            tls: server_config(key, certificate.clone())?,
            grants: key.grant_signer()?,
            certificate,
        })
    }

    /// The pin of the hub's key.
    pub(crate) fn pin(&self) -> HubPin {
        self.pin
    }

    /// The certificate of the hub's key.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// TLS 1.3 alone, without tickets and early data.
    pub(crate) fn tls(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.tls)
    }

    /// The signer for this key.
    pub(crate) fn grants(&self) -> &GrantSigner {
        &self.grants
    }

    /// The statements that lead from the key of this pin to the shown one; none where there is no
    /// such way.
    pub(crate) fn succession_from(&self, pin: HubPin) -> &[Succession] {
        let first = self
            .succession
            .iter()
            .position(|statement| pin_of(statement.old.spki()) == pin);
        first.map_or(&[], |first| &self.succession[first..])
    }

    /// The statements that lead to the shown key from all of these pins, as far as a grant takes
    /// them: the latest, where there are more.
    pub(crate) fn succession_for(&self, pins: &[HubPin]) -> &[Succession] {
        let ways = pins.iter().map(|pin| self.succession_from(*pin));
        let longest = ways.max_by_key(|way| way.len()).unwrap_or_default();
        &longest[longest.len().saturating_sub(MAX_GRANT_SUCCESSION)..]
    }
}

fn server_config(
    key: &KeyFile,
    certificate: CertificateDer<'static>,
) -> Result<Arc<ServerConfig>, IdentityError> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pair().serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;
