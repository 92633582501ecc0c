//! The one thread that changes the database. It takes whatever has queued up, makes it one
//! transaction, and answers after the commit: one fsync for all of them.

mod making_room;

use std::io;
use std::mem;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use fleetlink_core::{StoreError, StoreReply};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::change::{Applied, Write};
use super::error::{OpError, SqlFault, fault, is_write_of_log};
use super::failure::Guard;
use super::limits::{BATCH, BATCH_BYTES, WRITE_QUEUE};
use super::reserve::Reserve;
use super::sweeper::Sweeper;
use super::{room, segments};

type WriteResult = Result<StoreReply, StoreError>;

struct Job {
    write: Write,
    reply: oneshot::Sender<WriteResult>,
}

/// The way to the writing thread for another thread of the store.
pub(super) struct Jobs(mpsc::Sender<Job>);

impl Jobs {
    /// Waits for the commit.
    pub(super) fn blocking_write(&self, write: Write) -> WriteResult {
        let (reply, replied) = oneshot::channel();
        let sent = self.0.blocking_send(Job { write, reply });
        let ended = "the store's writer ended";
        sent.map_err(|_| StoreError::Unavailable(ended.to_owned()))?;
        let unknown = |_| Err(StoreError::Unknown(ended.to_owned()));
        replied.blocking_recv().unwrap_or_else(unknown)
    }
}

/// The way to the writing thread, which ends when this is dropped.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// `former` are segments whose files are still to be removed.
    pub(super) fn start(
        connection: Connection,
        shared: Arc<Shared>,
        former: Vec<u64>,
    ) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel(WRITE_QUEUE);
        let sweeper = Sweeper::start(Arc::clone(&shared), former)?;
        let reserve = Reserve::take(shared.folder.reserve());
        let mut desk = Desk {
            connection,
            shared,
            sweeper,
            reserve,
            is_stuck: false,
        };
        let thread = thread::Builder::new().name("store-write".to_owned());
        let thread = thread.spawn(move || desk.run(queue))?;
        Ok(Writer {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Keeps the thread at work for as long as it is there.
    pub(super) fn jobs(&self) -> Option<Jobs> {
        self.jobs.clone().map(Jobs)
    }

    /// The changes that wait, and how many may.
    pub(super) fn queue(&self) -> (usize, usize) {
        self.jobs.as_ref().map_or((0, WRITE_QUEUE), |jobs| {
            (jobs.max_capacity() - jobs.capacity(), jobs.max_capacity())
        })
    }

    /// Waits for room in the queue, then for the commit.
    pub(super) async fn write(&self, write: Write) -> WriteResult {
        let ended = || StoreError::Unknown("the store's writer ended".to_owned());
        let (reply, replied) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        if jobs.send(Job { write, reply }).await.is_err() {
            return Err(StoreError::Unavailable(
                "the store's writer ended".to_owned(),
            ));
        }
        replied.await.unwrap_or_else(|_| Err(ended()))
    }
}

impl Drop for Writer {
    /// Waits for what is queued: the database is closed afterwards.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic was reported by the thread's guard.
            let _ = thread.join();
        }
    }
}

/// The state of the thread.
struct Desk {
    connection: Connection,
    shared: Arc<Shared>,
    sweeper: Sweeper,
    reserve: Reserve,
    /// There is no room to copy the log into the database, and no reserve.
    is_stuck: bool,
}

/// A transaction of which nothing was done, or nobody knows.
struct Broken {
    fault: SqlFault,
    said: String,
    /// Whether it may be done.
    unknown: bool,
}

impl Desk {
    fn run(&mut self, mut queue: mpsc::Receiver<Job>) {
        let shared = Arc::clone(&self.shared);
        let _guard = Guard(&shared.health, "writer");
        let mut batch = Vec::new();
        self.tidy_up(&queue);
        while queue.blocking_recv_many(&mut batch, BATCH) > 0 {
            for batch in bounded(mem::take(&mut batch)) {
                self.commit(batch);
                self.copy_log();
            }
            self.reserve.restore();
            self.tidy_up(&queue);
        }
    }

    fn commit(&mut self, mut batch: Vec<Job>) {
        if self.is_stuck {
            let (refused, taken) = batch.into_iter().partition(|job| self.refuses(&job.write));
            reply_to_all(refused, &StoreError::Full);
            batch = taken;
        }
        let began = Instant::now();
        let attempt = match self.shared.health.check() {
            Ok(()) => self.attempt(&batch),
            Err(error) => return reply_to_all(batch, &error),
        };
        match attempt {
            Ok(outcomes) => {
                self.shared.meters.commits.observe(began.elapsed());
                self.shared.meters.commit_sizes.count(batch.len() as u64);
                let mut former = Vec::new();
                for (job, outcome) in batch.into_iter().zip(outcomes) {
                    reply_to(
                        job,
                        outcome.map(|applied| self.settle(applied, &mut former)),
                    );
                }
                former.into_iter().for_each(|id| self.sweeper.remove(id));
            }
            // None of them is to blame for another: a small one may fit where a large one did not.
            Err(broken) if batch.len() > 1 && !broken.is_final() => {
                for job in batch {
                    self.commit(vec![job]);
                }
            }
            Err(broken) if broken.fault == SqlFault::Full && self.makes_room() => {
                self.commit(batch);
            }
            Err(broken) if self.gives_up_reserve(&batch, &broken) => self.commit(batch),
            Err(broken) => reply_to_all(batch, &self.verdict(&broken)),
        }
    }

