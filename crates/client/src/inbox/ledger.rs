//! The bytes that the inbox holds or has promised room for.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use fleetlink_proto::transfer::{Ended, Reason};

use crate::shortage;

/// Bytes in the inbox, and bytes that files under way will need.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    held: u64,
    promised: u64,
}

/// Room for one file, given back when dropped.
#[derive(Debug)]
pub(super) struct Promise {
    ledger: Arc<Ledger>,
    bytes: u64,
}

impl Ledger {
    /// Promises room for `bytes`, if all together stay within `most`. `count` tells how many bytes
    /// the inbox holds by now: others put files there and take them out.
    pub(super) fn promise(
        self: &Arc<Self>,
        bytes: u64,
        most: Option<u64>,
        count: impl FnOnce() -> io::Result<u64>,
    ) -> Result<Promise, Ended> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(most) = most {
            counts.held = count().map_err(|e| cannot_read(&e))?;
            if counts.sum().saturating_add(bytes) > most {
                let message = format!("this device takes at most {most} bytes in all");
                return Err(Ended::new(Reason::TotalReached, message));
            }
        }
        counts.promised = counts.promised.saturating_add(bytes);
        Ok(Promise {
            ledger: self.clone(),
            bytes,
        })
    }

    /// Bytes in the inbox, counted at its opening.
    pub(super) fn set_held(&self, bytes: u64) {
        self.with(|counts| counts.held = bytes);
    }

    fn with(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn cannot_read(error: &io::Error) -> Ended {
    shortage::refusal(error).unwrap_or_else(|| {
        let text = format!("the inbox cannot be read: {error}");
        Ended::new(Reason::CannotWrite, text)
    })
}

impl Counts {
    fn sum(&self) -> u64 {
        self.held.saturating_add(self.promised)
    }
}

impl Promise {
    /// The file is in the inbox now.
    pub(super) fn kept(self) {
        let bytes = self.bytes;
        self.ledger
            .with(|counts| counts.held = counts.held.saturating_add(bytes));
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let bytes = self.bytes;
        self.ledger
            .with(|counts| counts.promised = counts.promised.saturating_sub(bytes));
    }
}
