//! By whose leave a peer comes.

use std::net::SocketAddr;

use fleetlink_client::internals::{HubClock, Peer};
use fleetlink_proto::transfer::Reason;
use fleetlink_proto::transfer::limits::{Deadlines, MAX_GRANT_SUCCESSION};
use fleetlink_proto::{HubRun, HubTime};

use crate::world::{Hub, MINUTE, NOW, here, in_time, peers, send};

#[tokio::test]
async fn a_grant_holds_for_its_own_sender_receiver_hub_and_time() {
    let hub = Hub::new();
    let other_hub = Hub::new();
    let receiver = hub.receiver("uav", Deadlines::default()).await;
    let (camera, thief) = (hub.device("camera").await, hub.device("thief").await);
    let (from, to) = (
        camera.credentials.party(),
        receiver.device.credentials.party(),
    );
    let grant = |expires| hub.sign(from.clone(), to.clone(), expires);
    let good = NOW.later(MINUTE);
    let other_run = HubTime {
        run: HubRun::from_bytes([8; 16]),
        ..good
    };

    // The sender itself does not use what cannot hold.
    for (grant, reason) in [
        (grant(NOW), Reason::StaleGrant),
        (grant(other_run), Reason::StaleGrant),
        (grant(good.later(60 * MINUTE)), Reason::BadGrant),
        (other_hub.grant(&camera, &receiver.device), Reason::BadGrant),
        (hub.grant(&thief, &receiver.device), Reason::WrongPeer),
    ] {
        let refused = camera.connect(grant, &receiver.device).await.unwrap_err();
        assert_eq!(here(&refused), reason);
    }
    let mut forged = grant(good);
    forged.grant.from.party.name = "captain".parse().unwrap();
    let refused = camera.connect(forged, &receiver.device).await.unwrap_err();
    assert_eq!(here(&refused), Reason::BadGrant);
    let peer = camera.connect(grant(good), &receiver.device).await.unwrap();
    send(&peer, camera.file("x", b"1")).await.unwrap();
    assert_eq!(receiver.listing(), ["camera_x"]);
}

/// Sessions outlive the hub's key: each side knows it by the one that its own session was shown.
#[tokio::test]
async fn a_grant_by_a_newer_key_holds_where_its_statements_lead_there() {
    let first = Hub::new();
    let (second, to_second) = first.rotated();
    let (third, to_third) = second.rotated();
    let chain = vec![to_second.clone(), to_third.clone()];
    let devices = [&first, &second, &third];
    for (number, sender) in devices.iter().enumerate() {
        for receiver in devices {
            let camera = sender.device("camera").await;
            let receiver = receiver.receiver("uav", Deadlines::default()).await;
            let mut grant = third.grant(&camera, &receiver.device);
            grant.succession = chain.clone();
            let peer = camera.connect(grant, &receiver.device).await.unwrap();
            let name = number.to_string();
            send(&peer, camera.file(&name, b"1")).await.unwrap();
            assert_eq!(receiver.listing(), [format!("camera_{name}")]);
        }
    }
    // Back, to a key that nobody announced, or by a word that another key has given.
    let camera = third.device("camera").await;
    let old = first.device("camera").await;
    let receiver = third.receiver("uav", Deadlines::default()).await;
    let (stranger, _) = Hub::new().rotated();
    let mut forged = to_third.clone();
    forged.signature = to_second.signature.clone();
    for (signer, device, statements) in [
        (&first, &camera, chain.clone()),
        (&third, &old, vec![]),
        (&third, &old, vec![to_third]),
        (&third, &old, vec![to_second.clone()]),
        (&third, &old, vec![to_second.clone(), forged]),
        (&stranger, &old, chain),
        (&second, &old, vec![to_second; MAX_GRANT_SUCCESSION + 1]),
    ] {
        let mut grant = signer.grant(device, &receiver.device);
        grant.succession = statements;
        let refused = device.connect(grant, &receiver.device).await.unwrap_err();
        assert_eq!(here(&refused), Reason::BadGrant);
    }
    assert_eq!(receiver.listing(), [""; 0]);
}