    /// All changes in one transaction; one that is refused does not undo the others.
    fn attempt(&mut self, batch: &[Job]) -> Result<Vec<Result<Applied, StoreError>>, Broken> {
        let shared = Arc::clone(&self.shared);
        let before = |error| Broken::before(&error, &shared);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(before)?;
        let swept = shared.swept.peek();
        segments::forget_former(&transaction, &swept).map_err(before)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for job in batch {
            outcomes.push(apply(&transaction, &shared, &job.write).map_err(before)?);
        }
        transaction
            .commit()
            .map_err(|error| Broken::committing(&error, &shared))?;
        shared.swept.forget(swept.len());
        Ok(outcomes)
    }

    /// Follows up on a change that is durable now, and adds the segments whose files may go.
    fn settle(&self, applied: Applied, former: &mut Vec<u64>) -> StoreReply {
        if let Some(id) = applied.taken {
            self.shared.staged.remove(id);
        }
        if let Some(file) = applied.grown {
            self.shared.candidates.note(file);
        }
        if let Some(segment) = applied.filed {
            self.shared.bare.note(segment);
        }
        let discarded = applied.discarded.and_then(|id| {
            let upload = self.shared.staged.remove(id)?;
            upload.body.is_none().then_some(id.0)
        });
        former.extend(applied.replaced.into_iter().chain(discarded));
        applied.reply
    }

    fn verdict(&self, broken: &Broken) -> StoreError {
        let said = broken.said.clone();
        if broken.fault == SqlFault::Broken {
            self.shared.health.fail(format!("the database: {said}"));
            // What is in the log is left to be judged by the next start, not copied on the way out.
            let option = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            if let Err(error) = self.connection.set_db_config(option, true) {
                tracing::warn!(%error, "the database will be checkpointed when it is closed");
            }
        }
        match broken.fault {
            SqlFault::Full => StoreError::Full,
            _ if broken.unknown => StoreError::Unknown(said),
            SqlFault::Value => StoreError::Corrupt(said),
            _ => StoreError::Unavailable(said),
        }
    }
}

impl Broken {
    /// An error before the commit: nothing was done.
    fn before(error: &rusqlite::Error, shared: &Shared) -> Self {
        Broken {
            fault: fault_with_cause(error, shared),
            said: error.to_string(),
            unknown: false,
        }
    }

    /// An error of the commit. SQLite writes the frame that makes a transaction valid last, so a
    /// write that failed, or found no room, is one of a transaction that was not made.
    fn committing(error: &rusqlite::Error, shared: &Shared) -> Self {
        let kind = fault(error);
        let not_made = kind == SqlFault::Full || is_write_of_log(error);
        Broken {
            fault: if not_made {
                fault_with_cause(error, shared)
            } else {
                kind
            },
            said: error.to_string(),
            unknown: !not_made,
        }
    }

    /// Whether another attempt is of no use, or could do a second time what is done already.
    fn is_final(&self) -> bool {
        self.fault == SqlFault::Broken || self.unknown
    }
}

/// The fault; where a write failed, also whether that was for want of room.
fn fault_with_cause(error: &rusqlite::Error, shared: &Shared) -> SqlFault {
    match fault(error) {
        SqlFault::Write if room::is_used_up(&shared.folder) => SqlFault::Full,
        fault => fault,
    }
}

fn apply(
    transaction: &Transaction<'_>,
    shared: &Shared,
    write: &Write,
) -> rusqlite::Result<Result<Applied, StoreError>> {
    let run = |sql| transaction.prepare_cached(sql)?.execute([]);
    run("SAVEPOINT change")?;
    let outcome = match write.apply(transaction, shared) {
        Ok(applied) => Ok(applied),
        Err(OpError::Refused(error)) => {
            run("ROLLBACK TO change")?;
            Err(error)
        }
        Err(OpError::Sql(error)) => return Err(error),
    };
    run("RELEASE change")?;
    Ok(outcome)
}

/// Batches whose log is not longer than the reserve is for.
fn bounded(jobs: Vec<Job>) -> Vec<Vec<Job>> {
    let mut batches = vec![Vec::new()];
    let mut bytes = 0;
    for job in jobs {
        let more = job.write.inline_bytes();
        if bytes + more > BATCH_BYTES && bytes > 0 {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += more;
        if let Some(last) = batches.last_mut() {
            last.push(job);
        }
    }
    batches
}

fn reply_to_all(batch: Vec<Job>, error: &StoreError) {
    for job in batch {
        reply_to(job, Err(error.clone()));
    }
}

fn reply_to(job: Job, result: WriteResult) {
    // Who asked may have gone; the change stands.
    let _ = job.reply.send(result);
}
