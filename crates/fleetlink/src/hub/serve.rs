//! `fleetlink hub`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use fleetlink_hub::store::Retention;
use fleetlink_hub::{AttemptLimits, Authority, CredentialsFile, HubConfig, MaxAttempts, Settings};
use fleetlink_proto::control::limits;

use super::data_folder::DataFolder;
use super::event::EventForm;
use super::http::HttpArguments;
use super::penalties::PenaltyArguments;
use super::retention::RetentionArguments;
use super::rotate::{self, RotateArguments};
use super::run::{self, Follows, Joining};
use super::settings_file::{Effective, Reload};
use super::shares::ShareArguments;
use crate::duration;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::logging;
use crate::output::Output;

/// The address of a hub that is given none.
const DEFAULT_LISTEN: &str = "127.0.0.1:7421";

/// The arguments of a hub.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct HubArguments {
    #[command(subcommand)]
    action: Option<HubAction>,
    /// Address to listen on for devices; beyond loopback only with at least one account or open
    /// ticket.
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_LISTEN, env = "FLEETLINK_LISTEN")]
    listen: SocketAddr,
    #[command(flatten)]
    data: DataFolder,
    /// Settings file, instead of fleetlink.toml in the data folder. Its keys are these options.
    #[arg(long, value_name = "FILE", env = "FLEETLINK_CONFIG")]
    config: Option<PathBuf>,
    /// The lines of the log, as info or warn,fleetlink_hub=debug.
    #[arg(long, value_name = "FILTER", value_parser = logging::check, env = "FLEETLINK_LOG")]
    log: Option<String>,
    /// Wrong passwords in a row, 1 to 5, that lock a name out for ten seconds.
    #[arg(
        long,
        value_name = "N",
        default_value = "3",
        allow_hyphen_values = true
    )]
    max_attempts: String,
    #[command(flatten)]
    penalties: PenaltyArguments,
    #[command(flatten)]
    shares: ShareArguments,
    #[command(flatten)]
    retention: RetentionArguments,
    /// Import accounts from this file at the start: a name and a password a line. A line takes
    /// effect if it is new or has changed since the last import. Otherwise the account stays as it
    /// is.
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Time between a device's signs of life, as 10s or 500ms. A device without one has left the
    /// list within two of them.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = keep_alive)]
    keep_alive: Duration,
    /// Time without any byte of an open upload after which it is closed, as 60s. It can be resumed.
    /// A sixth of it while the hub has few places left.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = upload_idle)]
    upload_idle: Duration,
    /// Serve without TLS, on loopback only.
    #[arg(long)]
    plain: bool,
    /// Serve the number exchange at this address too; it refuses numbers out of range.
    #[arg(long = "sum", value_name = "ADDR")]
    number_exchange: Option<SocketAddr>,
    /// Lease connection ids at this address too, over UDP and TCP.
    #[arg(long = "hello", value_name = "ADDR")]
    leases: Option<SocketAddr>,
    #[command(flatten)]
    http: HttpArguments,
    #[command(flatten)]
    events: EventForm,
    /// The settings with the file's, once it has been read.
    #[arg(skip)]
    pub(super) effective: Option<Effective>,
}

/// Commands for a hub, beside running it.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum HubAction {
    /// Give the hub a new key. Devices that know the old key follow by themselves.
    RotateKey(RotateArguments),
}

impl HubArguments {
    /// Whether a hub is to run.
    pub(crate) fn runs(&self) -> bool {
        self.action.is_none()
    }

    /// The filter of the log.
    pub(crate) fn log(&self) -> Option<&str> {
        self.log.as_deref()
    }

    /// The settings that a running hub takes over.
    pub(super) fn reloadable(self) -> Result<(AttemptLimits, Retention), Failure> {
        let limits = AttemptLimits {
            max_attempts: parse_attempts(&self.max_attempts)?,
            penalties: self.penalties.settings()?,
        };
        Ok((limits, self.retention.store()))
    }

    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        matches!(&self.action, Some(HubAction::RotateKey(arguments)) if arguments.json())
    }
}

/// Runs a hub until it is told to end, or does what is asked with it.
pub(crate) async fn serve(arguments: HubArguments, output: &Output) -> Result<(), Failure> {
    let HubArguments {
        action,
        listen,
        data,
        config: _,
        log: _,
        max_attempts,
        penalties,
        shares,
        retention,
        credentials,
        keep_alive,
        upload_idle,
        plain,
        number_exchange,
        leases,
        http,
        events,
        effective,
    } = arguments;
    if let Some(HubAction::RotateKey(arguments)) = action {
        return unless_interrupted(Box::pin(rotate::rotate(arguments, output))).await;
    }
    let settings = Settings {
        max_attempts: parse_attempts(&max_attempts)?,
        penalties: penalties.settings()?,
        keep_alive,
        upload_idle,
        capacity: shares.capacity(),
        ..Settings::default()
    };
    let data = data.resolve()?;
    let prints_login = http.prints_login();
    let config = HubConfig {
        listen,
        logs: data.clone(),
        data,
        credentials: credentials.map(|path| CredentialsFile {
            path,
            authority: Authority::Import,
        }),
        plain,
        settings,
        retention: retention.store(),
        quotas: retention.quotas(),
        log_bounds: retention.logs(),
        number_exchange: number_exchange
            .map(crate::number_exchange::beside_hub)
            .transpose()?,
        leases: leases.map(crate::lease::beside_hub),
        http: http.config(),
    };
    if let Some(effective) = &effective {
        let warnings = effective.warnings.iter();
        warnings.for_each(|warning| output.notice(warning));
    }
    let follows = Follows {
        credentials: None,
        settings: effective.map(Reload::new),
    };
    run::run(
        config,
        (&Joining::Join, events, prints_login),
        follows,
        output,
    )
    .await
}

/// The specification's own words for what is not from 1 to 5.
pub(crate) fn parse_attempts(text: &str) -> Result<MaxAttempts, Failure> {
    text.parse()
        .map_err(|e: fleetlink_hub::MaxAttemptsError| Failure::Usage(e.to_string()))
}

fn keep_alive(text: &str) -> Result<Duration, String> {
    let (least, most) = (limits::MIN_KEEP_ALIVE, limits::MAX_KEEP_ALIVE);
    time_within(text, least, most, "10s")
}

fn upload_idle(text: &str) -> Result<Duration, String> {
    let (least, most) = (limits::MIN_UPLOAD_IDLE, limits::MAX_UPLOAD_IDLE);
    time_within(text, least, most, "60s")
}

fn time_within(
    text: &str,
    least: Duration,
    most: Duration,
    example: &str,
) -> Result<Duration, String> {
    duration::parse(text)
        .ok()
        .filter(|time| (least..=most).contains(time))
        .ok_or_else(|| format!("expected a time from {least:?} to {most:?}, such as {example}"))
}
