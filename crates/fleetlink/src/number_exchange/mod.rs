//! `fleetlink sum`: the number exchange.

mod check;
mod check_client;
mod print;
mod send;
#[cfg(feature = "hub")]
mod serve;

use fleetlink_proto::number_exchange::{Form, Name};

use crate::failure::Failure;
use crate::host_name::host_name;
use crate::output::Output;
#[cfg(feature = "hub")]
pub(crate) use serve::beside_hub;

/// The commands for the number exchange.
#[derive(Debug, clap::Args)]
pub(crate) struct NumberExchangeArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Answer clients, each in its form; a number out of range ends the server.
    #[cfg(feature = "hub")]
    Serve(serve::ServeArguments),
    /// Send a server a name and a number, and check its sum.
    Send(send::SendArguments),
    /// Check anybody's server: replies, pieces, silence, malformed input.
    Check(check::CheckArguments),
    /// Check anybody's client: start it against servers whose behaviour a client must survive.
    #[command(override_usage = check_client::USAGE)]
    CheckClient(check_client::CheckClientArguments),
}

impl NumberExchangeArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            Command::Check(arguments) => arguments.report.json,
            Command::CheckClient(arguments) => arguments.client.report.json,
            _ => false,
        }
    }
}

/// Does what the command asks.
pub(crate) async fn run(
    arguments: NumberExchangeArguments,
    output: &Output,
) -> Result<(), Failure> {
    match arguments.command {
        #[cfg(feature = "hub")]
        Command::Serve(arguments) => serve::serve(arguments, output).await,
        Command::Send(arguments) => send::send(arguments, output).await,
        Command::Check(arguments) => check::check(arguments, output).await,
        Command::CheckClient(arguments) => check_client::check(arguments, output).await,
    }
}

/// Reads the name of a form.
fn form(name: &str) -> Result<Form, String> {
    Form::named(name).ok_or_else(|| {
        let names: Vec<&str> = Form::NAMED.iter().map(|(name, _)| *name).collect();
        format!("expected is one of: {}", names.join(", "))
    })
}

/// The name that was given, else the host's.
fn name_or_host(given: Option<Name>) -> Result<Name, Failure> {
    let of_host = || host_name().and_then(|name| name.parse().ok());
    given
        .or_else(of_host)
        .ok_or_else(|| Failure::Usage("this host has no name; give one with --name".to_owned()))
}
