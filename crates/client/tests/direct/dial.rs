//! The destinations of a sender's first packets.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use fleetlink_client::internals::Peer;
use fleetlink_proto::transfer::limits::{ALPN, DIAL_DEADLINE, Deadlines, MAX_DIALLED_ADDRESSES};
use fleetlink_proto::transfer::{Reason, TransferFailure};

use crate::hostile::raw;
use crate::world::{Hub, here, in_time, peers};

/// Datagrams that one address may get of a dial that nobody answers.
const DATAGRAMS: usize = 12;
/// The longest of them, as long as any before a connection is there (RFC 9000, section 14.1).
const BYTES: usize = 1200;

/// Hosts that have nothing to do with it.
fn victims(count: usize) -> Vec<UdpSocket> {
    let bind = |_| UdpSocket::bind("127.0.0.1:0").unwrap();
    (0..count).map(bind).collect()
}

/// Dials a device that is said to be at all of these addresses.
async fn dial(addresses: Vec<SocketAddr>) -> TransferFailure {
    let hub = Hub::new();
    let (camera, uav) = (hub.device("camera").await, hub.device("uav").await);
    let grant = hub.grant(&camera, &uav);
    let began = Instant::now();
    let (own, credentials) = (&camera.endpoint, &camera.credentials);
    let reached = Peer::connect(own, credentials, grant, &addresses, Deadlines::default());
    let failure = in_time(reached).await.unwrap_err();
    assert!(began.elapsed() < DIAL_DEADLINE + Duration::from_secs(5));
    failure
}

/// The lengths of the datagrams that came there.
fn came(victim: &UdpSocket) -> Vec<usize> {
    victim.set_nonblocking(true).unwrap();
    let mut buffer = [0; 2048];
    std::iter::from_fn(|| victim.recv(&mut buffer).ok()).collect()
}

/// A device that announces false addresses leads other devices' packets there.
#[tokio::test]
async fn a_dial_is_bounded_wherever_it_is_led() {
    let victims = victims(MAX_DIALLED_ADDRESSES + 3);
    let addresses = victims.iter().map(|v| v.local_addr().unwrap());
    let refused = dial(addresses.collect()).await;
    assert_eq!(here(&refused), Reason::TimedOut);
    for (number, victim) in victims.iter().enumerate() {
        let expected = match number {
            n if n < MAX_DIALLED_ADDRESSES => 1..=DATAGRAMS,
            _ => 0..=0,
        };
        let lengths = came(victim);
        assert!(expected.contains(&lengths.len()), "{number}: {lengths:?}");
        assert!(lengths.iter().all(|bytes| *bytes <= BYTES), "{lengths:?}");
    }
}

/// Nor does it help to refuse each try, and so to have another one made.
#[tokio::test]
async fn a_dial_that_is_refused_again_and_again_is_bounded_too() {
    let victims = victims(MAX_DIALLED_ADDRESSES - 1);
    let endpoint = raw(vec![ALPN.to_vec()]).await;
    let mut addresses = vec![endpoint.bound_sockets()[0]];
    addresses.extend(victims.iter().map(|v| v.local_addr().unwrap()));
    let refusing = tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            incoming.refuse();
        }
    });
    assert_eq!(peers(&dial(addresses).await), Reason::Busy);
    refusing.abort();
    for victim in &victims {
        let lengths = came(victim);
        assert!(lengths.len() <= DATAGRAMS, "{lengths:?}");
    }
}

#[tokio::test]
async fn a_device_without_an_address_is_not_waited_for() {
    let refused = dial(Vec::new()).await;
    assert_eq!(
        refused.to_string(),
        "the connection failed: no address of the device is known"
    );
}

/// Another device answers at one of the addresses if both networks have the same private ones.
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
        let reached = Peer::connect(own, credentials, grant, &addresses, deadlines);
        in_time(reached).await.unwrap().close(Reason::Closing);
    }
}
