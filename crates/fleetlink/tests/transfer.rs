//! A file from device to device, by the leave of a real hub.
#![cfg(feature = "hub")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fleetlink_device::{
    Announcement, Arrival, CallError, Control, Credentials, DeviceKeys, Endpoint, Inbox, KeyPair,
    Listener, Peer, ReceivePolicy, Session, Trust, connect,
};
use fleetlink_hub::{HubConfig, RunningHub, Settings};
use fleetlink_proto::control::ErrorCode;
use fleetlink_proto::transfer::Addresses;
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::{DeviceName, HubPin};

struct Device {
    session: Session,
    endpoint: Endpoint,
    credentials: Arc<Credentials>,
    key: Arc<KeyPair>,
}

async fn hub(folder: &Path) -> RunningHub {
    let credentials = folder.join("credentials.txt");
    fs::write(&credentials, "camera secret\nuav secret\n").unwrap();
    let config = HubConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        data: folder.join("data"),
        logs: folder.to_owned(),
        credentials: Some(credentials),
        plain: false,
        settings: Settings::default(),
        number_exchange: None,
        leases: None,
    };
    let (hub, mut lines) = fleetlink_hub::start(config).await.unwrap();
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
    let join = session.join(endpoint.port()).await.unwrap();
    let credentials = Credentials::new(name, key.clone(), endpoint.id(), pin, join.since);
    Device {
        session,
        endpoint,
        credentials: Arc::new(credentials),
        key,
    }
}

fn code(error: CallError) -> ErrorCode {
    match error {
        CallError::Refused(error) => error.code,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_goes_by_the_hubs_leave_and_not_without() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path()).await;
    let camera = joined(&hub, folder.path(), "camera").await;
    let uav = "uav".parse::<DeviceName>().unwrap();
    let open = async || camera.session.open_transfer(uav.clone()).await;
    assert_eq!(code(open().await.unwrap_err()), ErrorCode::Offline);
    let receiver = joined(&hub, folder.path(), "uav").await;
    assert_eq!(code(open().await.unwrap_err()), ErrorCode::NoEndpoint);

    // A certificate by another key, or that was changed, is not taken.
    let other = Credentials::new(
        uav.clone(),
        camera.key.clone(),
        receiver.endpoint.id(),
        receiver.credentials.certificate().certificate.hub,
        receiver.credentials.certificate().certificate.expires,
    );
    let mut changed = receiver.credentials.certificate();
    changed.certificate.party.endpoint = camera.endpoint.id();
    for certificate in [other.certificate(), changed] {
        let refused = receiver
            .session
            .announce_endpoint(certificate, Addresses::default())
            .await;
        assert_eq!(code(refused.unwrap_err()), ErrorCode::BadCertificate);
    }
    for device in [&camera, &receiver] {
        let announcement = Announcement::new(device.endpoint.clone(), device.credentials.clone());
        announcement.tell(&device.session).await.unwrap();
    }

    let inbox = folder.path().join("inbox");
    fs::create_dir(&inbox).unwrap();
    let (listener, mut arrivals) = Listener::new(
        receiver.endpoint.clone(),
        receiver.credentials.clone(),
        Arc::new(Inbox::open(&inbox, ReceivePolicy::from_everybody()).unwrap()),
        Deadlines::default(),
    );
    let listening = tokio::spawn(listener.run());
    let path = folder.path().join("test.mp4");
    fs::write(&path, vec![7; 3_000_000]).unwrap();
    let leave = open().await.unwrap();
    let peer = Peer::reach(
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
        arrivals.recv().await,
        Some(Arrival::Coming { .. })
    ));
    assert!(matches!(
        arrivals.recv().await,
        Some(Arrival::Stored { .. })
    ));

    receiver.session.leave().await;
    assert_eq!(code(open().await.unwrap_err()), ErrorCode::Offline);
    listening.abort();
    hub.close().await;
}
