//! The reconnection storm: every device comes back at once when its hub has restarted; and joins a
//! second by key and by password beside bare TLS handshakes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetlink_client::{
    internals::{Dialer, Supervisor},
    presence::Link,
};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::BenchResult;
use crate::bare_tls::BareTls;
use crate::crowd::{many, runtime};
use crate::hub::Hub;
use crate::joins::{ANEW, Rates, join_and_go, join_once, repeat, shake_once};
use crate::process::raise_descriptors;
use crate::proof;
use crate::report::{median, ratio, say};

const DEVICES: u32 = 1_000;
const ROUNDS: usize = 3;
/// The number of devices that join at a time, for the joins a second.
const TOGETHER: u32 = 64;
/// After so long a device counts as lost.
const PATIENCE: Duration = Duration::from_secs(120);

/// The way to log in.
type Dial = fn(&Hub, u32) -> Dialer;

pub(crate) fn run() -> BenchResult {
    raise_descriptors();
    runtime()?.block_on(measure())
}

async fn measure() -> BenchResult {
    let folder = tempfile::tempdir()?;
    let hub = Arc::new(Hub::start(folder.path(), DEVICES).await?);
    rates(&hub).await?;
    let mut hub = Arc::into_inner(hub).ok_or("the hub is still in use")?;
    say(&format!("{DEVICES} devices, medians of {ROUNDS} restarts"));
    for (how, dialer) in [("password", Hub::dialer as Dial), ("key", Hub::key_dialer)] {
        let devices = join_all(&hub, dialer).await?;
        let mut storms = [Vec::new(), Vec::new(), Vec::new()];
        let mut costs = Vec::new();
        for _ in 0..ROUNDS {
            let back = storm(&mut hub, &devices).await?;
            // Of a hub that has done nothing else.
            costs.push(hub.processor_time()?.as_secs_f64() * 1e3 / f64::from(DEVICES));
            for (storms, percent) in storms.iter_mut().zip([50, 90, 100]) {
                let place = (back.len() * percent / 100).saturating_sub(1);
                storms.push(back[place].as_secs_f64());
            }
        }
        let [half, most, all] = storms.map(|times| median(&times));
        say(&format!(
            "by {how:<8}: half are back {half:.1} s after the hub is, 90 % after {most:.1} s, all \
             after {all:.1} s; {:.2} ms of the hub's processor each",
            median(&costs)
        ));
        for device in devices {
            device.leave().await;
        }
    }
    Ok(())
}

/// Joins a second by key and by password beside bare handshakes, in turns.
async fn rates(hub: &Arc<Hub>) -> BenchResult {
    let bare = BareTls::start(hub)?;
    let [mut keys, mut goodbyes, mut passwords, mut handshakes] =
        [(); 4].map(|()| Rates::default());
    for _ in 0..ROUNDS {
        let cost = || hub.processor_time();
        let joined = Arc::clone(hub);
        let join = move |n| join_and_go(joined.key_dialer(n));
        keys.0.push(repeat(TOGETHER, join, cost).await?);
        for (rates, dialer) in [
            (&mut goodbyes, Hub::key_dialer as Dial),
            (&mut passwords, Hub::dialer),
        ] {
            let joined = Arc::clone(hub);
            let join = move |n| join_once(dialer(&joined, n));
            rates.0.push(repeat(TOGETHER, join, cost).await?);
        }
        let (address, trust) = (bare.address.clone(), hub.trust());
        let shake = move |_| shake_once(address.clone(), trust);
        let cost = || bare.process.processor_time();
        handshakes.0.push(repeat(TOGETHER, shake, cost).await?);
    }
    say(&format!(
        "{TOGETHER} at a time, medians of {ROUNDS} in turns: {:.0} bare handshakes/s, {:.2} ms of \
         the server's processor each and {:.2} ms of the devices'",
        handshakes.a_second(),
        handshakes.cost(),
        handshakes.devices_cost()
    ));
    let (signing, checking) = proof::cost()?;
    let floor = handshakes.cost() + handshakes.devices_cost();
    say(&format!(
        "an Ed25519 signature takes {signing:.3} ms, its check {checking:.3} ms: where handshakes take \
         all processors, nobody joins by key at more than {:.2} of them",
        floor / (floor + signing + checking)
    ));
    for (how, rates) in [
        ("key", keys),
        ("key, and a leave", goodbyes),
        ("password, and a leave", passwords),
    ] {
        say(&format!(
            "by {how:<21}: {:>5.0} joins/s, {:.2} of the bare handshakes, {:.2} ms of the hub's \
             processor each and {:.2} ms of the devices'",
            rates.a_second(),
            ratio(&rates.each(), &handshakes.each()),
            rates.cost(),
            rates.devices_cost()
        ));
    }
    Ok(())
}

async fn join_all(hub: &Hub, dialer: Dial) -> BenchResult<Vec<Supervisor>> {
    many(DEVICES, |n| {
        let mut dialer = dialer(hub, n);
        async move {
            let (session, joined) = dialer.join(ANEW).await?;
            Ok(Supervisor::start(session, dialer, &ANEW, &joined, None))
        }
    })
    .await
}

/// Restarts the hub: when each device was back, counted from when the hub listened, in order.
async fn storm(hub: &mut Hub, devices: &[Supervisor]) -> BenchResult<Vec<Duration>> {
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
                _ => BenchResult::Ok(back),
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
