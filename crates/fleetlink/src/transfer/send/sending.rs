//! The files of a `send` on their way.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fleetlink_client::{Control, Peer};
use fleetlink_proto::transfer::{self, FileName, Receipt};
use fleetlink_proto::{DeviceName, Escaped};
use tokio::task::JoinSet;
use tokio::time::interval;

use super::SendArguments;
use super::outcome::{Outcome, shown_name};
use crate::failure::Failure;
use crate::transfer::direct::{open_source, unless_cancelled};
use crate::transfer::lanes::Lanes;
use crate::transfer::patience::Patience;
use crate::transfer::report::{Event, Report, by, milliseconds};
use crate::transfer::running::{Direction, Running, Transfer};
use crate::transfer::words;

/// How often it is looked how much the path carries.
const LOOK: Duration = Duration::from_secs(1);

/// A connection to the receiver, and what goes over it.
pub(super) struct Sending {
    pub(super) peer: Peer,
    from: DeviceName,
    pub(super) to: DeviceName,
    name: Option<FileName>,
    pub(super) running: Running,
    pub(super) report: Report,
    retry_for: Duration,
    /// Of the files that are over, in no order.
    outcomes: Mutex<Vec<Outcome>>,
}

impl Sending {
    /// Over this connection, as the command asks.
    pub(super) fn new(
        peer: Peer,
        arguments: &SendArguments,
        report: &Report,
    ) -> Result<Self, Failure> {
        Ok(Sending {
            peer,
            from: arguments.hub.device()?.clone(),
            to: arguments.to.clone(),
            name: arguments.name.clone(),
            running: Running::default(),
            report: report.clone(),
            retry_for: arguments.patience.retry_for,
            outcomes: Mutex::default(),
        })
    }

    /// As many at once as the path carries well.
    pub(super) async fn all(self: Arc<Self>, paths: Vec<PathBuf>) {
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
    pub(super) fn outcomes(&self, paths: &[PathBuf]) -> Vec<Outcome> {
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
                waits_for_try: false,
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
                entry.waits_for_try(true);
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
        self.report.notice(&words::waits_its_turn(name, to));
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
}
