//! Joins a second by password, in turns with bare TLS handshakes and with Argon2 alone.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use fleetlink_core::PasswordHash;
use fleetlink_device::{Dialer, HubAddress, Trust, connect};

use crate::Outcome;
use crate::bare_tls::BareTls;
use crate::hub::{Hub, PASSWORD};
use crate::report::{float, median, ratio, say};

/// How many join at a time.
const TOGETHER: [u32; 3] = [1, 8, 64];
const ROUNDS: usize = 5;
/// How long one rate is measured.
const TIME: Duration = Duration::from_secs(2);

pub(crate) fn run() -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure())
}

#[derive(Default)]
struct Rates {
    joins: Vec<f64>,
    handshakes: Vec<f64>,
    hub_load: Vec<f64>,
}

async fn measure() -> Outcome {
    let folder = tempfile::tempdir()?;
    let most = TOGETHER.into_iter().max().unwrap_or(1);
    let hub = Arc::new(Hub::start(folder.path(), most).await?);
    let bare = BareTls::start(&hub)?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (mut one_core, mut all_cores) = (Vec::new(), Vec::new());
    let mut rates: [Rates; TOGETHER.len()] = Default::default();
    for _ in 0..ROUNDS {
        one_core.push(hashes_a_second(hub.hash(), 1)?);
        all_cores.push(hashes_a_second(hub.hash(), cores)?);
        for (together, rates) in TOGETHER.into_iter().zip(&mut rates) {
            let (before, begun) = (hub.processor_time()?, Instant::now());
            let joined = Arc::clone(&hub);
            let join = move |n| join_once(joined.dialer(n));
            rates.joins.push(a_second(together, join).await?);
            let busy = (hub.processor_time()? - before).as_secs_f64();
            rates.hub_load.push(busy / begun.elapsed().as_secs_f64());
            let (address, trust) = (bare.address.clone(), hub.trust());
            let shake = move |_| shake_once(address.clone(), trust);
            rates.handshakes.push(a_second(together, shake).await?);
        }
    }
    let (one, all) = (median(&one_core), median(&all_cores));
    say(&format!(
        "medians of {ROUNDS} in turns; {cores} cores, shared with the devices"
    ));
    say(&format!(
        "Argon2 alone: {one:.0}/s on one core, {all:.0}/s on all"
    ));
    for (together, rates) in TOGETHER.into_iter().zip(&rates) {
        let bound = if together == 1 { &one_core } else { &all_cores };
        say(&format!(
            "{together:>2} at a time: {:.0} joins/s, {:.2} of the bound of Argon2; the hub's load \
             {:.2} cores; {:.0} bare handshakes/s",
            median(&rates.joins),
            ratio(&rates.joins, bound),
            median(&rates.hub_load),
            median(&rates.handshakes),
        ));
    }
    Ok(())
}

/// As a device does it: TCP, TLS, hello, login, join and leave.
async fn join_once(dialer: Dialer) -> Outcome {
    let session = dialer.attach().await?;
    session.join(0).await?;
    session.leave().await;
    Ok(())
}

async fn shake_once(address: HubAddress, trust: Trust) -> Outcome {
    connect(&address, trust).await?;
    Ok(())
}

/// How often a second something is done, so many at a time.
async fn a_second<F>(
    together: u32,
    once: impl Fn(u32) -> F + Clone + Send + 'static,
) -> Outcome<f64>
where
    F: Future<Output = Outcome> + Send,
{
    let begun = Instant::now();
    let tasks: Vec<_> = (0..together)
        .map(|n| {
            let once = once.clone();
            tokio::spawn(async move {
                let mut done = 0_u64;
                while begun.elapsed() < TIME {
                    once(n).await?;
                    done += 1;
                }
                Outcome::Ok(done)
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok(float(done) / begun.elapsed().as_secs_f64())
}

/// Hashes as the hub does, so many at once.
fn hashes_a_second(hash: &PasswordHash, threads: usize) -> Outcome<f64> {
    let parsed = phc::PasswordHash::new(hash.as_str())?;
    let params = Params::try_from(&parsed)?;
    let salt = parsed.salt.ok_or("no salt")?;
    let begun = Instant::now();
    let done = thread::scope(|scope| {
        let hash = || {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
            let mut memory = vec![Block::new(); params.block_count()];
            let mut done = 0_u64;
            while begun.elapsed() < TIME {
                let mut output = [0; 32];
                let hashed = argon2.hash_password_into_with_memory(
                    PASSWORD.as_bytes(),
                    salt.as_ref(),
                    &mut output,
                    &mut memory,
                );
                hashed.map_err(|e| e.to_string())?;
                done += 1;
            }
            Ok::<_, String>(done)
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(hash)).collect();
        let counts = threads.into_iter().map(|thread| thread.join());
        counts
            .map(|count| count.unwrap_or_else(|_| Err("hashing panicked".to_owned())))
            .sum::<Result<u64, String>>()
    })?;
    Ok(float(done) / begun.elapsed().as_secs_f64())
}
