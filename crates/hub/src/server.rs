//! A hub from its start to its end.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetlink_core::{Account, Hub, Input, Settings};
use fleetlink_proto::HubPin;
use fleetlink_proto::control::{ActiveDevice, limits};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::accept::connection_limit;
use crate::credentials::{Applied, Credentials};
use crate::devices;
use crate::driver::{CONSOLE_QUEUE, Driver, DriverHandle, Followers};
use crate::identity::{Identity, IdentityError};
use crate::lease::{self, LeaseConfig, LeaseStartError, RunningLeases};
use crate::logs::{LogFiles, LogFolder};
use crate::number_exchange;
use crate::operator::OperatorSocket;
use crate::passwords::Passwords;
use crate::session::{Claims, SessionContext};
use crate::store::Store;
use crate::store::sqlite::{OpenError, SqliteStore};

/// The part of the connections that a service beside the hub gets: one of so many.
const SERVICE_SHARE: usize = 8;
/// How many skipped lines of a credentials file an error names.
const SKIPPED_SHOWN: usize = 10;

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
        "{address} is not a loopback address, and a hub listens there only with at least one \
         account: add one first{}", list_skipped(.skipped)
    )]
    NoAccounts {
        /// Where it was to listen.
        address: SocketAddr,
        /// The lines of the credentials file that were no accounts, and why not.
        skipped: Vec<String>,
    },
    /// Without TLS, passwords would cross the network.
    #[error("{0} is not a loopback address: without TLS a hub listens on loopback alone")]
    PlainBeyondLoopback(SocketAddr),
}

/// The first of the lines that were skipped: enough to see what is wrong with the file.
fn list_skipped(skipped: &[String]) -> String {
    if skipped.is_empty() {
        return String::new();
    }
    let mut text = format!(
        " (skipped in the credentials: {}",
        skipped[..skipped.len().min(SKIPPED_SHOWN)].join("; ")
    );
    match skipped.len().saturating_sub(SKIPPED_SHOWN) {
        0 => {}
        more => text.push_str(&format!("; and {more} more")),
    }
    text + ")"
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
    driving: AbortOnDropHandle<()>,
    accepting: AbortOnDropHandle<()>,
    following: AbortOnDropHandle<()>,
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
    // First, so that a second hub at this address has touched nothing when it ends here.
    let (listener, address) = bind(listen).await?;
    let credentials = credentials.as_deref().map(read_credentials).transpose()?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&data)?);
    let identity = Identity::load_or_create(&data)?;
    let tls = (!plain)
        .then(|| identity.server_config())
        .transpose()?
        .map(TlsAcceptor::from);
    let log_folder = lock_logs(&logs, &data)?;

    let keep_alive = settings.keep_alive;
    let accounts = store.accounts().await.map_err(StartError::Accounts)?;
    let mut known = accounts.len();
    let engine = Engine::start(settings, accounts.clone(), &store);
    let applied = match credentials {
        Some(credentials) => {
            let (driver, passwords) = (&engine.driver, &engine.passwords);
            credentials.apply(accounts, driver, passwords).await
        }
        None => Applied::default(),
    };
    known += applied.added.len();
    if known == 0 && !listen.ip().is_loopback() {
        return Err(StartError::NoAccounts {
            address: listen,
            skipped: applied.skipped,
        });
    }
    let socket = make_socket(&data)?;
    // Last of what can fail: a start that does not succeed leaves the log files as they were.
    let log_files = rebuild_logs(log_folder, &store).await?;

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
    let Engine {
        driver,
        driving,
        passwords,
        active_changed,
        journal_grew,
        lines,
    } = engine;
    tokio::spawn(socket.serve(driver.clone(), passwords.clone(), closing.clone()));
    let following = log_files.follow(active_changed, journal_grew, drained.clone());
    let context = SessionContext {
        driver: driver.clone(),
        store: Arc::clone(&store),
        keep_alive,
        claims: Claims::default(),
    };
    let accepting = devices::accept(listener, connections, tls, context, closing.clone());
    let hub = RunningHub {
        address,
        pin: (!plain).then(|| identity.pin()),
        accounts: known,
        applied,
        driver,
        store,
        passwords,
        driving,
        accepting: AbortOnDropHandle::new(tokio::spawn(accepting)),
        following: AbortOnDropHandle::new(tokio::spawn(following)),
        exchange,
        leases: running_leases,
        closing,
        drained,
    };
    Ok((hub, lines))
}

/// The core at work in its driver, and the ends of what follows it.
struct Engine {
    driver: DriverHandle,
    /// Ends with a start that fails: it holds the store open.
    driving: AbortOnDropHandle<()>,
    passwords: Passwords,
    active_changed: watch::Receiver<Vec<ActiveDevice>>,
    journal_grew: watch::Receiver<u64>,
    lines: mpsc::Receiver<String>,
}

