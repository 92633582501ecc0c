//! The HTTP door: the page, the API `/api/v1`, and what tells a monitor how the hub is.
//!
//! A handler finds its caller, makes a typed call of it, and writes the reply. The core decides.
//! Bulk bytes go between the connection and the store.

mod access;
mod audit;
mod auth;
mod config;
mod connection;
mod counted;
mod data;
mod devices;
mod events;
mod extract;
mod forwarded;
mod headers;
mod health;
mod host;
mod hub;
mod limits;
mod listener;
mod metrics;
mod openapi;
mod page;
mod patient;
mod problem;
mod rest;
mod router;
mod rules;
mod session;
mod texts;
mod tls;
mod transfers;

pub use self::config::{HttpAddress, HttpConfig, HttpTls};
pub(crate) use self::hub::KnownSize;
pub(crate) use self::listener::{Bound, Serving};
pub use self::listener::{HttpError, HttpListening};
pub use self::tls::TlsError;
pub(crate) use self::transfers::TransferEvent;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use fleetlink_core::{Capacity, Door};
use fleetlink_proto::{HubPin, WallTime};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::driver::{DriverHandle, HubEvent, StatelessCalls};
use crate::feed::Feed;
use crate::hub_state::HubState;
use crate::lease::LeaseReader;
use crate::metrics::{Counter, Meters};
use crate::passwords::Passwords;
use crate::session::{Claims, HubUploads};
use crate::store::Store;
use crate::traffic::Traffic;

/// The parts of a hub that the handlers use.
pub(crate) struct HubParts {
    pub(crate) driver: DriverHandle,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) claims: Claims,
    pub(crate) uploads: HubUploads,
    pub(crate) facts: HubFacts,
    pub(crate) passwords: Passwords,
    pub(crate) hub_state: HubState,
    pub(crate) feed: Feed,
    pub(crate) traffic: Traffic,
    pub(crate) meters: Arc<Meters>,
    /// The way to the hub's console, as far as it is there still.
    pub(crate) console: mpsc::WeakSender<HubEvent>,
    pub(crate) small: SmallServices,
    pub(crate) size: KnownSize,
    /// Cancelled when the hub begins to end.
    pub(crate) closing: CancellationToken,
}

/// The facts that do not change while a hub runs.
#[derive(Debug)]
pub(crate) struct HubFacts {
    pub(crate) started: WallTime,
    /// The address for devices.
    pub(crate) address: SocketAddr,
    pub(crate) data: PathBuf,
    /// None without TLS.
    pub(crate) pin: Option<HubPin>,
    pub(crate) capacity: Capacity,
    /// Whether everybody may read the metrics.
    pub(crate) metrics_are_public: bool,
}

/// The counts of the services beside the hub.
#[derive(Clone, Default)]
pub(crate) struct SmallServices {
    pub(crate) leases: Option<LeaseReader>,
    pub(crate) exchanges: Arc<Counter>,
}

/// The ways by which the door is reached.
struct Reached {
    hosts: host::Hosts,
    proxies: forwarded::Proxies,
}

/// The state that all handlers share.
pub(crate) struct Http {
    /// The way of calls to the core.
    calls: StatelessCalls,
    /// For the content of data files, which no core carries.
    store: Arc<dyn Store>,
    /// Reads of the store at once.
    reads: Arc<Semaphore>,
    /// Exports of audit records at once.
    exports: Arc<Semaphore>,
    /// The order of changes of data files that have conditions.
    turns: data::Turns,
    /// The size of the store, as it was found last.
    size: KnownSize,
    claims: Claims,
    uploads: HubUploads,
    facts: HubFacts,
    passwords: Passwords,
    hub_state: HubState,
    feed: Feed,
    /// The open streams of events.
    streams: events::StreamPlaces,
    traffic: Traffic,
    meters: Arc<Meters>,
    console: mpsc::WeakSender<HubEvent>,
    small: SmallServices,
    tls: Option<tls::Tls>,
    closing: CancellationToken,
    /// The names and addresses by which the door is reached.
    hosts: host::Hosts,
    proxies: forwarded::Proxies,
    /// The port of the door.
    port: u16,
}

impl Http {
    fn new(parts: HubParts, port: u16, tls: Option<tls::Tls>, reached: Reached) -> Self {
        let Reached { hosts, proxies } = reached;
        Http {
            calls: StatelessCalls::by(Door::Http, parts.driver),
            store: parts.store,
            reads: Arc::new(Semaphore::new(limits::READS_AT_ONCE)),
            exports: Arc::new(Semaphore::new(limits::EXPORTS_AT_ONCE)),
            turns: data::Turns::new(),
            size: parts.size,
            claims: parts.claims,
            uploads: parts.uploads,
            facts: parts.facts,
            passwords: parts.passwords,
            hub_state: parts.hub_state,
            feed: parts.feed,
            streams: events::StreamPlaces::default(),
            traffic: parts.traffic,
            meters: parts.meters,
            console: parts.console,
            small: parts.small,
            tls,
            closing: parts.closing,
            hosts,
            proxies,
            port,
        }
    }
}
