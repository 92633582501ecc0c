//! The errors of a hub's identity.

use std::io;
use std::path::Path;

/// The reason why the hub has no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file could not be read or written.
    #[error("cannot use {path}: {source}")]
    Io { path: String, source: io::Error },
    /// The key file holds no usable key. A new one would look like another hub to every device.
    #[error(
        "{path} holds no usable private key ({reason}); restore it from a backup, or remove it \
         to give the hub a new key, which every device must then be told"
    )]
    Key {
        path: String,
        /// The fault.
        reason: String,
    },
    /// The statements in the key file do not lead from earlier keys to its key.
    #[error(
        "the statements in {path} do not lead from earlier keys to its key ({reason}); restore it from \
         a backup, or remove its lines that begin with `succession`: devices that still expect an \
         earlier key must then be told the new one"
    )]
    Succession {
        path: String,
        /// The fault.
        reason: String,
    },
    /// The hub has no key yet, so there is none that could be replaced.
    #[error("{0} does not exist: the hub makes its key at its first start")]
    Missing(String),
    /// A certificate or a signature could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
    /// The key and certificate cannot be used for TLS.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl IdentityError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.display().to_string();
        match source.kind() {
            io::ErrorKind::NotFound => IdentityError::Missing(path),
            _ => IdentityError::Io { path, source },
        }
    }
}
