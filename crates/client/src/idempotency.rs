//! Keys by which a change that is sent again has one effect.

use fleetlink_proto::IdempotencyKey;

/// A new key for one change: 128 bits from the operating system.
///
/// # Panics
/// Where the operating system has no randomness to give.
pub fn new_key() -> IdempotencyKey {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).expect("the operating system gives random bytes");
    IdempotencyKey::from_bits(u128::from_ne_bytes(bits))
}
