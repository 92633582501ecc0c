//! A hub that runs, up to its end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use fleetlink_core::{AttemptLimits, AuditAction, AuditEvent, Author, Capacity, Door, Input};
use fleetlink_proto::HubPin;
use fleetlink_proto::control::limits;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::credentials::Credentials;
use crate::driver::{DriverHandle, StatelessCalls, wall_time};
use crate::http::{HttpListening, Serving};
use crate::identity::Identity;
use crate::import::{self, Authority, ImportHandle, ImportTools};
use crate::lease::RunningLeases;
use crate::number_exchange;
use crate::operator::{Desk, PeopleCall, PeopleReply};
use crate::passwords::Passwords;
use crate::store::{Retention, Store};

use super::error::HubError;

/// A hub that runs.
pub struct RunningHub {
    pub(super) address: SocketAddr,
    /// None without TLS.
    pub(super) identity: Option<Identity>,
    pub(super) accounts: usize,
    pub(super) logins: u64,
    pub(super) desk: Desk,
    pub(super) capacity: Capacity,
    pub(super) skipped: Vec<String>,
    pub(super) import: Option<ImportHandle>,
    pub(super) driver: DriverHandle,
    pub(super) store: Arc<dyn Store>,
    pub(super) passwords: Passwords,
    pub(super) driving: AbortOnDropHandle<()>,
    pub(super) accepting: AbortOnDropHandle<()>,
    pub(super) following: AbortOnDropHandle<()>,
    pub(super) reopen: watch::Sender<u64>,
    pub(super) retention: watch::Sender<Retention>,
    pub(super) tending: AbortOnDropHandle<()>,
    pub(super) renewing: AbortOnDropHandle<()>,
    pub(super) operating: AbortOnDropHandle<()>,
    pub(super) exchange: Option<number_exchange::Server>,
    pub(super) leases: Option<RunningLeases>,
    pub(super) http: Option<Serving>,
    pub(super) http_listening: HttpListening,
    pub(super) closing: CancellationToken,
    pub(super) drained: CancellationToken,
}

impl RunningHub {
    /// The way into the hub for calls by HTTP.
    pub fn http(&self) -> StatelessCalls {
        StatelessCalls::by(Door::Http, self.driver.clone())
    }

    /// The address for devices.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The pin of the hub's key; `None` without TLS.
    pub fn pin(&self) -> Option<HubPin> {
        self.identity
            .as_ref()
            .map(|identity| identity.shown().pin())
    }

    /// The address of the number exchange, if there is one.
    pub fn number_exchange(&self) -> Option<SocketAddr> {
        self.exchange.as_ref().map(number_exchange::Server::address)
    }

    /// The lease service, if there is one.
    pub fn leases(&self) -> Option<&RunningLeases> {
        self.leases.as_ref()
    }

    /// The address of the page and the API.
    pub fn http_listening(&self) -> HttpListening {
        self.http_listening
    }

    /// The number of accounts at the start, with those that the credentials file names.
    pub fn accounts(&self) -> usize {
        self.accounts
    }

    /// The number of logins of people at the start.
    pub fn logins(&self) -> u64 {
        self.logins
    }

    /// Makes a one-time link to the page, which logs an administrator in.
    ///
    /// # Errors
    /// The store does not keep it.
    pub async fn make_link(&self) -> Result<PeopleReply, String> {
        self.desk.people(PeopleCall::MakeLink).await
    }

    /// The hub's capacity, within the descriptors that it found.
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// The lines of the credentials file that could not be read at the start, and why not.
    pub fn skipped_credentials(&self) -> &[String] {
        &self.skipped
    }

    /// Takes the import of the credentials file that began with the hub, if there is one.
    pub fn take_import(&mut self) -> Option<ImportHandle> {
        self.import.take()
    }

    /// Begins to bring the accounts up to a credentials file that has changed; one import at a time.
    ///
    /// # Errors
    /// The store cannot be read, or the hub has ended.
    pub async fn import(
        &self,
        path: &Path,
        credentials: Credentials,
        authority: Authority,
    ) -> Result<ImportHandle, String> {
        let tools = ImportTools {
            driver: self.driver.clone(),
            passwords: self.passwords.clone(),
            store: Arc::clone(&self.store),
        };
        let begun = import::begin(path, credentials, authority, tools).await?;
        Ok(begun.0)
    }

    /// Opens the log files anew, since they were rotated: what follows goes to the files that have
    /// their names now.
    pub fn reopen_logs(&self) {
        self.reopen.send_modify(|count| *count += 1);
    }

