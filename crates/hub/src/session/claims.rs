//! The session that each upload belongs to: a device that connected again goes on with it, also while its earlier
//! session has not been found dead yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_proto::{DeviceName, IdempotencyKey};
use tokio::sync::{Notify, mpsc};

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
    way: Way,
}

/// The way by which an upload's holder hears that somebody else goes on with it.
enum Way {
    /// Behind the pieces that the session has sent.
    Session(mpsc::WeakSender<Piece>),
    /// A notice that waits, whoever reads it: one is enough.
    Request(Arc<Notify>),
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
    taken_over: Arc<Notify>,
}

impl Claimed {
    /// Resolves when somebody else of the device goes on with the upload.
    pub(crate) async fn taken_over(&self) {
        self.taken_over.notified().await;
    }
}

impl Claims {
    /// A request without a session has the upload of this name now.
    pub(crate) fn claim(&self, name: UploadName) -> Claimed {
        let taken_over = Arc::new(Notify::new());
        Claimed {
            _held: self.held(name, Way::Request(Arc::clone(&taken_over))),
            taken_over,
        }
    }

    /// Gives the upload to the session that receives these pieces.
    pub(super) fn hold(&self, name: UploadName, pieces: mpsc::WeakSender<Piece>) -> Held {
        self.held(name, Way::Session(pieces))
    }

    fn held(&self, name: UploadName, way: Way) -> Held {
        let mut table = self.table();
        table.last += 1;
        let number = table.last;
        table.held.insert(name.clone(), Claim { number, way });
        let claims = self.clone();
        Held {
            claims,
            name,
            number,
        }
    }

    /// Takes the upload away from the request that holds it, or from the session, once that session's disk
    /// has finished.
    pub(super) async fn interrupt(&self, name: &UploadName) {
        let pieces = match self.table().held.get(name).map(|claim| &claim.way) {
            Some(Way::Session(pieces)) => pieces.upgrade(),
            Some(Way::Request(taken_over)) => {
                taken_over.notify_one();
                None
            }
            None => None,
        };
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_request_that_reads_no_notice_keeps_nobody_waiting() {
        let claims = Claims::default();
        let name = ("cam".parse().unwrap(), IdempotencyKey::from_bits(1));
        let claimed = claims.claim(name.clone());
        assert!(claimed.taken_over().now_or_never().is_none());
        for _ in 0..3 {
            assert!(claims.interrupt(&name).now_or_never().is_some());
        }
        assert!(claimed.taken_over().now_or_never().is_some());
        // Whoever has it now is not concerned.
        let next = claims.claim(name);
        drop(claimed);
        assert!(next.taken_over().now_or_never().is_none());
    }
}
