//! A hub from its start to its end.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fleetlink_core::{Hub, Input, SessionId, Settings};
use fleetlink_proto::HubPin;
use fleetlink_proto::control::limits;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::accept::{Bounds, accept_loop, connection_limit};
use crate::credentials::{Applied, Credentials};
use crate::driver::{CONSOLE_QUEUE, Driver, DriverHandle, Followers};
use crate::identity::{Identity, IdentityError};
use crate::lease::{self, LeaseConfig, LeaseStartError, RunningLeases};
use crate::logs::LogFiles;
use crate::number_exchange;
use crate::operator;
use crate::passwords::Passwords;
use crate::session::{self, SessionContext};
use crate::store::Store;
use crate::store::sqlite::{OpenError, SqliteStore};

/// The part of the connections that a service beside the hub gets: one of so many.
const SERVICE_SHARE: usize = 8;

/// What a hub is started with.
#[derive(Debug)]
pub struct HubConfig {
    /// Where devices connect; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The store, the key and the operator's socket.
    pub data: PathBuf,
    /// Where the three log files are kept.
    pub logs: PathBuf,
    /// Accounts to bring the store up to before the first connection.
    pub credentials: Option<PathBuf>,
    /// Without TLS: allowed on loopback alone.
    pub plain: bool,
    /// The rules' settings.
    pub settings: Settings,
    /// A number exchange beside the hub.
    pub number_exchange: Option<number_exchange::Config>,
    /// A lease service beside the hub.
    pub leases: Option<LeaseConfig>,
}

/// Why a hub did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store cannot be read.
    #[error("cannot read the accounts: {0}")]
    Accounts(fleetlink_core::StoreError),
    /// There is no usable key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The key and certificate cannot be used for TLS.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The credentials file cannot be read.
    #[error("cannot read {path}: {source}")]
    Credentials {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The log files cannot be written.
    #[error("cannot write the log files in {folder}: {source}")]
    Logs {
        /// Where.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The number exchange's address cannot be listened on.
    #[error("the number exchange {0}")]
    NumberExchange(#[from] number_exchange::ListenError),
    /// The lease service's addresses cannot be used.
    #[error(transparent)]
    Leases(#[from] LeaseStartError),
    /// The operator's socket cannot be made.
    #[error("cannot make the operator's socket in {folder}: {source}")]
    Socket {
        /// Where.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// A hub that nobody can join must not be reachable.
    #[error(
        "{0} is not a loopback address, and a hub listens there only with at least one account: \
         add one first"
    )]
    NoAccounts(SocketAddr),
    /// Without TLS, passwords would cross the network.
    #[error("{0} is not a loopback address: without TLS a hub listens on loopback alone")]
    PlainBeyondLoopback(SocketAddr),
}

/// A hub that runs.
pub struct RunningHub {
    address: SocketAddr,
    pin: Option<HubPin>,
    accounts: usize,
    applied: Applied,
    driver: DriverHandle,
    store: Arc<dyn Store>,
    passwords: Passwords,
    driving: JoinHandle<()>,
    accepting: JoinHandle<()>,
    following: JoinHandle<()>,
    exchange: Option<number_exchange::Server>,
    leases: Option<RunningLeases>,
    closing: CancellationToken,
    drained: CancellationToken,
}

/// Why a running hub ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The store can promise nothing any more.
    #[error("the store failed, so the hub ends: {0}")]
    Store(String),
    /// A part that everything needs ended.
    #[error("an essential part of the hub ended: {0}")]
    Part(&'static str),
}

/// Starts a hub. `console` is given the operator's lines.
pub async fn start(config: HubConfig) -> Result<(RunningHub, mpsc::Receiver<String>), StartError> {
    let HubConfig {
        listen,
        data,
        logs,
        credentials,
        plain,
        settings,
        number_exchange,
        leases,
    } = config;
    if plain && !listen.ip().is_loopback() {
        return Err(StartError::PlainBeyondLoopback(listen));
    }
    let credentials = credentials.as_deref().map(read_credentials).transpose()?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&data)?);
    let identity = Identity::load_or_create(&data)?;
    let tls = (!plain)
        .then(|| identity.server_config())
        .transpose()?
        .map(TlsAcceptor::from);
    let accounts = store.accounts().await.map_err(StartError::Accounts)?;
    let log_error = |source| StartError::Logs {
        folder: logs.display().to_string(),
        source,
    };
    let log_files = LogFiles::rebuild(&logs, Arc::clone(&store))
        .await
        .map_err(log_error)?;

    let (active, active_changed) = watch::channel(Vec::new());
    let (journal, journal_grew) = watch::channel(0);
    let (console, lines) = mpsc::channel(CONSOLE_QUEUE);
    let passwords = Passwords::new();
    let keep_alive = settings.keep_alive;
    let mut known = accounts.len();
    let core_accounts = accounts.clone();
    let (driver, handle) = Driver::new(
        |now| Hub::new(settings, core_accounts, now),
        Arc::clone(&store),
        passwords.clone(),
        Followers {
            active,
            journal,
            console,
        },
    );
    let driving = tokio::spawn(driver.run());
    let applied = match credentials {
        Some(credentials) => credentials.apply(accounts, &handle, &passwords).await,
        None => Applied::default(),
    };
    known += applied.added.len();
    if known == 0 && !listen.ip().is_loopback() {
        return Err(StartError::NoAccounts(listen));
    }
    let listen_error = |source| StartError::Listen {
        address: listen,
        source,
    };
    let listener = TcpListener::bind(listen).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;

    let mut connections = connection_limit();
    let share = (connections / SERVICE_SHARE).max(1);
    let mut exchange = None;
    if let Some(config) = number_exchange {
        connections -= share;
        let lines = number_exchange::Lines::Logged;
        exchange = Some(number_exchange::start_within(config, lines, share).await?);
    }
    let mut running_leases = None;
    if let Some(config) = leases {
        connections -= share;
        running_leases = Some(lease::start_within(config, share)?);
    }

    let (closing, drained) = (CancellationToken::new(), CancellationToken::new());
    let serving = operator::listen(&data, handle.clone(), passwords.clone(), closing.clone());
    tokio::spawn(serving.map_err(|source| StartError::Socket {
        folder: data.display().to_string(),
        source,
    })?);
    let following = log_files.follow(active_changed, journal_grew, drained.clone());
    let context = SessionContext {
        driver: handle.clone(),
        store: Arc::clone(&store),
        keep_alive,
    };
    let accepting = accept_devices(listener, connections, tls, context, closing.clone());
    let hub = RunningHub {
        address,
        pin: (!plain).then(|| identity.pin()),
        accounts: known,
        applied,
        driver: handle,
        store,
        passwords,
        driving,
        accepting: tokio::spawn(accepting),
        following: tokio::spawn(following),
        exchange,
        leases: running_leases,
        closing,
        drained,
    };
    Ok((hub, lines))
}

