//! The start of a hub, step by step.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetlink_core::{Account, Hub, Settings, Ticket, TicketStanding};
use fleetlink_proto::HubRun;
use fleetlink_proto::control::ActiveDevice;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::credentials::{Applied, Credentials};
use crate::descriptors::Descriptors;
use crate::devices;
use crate::driver::{CONSOLE_QUEUE, Driver, DriverHandle, Followers, HubEvent, WallClock};
use crate::identity::{Identity, wall_time};
use crate::lease::{self, LeaseConfig};
use crate::logs::{LogBounds, LogFiles, LogFolder};
use crate::number_exchange;
use crate::operator::{Desk, OperatorSocket};
use crate::passwords::Passwords;
use crate::reach::Reach;
use crate::session::{Claims, HubUnread, HubUploads, SessionContext};
use crate::store::sqlite::SqliteStore;
use crate::store::{Retention, Store};

use super::error::StartError;
use super::running::RunningHub;
use super::{renewal, upkeep};

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
    /// How much is kept of what only grows.
    pub retention: Retention,
    /// How much is kept of the log files of uploads and deletions.
    pub log_bounds: LogBounds,
    /// A number exchange beside the hub.
    pub number_exchange: Option<number_exchange::Config>,
    /// A lease service beside the hub.
    pub leases: Option<LeaseConfig>,
}

/// Starts a hub. `console` is given the operator's lines.
pub async fn start(
    config: HubConfig,
) -> Result<(RunningHub, mpsc::Receiver<HubEvent>), StartError> {
    start_with(config, Passwords::new(), Arc::new(wall_time)).await
}

/// Starts a hub whose rules are told the civil time by this clock.
#[doc(hidden)]
pub async fn start_with_clock(
    config: HubConfig,
    clock: WallClock,
) -> Result<(RunningHub, mpsc::Receiver<HubEvent>), StartError> {
    start_with(config, Passwords::new(), clock).await
}

/// Starts a hub that time tells names with an account from others by: what the campaign that looks
/// for such a difference has to find. Nothing else calls it.
#[doc(hidden)]
pub async fn start_without_dummy_hash(
    config: HubConfig,
) -> Result<(RunningHub, mpsc::Receiver<HubEvent>), StartError> {
    start_with(config, Passwords::without_dummy_hash(), Arc::new(wall_time)).await
}

