//! Which failures pass, and how long to wait for that.

use std::time::Duration;

use fleetlink_proto::control::{ErrorCode, RpcError};
use tokio::time::{Instant, sleep};

use super::UploadError;
use crate::limits::{BACKOFF_LONGEST, MAX_IDLE_TRIES};
use crate::{AttachError, Backoff, CallError, Session};

/// Decides whether a change is tried again with its key.
#[derive(Default)]
pub(crate) struct Retry {
    backoff: Backoff,
    furthest: u64,
    keep_alive: Duration,
    /// Since when, and how often, the hub has only answered that it is busy.
    busy: Option<(Instant, u32)>,
}

impl Retry {
    /// The session that this try goes through.
    pub(crate) fn through(&mut self, session: &Session) {
        self.keep_alive = session.keep_alive();
    }

    /// Tries that bring an upload further do not count against it.
    pub(super) fn progressed(&mut self, furthest: u64) {
        if furthest > self.furthest {
            self.furthest = furthest;
            self.backoff.reset();
        }
    }

    /// Waits before the next try, or gives the error back where there shall be none.
    pub(crate) async fn after(&mut self, error: UploadError) -> Result<(), UploadError> {
        if is_busy(&error) {
            return self.after_busy(error).await;
        }
        self.busy = None;
        if !passes(&error) || self.backoff.tries() >= MAX_IDLE_TRIES {
            return Err(error);
        }
        tracing::debug!(%error, "trying again");
        sleep(self.backoff.next_wait().max(asked_wait(&error))).await;
        Ok(())
    }

    /// A hub that still has an older session of this device, half dead, lets the key go within two
    /// keep-alives; so long it is asked, as often as it says.
    async fn after_busy(&mut self, error: UploadError) -> Result<(), UploadError> {
        let (since, tries) = self.busy.get_or_insert_with(|| (Instant::now(), 0));
        if since.elapsed() > self.keep_alive * 2 && *tries >= MAX_IDLE_TRIES {
            return Err(error);
        }
        *tries += 1;
        tracing::debug!(%error, "trying again");
        let asked = asked_wait(&error);
        sleep(match asked.is_zero() {
            true => self.backoff.next_wait(),
            false => asked,
        })
        .await;
        Ok(())
    }
}

fn is_busy(error: &UploadError) -> bool {
    matches!(error, UploadError::Call(CallError::Refused(error)) if error.code == ErrorCode::Busy)
}

/// Tells whether the same change may succeed later.
pub(crate) fn passes(error: &UploadError) -> bool {
    match error {
        UploadError::Call(CallError::Refused(error)) => matches!(
            error.code,
            ErrorCode::Closing
                | ErrorCode::OutcomeUnknown
                | ErrorCode::StoreUnavailable
                | ErrorCode::NoProgress
        ),
        UploadError::Call(CallError::Closed(closed)) => closed.may_return(),
        UploadError::Call(CallError::TimedOut { .. }) | UploadError::Changed => true,
        UploadError::Call(CallError::Unexpected(_) | CallError::NoChannel)
        | UploadError::Source(_)
        | UploadError::Refused { .. }
        | UploadError::Empty => false,
        UploadError::Attach(error) => error.may_pass(),
    }
}

/// How long the hub asks to be left alone.
pub(crate) fn asked_wait(error: &UploadError) -> Duration {
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
