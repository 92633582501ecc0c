//! Files that come from other devices, among the transfers that run.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fleetlink_client::{Arrival, transfer::Stored};
use fleetlink_proto::transfer::{Offer, TransferFailure};
use fleetlink_proto::{DeviceName, Escaped};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::refusals::{Codes, Refusals};
use super::running::{Direction, Entry, Running, Transfer};
use super::words;

/// The arrivals, which are kept among the running transfers.
pub(crate) struct Arrivals {
    queue: mpsc::Receiver<Arrival>,
    running: Running,
    /// This device's name.
    own: DeviceName,
    refusals: Refusals,
    /// By the listener's numbers.
    coming: HashMap<u64, (Entry, Instant)>,
}

/// An event of a file from another device.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It was accepted.
    Began {
        /// Its number among the transfers.
        number: u32,
        /// The transfer.
        transfer: Transfer,
    },
    /// It is here.
    Stored {
        /// Its place among the transfers, to be kept until it was told.
        place: Option<Entry>,
        /// The sender.
        sender: DeviceName,
        /// Under which name.
        stored: Stored,
        /// The time that it took.
        took: Duration,
    },
    /// It was refused, or failed.
    Failed {
        /// Its place among the transfers, where it was accepted.
        place: Option<Entry>,
        /// The sender.
        sender: DeviceName,
        /// The offer, if it came.
        offer: Option<Offer>,
        failure: TransferFailure,
    },
    /// Offers were refused that are not told one by one.
    MoreRefused {
        /// The sender.
        sender: DeviceName,
        /// Their number, by code.
        codes: Codes,
    },
}

impl Arrivals {
    /// Takes this device's arrivals from this queue and keeps them among the running transfers.
    pub(crate) fn among(running: Running, own: DeviceName, queue: mpsc::Receiver<Arrival>) -> Self {
        Arrivals {
            queue,
            running,
            own,
            refusals: Refusals::default(),
            coming: HashMap::new(),
        }
    }

    /// The next thing to be told; none once nothing is taken any more. Safe to drop.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        loop {
            let due = self.refusals.poll_timeout();
            tokio::select! {
                arrival = self.queue.recv() => match arrival {
                    None => return self.rest(),
                    Some(arrival) => {
                        if let Some(heard) = self.heard(arrival) {
                            return Some(heard);
                        }
                    }
                },
                () = sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {
                    if let Some(counted) = self.refusals.due(Instant::now()) {
                        return Some(more_refused(counted));
                    }
                }
            }
        }
    }

    /// The count of one sender that was not reported yet; call it until there is none.
    pub(crate) fn rest(&mut self) -> Option<Heard> {
        self.refusals.rest().map(more_refused)
    }

    /// The event to report for this arrival, unless it is counted.
    fn heard(&mut self, arrival: Arrival) -> Option<Heard> {
        Some(match arrival {
            Arrival::Coming {
                number,
                sender,
                offer,
                address,
                control,
            } => {
                let began = Instant::now();
                let transfer = Transfer {
                    direction: Direction::In,
                    peer: sender,
                    name: Escaped(&offer.name).to_string(),
                    size: offer.size,
                    waits_for_try: false,
                    address,
                    control,
                    began,
                };
                let entry = self.running.begin(transfer.clone());
                let shown = entry.number();
                self.coming.insert(number, (entry, began));
                Heard::Began {
                    number: shown,
                    transfer,
                }
            }
            Arrival::Stored {
                number,
                sender,
                stored,
            } => {
                let (place, took) = self.over(number);
                Heard::Stored {
                    place,
                    sender,
                    stored,
                    took,
                }
            }
            Arrival::Failed {
                number,
                sender,
                offer,
                failure,
            } => {
                let (place, _) = self.over(number);
                let reason = failure.ended().reason;
                if place.is_none() && !self.refusals.refused(&sender, reason, Instant::now()) {
                    return None;
                }
                let failure = words::advised(failure, &self.own, &sender);
                Heard::Failed {
                    place,
                    sender,
                    offer,
                    failure,
                }
            }
        })
    }

    fn over(&mut self, number: u64) -> (Option<Entry>, Duration) {
        match self.coming.remove(&number) {
            Some((entry, began)) => (Some(entry), began.elapsed()),
            None => (None, Duration::ZERO),
        }
    }
}

fn more_refused((sender, codes): (DeviceName, Codes)) -> Heard {
    Heard::MoreRefused { sender, codes }
}
