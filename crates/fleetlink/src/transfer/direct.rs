//! This process among the devices of its hub: the endpoint by which they reach it, and its word for
//! that.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fleetlink_client::{
    Announcement, Arrival, Control, Credentials, DeviceKeys, Endpoint, Error, Inbox, KeyPair,
    KnownDevices, Listener, NotRemembered, Peer, Session, Source, state_folder,
};
use fleetlink_proto::control::{ErrorCode, TransferLeave};
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::transfer::{self, FileName, Reason};
use fleetlink_proto::{DeviceName, Escaped};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::running::canonical;
use crate::failure::Failure;
use crate::output::Output;

/// A device's end of its direct connections.
#[derive(Debug, Clone)]
pub(crate) struct Direct {
    endpoint: Endpoint,
    credentials: Arc<Credentials>,
    announcement: Arc<Announcement>,
    deadlines: Deadlines,
}

/// Who knocks at the endpoint is served as long as this lives.
pub(crate) struct Listening(JoinHandle<()>);

impl Direct {
    /// This device at the endpoint, as far as the session's hub can name it to others: with the
    /// key that it has enrolled, else with one of this process. Peers are known by the keys that
    /// they had before.
    pub(crate) async fn new(
        endpoint: Endpoint,
        session: &Session,
        device: &DeviceName,
        output: &Output,
    ) -> Result<Self, Failure> {
        let without_tls = || Failure::Usage("without TLS no files go from device to device".into());
        let hub = session.pin().ok_or_else(without_tls)?;
        let clock = session.hub_clock();
        if clock.now().is_none() {
            session.ping().await?;
        }
        clock.now().ok_or_else(other_version)?;
        let keys = DeviceKeys::in_folder(state_folder()?);
        let key = keys.find(hub, device)?.unwrap_or_else(KeyPair::unkept);
        let id = endpoint.id();
        let output = output.clone();
        let tell = move |unkept: &NotRemembered| output.notice(&unkept.to_string());
        let known = KnownDevices::in_folder(state_folder()?);
        let credentials = Credentials::new(device.clone(), Arc::new(key), id, hub, clock);
        let credentials = Arc::new(credentials.remembering(known, tell));
        let announcement = Announcement::new(endpoint.clone(), Arc::clone(&credentials));
        Ok(Direct {
            endpoint,
            credentials,
            announcement: Arc::new(announcement),
            deadlines: Deadlines::default(),
        })
    }

    /// With transfers that are over once nothing has moved for so long.
    pub(crate) fn idle_after(mut self, stall: Duration) -> Self {
        self.deadlines.stall = stall;
        self
    }

    /// The UDP port of the endpoint.
    pub(crate) fn port(&self) -> u16 {
        self.endpoint.port()
    }

    /// What the hub is told of where this device is reached.
    pub(crate) fn announcement(&self) -> &Arc<Announcement> {
        &self.announcement
    }

    /// Tells the hub by which endpoint this device is reached, and where.
    pub(crate) async fn announce(&self, session: &Session) -> Result<(), Failure> {
        let announced = self.announcement.tell(session).await;
        announced.map_err(not_introduced)
    }

    /// Takes files into this inbox.
    pub(crate) fn listen(&self, inbox: Inbox) -> (Listening, mpsc::Receiver<Arrival>) {
        let (listener, arrivals) = Listener::new(
            self.endpoint.clone(),
            Arc::clone(&self.credentials),
            Arc::new(inbox),
            self.deadlines,
        );
        (Listening(tokio::spawn(listener.run())), arrivals)
    }

    /// The hub's leave to send to this device.
    pub(crate) async fn leave_for(
        &self,
        session: &Session,
        to: &DeviceName,
    ) -> Result<TransferLeave, Failure> {
        let certificate = self.credentials.certificate();
        let opened = session.open_transfer_from(certificate, to.clone()).await;
        opened.map_err(not_introduced)
    }

    /// Connects to the device that the leave names.
    pub(crate) async fn reach(&self, leave: TransferLeave) -> Result<Peer, transfer::Failure> {
        let TransferLeave { grant, addresses } = leave;
        let addresses: Vec<SocketAddr> = addresses.into_iter().map(canonical).collect();
        Peer::reach(
            &self.endpoint,
            &self.credentials,
            grant,
            &addresses,
            self.deadlines,
        )
        .await
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Does `work` unless the transfer is ended before.
pub(crate) async fn unless_cancelled<T>(
    control: &Control,
    work: impl Future<Output = Result<T, transfer::Failure>>,
) -> Result<T, transfer::Failure> {
    tokio::select! {
        done = work => done,
        ended = control.cancelled() => Err(transfer::Failure::Here(ended)),
    }
}

/// Opens a file that is to be sent under this name, else under its own. A failure names it.
pub(crate) async fn open_source(path: &Path, name: Option<FileName>) -> Result<Source, Failure> {
    let path = path.to_owned();
    let shown = path.display().to_string();
    let opened = tokio::task::spawn_blocking(move || {
        // Said apart from other faults, since it is the commonest mistake.
        match std::fs::metadata(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            _ => Some(match name {
                Some(name) => Source::open_as(&path, name),
                None => Source::open(&path),
            }),
        }
    });
    let missing = || {
        let shown = Escaped(&shown);
        Failure::NoSuchFile(format!("{shown}: the file to be uploaded does not exist"))
    };
    let opened = opened.await.map_err(std::io::Error::other)?;
    let source = opened.ok_or_else(missing)?;
    source.map_err(|ended| match ended.reason {
        Reason::BadName => Failure::Usage(format!("{}: {ended}", Escaped(&shown))),
        _ => Failure::General(format!("{}: {ended}", Escaped(&shown))),
    })
}

fn not_introduced(error: Error) -> Failure {
    match error.refusal().map(|refused| refused.code) {
        Some(code @ ErrorCode::BadCertificate) => {
            Failure::Hub(fleetlink_proto::control::RpcError::new(
                code,
                "the hub knows this name by another key than this device's; to make this one its \
                 own: fleetlink key replace",
            ))
        }
        Some(ErrorCode::MethodNotFound) => other_version(),
        _ => error.into(),
    }
}

fn other_version() -> Failure {
    let text = "the hub is of another version, by which no files go between devices: update it";
    Failure::General(text.to_owned())
}
