//! `fleetlink hello check-client`: checks anybody's client.

use std::time::Duration;

use fleetlink_check::{Program, Subject, lease};
use fleetlink_proto::lease::Transport;

use crate::check::{self, ProgramArguments, ReportOptions, seconds};
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

pub(super) const USAGE: &str = "fleetlink hello check-client [OPTIONS] -- COMMAND [ARG]...";

/// The client to check.
#[derive(Debug, clap::Args)]
pub(super) struct CheckClientArguments {
    /// Serve the client over TCP instead of UDP.
    #[arg(long)]
    tcp: bool,
    /// Time that the client waits for a reply, in seconds.
    #[arg(long, value_name = "S", default_value = "15", value_parser = seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) report: ReportOptions,
    #[command(flatten)]
    program: ProgramArguments,
}

/// Runs the checks and shows the report.
pub(super) async fn check(arguments: CheckClientArguments, output: &Output) -> Result<(), Failure> {
    let points = arguments.report.points()?;
    let program = Program::from(arguments.program);
    let command = program.shown();
    let client = lease::Client {
        program,
        transport: match arguments.tcp {
            true => Transport::Tcp,
            false => Transport::Udp,
        },
        timeout: arguments.timeout,
    };
    let mut plan = client.plan()?;
    plan.weigh(points, |_| false)?;
    unless_interrupted(check::run(plan, Subject::Client(&command), output)).await
}