async fn start_with(
    config: HubConfig,
    passwords: Passwords,
    clock: WallClock,
) -> Result<(RunningHub, mpsc::Receiver<HubEvent>), StartError> {
    let HubConfig {
        listen,
        data,
        logs,
        credentials,
        plain,
        mut settings,
        retention,
        log_bounds,
        number_exchange,
        leases,
    } = config;
    settings.run = new_run();
    if plain && !listen.ip().is_loopback() {
        return Err(StartError::PlainBeyondLoopback(listen));
    }
    // First, so that a second hub at this address has touched nothing when it ends here.
    let (listener, address) = bind(listen).await?;
    let credentials = credentials.as_deref().map(read_credentials).transpose()?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&data)?);
    let identity = Identity::load_or_create(&data, wall_time())?;
    let log_folder = lock_logs(&logs, &data)?;

    let services = usize::from(number_exchange.is_some()) + usize::from(leases.is_some());
    let budget = Descriptors::found().budget(services)?;
    settings.capacity = budget.within(settings.capacity);
    let capacity = settings.capacity;
    let (keep_alive, upload_idle) = (settings.keep_alive, settings.upload_idle);
    let accounts = store.accounts().await.map_err(StartError::Accounts)?;
    let mut known = accounts.len();
    let tickets = store.tickets().await.map_err(StartError::Accounts)?;
    let is_open = |ticket: &Ticket| ticket.standing(wall_time()) == TicketStanding::Open;
    let awaits_device = tickets.iter().any(is_open);
    let engine = Engine::start(
        settings,
        accounts.clone(),
        tickets,
        &store,
        (passwords, identity.clone()),
        Arc::clone(&clock),
    );
    let applied = match credentials {
        Some(credentials) => {
            let (driver, passwords) = (&engine.driver, &engine.passwords);
            credentials.apply(accounts, driver, passwords).await
        }
        None => Applied::default(),
    };
    known += applied.added.len();
    if known == 0 && !awaits_device && !listen.ip().is_loopback() {
        return Err(StartError::NoAccounts {
            address: listen,
            data,
            skipped: applied.skipped,
        });
    }
    let socket = make_socket(&data)?;
    // Last of what can fail: a start that does not succeed leaves the log files as they were.
    let log_files = open_logs(log_folder, log_bounds, &store).await?;
    let (reopen, reopened) = watch::channel(0);

    let mut exchange = None;
    if let Some(config) = number_exchange {
        let lines = number_exchange::Lines::Logged;
        exchange = Some(number_exchange::start_within(config, lines, budget.service).await?);
    }
    let mut running_leases = None;
    if let Some(config) = leases {
        running_leases = Some(lease::start_within(config, budget.service)?);
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
    let desk = Desk {
        driver: driver.clone(),
        passwords: passwords.clone(),
        reach: Reach::Running {
            listen: address,
            identity: identity.clone(),
            plain,
        },
    };
    let operating = socket.serve(desk, closing.clone());
    let following = log_files.follow(active_changed, journal_grew, reopened, drained.clone());
    let context = SessionContext {
        driver: driver.clone(),
        store: Arc::clone(&store),
        keep_alive,
        claims: Claims::default(),
        unread: HubUnread::default(),
        uploads: HubUploads::new(capacity.uploads, upload_idle),
    };
    let tending = upkeep::tend(Arc::clone(&store), retention, Arc::clone(&clock));
    let shown = (!plain).then(|| identity.clone());
    let accepting = devices::accept(listener, budget, shown, context, closing.clone());
    let hub = RunningHub {
        address,
        identity: (!plain).then(|| identity.clone()),
        accounts: known,
        capacity,
        applied,
        driver,
        store,
        passwords,
        driving,
        accepting: AbortOnDropHandle::new(tokio::spawn(accepting)),
        following: AbortOnDropHandle::new(tokio::spawn(following)),
        reopen,
        tending: AbortOnDropHandle::new(tokio::spawn(tending)),
        renewing: AbortOnDropHandle::new(tokio::spawn(renewal::renew_daily(identity))),
        operating: AbortOnDropHandle::new(tokio::spawn(operating)),
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
    lines: mpsc::Receiver<HubEvent>,
}

impl Engine {
    fn start(
        settings: Settings,
        accounts: Vec<Account>,
        tickets: Vec<Ticket>,
        store: &Arc<dyn Store>,
        (passwords, identity): (Passwords, Identity),
        clock: WallClock,
    ) -> Self {
        let (active, active_changed) = watch::channel(Vec::new());
        let (journal, journal_grew) = watch::channel(0);
        let (console, lines) = mpsc::channel(CONSOLE_QUEUE);
        let (driver, handle) = Driver::new(
            |now| Hub::new(settings, accounts, now).with_tickets(tickets),
            Arc::clone(store),
            passwords.clone(),
            Followers {
                active,
                journal,
                console,
            },
            Some(identity),
            clock,
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

fn new_run() -> HubRun {
    let mut run = [0; 16];
    getrandom::fill(&mut run).expect("the operating system has random numbers");
    HubRun::from_bytes(run)
}

fn lock_logs(folder: &Path, data: &Path) -> Result<LogFolder, StartError> {
    LogFolder::lock(folder, data).map_err(|source| StartError::Logs {
        folder: folder.display().to_string(),
        source,
    })
}

async fn open_logs(
    folder: LogFolder,
    bounds: LogBounds,
    store: &Arc<dyn Store>,
) -> Result<LogFiles, StartError> {
    let path = folder.path().display().to_string();
    LogFiles::open(folder, bounds, Arc::clone(store))
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
