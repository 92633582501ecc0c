//! `fleetlink hello request`, and in the course's own form `fleetlink hello HELLO`.

use std::net::SocketAddr;
use std::time::Duration;

use fleetlink_client::lease::{GrantedLease, LeaseError, request_lease};
use fleetlink_proto::lease::{LeaseId, Transport, Tries};

use super::Server;
use crate::duration;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::{Ask, Output};
use crate::stdin::Lines;

/// The id to ask for, and the server.
#[derive(Debug, clap::Args)]
pub(crate) struct RequestArguments {
    #[command(flatten)]
    server: Server,
    /// Four digits.
    id: LeaseId,
    /// Ask over TCP instead of UDP.
    #[arg(long)]
    tcp: bool,
    /// Time that each try waits for a reply.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration::parse)]
    timeout: Duration,
}

/// Asks until an id is granted, three times at most, each time for another id.
pub(crate) async fn request(arguments: RequestArguments, output: &Output) -> Result<(), Failure> {
    let RequestArguments {
        server,
        id,
        tcp,
        timeout,
    } = arguments;
    let transport = if tcp { Transport::Tcp } else { Transport::Udp };
    unless_interrupted(async {
        let server = server.resolve().await?;
        try_ids(&server, id, transport, timeout, output).await
    })
    .await
}

async fn try_ids(
    server: &[SocketAddr],
    id: LeaseId,
    transport: Transport,
    timeout: Duration,
    output: &Output,
) -> Result<(), Failure> {
    let lines = Lines::new();
    let mut tries = Tries::new(id);
    loop {
        let error = match request_lease(server, tries.id(), transport, timeout).await {
            Ok(GrantedLease { id, address, port }) => {
                output.line(&format!("Connection established {id} {address} {port}"));
                return Ok(());
            }
            Err(error) => error,
        };
        output.line(&format!("Connection Error {}", tries.id()));
        output.notice(&error.to_string());
        let Some(suggested) = tries.handle_failure(rand::random()) else {
            output.line("Connection Failure");
            return Err(Failure::Shown(Box::new(failure(&error))));
        };
        if lines.terminal() {
            let Some(chosen) = another_id(&lines, suggested, output).await? else {
                // Ctrl-D: the person wants no other id.
                output.line("\nConnection Failure");
                return Err(Failure::Shown(Box::new(failure(&error))));
            };
            tries.choose(chosen);
        }
    }
}

/// Asks a person; Enter takes the suggestion, and the end of the input is none.
async fn another_id(
    lines: &Lines,
    suggested: LeaseId,
    output: &Output,
) -> Result<Option<LeaseId>, Failure> {
    loop {
        let question = format!("Another connection ID (Enter for {suggested}):");
        let Some(line) = lines.ask(output, &question, Ask::Stdout).await? else {
            return Ok(None);
        };
        match line.trim() {
            "" => return Ok(Some(suggested)),
            text => match text.parse() {
                Ok(id) => return Ok(Some(id)),
                Err(error) => output.line(&format!("Error. {error}")),
            },
        }
    }
}

/// The exit status is the last try's.
fn failure(error: &LeaseError) -> Failure {
    match error {
        LeaseError::TimedOut(_) => Failure::TimedOut(error.to_string()),
        LeaseError::Unreachable(_) => Failure::Unreachable(error.to_string()),
        LeaseError::InUse(_) | LeaseError::NotAReply(_) => Failure::General(error.to_string()),
    }
}