    /// Other limits of attempts to log in, and another retention, hold from now on.
    pub async fn set(&self, limits: AttemptLimits, retention: Retention) {
        self.retention.send_replace(retention);
        // A driver that has ended has no attempts any more.
        let _ = self.driver.input(Input::LimitsChanged(limits)).await;
    }

    /// Resolves when the hub cannot go on.
    pub async fn failed(&mut self) -> HubError {
        tokio::select! {
            reason = self.store.failed() => HubError::Store(reason),
            _ = &mut self.driving => HubError::Part("the driver"),
            _ = &mut self.accepting => HubError::Part("the accept loop"),
            _ = &mut self.following => HubError::Part("the log files"),
            _ = &mut self.tending => HubError::Part("the upkeep of the store"),
            _ = &mut self.renewing => HubError::Part("the renewal of the certificate"),
            _ = &mut self.operating => HubError::Part("the operator's socket"),
            () = exchange_ended(&mut self.exchange) => HubError::Part("the number exchange"),
            () = leases_ended(&mut self.leases) => HubError::Part("the lease service"),
            () = http_ended(&mut self.http) => HubError::Part("the HTTP door"),
        }
    }

    /// Ends the hub: nothing new begins, sessions are told, what the store has begun is finished,
    /// and the log files are brought up to date. It takes no longer than the deadline for that, also
    /// where a part of the hub has ended or does not answer.
    pub async fn close(self) {
        self.closing.cancel();
        let draining = async {
            let end = AuditEvent::new(wall_time(), AuditAction::HubEnded, Author::hub(None));
            self.driver.happened(end).await;
            // A driver that has ended has drained.
            let _ = self.driver.input(Input::Close).await;
            let exchange = async {
                if let Some(exchange) = self.exchange {
                    exchange.close().await;
                }
            };
            let http = async {
                if let Some(http) = self.http {
                    http.close().await;
                }
            };
            tokio::join!(exchange, http, ended(self.accepting), ended(self.driving));
        };
        if tokio::time::timeout(limits::DRAIN_DEADLINE, draining)
            .await
            .is_err()
        {
            tracing::warn!("some sessions did not end in time");
        }
        self.drained.cancel();
        let following = ended(self.following);
        if tokio::time::timeout(limits::DRAIN_DEADLINE, following)
            .await
            .is_err()
        {
            tracing::warn!("the log files were not brought up to date in time");
        }
    }
}

/// Never, where there is none.
async fn exchange_ended(exchange: &mut Option<number_exchange::Server>) {
    match exchange {
        Some(exchange) => exchange.ended().await,
        None => std::future::pending().await,
    }
}

/// Never, where there is none.
async fn leases_ended(leases: &mut Option<RunningLeases>) {
    match leases {
        Some(leases) => tracing::error!(why = %leases.ended().await, "no more leases"),
        None => std::future::pending().await,
    }
}

/// Never, where there is none.
async fn http_ended(http: &mut Option<Serving>) {
    match http {
        Some(http) => http.ended().await,
        None => std::future::pending().await,
    }
}

/// Waits for a part to end, which [`RunningHub::failed`] may have seen: a handle whose result was
/// taken must not be asked again.
async fn ended(part: AbortOnDropHandle<()>) {
    if !part.is_finished() {
        // However it ended.
        let _ = part.await;
    }
}

#[cfg(test)]
mod tests {

    use tokio::sync::mpsc;

    use super::super::{HubConfig, start};
    use super::*;

    async fn hub(folder: &Path) -> (RunningHub, mpsc::Receiver<crate::HubEvent>) {
        let config = HubConfig {
            plain: true,
            ..HubConfig::new("127.0.0.1:0".parse().unwrap(), folder)
        };
        start(config).await.unwrap()
    }

    #[tokio::test]
    async fn a_hub_that_failed_can_be_closed() {
        type Part = fn(&RunningHub) -> &AbortOnDropHandle<()>;
        let parts: [Part; 4] = [
            |hub| &hub.driving,
            |hub| &hub.accepting,
            |hub| &hub.following,
            |hub| &hub.operating,
        ];
        for part in parts {
            let folder = tempfile::tempdir().unwrap();
            let (mut hub, mut lines) = hub(folder.path()).await;
            part(&hub).abort();
            assert!(matches!(hub.failed().await, HubError::Part(_)));
            hub.close().await;
            // Nothing that writes to the console is left.
            while lines.recv().await.is_some() {}
        }
    }
}
