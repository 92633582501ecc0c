//! The session that each upload belongs to: a device that connected again goes on with it, also while its earlier
//! session has not been found dead yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_proto::{DeviceName, IdempotencyKey};
use tokio::sync::mpsc;

use super::upload::Piece;

/// The name of an upload across sessions.
pub(crate) type UploadName = (DeviceName, IdempotencyKey);

/// The uploads that are open at the hub, each with the way to the session that has it.
#[derive(Clone, Default)]
pub(crate) struct Claims {
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    /// The number of the last claim.
    last: u64,
    held: HashMap<UploadName, Claim>,
}

struct Claim {
    number: u64,
    pieces: mpsc::WeakSender<Piece>,
}

/// An upload that a session has, until this is dropped or somebody else has it.
pub(crate) struct Held {
    claims: Claims,
    name: UploadName,
    number: u64,
}

/// An upload that a request without a session has.
pub(crate) struct Claimed {
    _held: Held,
    /// Others reach the request for as long.
    _pieces: mpsc::Sender<Piece>,
    queue: mpsc::Receiver<Piece>,
}

impl Claimed {
    /// Resolves when somebody else of the device goes on with the upload.
    pub(crate) async fn taken_over(&mut self) {
        // All that comes this way says so.
        let _ = self.queue.recv().await;
    }
}

impl Claims {
    /// A request without a session has the upload of this name now.
    pub(crate) fn claim(&self, name: UploadName) -> Claimed {
        let (pieces, queue) = mpsc::channel(1);
        Claimed {
            _held: self.hold(name, pieces.downgrade()),
            _pieces: pieces,
            queue,
        }
    }

    /// Gives the upload to the session that receives these pieces.
    pub(super) fn hold(&self, name: UploadName, pieces: mpsc::WeakSender<Piece>) -> Held {
        let mut table = self.table();
        table.last += 1;
        let number = table.last;
        table.held.insert(name.clone(), Claim { number, pieces });
        let claims = self.clone();
        Held {
            claims,
            name,
            number,
        }
    }

    /// Takes the upload away from the session that holds it, once that session's disk has finished.
    pub(super) async fn interrupt(&self, name: &UploadName) {
        let pieces = self
            .table()
            .held
            .get(name)
            .and_then(|claim| claim.pieces.upgrade());
        if let Some(pieces) = pieces {
            // Where nobody takes pieces any more, the upload is over.
            let _ = pieces.send(Piece::TakenOver).await;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    /// Gives the upload up, unless another holder has it by now, also one of the same session.
    fn drop(&mut self) {
        let mut table = self.claims.table();
        let found = table.held.get(&self.name);
        if found.is_some_and(|claim| claim.number == self.number) {
            table.held.remove(&self.name);
        }
    }
}
