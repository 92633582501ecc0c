//! Deleting a file with one effect, however often the answer is lost.

use fleetlink_proto::FileId;
use fleetlink_proto::control::DeleteReply;

use crate::upload::{Retry, UploadError};
use crate::{Sessions, new_key};

/// Removes one of the device's own files; asks again with the same key where the outcome is
/// unknown.
pub async fn delete_file(
    sessions: &impl Sessions,
    file: FileId,
) -> Result<DeleteReply, UploadError> {
    let key = new_key();
    let mut retry = Retry::default();
    loop {
        let tried = match sessions.session().await {
            Ok(session) => {
                retry.through(&session);
                session.delete(file, key).await.map_err(UploadError::Call)
            }
            Err(e) => Err(UploadError::Attach(e)),
        };
        match tried {
            Ok(reply) => return Ok(reply),
            Err(error) => retry.after(error).await?,
        }
    }
}
