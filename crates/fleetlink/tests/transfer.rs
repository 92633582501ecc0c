//! A file from device to device, by the leave of a real hub.
#![cfg(feature = "hub")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use fleetlink_client::{
    Arrival, Error, ReceivePolicy, Session,
    internals::{Announcement, Credentials, Listener, Peer, Trust, connect},
    kept::{DeviceKeys, KeyPair},
    transfer::{Control, Endpoint, Inbox},
};
use fleetlink_hub::{HubConfig, RunningHub, Settings};
use fleetlink_proto::control::ErrorCode;
use fleetlink_proto::transfer::Addresses;
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::{DeviceName, HubPin, WallTime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

struct Device {
    session: Session,
    endpoint: Endpoint,
    credentials: Arc<Credentials>,
    key: Arc<KeyPair>,
}

/// The hub's civil time, as far off as it is set.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn step(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    fn now(&self) -> WallTime {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let millis = i64::try_from(since.unwrap().as_millis()).unwrap();
        WallTime::from_unix_millis(millis + self.0.load(Ordering::Relaxed))
    }
}

/// A device that takes files.
struct Receiver {
    device: Device,
    listening: JoinHandle<()>,
    arrivals: mpsc::Receiver<Arrival>,
}

async fn hub(folder: &Path, clock: &Clock) -> RunningHub {
    let credentials = folder.join("credentials.txt");
    fs::write(&credentials, "camera secret\nuav secret\n").unwrap();
    let config = HubConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        data: folder.join("data"),
        logs: folder.to_owned(),
        credentials: Some(fleetlink_hub::CredentialsFile {
            path: credentials,
            authority: fleetlink_hub::Authority::Import,
        }),
        plain: false,
        settings: Settings::default(),
        retention: Default::default(),
        quotas: Default::default(),
        log_bounds: Default::default(),
        number_exchange: None,
        leases: None,
        http: None,
    };
    let clock = clock.clone();
    let clock = Arc::new(move || clock.now());
    let started = fleetlink_hub::start_with_clock(config, clock).await;
    let (hub, mut lines) = started.unwrap();
    tokio::spawn(async move { while lines.recv().await.is_some() {} });
    hub
}

async fn logged_in(hub: &RunningHub, name: &str) -> (Session, HubPin) {
    let address = hub.address().to_string().parse().unwrap();
    let connection = connect(&address, Trust::Learn).await.unwrap();
    let pin = connection.pin.unwrap();
    let (session, _) = Session::open(connection, "test").await.unwrap();
    let password = "secret".to_owned().into();
    session.login(name, &password).await.unwrap();
    (session, pin)
}

type Refused = Box<dyn std::error::Error + Send + Sync>;

async fn joined(hub: &RunningHub, folder: &Path, name: &str) -> Device {
    let (session, pin) = logged_in(hub, name).await;
    let name: DeviceName = name.parse().unwrap();
    let keys = DeviceKeys::in_folder(folder.join(name.as_str()));
    let enrol = async |key: &KeyPair| {
        let enrolled = session.enrol_key(&name, key).await;
        enrolled.map_err(Refused::from)
    };
    let key = Arc::new(keys.make(pin, &name, enrol).await.unwrap());
    let endpoint = Endpoint::bind(0).await.unwrap();
    session.join(endpoint.port()).await.unwrap();
    let credentials = Credentials::new(name, key.clone(), endpoint.id(), pin, session.hub_clock());
    Device {
        session,
        endpoint,
        credentials: Arc::new(credentials),
        key,
    }
}

