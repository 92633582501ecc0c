//! The handle of a device at its hub.

mod builder;
mod data;
mod direct;
mod enrolment;
mod joined;
mod lanes;
mod login;
mod meeting;
mod notice;
mod outbound;
mod reports;
mod send;
mod ticket;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::ticket::JoinTicket;
use fleetlink_proto::{DeviceKey, DeviceName, HubPin, Password};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::{
    Attached, Credential, DeviceKeys, Dialer, Endpoint, Error, HubAddress, KeyPair, Result,
    Session, Sessions, Supervisor,
};
pub use builder::{ClientBuilder, FirstUse};
pub use data::{IntoDataFile, Readings, Upload};
use direct::Direct;
pub use direct::{Listening, open_file};
pub use joined::{Event, Events, Joining};
pub use notice::Notice;
pub use outbound::{Outbound, SendEvent, SendOptions, Tell};
use reports::Reports;
pub use send::{Observer, SendFiles, SendProgress};

/// A device that is logged in at its hub. Clones are of the same device.
///
/// It opens another session by itself where the one at hand has ended.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    name: DeviceName,
    address: HubAddress,
    has_key: AtomicBool,
    /// The password that was given, for logins after the key is revoked.
    password: Option<Password>,
    state: PathBuf,
    sessions: Attached,
    /// The session that has joined, until the supervisor has it.
    joined: Mutex<Option<Session>>,
    supervisor: Mutex<Option<Arc<Supervisor>>>,
    /// The endpoint that the program has bound, if it has.
    endpoint: Option<Endpoint>,
    direct: OnceCell<Direct>,
    reports: Reports,
    notices: Arc<dyn Fn(&Notice) + Send + Sync>,
}

/// The time for which a closing client waits for its peers to hear of the end.
const CLOSE_DEADLINE: Duration = Duration::from_secs(3);

impl Client {
    /// Begins to describe a client of the hub at this address: `HOST`, `HOST:PORT` or
    /// `[IPv6]:PORT`, with `#` and the hub's pin behind it where that is known.
    pub fn builder(hub: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(Some(hub.into()))
    }

    /// Begins to describe a client that uses this join ticket, which names the hub and its pin.
    pub fn builder_with_ticket(ticket: JoinTicket) -> ClientBuilder {
        ClientBuilder::new(None).ticket(ticket)
    }

    fn new(builder: ClientBuilder, login: LoggedIn, address: HubAddress, state: PathBuf) -> Self {
        let LoggedIn {
            session,
            dialer,
            name,
            ..
        } = login;
        let has_key = matches!(dialer.credential.get(), Credential::Key(_)).into();
        let sessions = Attached::new(dialer, session);
        let inner = Inner {
            name,
            address,
            has_key,
            password: builder.password,
            state,
            sessions,
            joined: Mutex::default(),
            supervisor: Mutex::default(),
            endpoint: builder.endpoint,
            direct: OnceCell::new(),
            reports: Reports::default(),
            notices: builder.notices,
        };
        Client {
            inner: Arc::new(inner),
        }
    }

    /// The name of this device, as the hub writes it.
    pub fn device(&self) -> &DeviceName {
        &self.inner.name
    }

    /// The address at which the hub was found.
    pub fn address(&self) -> &HubAddress {
        &self.inner.address
    }

    /// Tells whether the device logged in by its key, or has enrolled one since.
    pub fn has_key(&self) -> bool {
        self.inner.has_key.load(Ordering::Relaxed)
    }

    /// The state folder.
    pub fn state_dir(&self) -> &Path {
        &self.inner.state
    }

    /// The session at hand or, where that has ended, another one: for calls that have no method
    /// here.
    ///
    /// # Errors
    /// The hub cannot be reached, or refuses the login.
    pub async fn session(&self) -> Result<Session> {
        self.session_until(None).await
    }

    /// The session and what logs in again.
    async fn parts(&self) -> (Session, Dialer) {
        self.inner.sessions.parts().await
    }

    /// The key that the hub knows of this device, if any.
    ///
    /// # Errors
    /// As of [`session`](Client::session), or the hub refuses the call: the device must have logged
    /// in by its password.
    pub async fn keys(&self) -> Result<Vec<EnrolledKey>> {
        self.session().await?.keys().await
    }

    /// Takes this device's key away, at the hub and here, and ends its other sessions.
    ///
    /// # Errors
    /// As of [`keys`](Client::keys), or the key's file cannot be removed.
    pub async fn revoke_key(&self) -> Result<()> {
        let (session, hub) = self.session_with_keys().await?;
        session.revoke_key().await?;
        self.inner.has_key.store(false, Ordering::Relaxed);
        if let Some(password) = &self.inner.password {
            let credential = self.parts().await.1.credential;
            credential.set(Credential::Password(password.clone()));
        }
        self.sign_as(Arc::new(KeyPair::unkept()), &session).await;
        self.device_keys().remove(hub, self.device())
    }

    /// Makes this device a new key, and has the hub take it in place of the one that it knows. This
    /// client uses it from then on.
    ///
    /// # Errors
    /// As of [`keys`](Client::keys), or the key cannot be kept.
    pub async fn replace_key(&self) -> Result<DeviceKey> {
        let (session, hub) = self.session_with_keys().await?;
        let name = self.device();
        let replace = async |key: &KeyPair| session.replace_key(name, key).await;
        let made = Arc::new(self.device_keys().make(hub, name, replace).await?);
        let credential = self.parts().await.1.credential;
        if matches!(credential.get(), Credential::Key(_)) {
            credential.set(Credential::Key(Arc::clone(&made)));
        }
        self.inner.has_key.store(true, Ordering::Relaxed);
        self.sign_as(Arc::clone(&made), &session).await;
        Ok(made.public())
    }

    /// Says goodbye, if the hub still listens, ends the session and the connections to other devices.
    /// The client cannot be used after that: connect another one.
    pub async fn leave(&self) {
        self.inner.reports.finish().await;
        match self.inner.supervisor() {
            Some(supervisor) => supervisor.leave().await,
            None => self.inner.sessions.leave().await,
        }
        if let (Some(direct), None) = (self.inner.direct.get(), &self.inner.endpoint) {
            let _ = timeout(CLOSE_DEADLINE, direct.close()).await;
        }
    }

    fn device_keys(&self) -> DeviceKeys {
        DeviceKeys::in_folder(&self.inner.state)
    }

    async fn session_with_keys(&self) -> Result<(Session, HubPin)> {
        let session = self.session().await?;
        let without_tls = || Error::usage("a hub without TLS knows no keys");
        let hub = session.pin().ok_or_else(without_tls)?;
        Ok((session, hub))
    }
}

impl Inner {
    fn supervisor(&self) -> Option<Arc<Supervisor>> {
        self.lock_supervisor().clone()
    }

    fn lock_supervisor(&self) -> MutexGuard<'_, Option<Arc<Supervisor>>> {
        self.supervisor
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions for Client {
    async fn session(&self) -> Result<Session> {
        Client::session(self).await
    }
}

/// A login that succeeded.
struct LoggedIn {
    session: Session,
    /// Logs in again.
    dialer: Dialer,
    name: DeviceName,
    /// The key that the hub knows of the device.
    enrolled: Option<DeviceKey>,
}
