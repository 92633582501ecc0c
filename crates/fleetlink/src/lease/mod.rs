//! `fleetlink hello …`: connection-ID leases.

mod check;
mod check_client;
mod request;
#[cfg(feature = "hub")]
mod requests;
#[cfg(feature = "hub")]
mod serve;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::output::Output;
pub(crate) use request::{RequestArguments, request};
#[cfg(feature = "hub")]
pub(crate) use serve::beside_hub;

/// Serves connection-ID leases, asks for them, and checks servers.
#[derive(Debug, Args)]
pub(crate) struct LeaseArguments {
    #[command(subcommand)]
    command: LeaseCommand,
}

#[derive(Debug, Subcommand)]
enum LeaseCommand {
    /// Serve leases over UDP and TCP, with one table for both.
    #[cfg(feature = "hub")]
    Serve(serve::ServeArguments),
    /// Ask a server for a connection id.
    #[command(visible_alias = "HELLO")]
    Request(RequestArguments),
    /// Check anybody's server against the protocol.
    Check(check::CheckArguments),
    /// Check anybody's client: start it against servers whose behaviour a client must survive.
    #[command(override_usage = check_client::USAGE)]
    CheckClient(check_client::CheckClientArguments),
}

impl LeaseArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            LeaseCommand::Check(arguments) => arguments.report.json,
            LeaseCommand::CheckClient(arguments) => arguments.client.report.json,
            _ => false,
        }
    }
}

/// Does what the command asks.
pub(crate) async fn run(arguments: LeaseArguments, output: &Output) -> Result<(), Failure> {
    match arguments.command {
        #[cfg(feature = "hub")]
        LeaseCommand::Serve(arguments) => serve::serve(arguments, output).await,
        LeaseCommand::Request(arguments) => request(arguments, output).await,
        LeaseCommand::Check(arguments) => check::check(arguments, output).await,
        LeaseCommand::CheckClient(arguments) => check_client::check(arguments, output).await,
    }
}

#[derive(Debug, Args)]
struct Server {
    /// The server's name or address.
    host: String,
    /// Its port.
    port: u16,
}

impl Server {
    /// Its addresses.
    async fn resolve(&self) -> Result<Vec<std::net::SocketAddr>, Failure> {
        let Server { host, port } = self;
        fleetlink_client::lease::resolve_server(host, *port)
            .await
            .map_err(|e| Failure::Unreachable(format!("cannot find {host}: {e}")))
    }

    /// The first of its addresses.
    async fn first_address(&self) -> Result<std::net::SocketAddr, Failure> {
        let addresses = self.resolve().await?;
        let none = || Failure::Unreachable(format!("{} has no address", self.host));
        addresses.first().copied().ok_or_else(none)
    }
}
