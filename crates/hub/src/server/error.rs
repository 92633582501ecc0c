//! The errors of a hub's start, and the errors that end a running hub.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::descriptors::TooFewDescriptors;
use crate::http::HttpError;
use crate::identity::IdentityError;
use crate::lease::LeaseStartError;
use crate::number_exchange;
use crate::store::sqlite::OpenError;

/// The number of skipped lines of a credentials file that an error names.
const SKIPPED_SHOWN: usize = 10;

/// The reason why a hub did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store cannot be read.
    #[error("cannot read the accounts: {0}")]
    Accounts(fleetlink_core::StoreError),
    /// There is no usable key, or it cannot be used for TLS.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The credentials file cannot be read.
    #[error("cannot read {path}: {source}")]
    Credentials { path: String, source: io::Error },
    /// The accounts of the credentials file cannot be imported.
    #[error("cannot import the credentials: {0}")]
    Import(String),
    /// The log files cannot be written.
    #[error("cannot write the log files in {folder}: {source}")]
    Logs { folder: String, source: io::Error },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    /// The number exchange's address cannot be listened on.
    #[error("the number exchange {0}")]
    NumberExchange(#[from] number_exchange::ListenError),
    /// The lease service's addresses cannot be used.
    #[error(transparent)]
    Leases(#[from] LeaseStartError),
    /// The HTTP door cannot be opened.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Nothing could be served.
    #[error(transparent)]
    Descriptors(#[from] TooFewDescriptors),
    /// The operator's socket cannot be made.
    #[error("cannot make the operator's socket in {folder}: {source}")]
    Socket { folder: String, source: io::Error },
    /// A hub that nobody can join must not be reachable.
    #[error(
        "{address} is not a loopback address, and a hub listens there only with at least one \
         account or an open ticket: `fleetlink account add NAME --data {}` adds one{}",
        .data.display(), list_skipped(.skipped)
    )]
    NoAccounts {
        /// The address on which it was to listen.
        address: SocketAddr,
        /// The folder of its data.
        data: PathBuf,
        /// The lines of the credentials file that were no accounts, and why not.
        skipped: Vec<String>,
    },
    /// Without TLS, passwords would cross the network.
    #[error("{0} is not a loopback address: without TLS a hub listens on loopback alone")]
    PlainBeyondLoopback(SocketAddr),
}

/// The first of the lines that were skipped: enough to see what is wrong with the file.
fn list_skipped(skipped: &[String]) -> String {
    if skipped.is_empty() {
        return String::new();
    }
    let mut text = format!(
        " (skipped in the credentials: {}",
        skipped[..skipped.len().min(SKIPPED_SHOWN)].join("; ")
    );
    match skipped.len().saturating_sub(SKIPPED_SHOWN) {
        0 => {}
        more => text.push_str(&format!("; and {more} more")),
    }
    text + ")"
}

/// The reason why a running hub ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The store can promise nothing any more.
    #[error("the store failed, so the hub ends: {0}")]
    Store(String),
    /// A part that everything needs ended.
    #[error("an essential part of the hub ended: {0}")]
    Part(&'static str),
}
