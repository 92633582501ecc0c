//! Peers that are known by another key than the hub names.

use std::sync::{Arc, Mutex};

use fleetlink_client::kept::{KnownDevice, KnownDevices};
use fleetlink_proto::transfer::Reason;
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::{DeviceKey, WallTime};

use crate::world::{Device, Hub, here, send};

/// The keys that this device remembers of others.
fn known(device: &Device) -> KnownDevices {
    KnownDevices::in_folder(device.folder.path().join("state"))
}

/// The device, remembering others; and of whom it could not keep the key.
fn remembering(mut device: Device) -> (Device, Arc<Mutex<Vec<String>>>) {
    let lost = Arc::<Mutex<Vec<String>>>::default();
    let tells = Arc::clone(&lost);
    let same = device.credentials.at_endpoint(device.endpoint.id());
    let credentials = same.remembering(known(&device), move |unkept| {
        tells.lock().unwrap().push(unkept.name.to_string());
    });
    device.credentials = Arc::new(credentials);
    (device, lost)
}

/// Makes `device` remember this key for `other`.
fn keeps(hub: &Hub, device: &Device, other: &Device, key: DeviceKey) {
    let kept = known(device).keep(KnownDevice {
        hub: hub.pin(),
        name: other.credentials.party().name,
        key,
        since: WallTime::from_unix_millis(0),
    });
    assert_eq!(kept.unwrap(), key);
}

/// At its address is nobody: a dial would end otherwise, and later.
#[tokio::test]
async fn a_sender_does_not_dial_who_is_known_by_another_key() {
    let hub = Hub::new();
    let ((camera, _), uav) = (
        remembering(hub.device("camera").await),
        hub.device("uav").await,
    );
    uav.endpoint.close().await;
    keeps(&hub, &camera, &uav, DeviceKey::from_bytes([7; 32]));
    for enrolled in [true, false] {
        let grant = hub.grant_of(&camera, &uav, enrolled);
        let refused = camera.connect(grant, &uav).await.unwrap_err();
        assert_eq!(here(&refused), Reason::KeyChanged);
    }
}

/// The hub's grant says whether a key is enrolled, and so remembered; nobody changes that on the way.
#[tokio::test]
async fn the_hubs_word_says_whose_key_is_remembered() {
    let hub = Hub::new();
    let receiver = hub.receiver("uav", Deadlines::default()).await;
    let (camera, lost) = remembering(hub.device("camera").await);
    let uav = receiver.device.credentials.party();
    let found = || known(&camera).find(hub.pin(), &uav.name).unwrap();
    for enrolled in [false, true] {
        let grant = hub.grant_of(&camera, &receiver.device, enrolled);
        let mut forged = grant.clone();
        forged.grant.to.enrolled = !enrolled;
        let refused = camera.connect(forged, &receiver.device).await.unwrap_err();
        assert_eq!(here(&refused), Reason::BadGrant);
        let peer = camera.connect(grant, &receiver.device).await.unwrap();
        send(&peer, camera.file("x", b"1")).await.unwrap();
        assert_eq!(found(), enrolled.then_some(uav.key));
    }
    assert_eq!(lost.lock().unwrap().len(), 0);
}
