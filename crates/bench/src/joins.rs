//! Joins a second by password, in turns with bare TLS handshakes and with Argon2 alone.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use fleetlink_client::{
    HubAddress,
    internals::{Dialer, Trust, connect},
};
use fleetlink_core::PasswordHash;
use fleetlink_proto::control::Join;

use crate::BenchResult;
use crate::bare_tls::BareTls;
use crate::crowd::runtime;
use crate::hub::{Hub, PASSWORD};
use crate::process::processor_time;
use crate::report::{float, median, ratio, say};

/// The numbers of devices that join at a time.
const TOGETHER: [u32; 3] = [1, 8, 64];
const ROUNDS: usize = 5;
/// The time for which one rate is measured.
const TIME: Duration = Duration::from_secs(2);

pub(crate) fn run() -> BenchResult {
    runtime()?.block_on(measure())
}

/// Nobody of the name has joined before.
pub(crate) const ANEW: Join = Join {
    udp_port: 0,
    rejoin: None,
    receives: false,
    only_if_free: false,
};

/// The work done in a while, and its cost for the process that did it.
pub(crate) struct Done {
    count: u64,
    time: Duration,
    processor: Duration,
    /// The cost for this process, which made the calls.
    devices: Duration,
}

#[derive(Default)]
pub(crate) struct Rates(pub(crate) Vec<Done>);

impl Rates {
    pub(crate) fn each(&self) -> Vec<f64> {
        let rate = |done: &Done| float(done.count) / done.time.as_secs_f64();
        self.0.iter().map(rate).collect()
    }

    pub(crate) fn a_second(&self) -> f64 {
        median(&self.each())
    }

    /// Milliseconds of processor time for one.
    pub(crate) fn cost(&self) -> f64 {
        self.median_cost(|done| done.processor)
    }

    /// The same on the devices' side.
    pub(crate) fn devices_cost(&self) -> f64 {
        self.median_cost(|done| done.devices)
    }

    fn median_cost(&self, of: impl Fn(&Done) -> Duration) -> f64 {
        let cost = |done: &Done| of(done).as_secs_f64() * 1e3 / float(done.count.max(1));
        median(&self.0.iter().map(cost).collect::<Vec<_>>())
    }
}

async fn measure() -> BenchResult {
    let folder = tempfile::tempdir()?;
    let most = TOGETHER.into_iter().max().unwrap_or(1);
    let hub = Arc::new(Hub::start(folder.path(), most).await?);
    let bare = BareTls::start(&hub)?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (mut one_core, mut all_cores) = (Rates::default(), Rates::default());
    let mut joins: [Rates; TOGETHER.len()] = Default::default();
    let mut handshakes: [Rates; TOGETHER.len()] = Default::default();
    for _ in 0..ROUNDS {
        one_core.0.push(hashes(hub.hash(), 1)?);
        all_cores.0.push(hashes(hub.hash(), cores)?);
        for (index, together) in TOGETHER.into_iter().enumerate() {
            let joined = Arc::clone(&hub);
            let join = move |n| join_once(joined.dialer(n));
            let cost = || hub.processor_time();
            joins[index].0.push(repeat(together, join, cost).await?);
            let (address, trust) = (bare.address.clone(), hub.trust());
            let shake = move |_| shake_once(address.clone(), trust);
            let cost = || bare.process.processor_time();
            let shaken = repeat(together, shake, cost).await?;
            handshakes[index].0.push(shaken);
        }
    }
    say(&format!(
        "medians of {ROUNDS} in turns; {cores} cores, shared with the devices"
    ));
    say(&format!(
        "Argon2 alone: {:.0}/s on one core, {:.0}/s on all; {:.1} ms of processor each",
        one_core.a_second(),
        all_cores.a_second(),
        one_core.cost(),
    ));
    for (index, together) in TOGETHER.into_iter().enumerate() {
        let (joins, handshakes) = (&joins[index], &handshakes[index]);
        let bound = if together == 1 { &one_core } else { &all_cores };
        say(&format!(
            "{together:>2} at a time: {:>4.0} joins/s, {:.2} of Argon2's bound, {:.1} ms of the \
             hub's processor each; {:>5.0} bare handshakes/s, {:.2} ms",
            joins.a_second(),
            ratio(&joins.each(), &bound.each()),
            joins.cost(),
            handshakes.a_second(),
            handshakes.cost(),
        ));
    }
    Ok(())
}

/// As a device does it: TCP, TLS, hello, login, join and leave.
pub(crate) async fn join_once(mut dialer: Dialer) -> BenchResult {
    let (session, _) = dialer.join(ANEW).await?;
    session.leave().await;
    Ok(())
}

/// The same without a goodbye, as [`shake_once`] ends too.
pub(crate) async fn join_and_go(mut dialer: Dialer) -> BenchResult {
    dialer.join(ANEW).await?;
    Ok(())
}

pub(crate) async fn shake_once(address: HubAddress, trust: Trust) -> BenchResult {
    connect(&address, trust).await?;
    Ok(())
}

/// Does something for [`TIME`], so many at a time, where `cost` is the processor time so far.
pub(crate) async fn repeat<F>(
    together: u32,
    once: impl Fn(u32) -> F + Clone + Send + 'static,
    cost: impl Fn() -> BenchResult<Duration>,
) -> BenchResult<Done>
where
    F: Future<Output = BenchResult> + Send,
{
    let own = || processor_time(std::process::id());
    let (before, own_before, begun) = (cost()?, own()?, Instant::now());
    let tasks: Vec<_> = (0..together)
        .map(|n| {
            let once = once.clone();
            tokio::spawn(async move {
                let mut count = 0;
                while begun.elapsed() < TIME {
                    once(n).await?;
                    count += 1;
                }
                BenchResult::Ok(count)
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    Ok(Done {
        count,
        time: begun.elapsed(),
        processor: cost()? - before,
        devices: own()? - own_before,
    })
}

/// Hashes as the hub does, so many at once.
fn hashes(hash: &PasswordHash, threads: usize) -> BenchResult<Done> {
    let parsed = phc::PasswordHash::new(hash.as_str())?;
    let params = Params::try_from(&parsed)?;
    let salt = parsed.salt.ok_or("no salt")?;
    let own = std::process::id();
    let (before, begun) = (processor_time(own)?, Instant::now());
    let count = thread::scope(|scope| {
        let hash = || {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
            let mut memory = vec![Block::new(); params.block_count()];
            let mut count = 0;
            while begun.elapsed() < TIME {
                let mut output = [0; 32];
                let hashed = argon2.hash_password_into_with_memory(
                    PASSWORD.as_bytes(),
                    salt.as_ref(),
                    &mut output,
                    &mut memory,
                );
                hashed.map_err(|e| e.to_string())?;
                count += 1;
            }
            Ok::<u64, String>(count)
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(hash)).collect();
        let counts = threads.into_iter().map(|thread| thread.join());
        counts
            .map(|count| count.unwrap_or_else(|_| Err("hashing panicked".to_owned())))
            .sum::<Result<u64, String>>()
    })?;
    Ok(Done {
        count,
        time: begun.elapsed(),
        processor: processor_time(own)? - before,
        devices: Duration::ZERO,
    })
}
