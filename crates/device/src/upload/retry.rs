//! Which failures pass, and how long to wait for that.

use std::time::Duration;

use fleetlink_proto::control::{ErrorCode, RpcError};
use tokio::time::sleep;

use super::UploadError;
use crate::limits::{BACKOFF_LONGEST, MAX_IDLE_TRIES};
use crate::{AttachError, Backoff, CallError, Closed};

/// Decides whether a change is tried again with its key.
#[derive(Default)]
pub(crate) struct Retry {
    backoff: Backoff,
    furthest: u64,
}

impl Retry {
    /// Tries that bring an upload further do not count against it.
    pub(super) fn progressed(&mut self, furthest: u64) {
        if furthest > self.furthest {
            self.furthest = furthest;
            self.backoff.reset();
        }
    }

    /// Waits before the next try, or gives the error back where there shall be none.
    pub(crate) async fn after(&mut self, error: UploadError) -> Result<(), UploadError> {
        if !passes(&error) || self.backoff.tries() >= MAX_IDLE_TRIES {
            return Err(error);
        }
        tracing::debug!(%error, "trying again");
        sleep(self.backoff.next_wait().max(asked_wait(&error))).await;
        Ok(())
    }
}

fn passes(error: &UploadError) -> bool {
    match error {
        UploadError::Call(CallError::Refused(error)) => matches!(
            error.code,
            ErrorCode::Busy
                | ErrorCode::Closing
                | ErrorCode::OutcomeUnknown
                | ErrorCode::StoreUnavailable
        ),
        UploadError::Call(CallError::Closed(closed)) => {
            closed.may_return() && !matches!(closed, Closed::Garbage(_))
        }
        UploadError::Call(CallError::TimedOut { .. }) | UploadError::Changed => true,
        UploadError::Call(CallError::Unexpected(_)) | UploadError::Source(_) => false,
        UploadError::Attach(error) => error.may_pass(),
    }
}

/// How long the hub asks to be left alone.
fn asked_wait(error: &UploadError) -> Duration {
    let refused: Option<&RpcError> = match error {
        UploadError::Call(CallError::Refused(error))
        | UploadError::Attach(AttachError::Call(CallError::Refused(error))) => Some(error),
        _ => None,
    };
    refused
        .and_then(|error| error.data.as_ref()?.retry_after_ms)
        .map_or(Duration::ZERO, Duration::from_millis)
        .min(BACKOFF_LONGEST)
}