/// The receiver judges for itself, whatever a sender believes.
#[tokio::test]
async fn a_receiver_refuses_a_peer_without_a_valid_grant() {
    let hub = Hub::new();
    let receiver = hub.receiver("uav", Deadlines::default()).await;
    let camera = hub.device("camera").await;
    // By the receiver's idea of the hub's clock the grant is over.
    let late = HubClock::at(NOW.later(MINUTE * 2));
    receiver.device.credentials.set_hub(hub.pin(), late);
    let grant = hub.grant(&camera, &receiver.device);
    let refused = camera.connect(grant, &receiver.device).await.unwrap_err();
    assert_eq!(peers(&refused), Reason::StaleGrant);
    assert!(
        refused.to_string().contains("its time is over"),
        "{refused}"
    );
    // Its hub has started anew.
    let run = HubRun::from_bytes([8; 16]);
    let anew = HubClock::at(HubTime { run, ..NOW });
    receiver.device.credentials.set_hub(hub.pin(), anew);
    let grant = hub.grant(&camera, &receiver.device);
    let refused = camera.connect(grant, &receiver.device).await.unwrap_err();
    assert_eq!(peers(&refused), Reason::StaleGrant);
    receiver
        .device
        .credentials
        .set_hub(hub.pin(), HubClock::at(NOW));
    // A grant for another receiver, used at this one's address and endpoint.
    let other = hub.device("other").await;
    let mut to = other.credentials.party();
    to.endpoint = receiver.device.endpoint.id();
    let grant = hub.sign(camera.credentials.party(), to, NOW.later(MINUTE));
    let refused = camera.connect(grant, &receiver.device).await.unwrap_err();
    assert_eq!(peers(&refused), Reason::WrongPeer);
    assert_eq!(receiver.listing(), [""; 0]);
}

/// Another endpoint at the address, and an endpoint whose device is another than the hub names.
#[tokio::test]
async fn a_sender_sends_nothing_to_whom_the_hub_does_not_name() {
    let hub = Hub::new();
    let impostor = hub.receiver("impostor", Deadlines::default()).await;
    let (camera, uav) = (hub.device("camera").await, hub.device("uav").await);
    let grant = hub.grant(&camera, &uav);
    let at: [SocketAddr; 1] = [impostor.device.at()];
    let reached = Peer::connect(
        &camera.endpoint,
        &camera.credentials,
        grant,
        &at,
        Deadlines::default(),
    );
    in_time(reached).await.unwrap_err();
    // The hub names the impostor's endpoint as the uav's, but the uav's key never said so.
    let mut to = uav.credentials.party();
    to.endpoint = impostor.device.endpoint.id();
    let grant = hub.sign(camera.credentials.party(), to, NOW.later(MINUTE));
    let refused = camera.connect(grant, &impostor.device).await.unwrap_err();
    assert_eq!(refused.ended().reason, Reason::WrongPeer);
    assert_eq!(impostor.listing(), [""; 0]);
}

/// A thief with the sender's grant has another endpoint, and so no use of it.
#[tokio::test]
async fn a_stolen_grant_is_of_no_use() {
    let hub = Hub::new();
    let receiver = hub.receiver("uav", Deadlines::default()).await;
    let (camera, thief) = (hub.device("camera").await, hub.device("thief").await);
    let stolen = hub.grant(&camera, &receiver.device);
    let introduction = fleetlink_proto::transfer::Introduction {
        grant: stolen,
        certificate: camera.credentials.certificate(),
    };
    let answer = crate::hostile::introduce(&thief, &receiver.device, &introduction.encode()).await;
    match fleetlink_proto::transfer::Greeting::decode(&answer) {
        Ok(fleetlink_proto::transfer::Greeting::Refused(ended)) => {
            assert_eq!(ended.reason, Reason::WrongPeer);
        }
        other => panic!("{other:?}"),
    }
}
