//! The inbox for files from other devices, and the rules for accepting them.
//!
//! A file is written under a hidden name beneath the folder's handle, verified, made durable, and
//! only then given its name, which never replaces anything and never leads outside.

mod folder;
mod incoming;
mod ledger;
mod naming;
mod numbers;
mod policy;
mod write_back;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetlink_proto::transfer::{Ended, FileName, Offer, Reason};
use fleetlink_proto::{DeviceName, Escaped};

use crate::limits::KEEP_FREE_BYTES;
use crate::{Error, ErrorKind};
use folder::Folder;
pub use incoming::Incoming;
use incoming::Place;
use ledger::Ledger;
use numbers::Numbers;
pub use policy::{ReceivePolicy, SenderRule, SenderRuleError};

/// A folder that takes files by rules.
#[derive(Debug)]
pub struct Inbox {
    path: PathBuf,
    folder: Arc<Folder>,
    ledger: Arc<Ledger>,
    numbers: Arc<Numbers>,
    policy: ReceivePolicy,
}

impl Inbox {
    /// The inbox in this folder, which must be there. Incomplete files that nobody writes any more
    /// are removed. Blocks.
    pub fn open(path: &Path, policy: ReceivePolicy) -> io::Result<Self> {
        let folder = Folder::open(path)?;
        let leftovers = folder.remove_leftovers();
        if leftovers > 0 {
            tracing::info!(leftovers, "removed incomplete files of an earlier run");
        }
        let ledger = Arc::new(Ledger::default());
        if policy.max_total.is_some() {
            ledger.set_held(folder.held_bytes()?);
        }
        Ok(Inbox {
            path: std::path::absolute(path)?,
            folder: Arc::new(folder),
            ledger,
            numbers: Arc::default(),
            policy,
        })
    }

    /// The inbox in this folder, which is made where it is missing.
    ///
    /// # Errors
    /// The folder cannot be made or used: [`ErrorKind::NoSuchFile`] where what leads to it is
    /// missing, else [`ErrorKind::File`].
    pub async fn make(folder: impl Into<PathBuf>, policy: ReceivePolicy) -> crate::Result<Self> {
        let folder = folder.into();
        let shown = folder.display().to_string();
        let opening = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            Inbox::open(&folder, policy)
        });
        let opened = opening.await.map_err(Error::died)?;
        opened.map_err(|error| {
            let shown = Escaped(&shown);
            let message = match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                    format!("the inbox {shown} is no folder, or lies in none")
                }
                _ => format!("the inbox {shown}: {error}"),
            };
            let kind = match error.kind() {
                io::ErrorKind::NotFound => ErrorKind::NoSuchFile,
                _ => ErrorKind::File,
            };
            Error::new(kind, message).because(error)
        })
    }

    /// The folder's absolute path, as it was when the inbox was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Decides about an offer: a file to write to, with its room on the disk, or the refusal that
    /// the sender is told. Blocks.
    pub fn admit(&self, sender: &DeviceName, offer: &Offer) -> Result<Incoming, Ended> {
        self.policy.check(sender, offer.size)?;
        let name: FileName = offer
            .name
            .parse()
            .map_err(|e| Ended::new(Reason::BadName, format!("{e}")))?;
        if cfg!(windows) {
            let stored = name.stored(sender, 1).on_windows();
            stored.map_err(|e| Ended::new(Reason::BadName, e.to_string()))?;
        }
        let count = || self.folder.held_bytes();
        let promise = self
            .ledger
            .promise(offer.size, self.policy.max_total, count)?;
        let free = self.folder.free_bytes().map_err(incoming::cannot_write)?;
        if free.saturating_sub(KEEP_FREE_BYTES) < offer.size {
            let message = format!(
                "the receiver's disk has no room for {} bytes more: {free} are free, of which it \
                 keeps {KEEP_FREE_BYTES} (8 MiB)",
                offer.size
            );
            return Err(Ended::new(Reason::NoSpace, message));
        }
        let numbers = Arc::clone(&self.numbers);
        let place = Place {
            folder: self.folder.clone(),
            numbers,
            sender: sender.clone(),
            name,
        };
        Incoming::create(place, promise, offer.size)
    }
}
