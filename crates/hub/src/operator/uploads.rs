//! Uploads that are not finished, as the operator sees them.

use fleetlink_core::UnfinishedUpload;
use fleetlink_proto::control::UploadMode;
use fleetlink_proto::control::limits::PARTIAL_UPLOAD_KEPT;
use fleetlink_proto::{DataFile, DeviceName, IdempotencyKey, WallTime};
use serde::{Deserialize, Serialize};

/// An upload that is arriving or interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadInfo {
    pub device: DeviceName,
    /// The key under which the device can go on with it.
    pub key: IdempotencyKey,
    /// The data file; absent where an earlier version has kept the upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<DataFile>,
    /// The mode; absent together with the data file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<UploadMode>,
    /// The bytes that are kept of it.
    pub bytes: u64,
    /// Since when it is interrupted; none while it arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<WallTime>,
    /// The time at which it is removed, if it stays interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<WallTime>,
}

impl From<UnfinishedUpload> for UploadInfo {
    fn from(upload: UnfinishedUpload) -> Self {
        let kept = i64::try_from(PARTIAL_UPLOAD_KEPT.as_millis()).unwrap_or(i64::MAX);
        let until = |at: WallTime| at.unix_millis().saturating_add(kept);
        let (file, mode) = upload.target.unzip();
        UploadInfo {
            device: upload.device,
            key: upload.key,
            file,
            mode,
            bytes: upload.bytes,
            interrupted: upload.interrupted,
            kept_until: upload
                .interrupted
                .map(until)
                .map(WallTime::from_unix_millis),
        }
    }
}
