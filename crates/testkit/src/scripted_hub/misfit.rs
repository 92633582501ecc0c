//! Uploads whose bytes do not fit their hash.

use fleetlink_proto::ContentHash;
use fleetlink_proto::control::{
    CommitUpload, ErrorCode, HubNotification, RequestId, RpcError, UploadNumber, encode_error,
    encode_notification,
};

use super::Script;
use super::serving::Serving;

impl Serving {
    pub(super) fn is_misfit(&self, commit: &CommitUpload, script: &Script) -> bool {
        let seen = self.seen.lock().unwrap();
        let key = self.keys.get(&commit.upload);
        let held = key.and_then(|key| seen.partial.get(key));
        script.fail_misfits.is_some()
            && held.is_some_and(|held| Some(ContentHash::of(held)) != commit.hash)
    }

    /// Drops the upload: a wrong hash is the answer to the commit, anything else is told before it.
    pub(super) async fn fail(
        &mut self,
        id: &RequestId,
        upload: UploadNumber,
        code: ErrorCode,
    ) -> bool {
        if let Some(key) = self.keys.remove(&upload) {
            self.seen.lock().unwrap().partial.remove(&key);
        }
        let error = RpcError::new(code, "as the script says");
        if code == ErrorCode::HashMismatch {
            return self.send(&encode_error(Some(id), &error)).await;
        }
        let error = error.at_line(3);
        let failed = HubNotification::UploadFailed { upload, error };
        self.send(&encode_notification(&failed)).await;
        let gone = RpcError::new(ErrorCode::NoSuchTransfer, "no such upload");
        self.send(&encode_error(Some(id), &gone)).await
    }
}
