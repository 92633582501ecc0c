//! This process among the devices of its hub: the endpoint by which they reach it, and its word for
//! that.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use fleetlink_device::{
    Announcement, Arrival, CallError, Control, Credentials, Endpoint, Inbox, KeyPair, KnownDevices,
    Listener, NotRemembered, Peer, Session, Source, state_folder,
};
use fleetlink_proto::control::{ErrorCode, TransferLeave};
use fleetlink_proto::transfer::limits::{Deadlines, GRANT_LIFETIME};
use fleetlink_proto::transfer::{self, Reason};
use fleetlink_proto::{DeviceName, Escaped, WallTime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::running::canonical;
use crate::failure::Failure;
use crate::identity;
use crate::output::Output;

/// A device's end of its direct connections.
#[derive(Debug, Clone)]
pub(crate) struct Direct {
    endpoint: Endpoint,
    credentials: Arc<Credentials>,
    announcement: Arc<Announcement>,
}

/// Who knocks at the endpoint is served as long as this lives.
pub(crate) struct Listening(JoinHandle<()>);

impl Direct {
    /// This device at the endpoint, as far as the session's hub can name it to others: with the
    /// key that it has enrolled, else with one of this process. `now` is the hub's time. Peers are
    /// known by the keys that they had before.
    pub(crate) fn new(
        endpoint: Endpoint,
        session: &Session,
        device: &DeviceName,
        now: WallTime,
        output: &Output,
    ) -> Result<Self, Failure> {
        let without_tls = || Failure::Usage("without TLS no files go from device to device".into());
        let hub = session.pin().ok_or_else(without_tls)?;
        let key = identity::key_for(Some(hub), device)?.unwrap_or_else(KeyPair::unkept);
        let id = endpoint.id();
        let output = output.clone();
        let tell = move |unkept: &NotRemembered| output.notice(&unkept.to_string());
        let known = KnownDevices::in_folder(state_folder()?);
        let credentials = Credentials::new(device.clone(), Arc::new(key), id, hub, now);
        let credentials = Arc::new(credentials.remembering(known, tell));
        let announcement = Announcement::new(endpoint.clone(), Arc::clone(&credentials));
        Ok(Direct {
            endpoint,
            credentials,
            announcement: Arc::new(announcement),
        })
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
            Deadlines::default(),
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
        let leave = opened.map_err(not_introduced)?;
        // A grant is signed for that long: so this is the hub's time, also where nothing was joined.
        let lifetime = i64::try_from(GRANT_LIFETIME.as_millis()).unwrap_or(i64::MAX);
        let expires = leave.grant.grant.expires.unix_millis();
        let now = WallTime::from_unix_millis(expires.saturating_sub(lifetime));
        self.credentials.set_hub_time(now);
        Ok(leave)
    }

    /// Connects to the device that the leave names.
    pub(crate) async fn reach(&self, leave: TransferLeave) -> Result<Peer, transfer::Failure> {
        let TransferLeave { grant, addresses } = leave;
        let addresses: Vec<SocketAddr> = addresses.into_iter().map(canonical).collect();
        let deadlines = Deadlines::default();
        Peer::reach(
            &self.endpoint,
            &self.credentials,
            grant,
            &addresses,
            deadlines,
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

/// Opens a file that is to be sent.
pub(crate) async fn open_source(path: &Path) -> Result<Source, Failure> {
    let path = path.to_owned();
    let shown = path.display().to_string();
    let opened = tokio::task::spawn_blocking(move || {
        // Said apart from other faults, since it is the commonest mistake.
        match std::fs::metadata(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            _ => Some(Source::open(&path)),
        }
    });
    let missing = || {
        let shown = Escaped(&shown);
        Failure::NoSuchFile(format!("{shown}: the file to be uploaded does not exist"))
    };
    let opened = opened.await.map_err(std::io::Error::other)?;
    let source = opened.ok_or_else(missing)?;
    source.map_err(|ended| match ended.reason {
        Reason::BadName => Failure::Usage(ended.to_string()),
        _ => Failure::General(format!("{}: {ended}", Escaped(&shown))),
    })
}

fn not_introduced(error: CallError) -> Failure {
    match error {
        CallError::Refused(error) if error.code == ErrorCode::BadCertificate => {
            Failure::Hub(fleetlink_proto::control::RpcError::new(
                error.code,
                "the hub knows this name by another key than this device's; to make this one its \
                 own: fleetlink key replace",
            ))
        }
        CallError::Refused(error) if error.code == ErrorCode::MethodNotFound => {
            Failure::General("the hub is of a version without files between devices".to_owned())
        }
        error => error.into(),
    }
}
