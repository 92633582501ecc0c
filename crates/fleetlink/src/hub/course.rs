//! `fleetlink server`: the course's own form of a hub.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use fleetlink_hub::{Credentials, HubConfig, Settings};
use tokio::time::{Interval, interval};

use super::event::EventForm;
use super::run::{self, Joining};
use super::serve::parse_attempts;
use crate::everywhere::everywhere;
use crate::failure::Failure;
use crate::output::Output;

const CREDENTIALS: &str = "credentials.txt";
/// Beside `credentials.txt` and the log files in the working directory.
const DATA_FOLDER: &str = "fleetlink-data";
/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the course's server is started with.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArguments {
    /// The TCP port, on all addresses.
    server_port: u16,
    /// Wrong passwords in a row, 1 to 5, that block a name for ten seconds.
    #[arg(allow_hyphen_values = true)]
    max_attempts: String,
    #[command(flatten)]
    events: EventForm,
}

/// Runs a hub on all addresses, with `credentials.txt` and the log files in the working directory.
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
        credentials: Some(PathBuf::from(CREDENTIALS)),
        plain: false,
        settings: Settings {
            max_attempts,
            ..Settings::default()
        },
        retention: Default::default(),
        log_bounds: Default::default(),
        number_exchange: None,
        leases: None,
    };
    let watch = CredentialsWatch::new(CREDENTIALS.into());
    run::run(config, (&Joining::Course, events), Some(watch), output).await
}

/// Looks whether a credentials file has changed.
pub(crate) struct CredentialsWatch {
    path: PathBuf,
    seen: Option<Stamp>,
    ticks: Interval,
}

/// By what a changed file is told from the one that was read.
type Stamp = (SystemTime, u64);

impl CredentialsWatch {
    fn new(path: PathBuf) -> Self {
        let seen = stamp(&path);
        CredentialsWatch {
            path,
            seen,
            ticks: interval(LOOK_EVERY),
        }
    }

    /// Resolves when the file has changed and is there, with what it says now; never without a
    /// watch.
    pub(crate) async fn changed(watch: &mut Option<Self>) -> io::Result<Credentials> {
        let Some(watch) = watch else {
            return std::future::pending().await;
        };
        loop {
            watch.ticks.tick().await;
            let stamp = stamp(&watch.path);
            if stamp.is_some() && stamp != watch.seen {
                watch.seen = stamp;
                return Credentials::read(&watch.path);
            }
        }
    }
}

fn stamp(path: &PathBuf) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
