//! The hub's regular work on its store, whether a device comes or not.

use std::sync::Arc;
use std::time::Duration;

use fleetlink_core::{AdminReply, AdminRequest, DataReply, DataRequest};
use fleetlink_proto::control::ErrorCode;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::driver::{DriverHandle, WallClock};
use crate::operator::random_key;
use crate::store::{Retention, Store, SurplusFile};

/// The time between two runs of the store's regular work, from the start of the hub on.
const TEND_EVERY: Duration = Duration::from_secs(60);
/// Data files beyond the bounds that are looked up at once.
const SURPLUS_STEP: u32 = 1_000;

/// Has done what is due by the hub's clock, for as long as the hub runs.
pub(super) async fn tend(
    store: Arc<dyn Store>,
    driver: DriverHandle,
    keep: watch::Receiver<Retention>,
    clock: WallClock,
) {
    let mut minutes = interval(TEND_EVERY);
    minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        minutes.tick().await;
        // As it is now: it may have been set anew.
        let keep = keep.borrow().clone();
        if let Err(error) = store.tend(clock(), keep.clone()).await {
            tracing::warn!(%error, "what is old is not removed yet");
        }
        if let Err(error) = expire(&store, &driver, &keep, &clock).await {
            tracing::warn!(%error, "data files beyond the bounds are not removed yet");
        }
    }
}

/// Has the core delete the data files that are beyond the bounds, the oldest first. A crash loses
/// nothing: each deletion is one change, and the next look finds what is left.
async fn expire(
    store: &Arc<dyn Store>,
    driver: &DriverHandle,
    keep: &Retention,
    clock: &WallClock,
) -> Result<(), String> {
    loop {
        let files = store.surplus(clock(), keep.clone(), SURPLUS_STEP).await;
        let files = files.map_err(|error| error.to_string())?;
        let (mut deleted, mut failed) = (0, None);
        for file in files {
            // One that cannot be deleted keeps no other one.
            match expire_one(driver, file).await {
                Ok(is_deleted) => deleted += u64::from(is_deleted),
                Err(why) => failed = Some(why),
            }
        }
        if deleted == 0 {
            return failed.map_or(Ok(()), Err);
        }
    }
}

/// Whether it is deleted; one that changed or went meanwhile is not.
async fn expire_one(driver: &DriverHandle, surplus: SurplusFile) -> Result<bool, String> {
    let SurplusFile {
        device,
        file,
        version,
    } = surplus;
    let request = DataRequest::Expire {
        device,
        file,
        version,
        key: random_key().map_err(|error| error.to_string())?,
    };
    match driver.admin(AdminRequest::Data(request)).await? {
        AdminReply::Data(DataReply::Refused(error)) => match error.code {
            ErrorCode::Conflict | ErrorCode::NoSuchFile => Ok(false),
            _ => Err(error.message),
        },
        _ => Ok(true),
    }
}
