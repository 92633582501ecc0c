//! An upload that somebody else of the device still has: a device that connected again goes on with it.

use std::sync::Arc;
use std::time::Duration;

use fleetlink_core::UploadChange;
use fleetlink_proto::control::{ErrorCode, RpcError};
use tokio::time::timeout;

use super::super::claims::Claims;
use crate::ingest::store_error;
use crate::store::{StageReply, Staging, Store};

/// The number of tries, and the pause between them, for an upload that an earlier session still holds.
const TAKE_OVER_TRIES: u32 = 50;
const TAKE_OVER_PAUSE: Duration = Duration::from_millis(100);

/// Stages an upload; where an earlier session or request of the device still has it, takes it over.
///
/// # Errors
/// The other one does not leave it in time, the key is that of another change, or the store fails.
pub(crate) async fn stage(
    store: &Arc<dyn Store>,
    claims: &Claims,
    change: &UploadChange,
) -> Result<Box<dyn Staging>, RpcError> {
    for _ in 0..TAKE_OVER_TRIES {
        match store.stage(change.clone()).await {
            Ok(StageReply::Begun(staging)) => return Ok(staging),
            Ok(StageReply::Busy) => {
                let name = (change.device.clone(), change.key);
                // The other one's disk may stand still.
                let interrupted = claims.interrupt(&name);
                let most = TAKE_OVER_PAUSE * TAKE_OVER_TRIES;
                if timeout(most, interrupted).await.is_err() {
                    break;
                }
                tokio::time::sleep(TAKE_OVER_PAUSE).await;
            }
            Err(error) => return Err(store_error(error)),
        }
    }
    let message = "an earlier session of this device is still at this upload";
    Err(RpcError::new(ErrorCode::Busy, message).retry_after(TAKE_OVER_PAUSE * TAKE_OVER_TRIES))
}
