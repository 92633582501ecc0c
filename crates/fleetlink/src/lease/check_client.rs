//! `fleetlink hello check-client`: checks anybody's client.

use fleetlink_check::lease;
use fleetlink_proto::lease::Transport;

use crate::check::ClientArguments;
use crate::failure::Failure;
use crate::output::Output;

pub(super) const USAGE: &str = "fleetlink hello check-client [OPTIONS] -- COMMAND [ARG]...";

/// The client to check.
#[derive(Debug, clap::Args)]
pub(super) struct CheckClientArguments {
    /// Serve the client over TCP instead of UDP.
    #[arg(long)]
    tcp: bool,
    #[command(flatten)]
    pub(super) client: ClientArguments,
}

/// Runs the checks and shows the report.
pub(super) async fn check(arguments: CheckClientArguments, output: &Output) -> Result<(), Failure> {
    let transport = match arguments.tcp {
        true => Transport::Tcp,
        false => Transport::Udp,
    };
    let plan = |program, timeout| {
        let client = lease::Client {
            program,
            transport,
            timeout,
        };
        client.plan()
    };
    arguments.client.check(plan, output).await
}
