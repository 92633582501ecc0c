//! The reports about the files of a `send`, and their results.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fleetlink_client::{
    Client, Error,
    transfer::{Control, Observer, SendEvent},
};
use fleetlink_proto::transfer::Receipt;
use fleetlink_proto::{DeviceName, Escaped};

use super::SendArguments;
use super::results::{FileResult, shown_name};
use crate::failure::Failure;
use crate::transfer::report::{Event, Report, by, milliseconds};
use crate::transfer::running::{Direction, Entry, Running, Transfer};
use crate::transfer::words;

/// The files that go to one device.
pub(super) struct Sending {
    from: DeviceName,
    pub(super) to: DeviceName,
    files: Vec<PathBuf>,
    pub(super) running: Running,
    pub(super) report: Report,
    under_way: Mutex<BTreeMap<usize, UnderWay>>,
    /// Of the files that are over, in no order.
    results: Mutex<Vec<FileResult>>,
}

/// A file that has begun.
struct UnderWay {
    control: Control,
    /// Once it was offered.
    offered: Option<(Entry, Transfer)>,
}

impl Sending {
    /// Of this command.
    pub(super) fn new(client: &Client, arguments: &SendArguments, report: &Report) -> Self {
        Sending {
            from: client.device().clone(),
            to: arguments.to.clone(),
            files: arguments.files.clone(),
            running: Running::default(),
            report: report.clone(),
            under_way: Mutex::default(),
            results: Mutex::default(),
        }
    }

    fn over(&self) -> MutexGuard<'_, Vec<FileResult>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> MutexGuard<'_, BTreeMap<usize, UnderWay>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The result of each file, in the order in which they were named. Files without one were
    /// interrupted.
    pub(super) fn results(&self, paths: &[PathBuf]) -> Vec<FileResult> {
        let mut results = std::mem::take(&mut *self.over());
        for (place, path) in paths.iter().enumerate() {
            if results.iter().all(|result| result.place != place) {
                results.push(FileResult::not_sent(
                    place,
                    path.clone(),
                    Failure::Interrupted,
                ));
            }
        }
        results.sort_by_key(|result| result.place);
        results
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

    fn stored(&self, number: u32, transfer: &Transfer, receipt: &Receipt) {
        let text = words::sent(&transfer.name, &self.from, &receipt.stored_as);
        self.report.line(&text);
        self.report.event(&Event::Stored {
            transfer: Some(number),
            direction: Direction::Out,
            device: self.to.as_str(),
            sender: receipt.sender.as_ref().map(DeviceName::as_str),
            name: &transfer.name,
            stored_as: receipt.stored_as.as_str(),
            bytes: receipt.bytes,
            milliseconds: milliseconds(transfer.began.elapsed()),
        });
    }

    fn failed(&self, number: u32, transfer: &Transfer, failure: &Failure) {
        self.report.event(&Event::Failed {
            transfer: Some(number),
            direction: Direction::Out,
            device: self.to.as_str(),
            name: Some(&transfer.name),
            size: Some(transfer.size),
            code: failure.code(),
            by: match failure {
                Failure::Transfer(failure) => by(failure),
                _ => "here",
            },
            message: failure.to_string(),
        });
        let text = words::not_sent(&transfer.name, &self.to, failure);
        self.report.notice(&text);
    }
}

impl Observer for Sending {
    fn begins(&self, place: usize, control: &Control) {
        let under_way = UnderWay {
            control: control.clone(),
            offered: None,
        };
        self.under_way().insert(place, under_way);
    }

    fn hears(&self, place: usize, event: SendEvent<'_>) {
        let mut all = self.under_way();
        let Some(UnderWay { control, offered }) = all.get_mut(&place) else {
            return;
        };
        match event {
            SendEvent::Offered { offer, address } => {
                let transfer = Transfer {
                    direction: Direction::Out,
                    peer: self.to.clone(),
                    name: offer.name.clone(),
                    size: offer.size,
                    waits_for_try: false,
                    address,
                    control: control.clone(),
                    began: Instant::now(),
                };
                // A new number at each try: it is offered anew.
                *offered = None;
                let entry = self.running.begin(transfer.clone());
                self.report.started(entry.number(), &transfer);
                *offered = Some((entry, transfer));
            }
            SendEvent::Waits => {
                let Some((entry, transfer)) = offered else {
                    return;
                };
                let (to, name) = (&self.to, &transfer.name);
                self.report.notice(&words::waits_its_turn(name, to));
                self.report.event(&Event::Waiting {
                    transfer: entry.number(),
                    device: to.as_str(),
                    name,
                });
            }
            SendEvent::Retries { failure, wait } => {
                // It stays among those that run, so that it can be ended meanwhile.
                if let Some((entry, _)) = offered {
                    entry.waits_for_try(true);
                }
                let name = offered.as_ref().map(|(_, transfer)| transfer.name.as_str());
                self.report.trying_again(&self.to, name, failure, wait);
            }
            _ => {}
        }
    }

    fn is_over(&self, place: usize, sent: Result<Receipt, Error>, took: Duration) {
        let path = self.files[place].clone();
        let name = shown_name(&path);
        let offered = self.under_way().remove(&place);
        let offered = offered.and_then(|under_way| under_way.offered);
        let advised = |error| words::advised_failure(Failure::from(error), &self.from, &self.to);
        let sent = sent.map_err(advised);
        match (&sent, &offered) {
            (Ok(receipt), Some((entry, transfer))) => {
                self.stored(entry.number(), transfer, receipt);
            }
            (Err(failure), Some((entry, transfer))) => {
                self.failed(entry.number(), transfer, failure);
            }
            (Err(failure), None) => self.refuse(&name, failure),
            (Ok(_), None) => {}
        }
        // Only now: who waits for its end has read how it ended.
        drop(offered);
        let sent = sent.map(|receipt| (receipt, took));
        self.over().push(FileResult {
            place,
            path,
            name,
            sent,
        });
    }
}
