//! The least cost of a login by key: an Ed25519 signature here, and its check at the hub.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::BenchResult;
use crate::process::processor_time;
use crate::report::float;

/// About as long as what a device signs.
const MESSAGE: [u8; 100] = [7; 100];
/// The time for which each of both is measured.
const TIME: Duration = Duration::from_millis(500);

/// Milliseconds of processor time for one signature, and for one check.
pub(crate) fn cost() -> BenchResult<(f64, f64)> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).map_err(|e| e.to_string())?;
    let signed = pair.sign(&MESSAGE);
    let key = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref());
    let signing = repeat(|| _ = black_box(pair.sign(black_box(&MESSAGE))))?;
    let checking = repeat(|| {
        // Always the same signature, which holds.
        let _ = black_box(key.verify(black_box(&MESSAGE), signed.as_ref()));
    })?;
    Ok((signing, checking))
}

fn repeat(once: impl Fn()) -> BenchResult<f64> {
    let own = || processor_time(std::process::id());
    let (before, begun, mut count) = (own()?, Instant::now(), 0);
    while begun.elapsed() < TIME {
        once();
        count += 1;
    }
    Ok((own()? - before).as_secs_f64() * 1e3 / float(count))
}
