//! `fleetlink send DEVICE FILE...`: files straight to another device, without joining.

mod outcome;
mod sending;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use fleetlink_client::{Endpoint, Peer, Session};
use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::{FileName, Reason};
use tokio::time::timeout;

use super::direct::{Direct, open_source};
use super::patience::{Patience, PatienceArguments};
use super::report::Report;
use crate::attach::HubArguments;
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::Output;
use crate::udp_port;
use sending::Sending;

/// How long the receiver is given to hear of an interruption.
const FAREWELL: Duration = Duration::from_secs(1);

/// What is sent to whom.
#[derive(Debug, Args)]
pub(crate) struct SendArguments {
    /// Which hub, as whom.
    #[command(flatten)]
    pub(crate) hub: HubArguments,
    /// The device that is to have the files; it must be joined.
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
    /// Show what happens as it happens: one JSON object a line on standard output.
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
        refused.extend(open_source(path, arguments.name.clone()).await.err());
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
    let reaching = Box::pin(reach(endpoint, arguments, report, output));
    let (session, peer) = interrupts.unless(reaching).await?;
    let sending = Arc::new(Sending::new(peer, arguments, report)?);
    let following = report.follow(&sending.running);
    let mut all = Box::pin(Arc::clone(&sending).all(arguments.files.clone()));
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
            sending.peer.close(Reason::Cancelled);
            true
        }
    };
    drop(all);
    drop(following);
    session.leave().await;
    // Also where it was interrupted: what was stored until then is told.
    let told = sending.summary(sending.outcomes(&arguments.files));
    match interrupted {
        true if report.is_document() => Err(Failure::Reported(Box::new(Failure::Interrupted))),
        true => Err(Failure::Interrupted),
        false => told,
    }
}

/// Logs in, asks for leave, and connects to the receiver.
async fn reach(
    endpoint: Endpoint,
    arguments: &SendArguments,
    report: &Report,
    output: &Output,
) -> Result<(Session, Peer), Failure> {
    let SendArguments { hub, to, .. } = arguments;
    let device = hub.device()?;
    if device == to {
        let text = "a file is sent to another device, not to this one";
        return Err(Failure::Usage(text.to_owned()));
    }
    let client = hub.connect(output).await?;
    let (session, _) = client.parts().await;
    let direct = Direct::new(endpoint, &session, device, output).await?;
    let direct = direct.idle_after(arguments.patience.idle_timeout);
    let mut patience = Patience::lasting(arguments.patience.retry_for);
    loop {
        // Each try has a grant of its own: the last one may be over.
        let leave = direct.leave_for(&session, to).await?;
        let failure = match direct.reach(leave).await {
            Ok(peer) => return Ok((session, peer)),
            Err(failure) => failure,
        };
        match patience.after(&failure) {
            Some(wait) => report.try_again(to, None, &failure, wait).await,
            None => return Err(Failure::Transfer(failure)),
        }
    }
}
