//! What the store does now and then, whether a device comes or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::driver::WallClock;
use crate::store::{Retention, Store};

/// How often the store is asked to do what is due, from the start of the hub on.
const TEND_EVERY: Duration = Duration::from_secs(60);

/// Has the store do what is due by the hub's clock, for as long as the hub runs.
pub(super) async fn tend(store: Arc<dyn Store>, keep: Retention, clock: WallClock) {
    let mut minutes = interval(TEND_EVERY);
    minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        minutes.tick().await;
        if let Err(error) = store.tend(clock(), keep).await {
            tracing::warn!(%error, "what is old is not removed yet");
        }
    }
}
