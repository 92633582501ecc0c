//! `fleetlink hello check`: checks anybody's server.

use std::time::Duration;

use fleetlink_check::{Subject, lease};
use fleetlink_proto::lease::Transport;

use super::Server;
use crate::check::{self, ReportOptions};
use crate::duration;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

/// The server to check.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    server: Server,
    /// Check it over TCP instead of UDP.
    #[arg(long)]
    tcp: bool,
    /// The server's lease time.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    lease: Duration,
    /// Check last that the server ends after this long without a request.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    idle_exit: Option<Duration>,
    #[command(flatten)]
    pub(super) report: ReportOptions,
}

/// Runs the checks and shows the report.
pub(super) async fn check(arguments: CheckArguments, output: &Output) -> Result<(), Failure> {
    let points = arguments.report.points()?;
    let transport = match arguments.tcp {
        true => Transport::Tcp,
        false => Transport::Udp,
    };
    unless_interrupted(async {
        let address = arguments.server.first_address().await?;
        let server = lease::Server {
            address,
            transport,
            lease: arguments.lease,
            idle_exit: arguments.idle_exit,
        };
        let mut plan = server.plan();
        plan.weigh(points, |_| false)?;
        let server = format!("{address} over {transport}");
        check::run(plan, Subject::Server(&server), output).await
    })
    .await
}
