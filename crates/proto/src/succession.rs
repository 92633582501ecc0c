//! Statements by which a hub announces a new key. The key before signs each. docs/protocol/trust.md
//! describes them.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::control::limits::MAX_SUCCESSION;
use crate::{HubKey, HubPin, Signature, WallTime, signed};

/// One hub key's word for the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// The key that signs.
    pub old: HubKey,
    /// The key that takes its place.
    pub new: HubKey,
    /// The time of the statement by the hub's clock. It is for people: no rule depends on it.
    pub at: WallTime,
    /// By the old key, over [`signed::succession`].
    pub signature: Signature,
}

/// The two operations that following a chain needs of cryptography, which this crate does not know.
pub trait HubKeys {
    /// The SHA-256 of the key's SubjectPublicKeyInfo.
    fn pin(&self, key: &HubKey) -> HubPin;
    /// Whether the key has signed the message (ECDSA with SHA-256; r and s, 32 bytes each).
    fn has_signed(&self, key: &HubKey, message: &[u8], signature: &Signature) -> bool;
}

/// The reason why a chain of statements does not lead from one key to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SuccessionError {
    /// There is no statement.
    #[error("the hub announces no new key")]
    Unannounced,
    /// More statements than anybody follows.
    #[error("the hub sent more than {MAX_SUCCESSION} statements of new keys")]
    TooLong,
    /// A statement is of another key than the one before it names, or than the pinned one.
    #[error("statement {0} of the hub's new keys is of a key that is not the one before it")]
    Gap(usize),
    /// A signature is wrong.
    #[error("statement {0} of the hub's new keys is not signed by the key before it")]
    Signature(usize),
    /// A key comes twice.
    #[error("statement {0} of the hub's new keys leads back to an earlier one")]
    Loop(usize),
    /// The last key is not the one that the hub shows.
    #[error("the statements of the hub's new keys lead to another key than the one it shows")]
    End,
}

/// Follows the statements from the key of one pin to that of another; every pin on the way, both
/// ends included, in order.
///
/// # Errors
/// They do not lead there; statements are counted from 1.
pub fn follow(
    chain: &[Succession],
    from: HubPin,
    to: HubPin,
    keys: &impl HubKeys,
) -> Result<Vec<HubPin>, SuccessionError> {
    match chain.len() {
        0 => return Err(SuccessionError::Unannounced),
        1..=MAX_SUCCESSION => {}
        _ => return Err(SuccessionError::TooLong),
    }
    let mut way = vec![from];
    let mut passed = HashSet::from([from]);
    let mut here = from;
    for (number, statement) in (1..).zip(chain) {
        if keys.pin(&statement.old) != here {
            return Err(SuccessionError::Gap(number));
        }
        let message = signed::succession(here, &statement.new, statement.at);
        if !keys.has_signed(&statement.old, &message, &statement.signature) {
            return Err(SuccessionError::Signature(number));
        }
        here = keys.pin(&statement.new);
        if !passed.insert(here) {
            return Err(SuccessionError::Loop(number));
        }
        way.push(here);
    }
    match here == to {
        true => Ok(way),
        false => Err(SuccessionError::End),
    }
}
