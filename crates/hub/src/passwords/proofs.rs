//! Passwords that were right, in bounded memory: a client without a session shows its password with
//! each call, and Argon2 takes too long for that.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_core::PasswordHash;
use fleetlink_proto::Password;
use zeroize::Zeroize as _;

/// Right passwords that are remembered at most; the one that was shown the longest ago makes room.
const MAX_PROOFS: usize = 10_000;

/// A keyed hash of a password and of the hash that it was checked against. With another hash of its
/// account it is worthless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Proof([u8; 32]);

/// The right passwords. The key is drawn at the start and never leaves the process's memory.
#[derive(Clone)]
pub(super) struct Proofs {
    key: [u8; 32],
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    /// Each with the number of its last use.
    used: HashMap<Proof, u64>,
    /// The uses in their order; those that a later one has replaced are passed over.
    order: VecDeque<(u64, Proof)>,
    uses: u64,
}

impl Proofs {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the operating system has random numbers");
        Proofs {
            key,
            kept: Arc::default(),
        }
    }

    pub(super) fn of(&self, password: &Password, hash: &PasswordHash) -> Proof {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        let hash = hash.as_str().as_bytes();
        hasher.update(&(hash.len() as u64).to_be_bytes());
        hasher.update(hash);
        hasher.update(password.expose().as_bytes());
        let proof = Proof(*hasher.finalize().as_bytes());
        hasher.zeroize();
        proof
    }

    /// Whether it is remembered; it is then used.
    pub(super) fn contain(&self, proof: Proof) -> bool {
        let mut kept = self.kept();
        let is_kept = kept.used.contains_key(&proof);
        if is_kept {
            kept.note_use(proof);
        }
        is_kept
    }

    pub(super) fn remember(&self, proof: Proof) {
        self.kept().note_use(proof);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn note_use(&mut self, proof: Proof) {
        self.uses += 1;
        self.used.insert(proof, self.uses);
        self.order.push_back((self.uses, proof));
        // Twice as many uses as proofs are noted, so that this is seldom more than one step.
        while self.used.len() > MAX_PROOFS || self.order.len() > 2 * MAX_PROOFS {
            let Some((number, oldest)) = self.order.pop_front() else {
                return;
            };
            match self.used.get(&oldest) {
                Some(last) if *last == number && self.used.len() > MAX_PROOFS => {
                    self.used.remove(&oldest);
                }
                // In use still, but not lately: it stays, behind the others.
                Some(last) if *last == number => self.order.push_back((number, oldest)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_one_password_and_one_hash() {
        let proofs = Proofs::new();
        let of = |password: &str, hash: &str| {
            proofs.of(&Password::from(password), &PasswordHash::new(hash))
        };
        let right = of("right", "$argon2id$1");
        proofs.remember(right);
        assert!(proofs.contain(of("right", "$argon2id$1")));
        // The password was changed, another one is tried, or the parts are moved against each other.
        for other in [
            of("right", "$argon2id$2"),
            of("wrong", "$argon2id$1"),
            of("1right", "$argon2id$"),
        ] {
            assert!(!proofs.contain(other));
        }
        let elsewhere = Proofs::new();
        assert_ne!(
            elsewhere.of(&Password::from("right"), &PasswordHash::new("$argon2id$1")),
            right
        );
    }

    #[test]
    fn memory_has_a_bound_and_what_is_used_stays() {
        let proofs = Proofs::new();
        let hash = PasswordHash::new("$argon2id$1");
        let of = |number: usize| proofs.of(&Password::from(number.to_string()), &hash);
        for number in 0..3 * MAX_PROOFS {
            proofs.remember(of(number));
            assert!(proofs.contain(of(0)), "{number}");
        }
        let kept = proofs.kept();
        assert_eq!(kept.used.len(), MAX_PROOFS);
        assert!(kept.order.len() <= 2 * MAX_PROOFS);
        drop(kept);
        assert!(!proofs.contain(of(MAX_PROOFS)));
    }
}
