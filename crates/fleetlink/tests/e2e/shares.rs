//! The share of a hub that one address can take.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::harness::{DEADLINE, Guesser, Hub, PASSWORD};

const DESCRIPTORS: u32 = 256;
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

async fn connect(hub: SocketAddr) -> TcpStream {
    TcpSocket::new_v4().unwrap().connect(hub).await.unwrap()
}

/// Whether the hub has closed this connection, on which nothing was said.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let read = timeout(Duration::from_millis(1), stream.read_u8()).await;
    read.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_with_few_descriptors_leaves_half_of_them_to_others() {
    let hub = Hub::start_with_descriptors(DESCRIPTORS, &["cam"], &[]);
    let mut connections = Vec::new();
    for _ in 0..DESCRIPTORS {
        connections.push(connect(hub.address).await);
    }
    // Without a word for ten seconds these would be closed too.
    let closed = async {
        loop {
            for connection in &mut connections {
                if is_closed(connection).await {
                    return;
                }
            }
        }
    };
    timeout(DEADLINE, closed)
        .await
        .expect("those beyond its half are closed");
    let mut other = Guesser::from(ELSEWHERE, hub.address).await;
    assert_eq!(other.guess("cam", PASSWORD).await.reason, "none");
    let open = std::fs::read_dir(format!("/proc/{}/fd", hub.pid())).unwrap();
    let open = open.count();
    assert!(open < DESCRIPTORS as usize * 3 / 4, "{open} are open");
}
