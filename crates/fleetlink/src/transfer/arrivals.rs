//! Files that come from other devices, among the transfers that run.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fleetlink_device::{Arrival, Stored};
use fleetlink_proto::transfer::{Failure, Offer};
use fleetlink_proto::{DeviceName, Escaped};

use super::running::{Direction, Entry, Running, Transfer};

/// Keeps what comes in among the transfers that run.
pub(crate) struct Arrivals {
    running: Running,
    /// By the listener's numbers.
    coming: HashMap<u64, (Entry, Instant)>,
}

/// What happened to a file from another device.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It was accepted.
    Began {
        /// Its number among the transfers.
        number: u32,
        /// What it is.
        transfer: Transfer,
    },
    /// It is here.
    Stored {
        /// Its place among the transfers, to be kept until it was told.
        place: Option<Entry>,
        /// Whose it is.
        sender: DeviceName,
        /// Under which name.
        stored: Stored,
        /// How long it took.
        took: Duration,
    },
    /// It was refused, or failed.
    Failed {
        /// Its place among the transfers, where it was accepted.
        place: Option<Entry>,
        /// Whose it would have been.
        sender: DeviceName,
        /// What was offered, if that came.
        offer: Option<Offer>,
        /// Why.
        failure: Failure,
    },
}

impl Arrivals {
    /// Keeps them among these.
    pub(crate) fn among(running: Running) -> Self {
        Arrivals {
            running,
            coming: HashMap::new(),
        }
    }

    /// Something happened.
    pub(crate) fn heard(&mut self, arrival: Arrival) -> Heard {
        match arrival {
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
            } => Heard::Failed {
                place: self.over(number).0,
                sender,
                offer,
                failure,
            },
        }
    }

    fn over(&mut self, number: u64) -> (Option<Entry>, Duration) {
        match self.coming.remove(&number) {
            Some((entry, began)) => (Some(entry), began.elapsed()),
            None => (None, Duration::ZERO),
        }
    }
}
