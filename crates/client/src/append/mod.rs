//! Appending what a program goes on printing: commits while it runs, in order, each line once.
//!
//! Lines wait in memory, in a bounded queue, until the hub has acknowledged them. A batch that was
//! sent keeps its bytes and its key until then, so that asking again has one effect. (A spool on disk
//! can take the queue's place: it has to keep the batches with their keys.)

mod queue;
mod sender;

use std::time::Duration;

use fleetlink_proto::DataFile;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::{Instant, timeout_at};

use crate::limits::{APPEND_DRAIN, APPEND_QUIET, APPEND_READ_BYTES};
use crate::{Error, Result, SampleReader, Sessions};
use queue::Queue;
use sender::{Sender, Sent};

/// The rules by which lines are committed and kept.
#[derive(Debug, Clone, Copy)]
pub struct AppendRules {
    /// The longest time that a line waits for others before it is committed.
    pub every: Duration,
    /// The number of lines that do not wait for more.
    pub lines: u64,
    /// The time to go on trying after the end of the input, while the hub is away.
    pub retry_for: Duration,
}

/// An event to report while an append runs.
#[derive(Debug)]
pub enum AppendEvent<'a> {
    /// The hub is away for this reason; lines are kept.
    Away(&'a Error),
    /// So much is kept that nothing is read until the hub has taken some of it.
    Full,
    /// The hub is back and takes what was kept.
    Back,
}

/// The result of an append.
#[derive(Debug, Default)]
pub struct Appended {
    /// Samples that the hub has acknowledged.
    pub samples: u64,
    /// Of the samples that were read, those that were rounded to nine decimals.
    pub rounded: u64,
    /// The number of commits.
    pub commits: u64,
    /// Samples that were read and that the hub has not acknowledged.
    pub undelivered: u64,
    /// The error for which it ended before the end of the input, or without all samples delivered.
    pub failure: Option<Error>,
}

/// Appends the samples of a source to a data file until its end, or until `stop` resolves; lines
/// that were read by then are still sent.
pub async fn append_stream(
    sessions: &impl Sessions,
    file: DataFile,
    source: impl AsyncRead + Send + Unpin,
    rules: AppendRules,
    stop: impl Future<Output = ()>,
    tell: impl FnMut(AppendEvent<'_>) + Send,
) -> Appended {
    let queue = Queue::new(rules);
    let reading = async {
        let read = read(source, &queue, stop).await;
        queue.end();
        read
    };
    let sending = Sender::new(sessions, file, &queue).run(tell);
    tokio::pin!(reading, sending);
    let (read, sent) = tokio::select! {
        read = &mut reading => (read, sending.await),
        sent = &mut sending => (Ok(()), sent),
    };
    let Sent {
        samples,
        commits,
        failure,
    } = sent;
    let (read_samples, rounded) = queue.read();
    Appended {
        samples,
        rounded,
        commits,
        undelivered: read_samples - samples,
        failure: failure.or(read.err()),
    }
}

/// Reads the source into the queue, until its end. After `stop` it reads what its producer has
/// written already, and no more.
async fn read(
    mut source: impl AsyncRead + Send + Unpin,
    queue: &Queue,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let mut reader = SampleReader::default();
    let mut raw = vec![0; APPEND_READ_BYTES];
    let mut stopped = None;
    tokio::pin!(stop);
    loop {
        let next = async {
            queue.room().await;
            source.read(&mut raw).await
        };
        let bytes = match stopped {
            None => tokio::select! {
                bytes = next => bytes.map_err(Error::unreadable)?,
                () = &mut stop => {
                    stopped = Some(Instant::now());
                    continue;
                }
            },
            Some(since) => {
                let quiet = Instant::now() + APPEND_QUIET;
                match timeout_at(quiet.min(since + APPEND_DRAIN), next).await {
                    Ok(bytes) => bytes.map_err(Error::unreadable)?,
                    Err(_) => return Ok(()),
                }
            }
        };
        let mut strict = Vec::new();
        let read = match bytes {
            0 => reader.finish(&mut strict),
            _ => reader.feed(&raw[..bytes], &mut strict),
        };
        queue.push(strict, (reader.samples(), reader.rounded()));
        read.map_err(Error::bad_line)?;
        if bytes == 0 {
            return Ok(());
        }
    }
}
