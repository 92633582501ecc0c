//! The reconnection storm: every device comes back at once when its hub has restarted.

use std::time::{Duration, Instant};

use fleetlink_device::{Link, Supervisor};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Outcome;
use crate::crowd::many;
use crate::hub::Hub;
use crate::process::raise_descriptors;
use crate::report::{median, say};

const DEVICES: u32 = 1_000;
const ROUNDS: usize = 3;
/// After so long a device counts as lost.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn run() -> Outcome {
    raise_descriptors();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure())
}

async fn measure() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut hub = Hub::start(folder.path(), DEVICES).await?;
    let devices = join_all(&hub).await?;
    let mut storms = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let back = storm(&mut hub, &devices).await?;
        for (storms, percent) in storms.iter_mut().zip([50, 90, 100]) {
            let place = (back.len() * percent / 100).saturating_sub(1);
            storms.push(back[place].as_secs_f64());
        }
    }
    let [half, most, all] = storms.map(|times| median(&times));
    say(&format!(
        "{DEVICES} devices by password, medians of {ROUNDS}: half are back {half:.1} s after the \
         hub is, 90 % after {most:.1} s, all after {all:.1} s"
    ));
    Ok(())
}

async fn join_all(hub: &Hub) -> Outcome<Vec<Supervisor>> {
    many(DEVICES, |n| {
        let dialer = hub.dialer(n);
        async move {
            let session = dialer.attach().await?;
            let joined = session.join(0).await?;
            Ok(Supervisor::start(session, dialer, 0, &joined))
        }
    })
    .await
}

/// Restarts the hub: when each device was back, counted from when the hub listened, in order.
async fn storm(hub: &mut Hub, devices: &[Supervisor]) -> Outcome<Vec<Duration>> {
    hub.stop()?;
    let is_away = |link: &Link| !matches!(link, Link::Up(_));
    for device in devices {
        timeout(PATIENCE, device.link().wait_for(is_away)).await??;
    }
    hub.start_again()?;
    let begun = Instant::now();
    let mut returning = JoinSet::new();
    for device in devices {
        let mut link = device.link();
        returning.spawn(async move {
            let decided = |link: &Link| !matches!(link, Link::Away(_));
            let link = timeout(PATIENCE, link.wait_for(decided)).await;
            let back = begun.elapsed();
            match &*link?? {
                Link::Over(over) => Err(format!("a device does not come back: {over}").into()),
                _ => Outcome::Ok(back),
            }
        });
    }
    let mut back = Vec::new();
    while let Some(returned) = returning.join_next().await {
        back.push(returned??);
    }
    back.sort_unstable();
    Ok(back)
}
