//! The start of a hub, step by step.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetlink_core::{
    AuditAction, AuditEvent, Author, HalfHours, Hub, Query, Settings, SightingNotes, StoreCall,
    StoreError, StoreReply, Totals,
};
use fleetlink_proto::control::ActiveDevice;
use fleetlink_proto::{HubRun, WallTime};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::credentials::Credentials;
use crate::descriptors::Descriptors;
use crate::devices;
use crate::driver::wall_time;
use crate::driver::{CONSOLE_QUEUE, Driver, DriverHandle, Followers, HubEvent, WallClock};
use crate::feed::Feed;
use crate::http::{self, HttpConfig, HttpListening, HubFacts, HubParts, KnownSize, SmallServices};
use crate::hub_state::HubState;
use crate::identity::Identity;
use crate::import::{self, Authority, ImportTools};
use crate::lease::{self, LeaseConfig, RunningLeases};
use crate::logs::{LogBounds, LogFiles, LogFolder};
use crate::metrics::Meters;
use crate::number_exchange;
use crate::operator::{Desk, OperatorSocket, Running, is_served};
use crate::passwords::Passwords;
use crate::rules::OptionRules;
use crate::session::{Claims, HubUnread, HubUploads, SessionContext};
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::store::{Quotas, Retention, Store};
use crate::traffic::Traffic;

use super::error::StartError;
use super::running::RunningHub;
use super::{renewal, upkeep};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// The time to wait for a command that uses the data folder.
const COMMAND_DEADLINE: Duration = Duration::from_secs(5);
/// The time between two tries.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The settings with which a hub starts.
#[derive(Debug)]
pub struct HubConfig {
    /// The address to listen on for devices; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The store, the key and the operator's socket.
    pub data: PathBuf,
    /// The folder of the three log files.
    pub logs: PathBuf,
    /// Accounts that are imported while the hub begins to serve.
    pub credentials: Option<CredentialsFile>,
    /// Without TLS: allowed on loopback alone.
    pub plain: bool,
    /// The rules' settings.
    pub settings: Settings,
    /// The limits of data that only grow.
    pub retention: Retention,
    /// The quotas of devices.
    pub quotas: Quotas,
    /// The limits of the log files of uploads and deletions.
    pub log_bounds: LogBounds,
    /// A number exchange beside the hub.
    pub number_exchange: Option<number_exchange::Config>,
    /// A lease service beside the hub.
    pub leases: Option<LeaseConfig>,
    /// The page and the API.
    pub http: Option<HttpConfig>,
}

impl HubConfig {
    /// A hub over TLS with its logs in the folder of its data, nothing beside it, and the default
    /// rules.
    pub fn new(listen: SocketAddr, data: impl Into<PathBuf>) -> Self {
        let data = data.into();
        HubConfig {
            listen,
            logs: data.clone(),
            data,
            credentials: None,
            plain: false,
            settings: Settings::default(),
            retention: Retention::default(),
            quotas: Quotas::default(),
            log_bounds: LogBounds::default(),
            number_exchange: None,
            leases: None,
            http: None,
        }
    }
}

