//! The transfers that are under way, in both directions.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fleetlink_client::transfer::{Control, Progress};
use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::{Reason, WaitsFor};
use serde::Serialize;
use tokio::sync::watch;

use crate::size::Bytes;

/// The transfers of this process. Clones show the same ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running(watch::Sender<Table>);

#[derive(Debug, Default)]
struct Table {
    last: u32,
    transfers: BTreeMap<u32, Transfer>,
}

/// From whom to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// From this device.
    Out,
    /// To this device.
    In,
}

/// One file on its way.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    /// Out or in.
    pub(crate) direction: Direction,
    /// The other device.
    pub(crate) peer: DeviceName,
    /// The file's name, as it may be shown.
    pub(crate) name: String,
    /// The size in bytes.
    pub(crate) size: u64,
    /// Whether it was refused for a reason that may pass, and waits for another try.
    pub(crate) waits_for_try: bool,
    /// The peer's address, once it is known.
    pub(crate) address: Option<SocketAddr>,
    /// To watch and to end it.
    pub(crate) control: Control,
    /// The time of the start.
    pub(crate) began: Instant,
}

/// A transfer's place among those that run; gone when dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    running: Running,
    number: u32,
}

impl Running {
    /// One more.
    pub(crate) fn begin(&self, transfer: Transfer) -> Entry {
        let mut number = 0;
        self.0.send_modify(|table| {
            table.last = table.last.wrapping_add(1);
            number = table.last;
            table.transfers.insert(number, transfer);
        });
        let running = self.clone();
        Entry { running, number }
    }

    /// The running transfers, by number.
    pub(crate) fn all(&self) -> BTreeMap<u32, Transfer> {
        self.0.borrow().transfers.clone()
    }

    /// The number of running transfers.
    pub(crate) fn count(&self) -> usize {
        self.0.borrow().transfers.len()
    }

    /// Ends one, and returns what it was.
    pub(crate) fn cancel(&self, number: u32, why: &str) -> Option<Transfer> {
        let transfer = self.0.borrow().transfers.get(&number).cloned()?;
        transfer.control.cancel(Reason::Cancelled, why);
        Some(transfer)
    }

    /// Ends all of them.
    pub(crate) fn cancel_all(&self, reason: Reason, why: &str) {
        for transfer in self.all().values() {
            transfer.control.cancel(reason, why);
        }
    }

    /// Waits until those that run now are over; others that begin meanwhile are not waited for.
    pub(crate) async fn settled(&self) {
        let last = self.0.borrow().last;
        let mut changes = self.0.subscribe();
        // It does not fail: the sending half lives in `self`.
        let _ = changes
            .wait_for(|table| table.transfers.range(..=last).next().is_none())
            .await;
    }
}

impl Entry {
    /// Its number in this process, from 1 on.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The peer was reached.
    pub(crate) fn reached(&self, address: Option<SocketAddr>) {
        self.change(|transfer| transfer.address = address);
    }

    /// It was refused for a reason that may pass, and waits for another try; or that try begins.
    pub(crate) fn waits_for_try(&self, waits: bool) {
        self.change(|transfer| transfer.waits_for_try = waits);
    }

