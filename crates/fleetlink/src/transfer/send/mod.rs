//! `fleetlink send DEVICE FILE...`: files straight to another device, without joining.

mod results;
mod sending;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use fleetlink_client::{
    Client,
    transfer::{Endpoint, Outbound, SendEvent, open_file},
};
use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::{FileName, Reason};
use tokio::time::timeout;

use super::patience::PatienceArguments;
use super::report::Report;
use super::words;
use crate::attach::HubArguments;
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::Output;
use crate::udp_port;
use sending::Sending;

/// The time that the receiver is given to hear of an interruption.
const FAREWELL: Duration = Duration::from_secs(1);

/// The files to send, and the receiver.
#[derive(Debug, Args)]
pub(crate) struct SendArguments {
    /// The hub and the device.
    #[command(flatten)]
    pub(crate) hub: HubArguments,
    /// The receiving device; it must be joined.
    #[arg(value_name = "DEVICE")]
    to: DeviceName,
    /// The files. One that cannot be read is named, and the others are sent.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Send the file under this name instead of its own.
    #[arg(long = "as", value_name = "NAME")]
    name: Option<FileName>,
    #[command(flatten)]
    patience: PatienceArguments,
    /// Print events as they happen: one JSON object a line on standard output.
    #[arg(long, conflicts_with = "json")]
    events: bool,
}

/// Sends the files.
pub(crate) async fn send(mut arguments: SendArguments, output: &Output) -> Result<(), Failure> {
    arguments.hub = arguments.hub.or_chosen()?;
    let report = Report::new(arguments.events, arguments.hub.json, output);
    let sent = Box::pin(try_send(&arguments, &report, output)).await;
    sent.map_err(|failure| match failure {
        told @ (Failure::Reported(_) | Failure::Shown(_)) => told,
        failure => report.failed(failure),
    })
}

async fn try_send(
    arguments: &SendArguments,
    report: &Report,
    output: &Output,
) -> Result<(), Failure> {
    let interrupts = Interrupts::listen()?;
    if arguments.name.is_some() && arguments.files.len() > 1 {
        let text = "--as gives one file its name; here are several";
        return Err(Failure::Usage(text.to_owned()));
    }
    // Where there is nothing to send, that is said before anybody is asked for a password.
    let mut refused = Vec::new();
    for path in &arguments.files {
        let opened = open_file(path, arguments.name.clone()).await;
        refused.extend(opened.err().map(Failure::from));
    }
    if refused.len() == arguments.files.len() {
        let last = refused.pop();
        for failure in refused {
            report.notice(&failure.to_string());
        }
        return last.map_or(Ok(()), Err);
    }
    let sending = async |endpoint| send_from(endpoint, arguments, report, output, interrupts).await;
    udp_port::with(0, sending).await
}

async fn send_from(
    endpoint: Endpoint,
    arguments: &SendArguments,
    report: &Report,
    output: &Output,
    mut interrupts: Interrupts,
) -> Result<(), Failure> {
    let connecting = Box::pin(connect(endpoint, arguments, report, output));
    let (client, outbound) = interrupts.unless(connecting).await?;
    let sending = Arc::new(Sending::new(&client, arguments, report));
    let following = report.follow(&sending.running);
    let outbound = Arc::new(outbound);
    let mut all = Box::pin(outbound.deliver_all(arguments.files.clone(), &sending));
    let interrupted = tokio::select! {
        () = &mut all => false,
        () = interrupts.next() => {
            let why = format!("cancelled by {}", arguments.hub.device()?);
            sending.running.cancel_all(Reason::Cancelled, &why);
            // Whoever asks a second time does not want to wait.
            let ending = timeout(FAREWELL, &mut all);
            let ended = interrupts.unless(async { Ok(ending.await) }).await;
            drop(ended);
            // What was not yet said is said by the connection's end.
            let closing = timeout(FAREWELL, outbound.close(Reason::Cancelled));
            let closed = interrupts.unless(async { Ok(closing.await) }).await;
            drop(closed);
            true
        }
    };
    drop(all);
    drop(following);
    let address = outbound.address().await;
    client.leave().await;
    // Also where it was interrupted: what was stored until then is told.
    let told = sending.summary(sending.results(&arguments.files), address);
    match interrupted {
        true if report.is_document() => Err(Failure::Reported(Box::new(Failure::Interrupted))),
        true => Err(Failure::Interrupted),
        false => told,
    }
}

/// Logs in, asks for permission, and connects to the receiver.
async fn connect(
    endpoint: Endpoint,
    arguments: &SendArguments,
    report: &Report,
    output: &Output,
) -> Result<(Client, Outbound), Failure> {
    let SendArguments { hub, to, .. } = arguments;
    if hub.device()? == to {
        let text = "a file is sent to another device, not to this one";
        return Err(Failure::Usage(text.to_owned()));
    }
    let client = hub.connect_at(endpoint, output).await?;
    let options = arguments.patience.options(arguments.name.clone());
    let outbound = client.outbound(to.clone(), options).await?;
    let tell = |event: SendEvent<'_>| {
        if let SendEvent::Retries { failure, wait } = event {
            report.trying_again(to, None, failure, wait);
        }
    };
    let reached = outbound.connect(&tell).await;
    reached.map_err(|error| words::advised_failure(error.into(), client.device(), to))?;
    Ok((client, outbound))
}
