//! Deleting a file with one effect, however often the answer is lost.

use fleetlink_proto::control::DeleteReply;
use fleetlink_proto::{DataFile, IdempotencyKey};

use crate::retry::{Attempt, Patience, Tries, retry};
use crate::{Result, Sessions, new_key};

/// Removes one of the device's own files; asks again with the same key where the outcome is
/// unknown.
pub async fn delete_file(sessions: &impl Sessions, file: DataFile) -> Result<DeleteReply> {
    let key = new_key();
    let mut deletion = Deletion {
        sessions,
        file,
        key,
    };
    retry(&mut Tries::new(Patience::Change), &mut deletion).await
}

struct Deletion<'a, S> {
    sessions: &'a S,
    file: DataFile,
    key: IdempotencyKey,
}

impl<S: Sessions> Attempt for Deletion<'_, S> {
    type Done = DeleteReply;

    async fn attempt(&mut self, tries: &mut Tries) -> Result<DeleteReply> {
        let session = self.sessions.session().await?;
        tries.keep_alive(session.keep_alive());
        session.delete(self.file.clone(), self.key).await
    }
}