fn read_credentials(path: &Path) -> Result<Credentials, StartError> {
    let error = |source| StartError::Credentials {
        path: path.display().to_string(),
        source,
    };
    Credentials::read(path).map_err(error)
}

/// Accepts devices; each connection is a session of its own number.
fn accept_devices(
    listener: TcpListener,
    connections: usize,
    tls: Option<TlsAcceptor>,
    hub: SessionContext,
    closing: CancellationToken,
) -> impl Future<Output = ()> {
    let count = AtomicU64::new(0);
    let bounds = Bounds {
        connections,
        // The core sets a session's deadlines.
        lifetime: None,
        drain: limits::DRAIN_DEADLINE,
    };
    accept_loop(listener, bounds, closing, move |stream, peer| {
        let session = SessionId(count.fetch_add(1, Ordering::Relaxed));
        serve_device(stream, peer, tls.clone(), session, hub.clone())
    })
}

async fn serve_device(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    session: SessionId,
    hub: SessionContext,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
    }
    let Some(tls) = tls else {
        return session::serve(stream, session, peer, hub).await;
    };
    match tokio::time::timeout(limits::HANDSHAKE_DEADLINE, tls.accept(stream)).await {
        Ok(Ok(stream)) => session::serve(stream, session, peer, hub).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS handshake"),
        Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
    }
}

impl RunningHub {
    /// Where devices connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What devices know the hub by; none without TLS.
    pub fn pin(&self) -> Option<HubPin> {
        self.pin
    }

    /// Where the number exchange's clients connect, if there is one.
    pub fn number_exchange(&self) -> Option<SocketAddr> {
        self.exchange.as_ref().map(number_exchange::Server::address)
    }

    /// The lease service, if there is one.
    pub fn leases(&self) -> Option<&RunningLeases> {
        self.leases.as_ref()
    }

    /// How many accounts there were at the start.
    pub fn accounts(&self) -> usize {
        self.accounts
    }

    /// What came of the credentials file at the start.
    pub fn applied_credentials(&self) -> &Applied {
        &self.applied
    }

    /// Brings the accounts up to a credentials file that has changed.
    pub async fn apply_credentials(&self, credentials: Credentials) -> Result<Applied, String> {
        let accounts = self.store.accounts().await.map_err(|e| e.to_string())?;
        Ok(credentials
            .apply(accounts, &self.driver, &self.passwords)
            .await)
    }

    /// Resolves when the hub cannot go on.
    pub async fn failed(&mut self) -> HubError {
        tokio::select! {
            reason = self.store.failed() => HubError::Store(reason),
            _ = &mut self.driving => HubError::Part("the driver"),
            _ = &mut self.accepting => HubError::Part("the accept loop"),
            _ = &mut self.following => HubError::Part("the log files"),
            () = ended(&mut self.exchange) => HubError::Part("the number exchange"),
            () = leases_ended(&mut self.leases) => HubError::Part("the lease service"),
        }
    }

    /// Ends the hub: nothing new begins, sessions are told, what the store has begun is finished,
    /// and the log files are brought up to date.
    pub async fn close(self) {
        self.closing.cancel();
        // A driver that has ended has drained.
        let _ = self.driver.input(Input::Close).await;
        let draining = async {
            let exchange = async {
                if let Some(exchange) = self.exchange {
                    exchange.close().await;
                }
            };
            let _ = tokio::join!(exchange, self.accepting, self.driving);
        };
        if tokio::time::timeout(limits::DRAIN_DEADLINE, draining)
            .await
            .is_err()
        {
            tracing::warn!("some sessions did not end in time");
        }
        self.drained.cancel();
        let _ = self.following.await;
    }
}

/// Never, where there is none.
async fn ended(exchange: &mut Option<number_exchange::Server>) {
    match exchange {
        Some(exchange) => exchange.ended().await,
        None => std::future::pending().await,
    }
}

/// Never, where there is none.
async fn leases_ended(leases: &mut Option<RunningLeases>) {
    match leases {
        Some(leases) => tracing::error!(why = %leases.ended().await, "no more leases"),
        None => std::future::pending().await,
    }
}
