//! The whole way of a file that the shell sends.

use std::path::PathBuf;
use std::time::Duration;

use fleetlink_client::{Control, Link, Session, Source};
use fleetlink_proto::DeviceName;
use fleetlink_proto::control::TransferLeave;
use fleetlink_proto::transfer::{self, Receipt};
use tokio::sync::watch;
use tokio::time::{sleep, timeout_at};

use super::session_of;
use crate::failure::Failure;
use crate::output::Output;
use crate::transfer::{Direct, Entry, Patience, open_source, unless_cancelled, words};

/// A file on its way to another device.
pub(super) struct Delivery {
    pub(super) direct: Direct,
    pub(super) link: watch::Receiver<Link>,
    pub(super) to: DeviceName,
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) control: Control,
    pub(super) entry: Entry,
    pub(super) output: Output,
    pub(super) retry_for: Duration,
}

impl Delivery {
    /// Sends the file. A refusal that may pass is told, and tried again for a while.
    pub(super) async fn run(
        &self,
        mut leave: TransferLeave,
        mut source: Source,
    ) -> Result<Receipt, Failure> {
        let mut patience = Patience::lasting(self.retry_for);
        loop {
            let failure = match self.once(&patience, leave, source).await {
                Ok(receipt) => return Ok(receipt),
                Err(failure) => failure,
            };
            let Some(wait) = patience.after(&failure) else {
                return Err(Failure::Transfer(failure));
            };
            let told = words::trying_again(Some(&self.name), &failure, wait);
            self.output.line(&told);
            self.entry.waits_for_try(true);
            let again = async {
                sleep(wait).await;
                Ok(self.prepare(&patience).await)
            };
            let prepared = unless_cancelled(&self.control, again).await;
            (leave, source) = prepared.map_err(Failure::Transfer)??;
            self.entry.waits_for_try(false);
        }
    }

    async fn once(
        &self,
        patience: &Patience,
        leave: TransferLeave,
        source: Source,
    ) -> Result<Receipt, transfer::Failure> {
        let peer = unless_cancelled(&self.control, self.direct.reach(leave)).await?;
        self.entry.reached(peer.address());
        let waits = || {
            let told = words::waits_its_turn(&self.name, &self.to);
            self.output.line(&told);
        };
        let sent = patience.send(&peer, source, &self.control, waits).await;
        if let Err(transfer::Failure::Here(ended)) = &sent {
            // Said by the connection's end too: what the stream says can be lost with it.
            peer.close(ended.reason);
        }
        sent
    }

    /// What another try needs: a grant of its own, and the file as it is now.
    async fn prepare(&self, patience: &Patience) -> Result<(TransferLeave, Source), Failure> {
        let session = self.session(patience).await?;
        let leave = self.direct.leave_for(&session, &self.to).await?;
        let source = open_source(&self.path, None).await?;
        Ok((leave, source))
    }

    /// The session; a hub that is away is waited for, as long as there are other tries.
    async fn session(&self, patience: &Patience) -> Result<Session, Failure> {
        let mut link = self.link.clone();
        let decided = link.wait_for(|link| !matches!(link, Link::Away(_)));
        // Where that takes too long, the link says why.
        let _ = timeout_at(patience.until().into(), decided).await;
        drop(link);
        session_of(&self.link.borrow())
    }
}
