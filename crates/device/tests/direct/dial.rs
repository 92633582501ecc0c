//! Where a sender's first packets go.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use fleetlink_device::Peer;
use fleetlink_proto::transfer::Reason;
use fleetlink_proto::transfer::limits::{DIAL_DEADLINE, Deadlines, MAX_DIALLED_ADDRESSES};

use crate::world::{Hub, here, in_time};

/// Datagrams that one address may get of a dial that nobody answers.
const DATAGRAMS: usize = 12;
/// The longest of them, as long as any before a connection is there (RFC 9000, section 14.1).
const BYTES: usize = 1200;

/// Whoever says where a device is leads other devices' packets there.
#[tokio::test]
async fn a_dial_is_bounded_wherever_it_is_led() {
    let hub = Hub::new();
    let (camera, uav) = (hub.device("camera").await, hub.device("uav").await);
    let victims: Vec<UdpSocket> = (0..MAX_DIALLED_ADDRESSES + 3)
        .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
        .collect();
    let addresses: Vec<SocketAddr> = victims.iter().map(|v| v.local_addr().unwrap()).collect();
    let grant = hub.grant(&camera, &uav);
    let began = Instant::now();
    let reached = Peer::reach(
        &camera.endpoint,
        &camera.credentials,
        grant,
        &addresses,
        Deadlines::default(),
    );
    let refused = in_time(reached).await.unwrap_err();
    assert_eq!(here(&refused), Reason::TimedOut);
    assert!(began.elapsed() < DIAL_DEADLINE + Duration::from_secs(5));
    for (number, victim) in victims.iter().enumerate() {
        victim.set_nonblocking(true).unwrap();
        let mut buffer = [0; 2048];
        let came = std::iter::from_fn(|| victim.recv(&mut buffer).ok());
        let lengths: Vec<usize> = came.collect();
        let expected = match number {
            n if n < MAX_DIALLED_ADDRESSES => 1..=DATAGRAMS,
            _ => 0..=0,
        };
        assert!(expected.contains(&lengths.len()), "{number}: {lengths:?}");
        assert!(lengths.iter().all(|bytes| *bytes <= BYTES), "{lengths:?}");
    }
}

#[tokio::test]
async fn a_device_without_an_address_is_not_waited_for() {
    let hub = Hub::new();
    let (camera, uav) = (hub.device("camera").await, hub.device("uav").await);
    let grant = hub.grant(&camera, &uav);
    let deadlines = Deadlines::default();
    let reached = Peer::reach(&camera.endpoint, &camera.credentials, grant, &[], deadlines);
    let refused = in_time(reached).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the connection failed: no address of the device is known"
    );
}

/// Where both networks have the same private addresses, somebody else answers at one of them.
#[tokio::test]
async fn somebody_else_at_another_address_does_not_keep_a_sender_from_its_peer() {
    let hub = Hub::new();
    let (receiver, other) = (
        hub.receiver("uav", Deadlines::default()).await,
        hub.receiver("other", Deadlines::default()).await,
    );
    let camera = hub.device("camera").await;
    let addresses = [receiver.device.at(), other.device.at()];
    for _ in 0..20 {
        let grant = hub.grant(&camera, &receiver.device);
        let deadlines = Deadlines::default();
        let (own, credentials) = (&camera.endpoint, &camera.credentials);
        let reached = Peer::reach(own, credentials, grant, &addresses, deadlines);
        in_time(reached).await.unwrap().close(Reason::Closing);
    }
}
