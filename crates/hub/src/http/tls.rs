//! The certificate of the HTTP door, read again when its files change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::time::{MissedTickBehavior, interval};

use super::config::HttpTls;
use super::limits::LOOK_AT_CERTIFICATE;

/// The reason why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// A file has no PEM block of the kind that it should have.
    #[error("{} has no {wanted} in PEM: {source}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The kind of the block.
        wanted: &'static str,
        /// The error.
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate and the key do not belong together, or are of a kind that is not supported.
    #[error("the certificate in {} cannot be used with its key: {source}", .path.display())]
    Unusable {
        /// The file of the certificate.
        path: PathBuf,
        /// The error.
        source: rustls::Error,
    },
}

/// The certificate that is shown now.
#[derive(Clone)]
pub(super) struct Tls(Arc<Shared>);

struct Shared {
    files: HttpTls,
    loaded: RwLock<Loaded>,
}

#[derive(Clone)]
struct Loaded {
    config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
    stamps: Stamps,
}

/// By what changed files are told from those that were read.
type Stamps = [Option<(SystemTime, u64)>; 2];

impl Tls {
    /// Reads both files.
    pub(super) fn load(files: HttpTls) -> Result<Self, TlsError> {
        let loaded = RwLock::new(Loaded::read(&files)?);
        Ok(Tls(Arc::new(Shared { files, loaded })))
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.read().config)
    }

    pub(super) fn certificate(&self) -> CertificateDer<'static> {
        self.read().certificate.clone()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Loaded> {
        self.0.loaded.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes changed files up, for as long as the door is open. If they cannot be used, the
    /// certificate stays, until they change once more.
    pub(super) async fn follow(self) {
        let mut looks = interval(LOOK_AT_CERTIFICATE);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = self.read().stamps;
        loop {
            looks.tick().await;
            let tls = self.clone();
            let looked = tokio::task::spawn_blocking(move || tls.look(seen)).await;
            match looked {
                Ok(stamps) => seen = stamps,
                Err(failed) => std::panic::resume_unwind(failed.into_panic()),
            }
        }
    }

    /// Reads files that are not as they were seen last. Returns what they are now. Blocks.
    fn look(&self, seen: Stamps) -> Stamps {
        let stamps = stamps(&self.0.files);
        if stamps == seen {
            return seen;
        }
        match Loaded::read(&self.0.files) {
            Ok(loaded) => {
                let mut held = self
                    .0
                    .loaded
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                *held = loaded;
                tracing::info!("the changed certificate for HTTP is in use");
            }
            Err(error) => {
                tracing::warn!(%error, "the changed certificate for HTTP is not used");
            }
        }
        stamps
    }
}

impl Loaded {
    fn read(files: &HttpTls) -> Result<Self, TlsError> {
        // Before the content: a change meanwhile is seen at the next look.
        let stamps = stamps(files);
        let chain = read_chain(&files.certificate)?;
        let key = content(&files.key)?;
        let key = PrivateKeyDer::from_pem_slice(&key);
        let key = key.map_err(|source| no_block(&files.key, "private key", source))?;
        let certificate = chain[0].clone();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let unusable = |source| TlsError::Unusable {
            path: files.certificate.clone(),
            source,
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Loaded {
            config: Arc::new(config),
            certificate,
            stamps,
        })
    }
}

/// The certificates of a file; at least one.
fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = content(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.and_then(|chain| match chain.is_empty() {
        true => Err(rustls::pki_types::pem::Error::NoItemsFound),
        false => Ok(chain),
    });
    chain.map_err(|source| no_block(path, "certificate", source))
}

fn no_block(path: &Path, wanted: &'static str, source: rustls::pki_types::pem::Error) -> TlsError {
    TlsError::Content {
        path: path.to_owned(),
        wanted,
        source,
    }
}

fn content(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::File {
        path: path.to_owned(),
        source,
    })
}

fn stamps(files: &HttpTls) -> Stamps {
    [&files.certificate, &files.key].map(|path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}
