//! The session that each upload belongs to: a device that connected again goes on with it, also while its earlier
//! session has not been found dead yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_core::SessionId;
use fleetlink_proto::{DeviceName, IdempotencyKey};
use tokio::sync::mpsc;

use super::upload::Piece;

/// The name of an upload across sessions.
pub(super) type UploadName = (DeviceName, IdempotencyKey);

/// The uploads that are open at the hub, each with the way to the session that has it.
#[derive(Clone, Default)]
pub(crate) struct Claims {
    held: Arc<Mutex<HashMap<UploadName, Claim>>>,
}

struct Claim {
    session: SessionId,
    pieces: mpsc::WeakSender<Piece>,
}

impl Claims {
    /// This session has the upload now.
    pub(super) fn hold(
        &self,
        name: UploadName,
        session: SessionId,
        pieces: mpsc::WeakSender<Piece>,
    ) {
        self.held().insert(name, Claim { session, pieces });
    }

    /// This session has done with the upload.
    pub(super) fn release(&self, name: &UploadName, session: SessionId) {
        let mut held = self.held();
        if held.get(name).is_some_and(|claim| claim.session == session) {
            held.remove(name);
        }
    }

    /// Has the session that has the upload leave it, once that is no longer at its disk.
    pub(super) async fn interrupt(&self, name: &UploadName) {
        let pieces = self
            .held()
            .get(name)
            .and_then(|claim| claim.pieces.upgrade());
        if let Some(pieces) = pieces {
            // Where nobody takes pieces any more, the upload is over.
            let _ = pieces.send(Piece::TakenOver).await;
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<UploadName, Claim>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
