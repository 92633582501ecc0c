//! Password hashing: Argon2id (RFC 9106), a few at a time, on threads of its own.

mod proofs;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use fleetlink_core::PasswordHash;
use fleetlink_proto::Password;
use tokio::sync::oneshot;
use tracing::Span;

use self::proofs::Proofs;
use crate::credentials::Secret;

/// Memory of one hash, in KiB: 19 MiB, with two passes and one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;
/// The time after which an idle thread frees its memory: logins come in crowds, and a small board
/// needs it for other things afterwards.
const MEMORY_KEPT: Duration = Duration::from_secs(2);

/// Work for a hashing thread, which lends its memory.
type Job = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

/// The order in which hashes are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// Somebody waits for it.
    Login,
    /// Nobody does.
    Import,
}

/// Hashes and checks passwords on threads of its own, one a core; the rest wait in order, imports
/// behind logins.
///
/// Each thread keeps its hash's memory while there is work: taking 19 MiB anew costs more than it
/// seems. Nothing that
/// fills the runtime's own threads, as many slow uploads do, delays a login.
#[derive(Clone)]
pub(crate) struct Passwords {
    desk: Arc<HashingDesk>,
    /// The hash that a password is checked against where the name has no account.
    dummy: PasswordHash,
    /// Passwords that were right when they were shown without a session.
    proofs: Proofs,
    #[cfg(feature = "without-dummy-hash")]
    skips_dummy: bool,
}

/// The threads' queue; they end when it is dropped.
struct HashingDesk(Arc<Queue>);

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    logins: VecDeque<Job>,
    imports: VecDeque<Job>,
    is_closed: bool,
}

impl Drop for HashingDesk {
    fn drop(&mut self) {
        self.0.waiting().is_closed = true;
        self.0.changed.notify_all();
    }
}

impl Queue {
    fn push(&self, job: Job, priority: Priority) {
        let mut waiting = self.waiting();
        match priority {
            Priority::Login => waiting.logins.push_back(job),
            Priority::Import => waiting.imports.push_back(job),
        }
        drop(waiting);
        self.changed.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn next(&mut self) -> Option<Job> {
        self.logins.pop_front().or_else(|| self.imports.pop_front())
    }
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let queue = Arc::new(Queue::default());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || work(&queue));
        }
        Passwords::on(queue)
    }

    fn on(queue: Arc<Queue>) -> Self {
        Passwords {
            desk: Arc::new(HashingDesk(queue)),
            // No input is known that has this output.
            dummy: encode(&[0x5a; SALT_BYTES], &[0xa5; OUTPUT_BYTES]),
            proofs: Proofs::new(),
            #[cfg(feature = "without-dummy-hash")]
            skips_dummy: false,
        }
    }

    /// Like [`Passwords::new`], but a login to a name without an account is refused at once.
    #[cfg(feature = "without-dummy-hash")]
    pub(crate) fn without_dummy_hash() -> Self {
        Passwords {
            skips_dummy: true,
            ..Passwords::new()
        }
    }

    /// The hash of a new password, with a new salt.
    pub(crate) async fn hash(&self, password: Password) -> PasswordHash {
        self.hash_at(password, Priority::Login).await
    }

    /// As [`Passwords::hash`], in this order.
    pub(crate) async fn hash_at(&self, password: Password, priority: Priority) -> PasswordHash {
        self.on_a_core(priority, move |memory| {
            hash(password.expose().as_bytes(), memory)
        })
        .await
    }

    /// The hash of a whole file.
    pub(crate) async fn hash_file(&self, file: Secret) -> PasswordHash {
        self.on_a_core(Priority::Import, move |memory| hash(file.expose(), memory))
            .await
    }

    /// Whether this is the file of that hash. As a login: it may spare all the rest.
    pub(crate) async fn check_file(&self, file: Secret, hash: PasswordHash) -> bool {
        self.on_a_core(Priority::Login, move |memory| {
            matches(file.expose(), &hash, memory)
        })
        .await
    }

    /// Whether this is the password of that hash. Without a hash the same work is done and the
    /// answer is no, so that names without an account take as long as those with one.
    pub(crate) async fn check(&self, password: Password, hash: Option<PasswordHash>) -> bool {
        self.check_at(password, hash, Priority::Login).await
    }

    /// As [`Passwords::check`] of a password that is shown with each call: one that was right is
    /// remembered for as long as the account has that hash.
    pub(crate) async fn check_repeated(
        &self,
        password: Password,
        hash: Option<PasswordHash>,
    ) -> bool {
        let proof = hash.as_ref().map(|hash| self.proofs.of(&password, hash));
        if proof.is_some_and(|proof| self.proofs.contain(proof)) {
            return true;
        }
        let matches = self.check(password, hash).await;
        if let Some(proof) = proof.filter(|_| matches) {
            self.proofs.remember(proof);
        }
        matches
    }

    /// As [`Passwords::check`], in this order.
    pub(crate) async fn check_at(
        &self,
        password: Password,
        hash: Option<PasswordHash>,
        priority: Priority,
    ) -> bool {
        let known = hash.is_some();
        #[cfg(feature = "without-dummy-hash")]
        if self.skips_dummy && !known {
            return false;
        }
        let hash = hash.unwrap_or_else(|| self.dummy.clone());
        let matches = self
            .on_a_core(priority, move |memory| {
                matches(password.expose().as_bytes(), &hash, memory)
            })
            .await;
        known && matches
    }

    /// The core bounds how many checks wait, the operator waits for each of his, and an import has
    /// one a core.
    async fn on_a_core<T: Send + 'static>(
        &self,
        priority: Priority,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> T {
        let (done, result) = oneshot::channel();
        let span = Span::current();
        let job: Job = Box::new(move |memory| {
            // Whoever asked may be gone.
            let _ = done.send(span.in_scope(|| work(memory)));
        });
        self.desk.0.push(job, priority);
        result.await.expect("hashing threads do not panic")
    }
}