impl Engine {
    fn start(settings: Settings, accounts: Vec<Account>, store: &Arc<dyn Store>) -> Self {
        let (active, active_changed) = watch::channel(Vec::new());
        let (journal, journal_grew) = watch::channel(0);
        let (console, lines) = mpsc::channel(CONSOLE_QUEUE);
        let passwords = Passwords::new();
        let (driver, handle) = Driver::new(
            |now| Hub::new(settings, accounts, now),
            Arc::clone(store),
            passwords.clone(),
            Followers {
                active,
                journal,
                console,
            },
        );
        Engine {
            driver: handle,
            driving: AbortOnDropHandle::new(tokio::spawn(driver.run())),
            passwords,
            active_changed,
            journal_grew,
            lines,
        }
    }
}

fn lock_logs(folder: &Path, data: &Path) -> Result<LogFolder, StartError> {
    LogFolder::lock(folder, data).map_err(|source| StartError::Logs {
        folder: folder.display().to_string(),
        source,
    })
}

async fn rebuild_logs(folder: LogFolder, store: &Arc<dyn Store>) -> Result<LogFiles, StartError> {
    let path = folder.path().display().to_string();
    LogFiles::rebuild(folder, Arc::clone(store))
        .await
        .map_err(|source| StartError::Logs {
            folder: path,
            source,
        })
}

async fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let error = |source| StartError::Listen {
        address: listen,
        source,
    };
    let listener = TcpListener::bind(listen).await.map_err(error)?;
    let address = listener.local_addr().map_err(error)?;
    Ok((listener, address))
}

fn make_socket(data: &Path) -> Result<OperatorSocket, StartError> {
    OperatorSocket::make(data).map_err(|source| StartError::Socket {
        folder: data.display().to_string(),
        source,
    })
}

fn read_credentials(path: &Path) -> Result<Credentials, StartError> {
    let error = |source| StartError::Credentials {
        path: path.display().to_string(),
        source,
    };
    Credentials::read(path).map_err(error)
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
            () = exchange_ended(&mut self.exchange) => HubError::Part("the number exchange"),
            () = leases_ended(&mut self.leases) => HubError::Part("the lease service"),
        }
    }

    /// Ends the hub: nothing new begins, sessions are told, what the store has begun is finished,
    /// and the log files are brought up to date. It takes no longer than the deadline for that, also
    /// where a part of the hub has ended or does not answer.
    pub async fn close(self) {
        self.closing.cancel();
        let draining = async {
            // A driver that has ended has drained.
            let _ = self.driver.input(Input::Close).await;
            let exchange = async {
                if let Some(exchange) = self.exchange {
                    exchange.close().await;
                }
            };
            tokio::join!(exchange, ended(self.accepting), ended(self.driving));
        };
        if tokio::time::timeout(limits::DRAIN_DEADLINE, draining)
            .await
            .is_err()
        {
            tracing::warn!("some sessions did not end in time");
        }
        self.drained.cancel();
        let following = ended(self.following);
        if tokio::time::timeout(limits::DRAIN_DEADLINE, following)
            .await
            .is_err()
        {
            tracing::warn!("the log files were not brought up to date in time");
        }
    }
}

/// Never, where there is none.
async fn exchange_ended(exchange: &mut Option<number_exchange::Server>) {
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

/// Waits for a part to end, which [`RunningHub::failed`] may have seen: a handle whose result was
/// taken must not be asked again.
async fn ended(part: AbortOnDropHandle<()>) {
    if !part.is_finished() {
        // However it ended.
        let _ = part.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn hub(folder: &Path) -> (RunningHub, mpsc::Receiver<String>) {
        let config = HubConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            data: folder.to_owned(),
            logs: folder.to_owned(),
            credentials: None,
            plain: true,
            settings: Settings::default(),
            number_exchange: None,
            leases: None,
        };
        start(config).await.unwrap()
    }

    #[tokio::test]
    async fn a_hub_that_failed_can_be_closed() {
        type Part = fn(&RunningHub) -> &AbortOnDropHandle<()>;
        let parts: [Part; 3] = [
            |hub| &hub.driving,
            |hub| &hub.accepting,
            |hub| &hub.following,
        ];
        for part in parts {
            let folder = tempfile::tempdir().unwrap();
            let (mut hub, mut lines) = hub(folder.path()).await;
            part(&hub).abort();
            assert!(matches!(hub.failed().await, HubError::Part(_)));
            hub.close().await;
            // Nothing that writes to the console is left.
            while lines.recv().await.is_some() {}
        }
    }
}