    fn change(&self, change: impl FnOnce(&mut Transfer)) {
        self.running.0.send_modify(|table| {
            if let Some(transfer) = table.transfers.get_mut(&self.number) {
                change(transfer);
            }
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.running.0.send_modify(|table| {
            table.transfers.remove(&self.number);
        });
    }
}

impl Transfer {
    /// The progress so far.
    pub(crate) fn progress(&self) -> Progress {
        let progress = *self.control.progress().borrow();
        // It is known from the beginning; the progress tells it when the content is under way.
        let size = self.size;
        Progress { size, ..progress }
    }

    /// `12.3 MB of 64.0 MB; 20.1 MB/s; 3 s left; 192.0.2.7:5000`.
    pub(crate) fn state(&self) -> String {
        let progress = self.progress();
        let (done, size) = (Bytes(progress.bytes), Bytes(self.size));
        if self.waits_for_try {
            return format!("{done} of {size}; waiting to try again");
        }
        let Some(address) = self.address else {
            return format!("{done} of {size}; connecting");
        };
        if let Some(waits) = waiting(*self.control.waits().borrow()) {
            return format!("{done} of {size}; {waits}; {}", canonical(address));
        }
        let rate = Bytes(progress.rate());
        let left = match time_left(&progress) {
            Some(left) => format!("{} s left", left.as_secs()),
            None => "waiting".to_owned(),
        };
        format!("{done} of {size}; {rate}/s; {left}; {}", canonical(address))
    }

    /// `lecture1.mp4 to wei-smartphone`.
    pub(crate) fn title(&self) -> String {
        let preposition = match self.direction {
            Direction::Out => "to",
            Direction::In => "from",
        };
        format!("{} {preposition} {}", self.name, self.peer)
    }
}

/// For what a transfer waits, where one of the two has said so.
fn waiting(waits: Option<WaitsFor>) -> Option<&'static str> {
    match waits? {
        WaitsFor::Place => Some("waiting for its turn"),
        WaitsFor::Disk => Some("waiting for the receiver's disk"),
        WaitsFor::Source => Some("waiting for the sender's disk"),
        WaitsFor::Other => None,
    }
}

/// The time for the rest at the rate so far; `None` before anything was sent.
pub(crate) fn time_left(progress: &Progress) -> Option<Duration> {
    let rate = progress.rate();
    let rest = progress.size.saturating_sub(progress.bytes);
    match rest {
        0 => Some(Duration::ZERO),
        _ if rate == 0 => None,
        rest => Some(Duration::from_secs(rest.div_ceil(rate))),
    }
}

/// An address as people write it: an IPv4 address is one, however it came.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// A line for each, for people.
pub(crate) fn list(running: &Running) -> String {
    let all = running.all();
    if all.is_empty() {
        return "no transfers are under way".to_owned();
    }
    let line = |(number, transfer): (&u32, &Transfer)| {
        format!("{number}; {}; {}", transfer.title(), transfer.state())
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfer(name: &str) -> Transfer {
        Transfer {
            direction: Direction::Out,
            peer: "wei-smartphone".parse().unwrap(),
            name: name.to_owned(),
            size: 64_000_000,
            waits_for_try: false,
            address: None,
            control: Control::new(),
            began: Instant::now(),
        }
    }

    #[tokio::test]
    async fn each_has_a_number_of_its_own_until_it_is_over() {
        let running = Running::default();
        assert_eq!(list(&running), "no transfers are under way");
        let first = running.begin(transfer("a"));
        let second = running.begin(transfer("b"));
        assert_eq!((first.number(), second.number()), (1, 2));
        second.reached(Some("[::ffff:192.0.2.7]:5000".parse().unwrap()));
        assert_eq!(
            list(&running),
            "1; a to wei-smartphone; 0 bytes of 64.0 MB; connecting\n2; b to wei-smartphone; 0 \
             bytes of 64.0 MB; 0 bytes/s; waiting; 192.0.2.7:5000"
        );
        second.waits_for_try(true);
        assert!(list(&running).ends_with("0 bytes of 64.0 MB; waiting to try again"));
        drop(first);
        assert!(running.cancel(1, "enough").is_none());
        assert_eq!(running.cancel(2, "enough").unwrap().name, "b");
        let settled = running.settled();
        drop(second);
        settled.await;
        let third = running.begin(transfer("c"));
        assert_eq!(third.number(), 3);
    }

    #[test]
    fn the_time_left_follows_from_the_rate_so_far() {
        let progress = |bytes, size, millis| Progress {
            bytes,
            size,
            elapsed: Duration::from_millis(millis),
        };
        for (progress, left) in [
            (progress(0, 10, 5), None),
            (progress(10, 10, 5), Some(0)),
            (progress(0, 0, 0), Some(0)),
            (progress(1_000_000, 64_000_000, 1000), Some(63)),
            (progress(3, 4, 3000), Some(1)),
        ] {
            assert_eq!(
                time_left(&progress).map(|t| t.as_secs()),
                left,
                "{progress:?}"
            );
        }
    }
}
