//! This device among the devices of its hub: the endpoint by which they reach it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetlink_proto::control::{ErrorCode, OpenTransferReply, RpcError};
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::transfer::{FileName, Reason};
use fleetlink_proto::{DeviceName, Escaped};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Client, Notice};
use crate::{
    Announcement, Arrival, Credentials, DeviceKeys, Endpoint, Error, ErrorKind, Inbox, KeyPair,
    KnownDevices, Listener, NotRemembered, OpenFile, Peer, Result, Session,
};

/// A device's end of its connections to other devices.
#[derive(Debug)]
pub(super) struct Direct {
    endpoint: Endpoint,
    credentials: Arc<Credentials>,
    announcement: Arc<Announcement>,
}

/// Peers that connect are served as long as this lives.
#[derive(Debug)]
pub struct Listening(JoinHandle<()>);

impl Client {
    /// This device as other devices see it, with the key that it has enrolled, else with one of
    /// this process. Peers are known by the keys that they had before.
    pub(super) async fn direct(&self) -> Result<&Direct> {
        let inner = &*self.inner;
        // Boxed: it is made once, and would be a part of each future that waits for it.
        let making = Box::pin(async {
            let endpoint = match &inner.endpoint {
                Some(endpoint) => endpoint.clone(),
                None => Endpoint::bind(0).await.map_err(no_port)?,
            };
            let session = self.session().await?;
            self.direct_at(endpoint, &session).await
        });
        inner.direct.get_or_try_init(|| making).await
    }

    /// Shows other devices this key from here on, where the device shows them one.
    pub(super) async fn sign_as(&self, key: Arc<KeyPair>, session: &Session) {
        let Some(direct) = self.inner.direct.get() else {
            return;
        };
        direct.credentials.set_key(key);
        if direct.announcement.is_told()
            && let Err(error) = direct.announcement.tell(session).await
        {
            tracing::warn!(%error, "the hub does not know the endpoint by the new key");
        }
    }

    async fn direct_at(&self, endpoint: Endpoint, session: &Session) -> Result<Direct> {
        let without_tls = || Error::usage("without TLS no files go from device to device");
        let hub = session.pin().ok_or_else(without_tls)?;
        know_time(session).await?;
        let state = self.state_dir();
        let key = DeviceKeys::in_folder(state).find(hub, self.device())?;
        let key = Arc::new(key.unwrap_or_else(KeyPair::unkept));
        let notices = Arc::clone(&self.inner.notices);
        let tell = move |unkept: &NotRemembered| {
            notices(&Notice::PeerNotRemembered {
                device: unkept.name.clone(),
                error: unkept.why.clone(),
            });
        };
        let (id, clock) = (endpoint.id(), session.hub_clock());
        let credentials = Credentials::new(self.device().clone(), key, id, hub, clock);
        let credentials = Arc::new(credentials.remembering(KnownDevices::in_folder(state), tell));
        let announcement = Announcement::new(endpoint.clone(), Arc::clone(&credentials));
        Ok(Direct {
            endpoint,
            credentials,
            announcement: Arc::new(announcement),
        })
    }

    /// Takes files into this inbox from now on, and tells the hub where: the device must have
    /// joined. What arrives comes by the returned queue.
    ///
    /// # Errors
    /// The session has no TLS, the UDP port cannot be used, or the hub is of a version that knows no
    /// transfers. Where the hub refuses the endpoint, [`Listening`] has begun all the same.
    pub async fn listen(
        &self,
        inbox: Inbox,
        deadlines: Deadlines,
    ) -> Result<(Listening, mpsc::Receiver<Arrival>, Result<()>)> {
        let direct = self.direct().await?;
        let (listener, arrivals) = Listener::new(
            direct.endpoint.clone(),
            Arc::clone(&direct.credentials),
            Arc::new(inbox),
            deadlines,
        );
        let listening = Listening(tokio::spawn(listener.run()));
        let session = self.session().await?;
        let announced = direct.announcement.tell(&session).await;
        Ok((listening, arrivals, announced.map_err(not_introduced)))
    }
}

