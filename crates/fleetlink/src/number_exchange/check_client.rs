//! `fleetlink sum check-client`: checks anybody's client.

use std::time::Duration;

use fleetlink_check::{Program, Subject, number_exchange};
use fleetlink_proto::number_exchange::Form;

use super::form;
use crate::check::{self, ProgramArguments, ReportOptions, seconds};
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

pub(super) const USAGE: &str = "fleetlink sum check-client [OPTIONS] -- COMMAND [ARG]...";

/// The client to check.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckClientArguments {
    /// The form that the client must speak; by default any form is good.
    #[arg(long, value_name = "FORM", value_parser = form)]
    dialect: Option<Form>,
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
    let client = number_exchange::Client {
        program,
        form: arguments.dialect,
        timeout: arguments.timeout,
    };
    let mut plan = client.plan()?;
    plan.weigh(points, |_| false)?;
    unless_interrupted(check::run(plan, Subject::Client(&command), output)).await
}
