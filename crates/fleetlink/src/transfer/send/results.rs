//! What became of the files of a `send`, and how the whole is told.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleetlink_proto::transfer::Receipt;
use serde_json::{Value, json};

use super::sending::Sending;
use crate::failure::Failure;
use crate::transfer::report::{Event, milliseconds};
use crate::transfer::running::canonical;

/// One file, and what became of it.
pub(super) struct Outcome {
    pub(super) place: usize,
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) sent: Result<(Receipt, Duration), Failure>,
}

impl Outcome {
    pub(super) fn not_sent(place: usize, path: PathBuf, why: Failure) -> Self {
        Outcome {
            place,
            name: shown_name(&path),
            path,
            sent: Err(why),
        }
    }
}

/// A file's name, as it may be shown.
pub(super) fn shown_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

impl Sending {
    /// Tells the whole, and fails with the first failure.
    pub(super) fn summary(
        &self,
        outcomes: Vec<Outcome>,
        address: Option<SocketAddr>,
    ) -> Result<(), Failure> {
        let files: Vec<Value> = outcomes.iter().map(document).collect();
        let receipts = || {
            outcomes
                .iter()
                .filter_map(|outcome| outcome.sent.as_ref().ok())
        };
        let sent = receipts().count() as u64;
        let failed = outcomes.len() as u64 - sent;
        let bytes = receipts().map(|(receipt, _)| receipt.bytes).sum::<u64>();
        let address = address.map(canonical);
        self.report.document(&json!({
            "to": self.to, "address": address, "sent": sent, "failed": failed, "bytes": bytes,
            "files": files,
        }));
        self.report.event(&Event::Finished {
            files: sent,
            failed,
            bytes,
        });
        let first = outcomes.into_iter().find_map(|outcome| outcome.sent.err());
        first.map_or(Ok(()), |failure| Err(Failure::Reported(Box::new(failure))))
    }
}

fn document(outcome: &Outcome) -> Value {
    let Outcome { path, name, .. } = outcome;
    match &outcome.sent {
        Ok((receipt, took)) => json!({
            "name": name, "path": path.display().to_string(), "stored_as": receipt.stored_as, "sender": receipt.sender,
            "bytes": receipt.bytes, "milliseconds": milliseconds(*took),
        }),
        Err(failure) => json!({
            "name": name, "path": path.display().to_string(),
            "error": {"code": failure.code(), "message": failure.to_string()},
        }),
    }
}
