//! The one thread that changes the database. It takes whatever has queued up, makes it one
//! transaction, and answers after the commit: one fsync for all of them.

use std::io;
use std::mem;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use fleetlink_core::{StoreError, StoreReply};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::change::{Applied, Change};
use super::checkpoint;
use super::error::{OpError, SqlFault, fault};
use super::failure::Guard;
use super::limits::{BATCH, WRITE_QUEUE};
use super::reserve::Reserve;
use super::sweeper::Sweeper;

type Answer = Result<StoreReply, StoreError>;

struct Job {
    change: Change,
    answer: oneshot::Sender<Answer>,
}

/// The way to the writing thread, which ends when this is dropped.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, shared: Arc<Shared>) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel(WRITE_QUEUE);
        let sweeper = Sweeper::start()?;
        let reserve = Reserve::take(shared.folder.reserve());
        let mut desk = Desk {
            connection,
            shared,
            sweeper,
            reserve,
        };
        let thread = thread::Builder::new().name("store-write".to_owned());
        let thread = thread.spawn(move || desk.run(queue))?;
        Ok(Writer {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Waits for room in the queue, then for the commit.
    pub(super) async fn change(&self, change: Change) -> Answer {
        let ended = || StoreError::Unknown("the store's writer ended".to_owned());
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        if jobs.send(Job { change, answer }).await.is_err() {
            return Err(StoreError::Unavailable(
                "the store's writer ended".to_owned(),
            ));
        }
        answered.await.unwrap_or_else(|_| Err(ended()))
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

/// What the thread works with.
struct Desk {
    connection: Connection,
    shared: Arc<Shared>,
    sweeper: Sweeper,
    reserve: Reserve,
}

/// A transaction of which nothing was done, or nobody knows.
struct Broken {
    error: rusqlite::Error,
    committing: bool,
}

impl Desk {
    fn run(&mut self, mut queue: mpsc::Receiver<Job>) {
        let shared = Arc::clone(&self.shared);
        let _guard = Guard(&shared.health, "writer");
        let mut batch = Vec::new();
        while queue.blocking_recv_many(&mut batch, BATCH) > 0 {
            self.commit(mem::take(&mut batch));
            checkpoint::if_due(&self.connection, &shared.health);
            self.reserve.restore();
        }
    }

    fn commit(&mut self, batch: Vec<Job>) {
        let attempt = match self.shared.health.check() {
            Ok(()) => self.attempt(&batch),
            Err(error) => return answer_all(batch, &error),
        };
        match attempt {
            Ok(outcomes) => {
                let mut former = Vec::new();
                for (job, outcome) in batch.into_iter().zip(outcomes) {
                    answer(
                        job,
                        outcome.map(|applied| self.settle(applied, &mut former)),
                    );
                }
                for segment in former {
                    self.sweeper.remove(self.shared.folder.segment(segment));
                }
            }
            // None of them is to blame for another: a small one may fit where a large one did not.
            Err(broken) if batch.len() > 1 && !broken.is_final() => {
                for job in batch {
                    self.commit(vec![job]);
                }
            }
            Err(broken) if self.gives_up_reserve(&batch, &broken) => self.commit(batch),
            Err(broken) => answer_all(batch, &self.verdict(&broken)),
        }
    }

    /// Whether a deletion has room now that it did not have.
    fn gives_up_reserve(&mut self, batch: &[Job], broken: &Broken) -> bool {
        matches!(
            batch,
            [Job {
                change: Change::Delete(_),
                ..
            }]
        ) && matches!(fault(&broken.error), SqlFault::Full)
            && self.reserve.give_up()
    }

    /// All changes in one transaction; one that is refused does not undo the others.
    fn attempt(&mut self, batch: &[Job]) -> Result<Vec<Result<Applied, StoreError>>, Broken> {
        let before = |error| Broken {
            error,
            committing: false,
        };
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(before)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for job in batch {
            outcomes.push(apply(&transaction, &self.shared, &job.change).map_err(before)?);
        }
        transaction.commit().map_err(|error| Broken {
            error,
            committing: true,
        })?;
        Ok(outcomes)
    }

    /// Follows up on a change that is durable now, and adds the segments whose files may go.
    fn settle(&self, applied: Applied, former: &mut Vec<u64>) -> StoreReply {
        if let Some(id) = applied.taken {
            self.shared.staged.remove(id);
        }
        let discarded = applied.discarded.and_then(|id| {
            let upload = self.shared.staged.remove(id)?;
            upload.body.is_none().then_some(id.0)
        });
        former.extend(applied.replaced.into_iter().chain(discarded));
        applied.reply
    }

    fn verdict(&self, broken: &Broken) -> StoreError {
        let said = broken.error.to_string();
        match fault(&broken.error) {
            SqlFault::Full => return StoreError::Full,
            SqlFault::Passing | SqlFault::Value if broken.committing => {
                return StoreError::Unknown(said);
            }
            SqlFault::Value => return StoreError::Corrupt(said),
            SqlFault::Passing => return StoreError::Unavailable(said),
            SqlFault::Broken => {}
        }
        self.shared.health.fail(format!("the database: {said}"));
        // What is in the log is left to be judged by the next start, not copied on the way out.
        let option = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        if let Err(error) = self.connection.set_db_config(option, true) {
            tracing::warn!(%error, "the database will be checkpointed when it is closed");
        }
        if broken.committing {
            StoreError::Unknown(said)
        } else {
            StoreError::Unavailable(said)
        }
    }
}

impl Broken {
    /// Whether another attempt is of no use, or could do a second time what is done already.
    fn is_final(&self) -> bool {
        match fault(&self.error) {
            SqlFault::Full => false,
            SqlFault::Broken => true,
            SqlFault::Passing | SqlFault::Value => self.committing,
        }
    }
}

fn apply(
    transaction: &Transaction<'_>,
    shared: &Shared,
    change: &Change,
) -> rusqlite::Result<Result<Applied, StoreError>> {
    let run = |sql| transaction.prepare_cached(sql)?.execute([]);
    run("SAVEPOINT change")?;
    let outcome = match change.apply(transaction, &shared.staged) {
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

fn answer_all(batch: Vec<Job>, error: &StoreError) {
    for job in batch {
        answer(job, Err(error.clone()));
    }
}

fn answer(job: Job, result: Answer) {
    // Who asked may have gone; the change stands.
    let _ = job.answer.send(result);
}
