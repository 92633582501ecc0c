//! `fleetlink hello …`: connection-ID leases.

mod check;
mod request;
#[cfg(feature = "hub")]
mod serve;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::output::Output;
#[cfg(feature = "hub")]
pub(crate) use serve::beside_hub;

/// Serves connection-ID leases, asks for them, and checks servers.
#[derive(Debug, Args)]
pub(crate) struct HelloArguments {
    #[command(subcommand)]
    command: HelloCommand,
}

#[derive(Debug, Subcommand)]
enum HelloCommand {
    /// Serve leases over UDP and TCP, with one table for both.
    #[cfg(feature = "hub")]
    Serve(serve::ServeArguments),
    /// Ask a server for a connection id.
    #[command(visible_alias = "HELLO")]
    Request(request::RequestArguments),
    /// Check anybody's server against the protocol.
    Check(check::CheckArguments),
}

impl HelloArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        matches!(&self.command, HelloCommand::Check(arguments) if arguments.json)
    }
}

/// Does what the command asks.
pub(crate) async fn run(arguments: HelloArguments, output: &Output) -> Result<(), Failure> {
    match arguments.command {
        #[cfg(feature = "hub")]
        HelloCommand::Serve(arguments) => serve::serve(arguments, output).await,
        HelloCommand::Request(arguments) => request::request(arguments, output).await,
        HelloCommand::Check(arguments) => check::check(arguments, output).await,
    }
}

/// Which server.
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
        fleetlink_device::resolve_server(host, *port)
            .await
            .map_err(|e| Failure::General(format!("cannot find {host}: {e}")))
    }
}
