//! `fleetlink sum check-client`: checks anybody's client.

use fleetlink_check::number_exchange;
use fleetlink_proto::number_exchange::Form;

use super::form;
use crate::check::ClientArguments;
use crate::failure::Failure;
use crate::output::Output;

pub(super) const USAGE: &str = "fleetlink sum check-client [OPTIONS] -- COMMAND [ARG]...";

/// The client to check.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckClientArguments {
    /// The form that the client must speak; by default any form is good.
    #[arg(long, value_name = "FORM", value_parser = form)]
    dialect: Option<Form>,
    #[command(flatten)]
    pub(super) client: ClientArguments,
}

/// Runs the checks and shows the report.
pub(super) async fn check(arguments: CheckClientArguments, output: &Output) -> Result<(), Failure> {
    let form = arguments.dialect;
    let plan = |program, timeout| {
        let client = number_exchange::Client {
            program,
            form,
            timeout,
        };
        client.plan()
    };
    arguments.client.check(plan, output).await
}
