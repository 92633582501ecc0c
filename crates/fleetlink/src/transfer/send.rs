//! `fleetlink send DEVICE FILE...`: files straight to another device, without joining.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use fleetlink_device::{Control, Endpoint, Peer, Session};
use fleetlink_proto::transfer::{self, FileName, Reason, Receipt};
use fleetlink_proto::{DeviceName, Escaped};
use serde_json::{Value, json};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{interval, timeout};

use super::direct::{Direct, open_source, unless_cancelled};
use super::lanes::Lanes;
use super::patience::Patience;
use super::report::{Event, Report, by, milliseconds};
use super::running::{Direction, Running, Transfer, canonical};
use super::words;
use crate::attach::HubArguments;
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::Output;
use crate::{duration, udp_port};

/// How long the receiver is given to hear of an interruption.
const FAREWELL: Duration = Duration::from_secs(1);
/// How often it is looked how much the path carries.
const LOOK: Duration = Duration::from_secs(1);

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
    /// Try again for so long where the device refuses for a reason that may pass: it is busy.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    retry_for: Duration,
    /// End a transfer in which nothing has moved for so long, while its connection lives.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    idle_timeout: Duration,
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
    from: DeviceName,
    to: DeviceName,
    name: Option<FileName>,
    running: Running,
    report: Report,
    retry_for: Duration,
    /// Of the files that are over, in no order.
    outcomes: Mutex<Vec<Outcome>>,
}

impl Outcome {
    fn died(place: usize, path: PathBuf, why: &JoinError) -> Self {
        Outcome::not_sent(place, path, Failure::General(why.to_string()))
    }

    fn not_sent(place: usize, path: PathBuf, why: Failure) -> Self {
        Outcome {
            place,
            name: shown_name(&path),
            path,
            sent: Err(why),
        }
    }
}

fn shown_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
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
    let sending = Arc::new(Sending {
        peer,
        from: arguments.hub.device()?.clone(),
        to: arguments.to.clone(),
        name: arguments.name.clone(),
        running: Running::default(),
        report: report.clone(),
        retry_for: arguments.retry_for,
        outcomes: Mutex::default(),
    });
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
    let welcome = hub.log_in(output).await?;
    let session = welcome.session;
    let direct = Direct::new(endpoint, &session, device, output).await?;
    let direct = direct.idle_after(arguments.idle_timeout);
    let mut patience = Patience::lasting(arguments.retry_for);
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

impl Sending {
    /// As many at once as the path carries well.
    async fn all(self: Arc<Self>, paths: Vec<PathBuf>) {
        let mut waiting = paths.into_iter().enumerate();
        let mut lanes = Lanes::new(Instant::now());
        let mut looks = interval(LOOK);
        let (mut tasks, mut sent_by, mut done) = (JoinSet::new(), HashMap::new(), 0);
        loop {
            while lanes.is_free(tasks.len(), Instant::now())
                && let Some((place, path)) = waiting.next()
            {
                let task = tasks.spawn(Arc::clone(&self).one(place, path.clone()));
                sent_by.insert(task.id(), (place, path));
            }
            tokio::select! {
                ended = tasks.join_next_with_id() => {
                    let outcome = match ended {
                        None => break,
                        Some(Ok((_, outcome))) => outcome,
                        Some(Err(died)) => match sent_by.remove(&died.id()) {
                            Some((place, path)) => Outcome::died(place, path, &died),
                            None => continue,
                        },
                    };
                    if let Ok((receipt, took)) = &outcome.sent {
                        done += receipt.bytes;
                        lanes.arrived_in(*took);
                    }
                    self.over().push(outcome);
                }
                _ = looks.tick() => lanes.look(&self.running.all(), done, Instant::now()),
            }
        }
    }

    fn over(&self) -> MutexGuard<'_, Vec<Outcome>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of each file, in the order in which they were named; those that are not over
    /// were interrupted.
    fn outcomes(&self, paths: &[PathBuf]) -> Vec<Outcome> {
        let mut outcomes = std::mem::take(&mut *self.over());
        for (place, path) in paths.iter().enumerate() {
            if outcomes.iter().all(|outcome| outcome.place != place) {
                outcomes.push(Outcome::not_sent(place, path.clone(), Failure::Interrupted));
            }
        }
        outcomes.sort_by_key(|outcome| outcome.place);
        outcomes
    }

    async fn one(self: Arc<Self>, place: usize, path: PathBuf) -> Outcome {
        let name = shown_name(&path);
        let sent = self.deliver(&name, &path).await;
        Outcome {
            place,
            path,
            name,
            sent,
        }
    }

    /// Says that a file here is none that can be sent.
    fn refuse(&self, name: &str, failure: &Failure) {
        self.report.notice(&failure.to_string());
        self.report.event(&Event::Failed {
            transfer: None,
            direction: Direction::Out,
            device: self.to.as_str(),
            name: Some(&Escaped(name).to_string()),
            size: None,
            code: failure.code(),
            by: "here",
            message: failure.to_string(),
        });
    }

    fn not_sent(&self, transfer: &Transfer, failure: &Failure) {
        let text = words::not_sent(&transfer.name, &self.to, failure);
        self.report.notice(&text);
    }

    async fn deliver(&self, name: &str, path: &Path) -> Result<(Receipt, Duration), Failure> {
        let mut patience = Patience::lasting(self.retry_for);
        loop {
            let opened = open_source(path, self.name.clone()).await;
            let source = opened.inspect_err(|failure| self.refuse(name, failure))?;
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
            let waits = || self.waits(entry.number(), &transfer);
            let sent = patience.send(&self.peer, source, &control, waits).await;
            if let Err(failure) = &sent
                && let Some(wait) = patience.after(failure)
            {
                // It stays among those that run, so that it can be ended meanwhile.
                let again = self
                    .report
                    .try_again(&self.to, Some(&transfer.name), failure, wait);
                unless_cancelled(&control, async {
                    again.await;
                    Ok(())
                })
                .await
                .map_err(Failure::Transfer)
                .inspect_err(|failure| self.not_sent(&transfer, failure))?;
                continue;
            }
            self.tell(entry.number(), &transfer, &sent);
            let sent = sent.map_err(Failure::Transfer);
            let receipt = sent.inspect_err(|failure| self.not_sent(&transfer, failure))?;
            return Ok((receipt, began.elapsed()));
        }
    }

    fn waits(&self, transfer: u32, of: &Transfer) {
        let (to, name) = (&self.to, &of.name);
        self.report
            .notice(&format!("{name} waits its turn at {to}"));
        self.report.event(&Event::Waiting {
            transfer,
            device: to.as_str(),
            name,
        });
    }

    fn tell(&self, number: u32, transfer: &Transfer, sent: &Result<Receipt, transfer::Failure>) {
        let device = self.to.as_str();
        match sent {
            Ok(receipt) => {
                let text = words::sent(&transfer.name, &self.from, &receipt.stored_as);
                self.report.line(&text);
                self.report.event(&Event::Stored {
                    transfer: Some(number),
                    direction: Direction::Out,
                    device,
                    sender: receipt.sender.as_ref().map(DeviceName::as_str),
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
            "name": name, "path": path.display().to_string(), "stored_as": receipt.stored_as, "sender": receipt.sender,
            "bytes": receipt.bytes, "milliseconds": milliseconds(*took),
        }),
        Err(failure) => json!({
            "name": name, "path": path.display().to_string(),
            "error": {"code": failure.code(), "message": failure.to_string()},
        }),
    }
}