/// A credentials file, and what it is for the hub.
#[derive(Debug, Clone)]
pub struct CredentialsFile {
    /// Its path.
    pub path: PathBuf,
    /// Its authority.
    pub authority: Authority,
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

/// Starts a hub whose time to refuse a login tells whether the name has an account. The measurement
/// of that time has to notice this hub; the product is built without it.
#[cfg(feature = "without-dummy-hash")]
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
        quotas,
        log_bounds,
        number_exchange,
        leases,
        http,
    } = config;
    settings.run = new_run();
    if plain && !listen.ip().is_loopback() {
        return Err(StartError::PlainBeyondLoopback(listen));
    }
    // First, so that a second hub at one of the addresses has touched nothing when it ends here.
    let (listener, address) = listen_at(listen).map_err(|source| StartError::Listen {
        address: listen,
        source,
    })?;
    let mut exchange = None;
    if let Some(config) = number_exchange {
        exchange = Some(number_exchange::Listening::bind(config).await?);
    }
    let leases = leases.map(lease::Listening::bind).transpose()?;
    let metrics_are_public = http
        .as_ref()
        .is_some_and(|config| config.metrics_are_public);
    let (http, http_listening) = bind_http(http)?;
    let credentials = credentials.map(read_credentials).transpose()?;
    let store = open_store(&data, quotas.clone()).await?;
    // As early as its folder is ours: whoever operates the hub waits for it from here on.
    let socket = make_socket(&data)?;
    let identity = Identity::load_or_create(&data, wall_time())?;
    let log_folder = lock_logs(&logs, &data)?;

    let services = [exchange.is_some(), leases.is_some(), http.is_some()];
    let services = services.into_iter().filter(|is_there| *is_there).count();
    let budget = Descriptors::found().budget(services)?;
    settings.capacity = budget.within(settings.capacity);
    let capacity = settings.capacity;
    let (keep_alive, upload_idle) = (settings.keep_alive, settings.upload_idle);
    let totals = totals(&*store).await.map_err(StartError::Accounts)?;
    let names_some = |(_, read): &(CredentialsFile, Credentials)| !read.entries.is_empty();
    let has_names = totals.accounts > 0 || credentials.as_ref().is_some_and(names_some);
    let skipped = credentials.as_ref().map(|(_, read)| read.skipped.clone());
    let skipped = skipped.unwrap_or_default();
    if !has_names && totals.open_tickets == 0 && !listen.ip().is_loopback() {
        return Err(StartError::NoAccounts {
            address: listen,
            data,
            skipped,
        });
    }
    end_last_run(&*store, clock()).await;
    let (traffic, meters) = (Traffic::default(), Arc::<Meters>::default());
    let engine = Engine::start(
        settings,
        &store,
        (traffic.clone(), Arc::clone(&meters)),
        (passwords, identity.clone()),
        Arc::clone(&clock),
    );
    // Last of what can fail: a start that does not succeed leaves the log files as they were.
    let log_files = open_logs(log_folder, log_bounds, &store).await?;
    let (reopen, reopened) = watch::channel(0);

    let mut running_exchange = None;
    if let Some(listening) = exchange {
        let lines = number_exchange::Lines::Logged;
        running_exchange = Some(listening.start(lines, budget.service).await);
    }
    let leases = leases.map(|listening| listening.start(budget.service));

    let (closing, drained) = (CancellationToken::new(), CancellationToken::new());
    let Engine {
        driver,
        driving,
        passwords,
        active_changed,
        journal_grew,
        lines,
        console,
        feed,
    } = engine;
    let size = KnownSize::default();
    let running = Running {
        started: clock(),
        address,
        pin: (!plain).then(|| identity.shown().pin()),
        capacity,
        data: data.clone(),
        traffic: traffic.clone(),
        meters: Arc::clone(&meters),
        size: size.clone(),
    };
    let (retention, kept) = watch::channel(retention);
    let desk = Desk {
        driver: driver.clone(),
        passwords: passwords.clone(),
        store: Arc::clone(&store),
        hub_state: HubState::Running {
            listen: address,
            identity: identity.clone(),
            plain,
            http: http_listening,
            rules: OptionRules {
                quotas,
                retention: kept.clone(),
            },
        },
        running: Some(Arc::new(running)),
    };
    let mut accounts = usize::try_from(totals.accounts).unwrap_or(usize::MAX);
    let import = match credentials {
        Some((file, read)) => {
            let tools = ImportTools {
                driver: driver.clone(),
                passwords: passwords.clone(),
                store: Arc::clone(&store),
            };
            let begun = import::begin(&file.path, read, file.authority, tools).await;
            let (import, new_names) = begun.map_err(StartError::Import)?;
            accounts = accounts.saturating_add(new_names);
            Some(import)
        }
        None => None,
    };
    let claims = Claims::default();
    let uploads = HubUploads::new(capacity.uploads, upload_idle);
    let parts = HubParts {
        driver: driver.clone(),
        store: Arc::clone(&store),
        claims: claims.clone(),
        uploads: uploads.clone(),
        facts: HubFacts {
            started: clock(),
            address,
            data: data.clone(),
            pin: (!plain).then(|| identity.shown().pin()),
            capacity,
            metrics_are_public,
        },
        passwords: passwords.clone(),
        hub_state: desk.hub_state.clone(),
        feed,
        traffic: traffic.clone(),
        meters: Arc::clone(&meters),
        console,
        small: SmallServices {
            leases: leases.as_ref().map(RunningLeases::reader),
            exchanges: running_exchange
                .as_ref()
                .map(number_exchange::Server::replies)
                .unwrap_or_default(),
        },
        size,
        closing: closing.clone(),
    };
    let http = http
        .map(|bound| bound.serve(parts, budget.service))
        .transpose()?;
    let operating = socket.serve(desk.clone(), closing.clone());
    let following = log_files.follow(active_changed, journal_grew, reopened, drained.clone());
    let context = SessionContext {
        driver: driver.clone(),
        store: Arc::clone(&store),
        keep_alive,
        claims,
        unread: HubUnread::default(),
        uploads,
        traffic,
        meters,
    };
    let tending = upkeep::tend(Arc::clone(&store), driver.clone(), kept, Arc::clone(&clock));
    let began = AuditEvent::new(clock(), AuditAction::HubStarted, Author::hub(None));
    driver
        .happened(began.with_detail(concat!("fleetlink ", env!("CARGO_PKG_VERSION"))))
        .await;
    let shown = (!plain).then(|| identity.clone());
    let accepting = devices::accept(listener, budget, shown, context, closing.clone());
    let hub = RunningHub {
        address,
        identity: (!plain).then(|| identity.clone()),
        accounts,
        logins: totals.logins,
        desk,
        capacity,
        skipped,
        import,
        driver,
        store,
        passwords,
        driving,
        accepting: AbortOnDropHandle::new(tokio::spawn(accepting)),
        following: AbortOnDropHandle::new(tokio::spawn(following)),
        reopen,
        retention,
        tending: AbortOnDropHandle::new(tokio::spawn(tending)),
        renewing: AbortOnDropHandle::new(tokio::spawn(renewal::renew_daily(identity))),
        operating: AbortOnDropHandle::new(tokio::spawn(operating)),
        exchange: running_exchange,
        leases,
        http,
        http_listening,
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
    console: mpsc::WeakSender<HubEvent>,
    feed: Feed,
}

