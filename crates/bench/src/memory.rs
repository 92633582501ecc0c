//! Resident memory of a hub with many idle devices, beside TLS connections with nothing behind them.

use std::time::Duration;

use fleetlink_client::internals::connect;
use tokio::time::sleep;

use crate::BenchResult;
use crate::bare_tls::BareTls;
use crate::crowd::{joined, many, runtime};
use crate::hub::Hub;
use crate::process::raise_descriptors;
use crate::report::{float, say};

const DEVICES: u32 = 1_000;
/// Logins before the first figure: the memory of password hashing stays, whoever comes later.
const WARM_UP: u32 = 8;
/// The pause before the processes are measured.
const REST: Duration = Duration::from_secs(3);

pub(crate) fn run() -> BenchResult {
    raise_descriptors();
    runtime()?.block_on(measure())
}

async fn measure() -> BenchResult {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(folder.path(), DEVICES).await?;
    let bare = BareTls::start(&hub)?;

    sleep(REST).await;
    let (fresh, bare_fresh) = (hub.resident()?, bare.process.resident()?);
    for session in joined(&hub, WARM_UP, Hub::dialer).await? {
        session.leave().await;
    }
    sleep(REST).await;
    let before = hub.resident()?;
    let sessions = joined(&hub, DEVICES, Hub::dialer).await?;
    sleep(REST).await;
    let with_joined = hub.resident()?;

    let (address, trust) = (&bare.address, hub.trust());
    let shake = |_| {
        let address = address.clone();
        async move { Ok(connect(&address, trust).await?) }
    };
    let connections = many(DEVICES, shake).await?;
    sleep(REST).await;
    let bare_joined = bare.process.resident()?;
    drop(connections);

    let active = sessions[0].all_devices().await?.len();
    if active + 1 != sessions.len() {
        return Err(format!("{active} other devices are active").into());
    }
    let idle = hub.processor_time()?;
    sleep(REST).await;
    let load = (hub.processor_time()? - idle).as_secs_f64() / REST.as_secs_f64();
    for session in sessions {
        session.leave().await;
    }
    sleep(REST).await;
    let after = hub.resident()?;

    let a_device = float(with_joined.saturating_sub(before)) / f64::from(DEVICES);
    let floor = float(bare_joined.saturating_sub(bare_fresh)) / f64::from(DEVICES);
    let [fresh, before, with_joined, after] = [fresh, before, with_joined, after].map(mib);
    say(&format!(
        "hub: {fresh:.1} MiB after the start, {before:.1} after {WARM_UP} logins, {with_joined:.1} with \
         {DEVICES} devices, {after:.1} when they have left"
    ));
    say(&format!(
        "bare TLS: {:.1} MiB after the start",
        mib(bare_fresh)
    ));
    say(&format!(
        "a device: {:.1} KiB; a bare TLS connection: {:.1} KiB; ratio {:.2}",
        a_device / 1024.0,
        floor / 1024.0,
        a_device / floor
    ));
    say(&format!(
        "the hub's load with {DEVICES} idle devices: {load:.3} cores"
    ));
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    float(bytes) / f64::from(1 << 20)
}
