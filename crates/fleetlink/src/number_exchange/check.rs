//! `fleetlink sum check`: checks anybody's server.

use std::net::SocketAddr;

use fleetlink_check::{ProgressListener as _, Subject, number_exchange};
use fleetlink_client::{HubAddress, lease::resolve_server};
use fleetlink_proto::number_exchange::{Form, Name};

use super::form;
use crate::check::{self, CheckLine, ReportOptions};
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

/// The server to check, and how far.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArguments {
    /// The server's host.
    host: String,
    /// The server's port.
    port: u16,
    /// Check this form alone: text, json, json-name, colon, comma, semicolon, pipe, blank, utf-int,
    /// utf-text or struct256. By default text and JSON are checked, or the form that the server
    /// turns out to speak.
    #[arg(long, value_name = "FORM", value_parser = form)]
    dialect: Option<Form>,
    /// The name that the server must give itself.
    #[arg(long, value_name = "NAME")]
    server_name: Option<Name>,
    /// Check last that a number out of range stops the server.
    #[arg(long)]
    allow_stop: bool,
    #[command(flatten)]
    pub(super) report: ReportOptions,
}

/// Runs the checks and shows the report.
pub(super) async fn check(arguments: CheckArguments, output: &Output) -> Result<(), Failure> {
    let points = arguments.report.points()?;
    let address = HubAddress::new(&arguments.host, arguments.port)
        .map_err(|_| Failure::Usage("HOST PORT is no address of a server".to_owned()))?;
    unless_interrupted(async {
        let server = number_exchange::Server {
            address: resolve(&address).await?,
            form: arguments.dialect,
            name: arguments.server_name,
            allow_stop: arguments.allow_stop,
        };
        let mut plan = {
            let mut progress = CheckLine::new(output);
            progress.begin(1, 1, "answers", "something answers");
            server.plan().await
        };
        plan.weigh(points, number_exchange::is_check)?;
        check::run(plan, Subject::Server(&address.to_string()), output).await
    })
    .await
}

/// The first address of a host.
async fn resolve(address: &HubAddress) -> Result<SocketAddr, Failure> {
    let host = address.host();
    let unknown =
        |reason: String| Failure::Unreachable(format!("the host {host} is not known: {reason}"));
    let found = resolve_server(host, address.port()).await;
    let found = found.map_err(|error| unknown(error.to_string()))?;
    let first = found.first().copied();
    first.ok_or_else(|| unknown("it has no address".to_owned()))
}