fn code(error: &Error) -> ErrorCode {
    match error.refusal() {
        Some(refused) => refused.code,
        None => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_goes_by_the_hubs_leave_and_not_without() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), &Clock::default()).await;
    let camera = joined(&hub, folder.path(), "camera").await;
    let uav = "uav".parse::<DeviceName>().unwrap();
    let open = async || camera.session.open_transfer(uav.clone()).await;
    assert_eq!(code(&open().await.unwrap_err()), ErrorCode::Offline);
    let receiver = joined(&hub, folder.path(), "uav").await;
    assert_eq!(code(&open().await.unwrap_err()), ErrorCode::NoEndpoint);

    // A certificate by another key, or that was changed, is not taken.
    let other = Credentials::new(
        uav.clone(),
        camera.key.clone(),
        receiver.endpoint.id(),
        receiver.credentials.certificate().certificate.hub,
        receiver.session.hub_clock(),
    );
    let mut changed = receiver.credentials.certificate();
    changed.certificate.party.endpoint = camera.endpoint.id();
    for certificate in [other.certificate(), changed] {
        let refused = receiver
            .session
            .announce_endpoint(certificate, Addresses::default())
            .await;
        assert_eq!(code(&refused.unwrap_err()), ErrorCode::BadCertificate);
    }
    announce(&camera).await;
    let inbox = folder.path().join("inbox");
    let mut receiver = listen(receiver, &inbox).await;
    let path = folder.path().join("test.mp4");
    fs::write(&path, vec![7; 3_000_000]).unwrap();
    let leave = open().await.unwrap();
    let peer = Peer::connect(
        &camera.endpoint,
        &camera.credentials,
        leave.grant,
        &leave.addresses,
        Deadlines::default(),
    );
    let peer = peer.await.unwrap();
    let receipt = peer.send_file(path, &Control::new()).await.unwrap();
    assert_eq!(receipt.stored_as.as_str(), "camera_test.mp4");
    assert!(fs::read(inbox.join("camera_test.mp4")).unwrap() == vec![7; 3_000_000]);
    assert!(matches!(
        receiver.arrivals.recv().await,
        Some(Arrival::Coming { .. })
    ));
    assert!(matches!(
        receiver.arrivals.recv().await,
        Some(Arrival::Stored { .. })
    ));

    receiver.device.session.leave().await;
    assert_eq!(code(&open().await.unwrap_err()), ErrorCode::Offline);
    receiver.listening.abort();
    hub.close().await;
}

/// A grant's time is of a clock that nobody sets, so a step of the hub's civil time stops nothing:
/// before the joins, after them, by an hour, or little by little.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_while_the_hubs_clock_is_set() {
    for before in [0, 3600, -3600] {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
        let hub = hub(folder.path(), &clock).await;
        clock.step(before);
        let camera = joined(&hub, folder.path(), "camera").await;
        announce(&camera).await;
        clock.step(-before);
        let uav = joined(&hub, folder.path(), "uav").await;
        let inbox = folder.path().join("inbox");
        let uav = listen(uav, &inbox).await;
        let mut sent = 0;
        for step in [0, 3600, -3600, -3600, 130, -260] {
            clock.step(step);
            sent += 1;
            deliver(&camera, folder.path(), sent).await;
        }
        for drift in [1, -1] {
            for _ in 0..300 {
                clock.step(drift);
                camera.session.ping().await.unwrap();
            }
            sent += 1;
            deliver(&camera, folder.path(), sent).await;
        }
        assert_eq!(fs::read_dir(&inbox).unwrap().count(), sent);
        uav.listening.abort();
        hub.close().await;
    }
}

async fn announce(device: &Device) {
    let announcement = Announcement::new(device.endpoint.clone(), device.credentials.clone());
    announcement.tell(&device.session).await.unwrap();
}

async fn listen(device: Device, inbox: &Path) -> Receiver {
    fs::create_dir(inbox).unwrap();
    let (listener, arrivals) = Listener::new(
        device.endpoint.clone(),
        device.credentials.clone(),
        Arc::new(Inbox::open(inbox, ReceivePolicy::from_everybody()).unwrap()),
        Deadlines::default(),
    );
    announce(&device).await;
    Receiver {
        device,
        listening: tokio::spawn(listener.run()),
        arrivals,
    }
}

/// Sends a small file to the uav.
async fn deliver(from: &Device, folder: &Path, number: usize) {
    let path = folder.join(number.to_string());
    fs::write(&path, b"small").unwrap();
    let leave = from.session.open_transfer("uav".parse().unwrap()).await;
    let leave = leave.unwrap();
    let peer = Peer::connect(
        &from.endpoint,
        &from.credentials,
        leave.grant,
        &leave.addresses,
        Deadlines::default(),
    );
    let peer = peer.await.unwrap_or_else(|e| panic!("file {number}: {e}"));
    peer.send_file(path, &Control::new()).await.unwrap();
}