impl Engine {
    fn start(
        settings: Settings,
        store: &Arc<dyn Store>,
        (traffic, meters): (Traffic, Arc<Meters>),
        (passwords, identity): (Passwords, Identity),
        clock: WallClock,
    ) -> Self {
        let (active, active_changed) = watch::channel(Vec::new());
        let (journal, journal_grew) = watch::channel(0);
        let (console, lines) = mpsc::channel(CONSOLE_QUEUE);
        let weak_console = console.downgrade();
        let feed = Feed::new(clock());
        let (driver, handle) = Driver::new(
            |now| Hub::new(settings, now),
            Arc::clone(store),
            passwords.clone(),
            Followers {
                active,
                journal,
                console,
                feed: feed.clone(),
                traffic,
                meters,
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
            console: weak_console,
            feed,
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

/// Takes the address of the HTTP door, if there is one, and tells where it is.
fn bind_http(
    config: Option<HttpConfig>,
) -> Result<(Option<http::Bound>, HttpListening), StartError> {
    let Some(config) = config else {
        return Ok((None, HttpListening::Off));
    };
    let address = config.address.socket();
    let bound = http::Bound::bind(config)?;
    let listening = bound.as_ref().map(http::Bound::listening);
    Ok((bound, listening.unwrap_or(HttpListening::Taken(address))))
}

/// Takes the address. Whoever connects waits until the hub has started. To bind it would not be
/// enough: two hubs that start at once can both do that, and one of them would find out only after
/// it has made its store.
pub(crate) fn listen_at(listen: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = match listen {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket?;
    // As after a hub whose connections have not been forgotten yet.
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn make_socket(data: &Path) -> Result<OperatorSocket, StartError> {
    OperatorSocket::make(data).map_err(|source| StartError::Socket {
        folder: data.display().to_string(),
        source,
    })
}

fn read_credentials(file: CredentialsFile) -> Result<(CredentialsFile, Credentials), StartError> {
    let read = Credentials::read(&file.path);
    let read = read.map_err(|source| StartError::Credentials {
        path: file.path.display().to_string(),
        source,
    })?;
    Ok((file, read))
}

/// Counts what the store holds.
async fn totals(store: &dyn Store) -> Result<Totals, StoreError> {
    let query = StoreCall::Query(Query::Totals { at: wall_time() });
    match store.execute(query).await? {
        StoreReply::Totals(totals) => Ok(totals),
        _ => Err(StoreError::Unavailable(
            "it answered another question".to_owned(),
        )),
    }
}

/// Ends what the run before has left open, before anybody can ask who is there. The core has it done
/// with the first notes, should the store not do it now.
async fn end_last_run(store: &dyn Store, begun: WallTime) {
    let notes = SightingNotes {
        at: begun,
        begun: Some(begun),
        ran: HalfHours::default(),
        devices: Vec::new(),
    };
    if let Err(error) = store.note_sightings(notes).await {
        tracing::warn!(%error, "when devices were seen last is not written down yet");
    }
}

/// Opens the store, on a thread: it may take a while, in which the process still hears of signals. A
/// command that is at work in the folder is waited for; another hub is not.
async fn open_store(data: &Path, quotas: Quotas) -> Result<Arc<dyn Store>, StartError> {
    let deadline = Instant::now() + COMMAND_DEADLINE;
    loop {
        let folder = data.to_owned();
        match tokio::task::spawn_blocking(move || SqliteStore::open(&folder)).await {
            Ok(Ok(store)) => return Ok(Arc::new(store.with_quotas(quotas))),
            Ok(Err(OpenError::InUse(_))) if Instant::now() < deadline && !is_served(data) => {
                sleep(LOOK_AGAIN).await;
            }
            Ok(Err(error)) => return Err(error.into()),
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
}
