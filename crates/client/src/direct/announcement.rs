//! The announcement of an endpoint: at each join, and when the device's addresses change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_proto::transfer::Addresses;
use tokio::time::sleep;

use super::credentials::Credentials;
use super::transport::Endpoint;
use crate::limits::{ADDRESSES_LOOK, ADDRESSES_REST};
use crate::{Result, Session};

/// The certificate of a device's endpoint, and the addresses of it.
#[derive(Debug)]
pub struct Announcement {
    endpoint: Endpoint,
    credentials: Arc<Credentials>,
    /// The addresses that the hub was told last, if it was.
    told: Mutex<Option<Addresses>>,
}

impl Announcement {
    /// Of this endpoint, by these credentials.
    pub fn new(endpoint: Endpoint, credentials: Arc<Credentials>) -> Self {
        Announcement {
            endpoint,
            credentials,
            told: Mutex::default(),
        }
    }

    /// Tells the hub of a session that has joined.
    pub async fn tell(&self, session: &Session) -> Result<()> {
        let addresses = self.endpoint.addresses();
        *self.lock_told() = Some(addresses.clone());
        let certificate = self.credentials.certificate();
        session.announce_endpoint(certificate, addresses).await
    }

    /// Whether the hub was told of the endpoint.
    pub(crate) fn is_told(&self) -> bool {
        self.lock_told().is_some()
    }

    fn lock_told(&self) -> MutexGuard<'_, Option<Addresses>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the hub should be told anew: the addresses are others than it was told, and
    /// have rested.
    pub(crate) async fn outdated(&self) {
        loop {
            sleep(ADDRESSES_LOOK).await;
            let found = self.endpoint.addresses();
            if self.lock_told().as_ref() == Some(&found) {
                continue;
            }
            sleep(ADDRESSES_REST).await;
            if self.endpoint.addresses() == found {
                return;
            }
        }
    }

    /// The device has joined anew: its hub may have started anew, and may have shown another key.
    pub(crate) fn joined(&self, session: &Session) {
        if let Some(hub) = session.pin() {
            self.credentials.set_hub(hub, session.hub_clock());
        }
    }
}
