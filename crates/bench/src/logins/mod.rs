//! Whether the time of a refused login tells if its name has an account: 2,000 names of each kind,
//! in a random order, at the product and at a hub that does no work for names without an account.

mod attack;
mod auc;
mod hub;

use std::fmt::Write as _;
use std::fs;
use std::ops::RangeInclusive;

use fleetlink_proto::control::ErrorCode;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::BenchResult;
use crate::report::{float, say};
use attack::{Times, Try, attack};
use auc::{quantile, separation, spread};
use hub::{Hub, Unknown};

pub(crate) use hub::{SERVE, serve};

/// Names of each kind.
const NAMES: usize = 2_000;
const NAME_LETTERS: usize = 12;
/// The result of a hub that does not tell names apart.
const A_COIN: RangeInclusive<f64> = 0.45..=0.55;
/// The least result of a hub that tells names apart, so that the campaign is known to see it.
const TOLD_APART: f64 = 0.9;
/// Names tried in one session: what it may send before a login allows no more than twice as many.
const NAMES_A_SESSION: usize = 1_000;

/// `FLEETLINK_SEED` repeats the names and the order of a run.
pub(crate) fn run() -> BenchResult {
    let seed = match std::env::var("FLEETLINK_SEED") {
        Ok(seed) => seed.parse()?,
        Err(_) => rand::random(),
    };
    say(&format!("FLEETLINK_SEED={seed}"));
    // One thread: whoever measures does not wake another one.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(campaign(StdRng::seed_from_u64(seed)))
}

async fn campaign(mut random: StdRng) -> BenchResult {
    use ErrorCode::{Blocked, NowBlocked, WrongPassword};
    let folder = tempfile::tempdir()?;
    let (data, credentials) = (
        folder.path().join("hub"),
        folder.path().join("accounts.txt"),
    );
    let mut tries = names(&mut random);
    fs::write(&credentials, accounts(&tries))?;
    let (product, without) = (Unknown::DummyHash, Unknown::Nothing);
    drop(Hub::start(&data, product, 3, Some(&credentials))?);
    say(&format!(
        "{NAMES} names with and {NAMES} without an account; the area under the curve is 0.5 where \
         time does not tell them apart, times are those of the 5th, 25th, 50th, 75th and 95th percent"
    ));

    let mut told = Vec::new();
    let mut judge = |what: &str, times: &Times| {
        let area = report(what, times);
        if !A_COIN.contains(&area) {
            told.push(format!("{what}: {area:.3}"));
        }
    };
    let hub = Hub::start(&data, product, 3, None)?;
    tries.shuffle(&mut random);
    let [fresh] = attack(&hub, &tries, 1, [WrongPassword]).await?;
    judge("a connection for each", &fresh);
    drop(hub);

    let hub = Hub::start(&data, product, 3, None)?;
    tries.shuffle(&mut random);
    let [same] = attack(&hub, &tries, NAMES_A_SESSION, [WrongPassword]).await?;
    judge("one connection", &same);
    drop(hub);

    let hub = Hub::start(&data, product, 1, None)?;
    tries.shuffle(&mut random);
    let half = NAMES_A_SESSION / 2;
    let [last, blocked] = attack(&hub, &tries, half, [NowBlocked, Blocked]).await?;
    judge("the last before a block", &last);
    judge("while it is blocked", &blocked);
    drop(hub);

    let hub = Hub::start(&data, without, 3, None)?;
    tries.shuffle(&mut random);
    let [control] = attack(&hub, &tries, 1, [WrongPassword]).await?;
    let control = report("without the dummy hash", &control);
    if !told.is_empty() {
        return Err(format!("time tells names apart: {}", told.join("; ")).into());
    }
    if control.max(1.0 - control) <= TOLD_APART {
        return Err(format!("a hub that tells was not seen to: {control:.3}").into());
    }
    Ok(())
}

/// As many of each kind, alike but for their accounts.
fn names(random: &mut StdRng) -> Vec<Try> {
    let mut letters = || char::from(random.random_range(b'a'..=b'z'));
    // Random letters: that two are the same is not to be expected.
    let mut name = || (0..NAME_LETTERS).map(|_| letters()).collect::<String>();
    (0..2 * NAMES)
        .map(|n| Try {
            name: name(),
            is_known: n < NAMES,
        })
        .collect()
}

fn accounts(tries: &[Try]) -> String {
    let mut text = String::new();
    for tried in tries.iter().filter(|tried| tried.is_known) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{} comp9331", tried.name);
    }
    text
}

/// Says how well the times tell, and returns the area under the curve.
fn report(what: &str, times: &Times) -> f64 {
    let Times { known, unknown } = times;
    let by_time = separation(known, unknown);
    let (known_spread, unknown_spread) = spread(known, unknown);
    let by_spread = separation(&known_spread, &unknown_spread);
    say(&format!(
        "{what}: {:.3} ± {:.3}; by distance from the middle {:.3} ± {:.3}",
        by_time.area, by_time.error, by_spread.area, by_spread.error
    ));
    say(&format!("    with an account    {}", milliseconds(known)));
    say(&format!("    without            {}", milliseconds(unknown)));
    by_time.area
}

fn milliseconds(times: &[u64]) -> String {
    let quantiles = [5, 25, 50, 75, 95].map(|percent| {
        let nanoseconds = quantile(times, percent);
        format!("{:8.3}", float(nanoseconds) / 1e6)
    });
    format!("{} ms", quantiles.concat())
}
