//! `fleetlink server`: the course's own form of a hub.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use fleetlink_hub::{Authority, Credentials, CredentialsFile, HubConfig, SETTLED_AFTER, Settings};
use tokio::time::{Instant, Interval, interval};

use super::event::EventForm;
use super::run::{self, Follows, Joining};
use super::serve::parse_attempts;
use crate::everywhere::everywhere;
use crate::failure::Failure;
use crate::output::Output;

const CREDENTIALS: &str = "credentials.txt";
/// Beside `credentials.txt` and the log files in the working directory.
const DATA_FOLDER: &str = "fleetlink-data";
/// The time between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The arguments of the course's server.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArguments {
    /// The TCP port, on all addresses.
    server_port: u16,
    /// Wrong passwords in a row, 1 to 5, that lock a name out for ten seconds.
    #[arg(allow_hyphen_values = true)]
    max_attempts: String,
    #[command(flatten)]
    events: EventForm,
}

/// Runs a hub on all addresses, with `credentials.txt`, the list of who may log in, and the log files
/// in the working directory.
pub(crate) async fn serve(arguments: ServerArguments, output: &Output) -> Result<(), Failure> {
    let ServerArguments {
        server_port,
        max_attempts,
        events,
    } = arguments;
    let max_attempts = parse_attempts(&max_attempts)?;
    let config = HubConfig {
        listen: everywhere(server_port),
        data: PathBuf::from(DATA_FOLDER),
        logs: PathBuf::from("."),
        credentials: Some(CredentialsFile {
            path: PathBuf::from(CREDENTIALS),
            authority: Authority::List,
        }),
        plain: false,
        settings: Settings {
            max_attempts,
            ..Settings::default()
        },
        retention: Default::default(),
        quotas: fleetlink_hub::store::Quotas::default(),
        log_bounds: Default::default(),
        number_exchange: None,
        leases: None,
        http: None,
    };
    let watch = CredentialsWatch::new(CREDENTIALS.into());
    run::run(
        config,
        (&Joining::Course, events, false),
        Follows {
            credentials: Some(watch),
            settings: None,
        },
        output,
    )
    .await
}

/// Looks whether a credentials file has changed.
pub(crate) struct CredentialsWatch {
    pub(crate) path: PathBuf,
    /// The stamp of the file that was read last, or found missing.
    read: Option<Stamp>,
    /// The stamp that was seen last, and since when it has not changed.
    seen: (Option<Stamp>, Instant),
    ticks: Interval,
}

/// By what a changed file is told from the one that was read. The time of the change of its status
/// tells also where the time of its content was set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    status_changed: (i64, i64),
    inode: u64,
    bytes: u64,
}

impl CredentialsWatch {
    fn new(path: PathBuf) -> Self {
        let found = stamp(&path);
        // One that was written just now may be half of what it will be.
        let is_settled = |stamp: &Stamp| {
            let age = stamp.modified.elapsed();
            age.map_or(true, |age| age >= SETTLED_AFTER)
        };
        CredentialsWatch {
            path,
            read: found.filter(is_settled),
            seen: (found, Instant::now()),
            ticks: interval(LOOK_EVERY),
        }
    }

    /// Resolves when the file has changed and then not for a while, with what it says now; never
    /// without a watch. A file that is gone is an error, told once.
    pub(crate) async fn changed(watch: &mut Option<Self>) -> io::Result<Credentials> {
        let Some(watch) = watch else {
            return std::future::pending().await;
        };
        loop {
            watch.ticks.tick().await;
            let (stamp, now) = (stamp(&watch.path), Instant::now());
            if stamp != watch.seen.0 {
                watch.seen = (stamp, now);
            } else if stamp != watch.read && now - watch.seen.1 >= SETTLED_AFTER {
                watch.read = stamp;
                return Credentials::read(&watch.path);
            }
        }
    }
}

fn stamp(path: &PathBuf) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok()?,
        status_changed: (metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
        bytes: metadata.len(),
    })
}
