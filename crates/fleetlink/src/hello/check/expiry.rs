//! When an id is free again.
//!
//! The server granted between the request's sending and the reply's coming. So what is answered
//! less than a lease after the sending must be a RESET, and what is sent a lease after the coming
//! must be granted, however slow the network.

use std::time::{Duration, Instant};

use fleetlink_proto::lease::Request;
use tokio::time::sleep_until;

use super::Outcome;
use super::asking::{Asked, Target};
use crate::check::Finding;

/// What two clocks may drift apart, and a timer may be late.
const CLOCKS_DIFFER: Duration = Duration::from_millis(20);

async fn wait_until(time: Instant) {
    sleep_until(time.into()).await;
}

/// Just before its end, an id is in use.
pub(super) async fn not_before(target: Target, lease: Duration) -> Outcome {
    let (id, granted) = target.granted().await?;
    let end = granted.before + lease;
    let margin = (lease / 10).min(Duration::from_millis(500));
    wait_until(end - margin).await;
    let asked = target.ask(&Request::encode(id)).await?;
    if asked.after >= end {
        let why = "the reply came too late to tell; check over a faster network";
        return Ok(Finding::skipped(why));
    }
    let why = format!("less than {lease:?} have passed since the grant");
    let expected = format!("RESET {id}");
    Ok(asked.expect(expected.as_bytes(), &why)?.pass())
}

/// Just after its end, an id is free.
pub(super) async fn on_time(target: Target, lease: Duration) -> Outcome {
    let (id, granted) = target.granted().await?;
    free_after(&target, id, &granted, lease).await
}

/// Half-way, a RESET; and after the end the id is free all the same.
pub(super) async fn no_renewal(target: Target, lease: Duration) -> Outcome {
    let (id, granted) = target.granted().await?;
    wait_until(granted.before + lease / 2).await;
    let asked = target.ask(&Request::encode(id)).await?;
    if asked.after < granted.before + lease {
        let expected = format!("RESET {id}");
        asked.expect(expected.as_bytes(), "half of the lease has passed")?;
    }
    free_after(&target, id, &granted, lease).await
}

async fn free_after(
    target: &Target,
    id: fleetlink_proto::lease::LeaseId,
    granted: &Asked,
    lease: Duration,
) -> Outcome {
    wait_until(granted.after + lease + CLOCKS_DIFFER).await;
    let why = format!("{lease:?} have passed since the grant");
    Ok(target.expect_granted(id, &why).await?.pass())
}
