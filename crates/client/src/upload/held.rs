//! An upload of strict bytes that are in memory, so that they can be sent as often as it takes.

use fleetlink_proto::IdempotencyKey;
use fleetlink_proto::control::Receipt;

use super::UploadTask;
use super::attempt::{Asked, of_bytes};
use crate::retry::{Attempt, Tries};
use crate::{Result, Sessions, new_key};

/// Bytes in the strict form that one chunk holds, on their way to the hub under one key.
pub(crate) struct Held<'a, S> {
    sessions: &'a S,
    task: &'a UploadTask,
    bytes: &'a [u8],
    key: IdempotencyKey,
    /// Whether the key was used.
    again: bool,
}

impl<'a, S: Sessions> Held<'a, S> {
    pub(crate) fn new(sessions: &'a S, task: &'a UploadTask, bytes: &'a [u8]) -> Self {
        Held {
            sessions,
            task,
            bytes,
            key: new_key(),
            again: false,
        }
    }
}

impl<S: Sessions> Attempt for Held<'_, S> {
    type Done = Receipt;

    async fn attempt(&mut self, tries: &mut Tries) -> Result<Receipt> {
        let session = self.sessions.session().await?;
        tries.keep_alive(session.keep_alive());
        let asked = Asked {
            task: self.task,
            key: self.key,
            again: std::mem::replace(&mut self.again, true),
        };
        of_bytes(&session, asked, self.bytes).await
    }
}
