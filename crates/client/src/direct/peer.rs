//! Sending: dial, introduce, offer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use fleetlink_proto::HubPin;
use fleetlink_proto::transfer::limits::{
    DIAL_DEADLINE, Deadlines, FRAME_HEADER_BYTES, MAX_MESSAGE_BYTES,
};
use fleetlink_proto::transfer::{
    Greeting, Introduction, Reason, Receipt, SignedGrant, TransferFailure, TransferId,
};
use tokio::time::timeout;

use super::control::Control;
use super::credentials::Credentials;
use super::failure::failed;
use super::open_file::{self, OpenFile};
use super::outgoing;
use super::transport::{Connection, Endpoint, TransportError};

/// The longest stream of an introduction, in bytes.
pub(super) const GREETING_BYTES: usize = FRAME_HEADER_BYTES + MAX_MESSAGE_BYTES as usize;

/// Another device that takes offers of files.
#[derive(Debug, Clone)]
pub struct Peer {
    connection: Connection,
    deadlines: Deadlines,
    grant: TransferId,
    /// The number of the last file.
    files: Arc<AtomicU32>,
}

impl Peer {
    /// Connects to the receiver that the grant names, at any of these addresses, and shows it the
    /// grant. The receiver has proven that it is the device whose key the hub names, and that
    /// is the key by which it is known, if it is.
    pub async fn connect(
        endpoint: &Endpoint,
        credentials: &Credentials,
        grant: SignedGrant,
        addresses: &[SocketAddr],
        deadlines: Deadlines,
    ) -> Result<Self, TransferFailure> {
        let hub = credentials.check_own_grant(&grant);
        let hub = hub.map_err(TransferFailure::Here)?;
        let known = credentials.check_known(&grant.grant.to).await;
        known.map_err(|doubt| TransferFailure::Here(doubt.here))?;
        let to = grant.grant.to.party.endpoint;
        let id = grant.grant.id;
        let connection = endpoint.dial(to, addresses, DIAL_DEADLINE).await;
        let connection = connection.map_err(failed)?;
        let introduced = introduce(&connection, credentials, grant, hub);
        let late = |_| Err(failed(TransportError::Unreachable(deadlines.introduction)));
        let introduced = timeout(deadlines.introduction, introduced).await;
        if let Err(failure) = introduced.unwrap_or_else(late) {
            connection.close(failure.ended().reason);
            return Err(failure);
        }
        Ok(Peer {
            connection,
            deadlines,
            grant: id,
            files: Arc::default(),
        })
    }

    /// Sends a file under its own name. The receipt says that the receiver has it, verified and
    /// durable. Several may be under way at once; the receiver lets a few at a time begin.
    pub async fn send_file(
        &self,
        path: PathBuf,
        control: &Control,
    ) -> Result<Receipt, TransferFailure> {
        let file = open_file::open(path).await.map_err(TransferFailure::Here)?;
        self.send(file, control).await
    }

    /// Sends an opened file.
    pub async fn send(
        &self,
        file: OpenFile,
        control: &Control,
    ) -> Result<Receipt, TransferFailure> {
        let stream = tokio::select! {
            stream = self.connection.open() => stream.map_err(failed)?,
            ended = control.cancelled() => return Err(TransferFailure::Here(ended)),
        };
        outgoing::send(stream, file, self.deadlines, control).await
    }

    /// The address at which the receiver is reached by now.
    pub fn address(&self) -> Option<SocketAddr> {
        self.connection.address()
    }

    /// The grant under which the receiver was reached.
    pub(crate) fn grant(&self) -> TransferId {
        self.grant
    }

    /// A number for the next file of the grant, larger than those before.
    pub(crate) fn next_file(&self) -> u32 {
        self.files.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Tells whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// Ends the connection; files that are under way fail.
    pub fn close(&self, reason: Reason) {
        self.connection.close(reason);
    }
}

async fn introduce(
    connection: &Connection,
    credentials: &Credentials,
    grant: SignedGrant,
    hub: HubPin,
) -> Result<(), TransferFailure> {
    let (mut send, mut recv) = connection.open().await.map_err(failed)?;
    let introduction = Introduction {
        grant: grant.clone(),
        certificate: credentials.certificate_at(hub),
    };
    send.write_all(introduction.encode())
        .await
        .map_err(failed)?;
    send.finish();
    let answer = recv.read_all(GREETING_BYTES).await.map_err(failed)?;
    match Greeting::decode(&answer)? {
        Greeting::Refused(ended) => Err(TransferFailure::Peer(ended)),
        Greeting::Welcome(certificate) => {
            let checked = credentials.check_receiver(&grant, hub, &certificate);
            checked.map_err(TransferFailure::Here)?;
            let met = credentials.meet(&grant.grant.to).await;
            met.map_err(|doubt| TransferFailure::Here(doubt.here))
        }
    }
}