/// Hashes until nobody can ask any more.
fn work(queue: &Queue) {
    let mut memory = Vec::new();
    let mut waiting = queue.waiting();
    loop {
        if let Some(job) = waiting.next() {
            drop(waiting);
            job(&mut memory);
            waiting = queue.waiting();
        } else if waiting.is_closed {
            return;
        } else if memory.is_empty() {
            waiting = queue
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        } else {
            let waited = queue.changed.wait_timeout(waiting, MEMORY_KEPT);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            waiting = woken;
            if timeout.timed_out() {
                memory = Vec::new();
            }
        }
    }
}

fn hash(password: &[u8], memory: &mut Vec<Block>) -> PasswordHash {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).expect("the operating system has random numbers");
    encode(&salt, &compute(password, &salt, memory))
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES))
        .expect("the parameters are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn compute(password: &[u8], salt: &[u8], memory: &mut Vec<Block>) -> [u8; OUTPUT_BYTES] {
    let argon2 = argon2();
    memory.resize(argon2.params().block_count(), Block::new());
    let mut output = [0; OUTPUT_BYTES];
    argon2
        .hash_password_into_with_memory(password, salt, &mut output, memory)
        .expect("salt, output and memory have the right sizes");
    output
}

/// Every hash that we store has today's parameters; one that has not matches nothing, after the same
/// work.
fn matches(password: &[u8], hash: &PasswordHash, memory: &mut Vec<Block>) -> bool {
    let parsed = phc::PasswordHash::new(hash.as_str()).ok();
    let Some((Some(salt), Some(expected))) = parsed.map(|p| (p.salt, p.hash)) else {
        tracing::warn!("a stored password hash cannot be read");
        compute(password, &[0; SALT_BYTES], memory);
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

    /// The test is the hashing thread: it counts the jobs and looks at the memory that Argon2 fills.
    #[tokio::test]
    async fn the_same_is_computed_for_every_name() {
        let account = Passwords::new().hash("comp9331".into()).await;
        let unreadable = PasswordHash::new("nonsense");
        for hash in [Some(account), None, Some(unreadable)] {
            let queue = Arc::new(Queue::default());
            let passwords = Passwords::on(Arc::clone(&queue));
            let check = tokio::spawn(async move {
                let matches = passwords.check("guess".into(), hash).await;
                (matches, passwords)
            });
            tokio::task::yield_now().await;
            let mut memory = Vec::new();
            let job = queue.waiting().next().expect("a job");
            job(&mut memory);
            let (matches, passwords) = check.await.unwrap();
            assert!(!matches);
            assert!(queue.waiting().next().is_none(), "one job");
            drop(passwords);
            assert_eq!(memory.len(), argon2().params().block_count());
            let is_filled = |block: &Block| block.as_ref().iter().any(|word| *word != 0);
            assert!(memory.iter().all(is_filled));
        }
    }

    #[tokio::test]
    async fn logins_go_before_imports() {
        let queue = Arc::new(Queue::default());
        let passwords = Passwords::on(Arc::clone(&queue));
        let (order, done) = std::sync::mpsc::channel();
        for (n, priority) in [Priority::Import, Priority::Import, Priority::Login]
            .into_iter()
            .enumerate()
        {
            let order = order.clone();
            queue.push(Box::new(move |_| order.send(n).unwrap()), priority);
        }
        drop(passwords);
        work(&queue);
        assert_eq!(done.try_iter().collect::<Vec<_>>(), [2, 0, 1]);
    }

    #[tokio::test]
    async fn agrees_with_the_library_on_its_own_form() {
        use argon2::PasswordVerifier;
        let hash = Passwords::new().hash("secret".into()).await;
        assert!(argon2().verify_password(b"secret", hash.as_str()).is_ok());
    }
}
