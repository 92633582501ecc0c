//! `fleetlink hello serve`.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::time::Duration;

use fleetlink_hub::{Clock, LeaseConfig, LeasesEnded, RequestLog, RunningLeases, start_leases};
use fleetlink_proto::lease::limits::DEFAULT_PORT;
use fleetlink_proto::lease::{Counts, LeaseSettings};
use tokio::time::{Instant, interval_at};

use super::requests;
use crate::duration;
use crate::everywhere::everywhere;
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::Output;

/// The time between two lines of `--status`.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// The addresses and the settings of a lease service.
#[derive(Debug, clap::Args)]
pub(super) struct ServeArguments {
    /// Serve both transports on this port of every address [default: 20009, unless --udp or --tcp
    /// says otherwise].
    port: Option<u16>,
    /// Serve UDP on this address.
    #[arg(long, value_name = "ADDR")]
    udp: Option<SocketAddr>,
    /// Serve TCP on this address.
    #[arg(long, value_name = "ADDR")]
    tcp: Option<SocketAddr>,
    /// Time that a granted id is in use.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    lease: Duration,
    /// End after this long without a well-formed request; or never.
    #[arg(long, value_name = "TIME|never", default_value = "120s")]
    idle_exit: OrNever,
    /// Ids that one client network (an IPv4 address, an IPv6 /56) may hold at once; no limit by
    /// default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_per_source: Option<u32>,
    /// Requests a second that one client network may make; no limit by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_rate: Option<u32>,
    /// Show the counts every five seconds at a terminal.
    #[arg(long)]
    status: bool,
    /// Show each request and its reply, up to 100 a second [default: requests at a terminal, else
    /// none].
    #[arg(long, value_enum, value_name = "WHAT")]
    log: Option<LogArgument>,
}

/// The requests to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogArgument {
    /// Each request and its reply
    Requests,
    /// Nothing
    None,
}

impl LogArgument {
    /// A person at a terminal sees the requests.
    fn of_this_output() -> Self {
        if io::stdout().is_terminal() {
            LogArgument::Requests
        } else {
            LogArgument::None
        }
    }
}

/// A time, or `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OrNever(Option<Duration>);

impl std::str::FromStr for OrNever {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(OrNever(None)),
            text => match duration::parse(text) {
                Ok(time) => Ok(OrNever(Some(time))),
                Err(_) => Err("expected a time such as 120s, or never".to_owned()),
            },
        }
    }
}

impl ServeArguments {
    /// The addresses for UDP and TCP.
    fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let only_these = self.udp.is_some() || self.tcp.is_some();
        let port = self.port.or((!only_these).then_some(DEFAULT_PORT));
        let everywhere = port.map(everywhere);
        (self.udp.or(everywhere), self.tcp.or(everywhere))
    }
}

/// The service beside a hub: it ends with the hub alone.
pub(crate) fn beside_hub(address: SocketAddr) -> LeaseConfig {
    LeaseConfig {
        udp: Some(address),
        tcp: Some(address),
        settings: LeaseSettings {
            idle_exit: None,
            ..LeaseSettings::default()
        },
        clock: Clock::default(),
        requests: None,
    }
}

/// Serves until Ctrl-C, SIGTERM, or until nobody asks any more.
pub(super) async fn serve(arguments: ServeArguments, output: &Output) -> Result<(), Failure> {
    let (udp, tcp) = arguments.addresses();
    let OrNever(idle_exit) = arguments.idle_exit;
    let wanted = arguments.log.unwrap_or_else(LogArgument::of_this_output);
    let (log, requested) = match wanted {
        LogArgument::Requests => Some(RequestLog::new()).unzip(),
        LogArgument::None => (None, None),
    };
    let config = LeaseConfig {
        udp,
        tcp,
        settings: LeaseSettings {
            lease: arguments.lease,
            idle_exit,
            max_per_source: arguments.max_per_source,
            max_rate: arguments.max_rate,
        },
        clock: Clock::default(),
        requests: log,
    };
    // Before anything is announced: who reads the announcement may end us at once.
    let mut interrupts = Interrupts::listen()?;
    let mut leases = start_leases(config).map_err(|e| Failure::General(e.to_string()))?;
    announce(&leases, arguments.lease, idle_exit, output);
    output.opened(0).await?;
    let showing = requested.map(|requested| requests::show(requested, output.clone()));
    let status = arguments.status && io::stderr().is_terminal();
    let ended = tokio::select! {
        ended = run(&mut leases, status, output) => Some(ended),
        () = interrupts.next() => None,
    };
    let counts = leases.close().await;
    if let Some(showing) = showing {
        requests::finish(showing).await;
    }
    let result = match ended {
        Some(LeasesEnded::Idle) => {
            let idle = idle_exit.unwrap_or_default();
            output.line(&format!(
                "nobody has asked for an id for {idle:?}: the server ends"
            ));
            Ok(())
        }
        None => {
            output.asked_to_end();
            output.line("the server was told to end");
            Ok(())
        }
        Some(ended @ LeasesEnded::Part(_)) => Err(Failure::General(ended.to_string())),
    };
    output.line(&shown(&counts, "\n"));
    result
}

fn announce(leases: &RunningLeases, lease: Duration, idle: Option<Duration>, output: &Output) {
    for (transport, address) in [("UDP", leases.udp_address()), ("TCP", leases.tcp_address())] {
        if let Some(address) = address {
            output.line(&format!("leases over {transport}, listening on {address}"));
        }
    }
    let idle = match idle {
        Some(idle) => format!("the server ends after {idle:?} without a request"),
        None => "the server does not end by itself".to_owned(),
    };
    output.line(&format!("an id is in use for {lease:?}; {idle}"));
}

async fn run(leases: &mut RunningLeases, status: bool, output: &Output) -> LeasesEnded {
    let mut ticks = interval_at(Instant::now() + STATUS_EVERY, STATUS_EVERY);
    loop {
        tokio::select! {
            ended = leases.ended() => return ended,
            _ = ticks.tick(), if status => output.notice(&shown(&leases.counts(), "; ")),
        }
    }
}

fn shown(counts: &Counts, between: &str) -> String {
    format!("UDP: {}{between}TCP: {}", counts.udp, counts.tcp)
}
