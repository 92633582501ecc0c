//! The lease service: HELLO / OK / RESET over UDP and TCP, with one table for both.

mod batch;
mod clock;
mod requests;
mod shared;
mod sockets;
mod tcp;
mod udp;

use std::hash::RandomState;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use fleetlink_proto::lease::limits::DRAIN_DEADLINE;
use fleetlink_proto::lease::{Counts, LeaseSettings, Leases};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use self::shared::Shared;
use self::sockets::Sockets;
use self::udp::UdpServer;
use crate::accept::{Bounds, accept_loop};
use crate::descriptors::Descriptors;

pub use self::clock::Clock;
pub use self::requests::{Asked, RequestLog, ShownRequest, ShownRequests};

/// The settings of a lease service.
#[derive(Debug, Clone)]
pub struct LeaseConfig {
    /// The UDP address.
    pub udp: Option<SocketAddr>,
    /// The TCP address. If it equals `udp` with port 0, both get one port that is free for both.
    pub tcp: Option<SocketAddr>,
    /// The rules' settings.
    pub settings: LeaseSettings,
    /// The clock.
    pub clock: Clock,
    /// The log of requests.
    pub requests: Option<RequestLog>,
}

/// A lease service did not start: the address cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve leases over {transport} on {address}: {source}")]
pub struct LeaseStartError {
    transport: fleetlink_proto::lease::Transport,
    address: SocketAddr,
    source: io::Error,
}

/// The reason why a lease service ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum LeasesEnded {
    /// Nobody asked for as long as the settings say.
    #[error("nobody asked for an id in time")]
    Idle,
    /// A part that it needs ended.
    #[error("an essential part of the lease service ended: {0}")]
    Part(String),
}

/// A lease service that runs. Dropped, it ends without waiting.
pub struct RunningLeases {
    shared: Arc<Shared>,
    udp: Option<UdpServer>,
    tcp: Option<TcpServer>,
    stop: CancellationToken,
}

struct TcpServer {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

/// Reads the counts of a lease service.
#[derive(Clone)]
pub(crate) struct LeaseReader(Arc<Shared>);

impl LeaseReader {
    /// The counts so far.
    pub(crate) fn counts(&self) -> Counts {
        self.0.lock().0.counts()
    }
}

/// Starts a lease service on the current tokio runtime, and a thread for UDP.
pub fn start_leases(config: LeaseConfig) -> Result<RunningLeases, LeaseStartError> {
    Ok(Listening::bind(config)?.start(Descriptors::found().connections()))
}

/// A lease service that has its addresses. Whoever asks waits.
pub(crate) struct Listening {
    sockets: Sockets,
    config: LeaseConfig,
}

impl Listening {
    pub(crate) fn bind(config: LeaseConfig) -> Result<Self, LeaseStartError> {
        let sockets = Sockets::bind(config.udp, config.tcp)?;
        Ok(Listening { sockets, config })
    }

    /// Begins to serve, with at most `connections` at once.
    pub(crate) fn start(self, connections: usize) -> RunningLeases {
        serve(self.sockets, self.config, connections)
    }
}

fn serve(sockets: Sockets, config: LeaseConfig, connections: usize) -> RunningLeases {
    let now = config.clock.now();
    let leases = Leases::new(&config.settings, RandomState::new(), now);
    let shared = Arc::new(Shared::new(leases, config.clock, config.requests));
    let stop = CancellationToken::new();
    let udp = sockets.udp.map(|(socket, address)| {
        UdpServer::start(socket, address, Arc::clone(&shared), stop.clone())
    });
    let tcp = sockets.tcp.map(|(listener, address)| {
        let accepting = accept_clients(listener, connections, Arc::clone(&shared), stop.clone());
        TcpServer {
            address,
            accepting: tokio::spawn(accepting),
        }
    });
    RunningLeases {
        shared,
        udp,
        tcp,
        stop,
    }
}

fn accept_clients(
    listener: tokio::net::TcpListener,
    connections: usize,
    shared: Arc<Shared>,
    stop: CancellationToken,
) -> impl Future<Output = ()> {
    let bounds = Bounds {
        connections,
        // A connection sets its deadlines where it has to wait: most never do.
        lifetime: None,
        // Twice what a connection takes once it is told to end.
        drain: DRAIN_DEADLINE * 2,
    };
    let ending = stop.clone();
    accept_loop(listener, bounds, stop, move |stream, peer| {
        // Nothing within it is logged above this level.
        let span = tracing::debug_span!("connection", service = "leases", %peer);
        tcp::serve(stream, peer, Arc::clone(&shared), ending.clone()).instrument(span)
    })
}

impl RunningLeases {
    /// The UDP address.
    pub fn udp_address(&self) -> Option<SocketAddr> {
        self.udp.as_ref().map(UdpServer::address)
    }

    /// The TCP address.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().map(|tcp| tcp.address)
    }

    /// A reader of its counts.
    pub(crate) fn reader(&self) -> LeaseReader {
        LeaseReader(Arc::clone(&self.shared))
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        self.shared.lock().0.counts()
    }

    /// Resolves when the service cannot go on, or nobody asks any more. It still has to be closed.
    pub async fn ended(&mut self) -> LeasesEnded {
        tokio::select! {
            () = idle(&self.shared) => LeasesEnded::Idle,
            why = udp_ended(&mut self.udp) => LeasesEnded::Part(why),
            () = tcp_ended(&mut self.tcp) => LeasesEnded::Part("the accept loop".to_owned()),
        }
    }

    /// Closes its sockets, and returns what it did.
    pub async fn close(mut self) -> Counts {
        self.stop.cancel();
        if let Some(udp) = &mut self.udp {
            udp.ended().await;
        }
        if let Some(tcp) = &mut self.tcp
            && !tcp.accepting.is_finished()
        {
            // A panic in it has been printed; it is its end that is waited for.
            let _ = (&mut tcp.accepting).await;
        }
        self.counts()
    }
}

impl Drop for RunningLeases {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Resolves when nobody has asked for as long as the settings say.
async fn idle(shared: &Shared) {
    loop {
        let (idle, now) = shared.idle();
        if idle.is_over(now) {
            return;
        }
        match idle.ends_at() {
            Some(end) => tokio::time::sleep(end - now).await,
            None => std::future::pending().await,
        }
    }
}

async fn udp_ended(udp: &mut Option<UdpServer>) -> String {
    match udp {
        Some(udp) => udp.ended().await,
        None => std::future::pending().await,
    }
}

async fn tcp_ended(tcp: &mut Option<TcpServer>) {
    match tcp {
        // A handle whose result was taken is not asked again.
        Some(tcp) if tcp.accepting.is_finished() => {}
        // However it ended, it has.
        Some(tcp) => drop((&mut tcp.accepting).await),
        None => std::future::pending().await,
    }
}