impl Direct {
    pub(super) fn announcement(&self) -> &Arc<Announcement> {
        &self.announcement
    }

    pub(super) fn port(&self) -> u16 {
        self.endpoint.port()
    }

    /// Ends all connections, and tells the peers.
    pub(super) async fn close(&self) {
        self.endpoint.close().await;
    }

    /// The hub's permission to send to this device.
    pub(super) async fn permission(
        &self,
        session: &Session,
        to: &DeviceName,
    ) -> Result<OpenTransferReply> {
        // Another session than the last one, perhaps, with a hub that has started anew.
        if let Some(hub) = session.pin() {
            know_time(session).await?;
            self.credentials.set_hub(hub, session.hub_clock());
        }
        let certificate = self.credentials.certificate();
        let opened = session.open_transfer_from(certificate, to.clone()).await;
        opened.map_err(not_introduced)
    }

    /// Connects to the device that the permission names.
    pub(super) async fn connect(
        &self,
        permission: OpenTransferReply,
        deadlines: Deadlines,
    ) -> Result<Peer> {
        let OpenTransferReply { grant, addresses } = permission;
        let addresses: Vec<SocketAddr> = addresses.into_iter().map(canonical).collect();
        let (endpoint, credentials) = (&self.endpoint, &self.credentials);
        let reached = Peer::connect(endpoint, credentials, grant, &addresses, deadlines).await;
        reached.map_err(Error::transfer)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Opens a file that is to be sent under this name, else under its own.
///
/// # Errors
/// There is no such file, it cannot be read, or its name cannot be used; the message names it.
pub async fn open_file(path: &Path, name: Option<FileName>) -> Result<OpenFile> {
    let path = path.to_owned();
    let shown = path.display().to_string();
    let shown = Escaped(&shown);
    let opened = tokio::task::spawn_blocking(move || open(&path, name));
    let opened = opened.await.map_err(Error::died)?;
    opened.map_err(|error| match error {
        Unopened::Missing => {
            let message = format!("{shown}: the file to be uploaded does not exist");
            Error::new(ErrorKind::NoSuchFile, message)
        }
        Unopened::Ended(ended) => {
            let kind = match ended.reason {
                Reason::BadName => ErrorKind::Usage,
                _ => ErrorKind::File,
            };
            Error::new(kind, format!("{shown}: {ended}"))
        }
    })
}

enum Unopened {
    /// Said apart from other faults, since it is the commonest mistake.
    Missing,
    Ended(fleetlink_proto::transfer::Ended),
}

fn open(path: &PathBuf, name: Option<FileName>) -> std::result::Result<OpenFile, Unopened> {
    if let Err(error) = std::fs::metadata(path)
        && error.kind() == io::ErrorKind::NotFound
    {
        return Err(Unopened::Missing);
    }
    let opened = match name {
        Some(name) => OpenFile::open_as(path, name),
        None => OpenFile::open(path),
    };
    opened.map_err(Unopened::Ended)
}

/// Has the session learn the hub's time, which it does not where it has neither joined nor pinged.
async fn know_time(session: &Session) -> Result<()> {
    if session.hub_clock().now().is_none() {
        session.ping().await?;
    }
    match session.hub_clock().now() {
        Some(_) => Ok(()),
        None => Err(other_version()),
    }
}

fn not_introduced(error: Error) -> Error {
    match error.refusal().map(|refused| refused.code) {
        Some(code @ ErrorCode::BadCertificate) => Error::refused(RpcError::new(
            code,
            "the hub knows this name by another key than this device's; replace that key to make the \
             name this device's own",
        )),
        Some(ErrorCode::MethodNotFound) => other_version(),
        _ => error,
    }
}

fn other_version() -> Error {
    let text = "the hub is of another version, by which no files go between devices: update it";
    Error::new(ErrorKind::Protocol, text)
}

fn no_port(error: io::Error) -> Error {
    let message = format!("no UDP port can be used: {error}");
    Error::new(ErrorKind::Port, message).because(error)
}

/// An address as people write it: an IPv4 address is one, however it came.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
