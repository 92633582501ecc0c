//! Password hashing: Argon2id (RFC 9106), a few at a time, on threads of its own.

use std::sync::{Arc, Mutex};

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use fleetlink_core::PasswordHash;
use fleetlink_proto::Password;
use tokio::sync::Semaphore;

/// Memory of one hash, in KiB: 19 MiB, with two passes and one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// Hashes and checks passwords, as many at once as there are cores; the rest wait in order.
///
/// The memory of a hash is kept and used again: taking 19 MiB anew costs more than it seems.
#[derive(Clone)]
pub(crate) struct Passwords {
    cores: Arc<Semaphore>,
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
    nobody: PasswordHash,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Passwords {
            cores: Arc::new(Semaphore::new(cores)),
            memory: Arc::default(),
            // The hash of nothing in particular: no input is known to have this output.
            nobody: encode(&[0x5a; SALT_BYTES], &[0xa5; OUTPUT_BYTES]),
        }
    }

    /// The hash of a new password, with a new salt.
    pub(crate) async fn hash(&self, password: Password) -> PasswordHash {
        self.on_a_core(move |memory| {
            let mut salt = [0; SALT_BYTES];
            getrandom::fill(&mut salt).expect("the operating system has random numbers");
            encode(&salt, &compute(&password, &salt, memory))
        })
        .await
    }

    /// Whether this is the password of that hash. Without a hash the same work is done and the
    /// answer is no, so that names without an account take as long as those with one.
    pub(crate) async fn check(&self, password: Password, hash: Option<PasswordHash>) -> bool {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let matches = self
            .on_a_core(move |memory| matches(&password, &hash, memory))
            .await;
        known && matches
    }

    async fn on_a_core<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> T {
        let _core = self
            .cores
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let spare = Arc::clone(&self.memory);
        let job = move || {
            let mut memory = spare.lock().map_or_else(|_| None, |mut kept| kept.pop());
            let result = work(memory.get_or_insert_with(Vec::new));
            if let (Ok(mut kept), Some(memory)) = (spare.lock(), memory) {
                kept.push(memory);
            }
            result
        };
        match tokio::task::spawn_blocking(job).await {
            Ok(result) => result,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES))
        .expect("the parameters are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn compute(password: &Password, salt: &[u8], memory: &mut Vec<Block>) -> [u8; OUTPUT_BYTES] {
    let argon2 = argon2();
    memory.resize(argon2.params().block_count(), Block::new());
    let mut output = [0; OUTPUT_BYTES];
    argon2
        .hash_password_into_with_memory(password.expose().as_bytes(), salt, &mut output, memory)
        .expect("salt, output and memory have the right sizes");
    output
}

/// Every hash that we store has today's parameters; one that has not matches nothing.
fn matches(password: &Password, hash: &PasswordHash, memory: &mut Vec<Block>) -> bool {
    let parsed = phc::PasswordHash::new(hash.as_str()).ok();
    let Some((Some(salt), Some(expected))) = parsed.map(|p| (p.salt, p.hash)) else {
        tracing::warn!("a stored password hash cannot be read");
        return false;
    };
    let computed = compute(password, salt.as_ref(), memory);
    // phc::Output compares in constant time.
    phc::Output::new(&computed).is_ok_and(|computed| computed == expected)
}

fn encode(salt: &[u8], output: &[u8]) -> PasswordHash {
    let salt = phc::Salt::new(salt).expect("16 bytes are a salt");
    let output = phc::Output::new(output).expect("32 bytes are an output");
    PasswordHash::new(format!(
        "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${output}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_matches_its_password_alone() {
        let passwords = Passwords::new();
        let hash = passwords.hash("comp9331".into()).await;
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.check("comp9331".into(), Some(hash.clone())).await);
        assert!(!passwords.check("Comp9331".into(), Some(hash)).await);
        assert!(!passwords.check("comp9331".into(), None).await);
        assert!(
            !passwords
                .check("x".into(), Some(PasswordHash::new("nonsense")))
                .await
        );
    }

    #[tokio::test]
    async fn agrees_with_the_library_on_its_own_form() {
        use argon2::PasswordVerifier;
        let hash = Passwords::new().hash("secret".into()).await;
        assert!(argon2().verify_password(b"secret", hash.as_str()).is_ok());
    }
}
