//! `fleetlink send DEVICE FILE...`: files straight to another device, without joining.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use fleetlink_device::{Control, Endpoint, Peer, Session};
use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::limits::MAX_FILES_PER_CONNECTION;
use fleetlink_proto::transfer::{self, Reason, Receipt};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::direct::{Direct, open_source};
use super::report::{Event, Report, by, milliseconds};
use super::running::{Direction, Running, Transfer, canonical};
use super::words;
use crate::attach::HubArguments;
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::Output;
use crate::udp_port;

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
    /// The files. Nothing is sent where one of them is missing.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Show what happens as it happens: one JSON object a line on standard output.
    #[arg(long, conflicts_with = "json")]
    events: bool,
}

/// One file, and what became of it.
struct Outcome {
    place: usize,
    path: PathBuf,
    name: String,
    sent: Result<(Receipt, Duration), Failure>,
}

/// A connection to the receiver, and what goes over it.
struct Sending {
    peer: Peer,
    to: DeviceName,
    running: Running,
    report: Report,
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
    // A missing file is said before anybody is asked for a password.
    for path in &arguments.files {
        open_source(path).await?;
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
    let reaching = Box::pin(reach(endpoint, arguments, output));
    let (session, peer) = interrupts.unless(reaching).await?;
    let sending = Arc::new(Sending {
        peer,
        to: arguments.to.clone(),
        running: Running::default(),
        report: report.clone(),
    });
    let following = report.follow(&sending.running);
    let mut all = Box::pin(Arc::clone(&sending).all(arguments.files.clone()));
    let outcomes = tokio::select! {
        outcomes = &mut all => Some(outcomes),
        () = interrupts.next() => {
            let why = format!("cancelled by {}", arguments.hub.device()?);
            sending.running.cancel_all(Reason::Cancelled, &why);
            // Whoever asks a second time does not want to wait.
            let ending = timeout(FAREWELL, &mut all);
            let ended = interrupts.unless(async { Ok(ending.await) }).await;
            drop(ended);
            // What was not yet said is said by the connection's end.
            sending.peer.close(Reason::Cancelled);
            None
        }
    };
    drop(following);
    session.leave().await;
    match outcomes {
        None => Err(Failure::Interrupted),
        Some(outcomes) => sending.summary(outcomes),
    }
}

/// Logs in, asks for leave, and connects to the receiver.
async fn reach(
    endpoint: Endpoint,
    arguments: &SendArguments,
    output: &Output,
) -> Result<(Session, Peer), Failure> {
    let SendArguments { hub, to, .. } = arguments;
    let device = hub.device()?;
    if device == to {
        let text = "a file is sent to another device, not to this one";
        return Err(Failure::Usage(text.to_owned()));
    }
    let welcome = hub.log_in(output).await?;
    let session = welcome.session;
    let direct = Direct::new(endpoint, &session, device, output).await?;
    let leave = direct.leave_for(&session, to).await?;
    let peer = direct.reach(leave).await.map_err(Failure::Transfer)?;
    Ok((session, peer))
}

impl Sending {
    /// As many at once as the receiver lets begin.
    async fn all(self: Arc<Self>, paths: Vec<PathBuf>) -> Vec<Outcome> {
        let at_once = usize::try_from(MAX_FILES_PER_CONNECTION).unwrap_or(1);
        let mut tasks = JoinSet::new();
        let mut outcomes = Vec::with_capacity(paths.len());
        for (place, path) in paths.into_iter().enumerate() {
            if tasks.len() == at_once
                && let Some(done) = tasks.join_next().await
            {
                outcomes.extend(done.ok());
            }
            tasks.spawn(Arc::clone(&self).one(place, path));
        }
        while let Some(done) = tasks.join_next().await {
            outcomes.extend(done.ok());
        }
        outcomes.sort_by_key(|outcome| outcome.place);
        outcomes
    }

    async fn one(self: Arc<Self>, place: usize, path: PathBuf) -> Outcome {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let sent = self.deliver(&path).await;
        if let Err(failure) = &sent {
            let text = words::not_sent(&name, &self.to, failure);
            self.report.notice(&text);
        }
        Outcome {
            place,
            path,
            name,
            sent,
        }
    }

    async fn deliver(&self, path: &std::path::Path) -> Result<(Receipt, Duration), Failure> {
        let source = open_source(path).await?;
        let offer = source.offer();
        let (began, control) = (Instant::now(), Control::new());
        let transfer = Transfer {
            direction: Direction::Out,
            peer: self.to.clone(),
            name: offer.name,
            size: offer.size,
            address: self.peer.address(),
            control: control.clone(),
            began,
        };
        let entry = self.running.begin(transfer.clone());
        self.report.started(entry.number(), &transfer);
        let sent = self.peer.send(source, &control).await;
        self.tell(entry.number(), &transfer, &sent);
        let receipt = sent.map_err(Failure::Transfer)?;
        Ok((receipt, began.elapsed()))
    }

    fn tell(&self, number: u32, transfer: &Transfer, sent: &Result<Receipt, transfer::Failure>) {
        let device = self.to.as_str();
        match sent {
            Ok(receipt) => {
                self.report.line(&words::sent(&transfer.name));
                self.report.event(&Event::Stored {
                    transfer: Some(number),
                    direction: Direction::Out,
                    device,
                    name: &transfer.name,
                    stored_as: receipt.stored_as.as_str(),
                    bytes: receipt.bytes,
                    milliseconds: milliseconds(transfer.began.elapsed()),
                });
            }
            Err(failure) => self.report.event(&Event::Failed {
                transfer: Some(number),
                direction: Direction::Out,
                device,
                name: Some(&transfer.name),
                size: Some(transfer.size),
                code: failure.ended().reason.name(),
                by: by(failure),
                message: failure.to_string(),
            }),
        }
    }

    /// Tells the whole, and fails with the first failure.
    fn summary(&self, outcomes: Vec<Outcome>) -> Result<(), Failure> {
        let files: Vec<Value> = outcomes.iter().map(document).collect();
        let receipts = || {
            outcomes
                .iter()
                .filter_map(|outcome| outcome.sent.as_ref().ok())
        };
        let sent = receipts().count() as u64;
        let failed = outcomes.len() as u64 - sent;
        let bytes = receipts().map(|(receipt, _)| receipt.bytes).sum::<u64>();
        let address = self.peer.address().map(canonical);
        self.report.document(&json!({
            "to": self.to, "address": address, "sent": sent, "failed": failed, "bytes": bytes,
            "files": files,
        }));
        self.report.event(&Event::Finished {
            files: sent,
            failed,
            bytes,
        });
        let first = outcomes.into_iter().find_map(|outcome| outcome.sent.err());
        first.map_or(Ok(()), |failure| Err(Failure::Reported(Box::new(failure))))
    }
}

fn document(outcome: &Outcome) -> Value {
    let Outcome { path, name, .. } = outcome;
    match &outcome.sent {
        Ok((receipt, took)) => json!({
            "name": name, "path": path.display().to_string(), "stored_as": receipt.stored_as,
            "bytes": receipt.bytes, "milliseconds": milliseconds(*took),
        }),
        Err(failure) => json!({
            "name": name, "path": path.display().to_string(),
            "error": {"code": failure.code(), "message": failure.to_string()},
        }),
    }
}
