//! Peers that connect and do not say who they are.

use std::time::Duration;

use fleetlink_client::limits::{MAX_UNKNOWN_PEERS, MAX_UNKNOWN_PEERS_PER_NETWORK};
use fleetlink_proto::transfer::limits::{
    ALPN, ANSWER_DEADLINE, Deadlines, OFFER_DEADLINE, STALL_DEADLINE,
};
use iroh::endpoint::Connection;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::hostile::raw_at;
use crate::world::{Device, Hub, in_time, send};

/// A silent peer keeps its place for longer than a busy machine takes to dial all the others.
const PATIENT: Deadlines = Deadlines {
    introduction: Duration::from_secs(600),
    offer: OFFER_DEADLINE,
    answer: ANSWER_DEADLINE,
    stall: STALL_DEADLINE,
};

/// Connections that say nothing.
struct Silent {
    endpoint: iroh::Endpoint,
    connections: Vec<Connection>,
}

/// Of more connections from this address than the device has places, those that it takes.
async fn silent(address: &str, to: &Device) -> Silent {
    let endpoint = raw_at(address, vec![]).await;
    let id = iroh::EndpointId::from_bytes(to.endpoint.id().as_bytes()).unwrap();
    let to = iroh::EndpointAddr::new(id).with_ip_addr(to.at());
    let mut dialling = JoinSet::new();
    for _ in 0..MAX_UNKNOWN_PEERS + 1 {
        let (endpoint, to) = (endpoint.clone(), to.clone());
        dialling.spawn(async move { endpoint.connect(to, ALPN).await });
    }
    let mut connections = Vec::new();
    while let Some(dialled) = in_time(dialling.join_next()).await {
        connections.extend(dialled.unwrap());
    }
    assert_eq!(connections.len(), MAX_UNKNOWN_PEERS_PER_NETWORK);
    assert!(connections.len() < MAX_UNKNOWN_PEERS / 2);
    Silent {
        endpoint,
        connections,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_source_does_not_take_the_places_of_others() {
    let hub = Hub::new();
    let receiver = hub.receiver("uav", PATIENT).await;
    let camera = hub.device("camera").await;
    let mut held = vec![silent("127.0.0.2:0", &receiver.device).await];
    // More than half of all places are taken by others: who comes now shows its address first.
    while held.len() * MAX_UNKNOWN_PEERS_PER_NETWORK <= MAX_UNKNOWN_PEERS / 2 {
        let address = format!("127.0.0.{}:0", held.len() + 2);
        held.push(silent(&address, &receiver.device).await);
    }
    let grant = hub.grant(&camera, &receiver.device);
    let peer = camera.connect(grant, &receiver.device).await.unwrap();
    send(&peer, camera.file("x", b"1")).await.unwrap();
    assert_eq!(receiver.listing(), ["camera_x"]);
}

/// A peer that finds no place asks again, and gets one when others have gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_no_place_gets_one_when_others_have_gone() {
    let hub = Hub::new();
    let receiver = hub.receiver("uav", PATIENT).await;
    let camera = hub.device("camera").await;
    let held = silent("127.0.0.1:0", &receiver.device).await;
    let grant = hub.grant(&camera, &receiver.device);
    let mut reaching = Box::pin(camera.connect(grant, &receiver.device));
    // Long enough to be refused.
    let early = timeout(Duration::from_millis(300), &mut reaching).await;
    assert!(early.is_err(), "{early:?}");
    for connection in &held.connections {
        connection.close(0_u32.into(), b"");
    }
    let reached = reaching.await;
    held.endpoint.close().await;
    send(&reached.unwrap(), camera.file("x", b"1"))
        .await
        .unwrap();
    assert_eq!(receiver.listing(), ["camera_x"]);
}
