//! A hub that only signs, and devices of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetlink_client::{
    Arrival, Error, ReceivePolicy,
    internals::{Credentials, HubClock, Listener, Peer},
    kept::DeviceKeys,
    transfer::{Control, Endpoint, Inbox},
};
use fleetlink_proto::succession::Succession;
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::transfer::{
    Grant, GrantedParty, Party, Reason, Receipt, SignedGrant, TransferFailure, TransferId,
};
use fleetlink_proto::{HubKey, HubPin, HubRun, HubTime, Signature, WallTime, signed};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// The bytes before the point in the SubjectPublicKeyInfo of an ECDSA P-256 key (RFC 5480).
const SPKI: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\
                      \x3d\x03\x01\x07\x03\x42\x00";
/// The time of the hub's clock.
pub(crate) const NOW: HubTime = HubTime {
    run: HubRun::from_bytes([7; 16]),
    ms: 1_800_000,
};
/// The life of a grant.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
/// The time that anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Hub {
    pair: EcdsaKeyPair,
    key: HubKey,
}

pub(crate) struct Device {
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) folder: TempDir,
}

/// A device that receives.
pub(crate) struct Receiver {
    pub(crate) device: Device,
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
    task: tokio::task::JoinHandle<()>,
}

impl Hub {
    pub(crate) fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        let der = [SPKI, pair.public_key().as_ref()].concat();
        let key = HubKey::from_spki(&der).unwrap();
        Hub { pair, key }
    }

    /// The same hub with its next key, and this key's word for that.
    pub(crate) fn rotated(&self) -> (Self, Succession) {
        let next = Hub::new();
        let at = WallTime::from_unix_millis(0);
        let message = signed::succession(self.pin(), &next.key, at);
        let signature = self.pair.sign(&SystemRandom::new(), &message).unwrap();
        let statement = Succession {
            old: self.key.clone(),
            new: next.key.clone(),
            at,
            signature: Signature::from_bytes(signature.as_ref().try_into().unwrap()),
        };
        (next, statement)
    }

    pub(crate) fn pin(&self) -> HubPin {
        let hash = ring::digest::digest(&ring::digest::SHA256, self.key.spki());
        HubPin::from_sha256(hash.as_ref().try_into().unwrap())
    }

    pub(crate) fn grant(&self, from: &Device, to: &Device) -> SignedGrant {
        let (from, to) = (from.credentials.party(), to.credentials.party());
        self.sign(from, to, NOW.later(MINUTE))
    }

    /// The same, of devices that have enrolled their keys or not.
    pub(crate) fn grant_of(&self, from: &Device, to: &Device, enrolled: bool) -> SignedGrant {
        let [from, to] = [from, to].map(|device| GrantedParty {
            party: device.credentials.party(),
            enrolled,
        });
        self.sign_named(from, to, NOW.later(MINUTE))
    }

    pub(crate) fn sign(&self, from: Party, to: Party, expires: HubTime) -> SignedGrant {
        let [from, to] = [from, to].map(|party| GrantedParty {
            party,
            enrolled: true,
        });
        self.sign_named(from, to, expires)
    }

    fn sign_named(&self, from: GrantedParty, to: GrantedParty, expires: HubTime) -> SignedGrant {
        let grant = Grant {
            id: TransferId::from_bytes([1; 16]),
            from,
            to,
            expires,
        };
        let message = grant.message(&self.pin());
        let signature = self.pair.sign(&SystemRandom::new(), &message).unwrap();
        SignedGrant {
            grant,
            hub_key: self.key.clone(),
            signature: Signature::from_bytes(signature.as_ref().try_into().unwrap()),
            succession: Vec::new(),
        }
    }

    pub(crate) async fn device(&self, name: &str) -> Device {
        let folder = tempfile::tempdir().unwrap();
        let name = name.parse().unwrap();
        let keys = DeviceKeys::in_folder(folder.path().join("state"));
        let key = keys
            .make(self.pin(), &name, async |_| Ok::<_, Error>(()))
            .await;
        let endpoint = Endpoint::bind(0).await.unwrap();
        let key = Arc::new(key.unwrap());
        let credentials = Credentials::new(name, key, endpoint.id(), self.pin(), HubClock::at(NOW));
        Device {
            endpoint,
            credentials: Arc::new(credentials),
            folder,
        }
    }

    pub(crate) async fn receiver(&self, name: &str, deadlines: Deadlines) -> Receiver {
        let policy = ReceivePolicy::from_everybody();
        self.receiver_by(name, deadlines, policy).await
    }

    pub(crate) async fn receiver_by(
        &self,
        name: &str,
        deadlines: Deadlines,
        policy: ReceivePolicy,
    ) -> Receiver {
        let device = self.device(name).await;
        let folder = device.folder.path().join("inbox");
        std::fs::create_dir(&folder).unwrap();
        receiving(device, &folder, deadlines, policy)
    }

    /// A receiver whose inbox is another folder than its own.
    pub(crate) async fn receiver_into(
        &self,
        name: &str,
        deadlines: Deadlines,
        inbox: &Path,
    ) -> Receiver {
        let device = self.device(name).await;
        receiving(device, inbox, deadlines, ReceivePolicy::from_everybody())
    }
}

