//! The results of a `send`, file by file, and their summary.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleetlink_proto::transfer::Receipt;
use serde_json::{Value, json};

use super::sending::Sending;
use crate::failure::Failure;
use crate::transfer::report::{Event, milliseconds};
use crate::transfer::running::canonical;

/// The result of one file.
pub(super) struct FileResult {
    pub(super) place: usize,
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) sent: Result<(Receipt, Duration), Failure>,
}

impl FileResult {
    pub(super) fn not_sent(place: usize, path: PathBuf, why: Failure) -> Self {
        FileResult {
            place,
            name: shown_name(&path),
            path,
            sent: Err(why),
        }
    }
}

/// A file's name in a form that may be shown.
pub(super) fn shown_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

impl Sending {
    /// Reports the summary; fails with the first failure.
    pub(super) fn summary(
        &self,
        results: Vec<FileResult>,
        address: Option<SocketAddr>,
    ) -> Result<(), Failure> {
        let files: Vec<Value> = results.iter().map(document).collect();
        let receipts = || {
            results
                .iter()
                .filter_map(|result| result.sent.as_ref().ok())
        };
        let sent = receipts().count() as u64;
        let failed = results.len() as u64 - sent;
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
        let first = results.into_iter().find_map(|result| result.sent.err());
        first.map_or(Ok(()), |failure| Err(Failure::Reported(Box::new(failure))))
    }
}

fn document(result: &FileResult) -> Value {
    let FileResult { path, name, .. } = result;
    match &result.sent {
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
