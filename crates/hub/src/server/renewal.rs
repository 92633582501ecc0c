//! Keeping the certificate of a hub that runs for years alive.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::driver::wall_time;
use crate::identity::Identity;

/// The time between two looks. A certificate is renewed when a third of its life is left.
const LOOK_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Looks at the certificate each day, for as long as the hub runs.
pub(super) async fn renew_daily(identity: Identity) {
    let mut days = interval(LOOK_EVERY);
    days.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        days.tick().await;
        let identity = identity.clone();
        let renewing = tokio::task::spawn_blocking(move || identity.renew(wall_time()));
        match renewing.await {
            Ok(Ok(_)) => {}
            // Devices look at the key alone: there is time until tomorrow.
            Ok(Err(error)) => tracing::warn!(%error, "the certificate was not renewed"),
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
}