fn receiving(
    device: Device,
    inbox: &Path,
    deadlines: Deadlines,
    policy: ReceivePolicy,
) -> Receiver {
    let inbox = Arc::new(Inbox::open(inbox, policy).unwrap());
    let (listener, arrivals) = Listener::new(
        device.endpoint.clone(),
        device.credentials.clone(),
        inbox,
        deadlines,
    );
    let task = tokio::spawn(listener.run());
    Receiver {
        device,
        arrivals,
        task,
    }
}

impl Device {
    pub(crate) fn at(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.endpoint.port()))
    }

    pub(crate) async fn connect(
        &self,
        grant: SignedGrant,
        to: &Device,
    ) -> Result<Peer, TransferFailure> {
        self.reach_within(grant, to, Deadlines::default()).await
    }

    pub(crate) async fn reach_within(
        &self,
        grant: SignedGrant,
        to: &Device,
        deadlines: Deadlines,
    ) -> Result<Peer, TransferFailure> {
        let addresses = [to.at()];
        let reached = Peer::connect(
            &self.endpoint,
            &self.credentials,
            grant,
            &addresses,
            deadlines,
        );
        in_time(reached).await
    }

    /// A file of this content in the device's folder.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Receiver {
    pub(crate) fn inbox(&self) -> PathBuf {
        self.device.folder.path().join("inbox")
    }

    pub(crate) fn listing(&self) -> Vec<String> {
        listing(&self.inbox())
    }

    /// The next file that is stored or failed.
    pub(crate) async fn next(&mut self) -> Arrival {
        loop {
            match in_time(self.arrivals.recv()).await.unwrap() {
                Arrival::Coming { .. } => {}
                arrival => return arrival,
            }
        }
    }

    /// The next failure's code.
    pub(crate) async fn failure(&mut self) -> TransferFailure {
        match self.next().await {
            Arrival::Failed { failure, .. } => failure,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn listing(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.expect("it happens in time")
}

pub(crate) async fn send(peer: &Peer, path: PathBuf) -> Result<Receipt, TransferFailure> {
    in_time(peer.send_file(path, &Control::new())).await
}

pub(crate) fn here(failure: &TransferFailure) -> Reason {
    match failure {
        TransferFailure::Here(ended) => ended.reason,
        TransferFailure::Peer(ended) => panic!("the peer said {ended:?}"),
    }
}

pub(crate) fn peers(failure: &TransferFailure) -> Reason {
    match failure {
        TransferFailure::Peer(ended) => ended.reason,
        TransferFailure::Here(ended) => panic!("said here: {ended:?}"),
    }
}

/// Bytes that differ from place to place.
pub(crate) fn content(bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    blake3::Hasher::new().finalize_xof().fill(&mut content);
    content
}
