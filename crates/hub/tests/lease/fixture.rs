//! A lease service of a test's own, and clients of it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fleetlink_hub::{Clock, LeaseConfig, LeaseStartError, RunningLeases, start_leases};
use fleetlink_proto::lease::{Counts, LeaseSettings};
use tokio::runtime::Runtime;

/// The time that anything may take before a test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A service on a free port of loopback.
pub(crate) struct Service {
    runtime: Runtime,
    leases: Option<RunningLeases>,
    pub(crate) udp: SocketAddr,
    pub(crate) tcp: SocketAddr,
    nanos: Arc<AtomicU64>,
}

pub(crate) fn try_start(
    runtime: &Runtime,
    listen: SocketAddr,
    settings: LeaseSettings,
    clock: Clock,
) -> Result<RunningLeases, LeaseStartError> {
    let _context = runtime.enter();
    start_leases(LeaseConfig {
        requests: None,
        udp: Some(listen),
        tcp: Some(listen),
        settings,
        clock,
    })
}

impl Service {
    pub(crate) fn start(listen: &str) -> Self {
        Self::start_with(listen, LeaseSettings::default())
    }

    pub(crate) fn start_with(listen: &str, settings: LeaseSettings) -> Self {
        let runtime = Runtime::new().unwrap();
        let nanos = Arc::new(AtomicU64::new(0));
        let clock = Clock::Manual(Arc::clone(&nanos));
        let leases = try_start(&runtime, listen.parse().unwrap(), settings, clock).unwrap();
        Service {
            udp: leases.udp_address().unwrap(),
            tcp: leases.tcp_address().unwrap(),
            runtime,
            leases: Some(leases),
            nanos,
        }
    }

    /// Sets the service's clock, for what comes from now on.
    pub(crate) fn set_time(&self, now: Duration) {
        let nanos = u64::try_from(now.as_nanos()).unwrap();
        self.nanos.store(nanos, Ordering::SeqCst);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.leases.as_ref().unwrap().counts()
    }

    pub(crate) fn close(mut self) -> Counts {
        let leases = self.leases.take().unwrap();
        self.runtime.block_on(leases.close())
    }
}

/// A socket that is connected to the service.
pub(crate) fn udp_client(server: SocketAddr) -> UdpSocket {
    let any = if server.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(any).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

/// Asks over UDP and waits for the reply.
pub(crate) fn ask(socket: &UdpSocket, request: &[u8]) -> String {
    socket.send(request).unwrap();
    receive(socket)
}

pub(crate) fn receive(socket: &UdpSocket) -> String {
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

/// The bytes that came over TCP until the end of the stream, which must be no reset.
pub(crate) fn ask_tcp(server: SocketAddr, pieces: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        stream.write_all(piece).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}
