//! The hub's lines on standard output: its product, not its log.

use std::io::{self, Write as _};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Lines that may wait for whoever reads standard output. Where they are not read, those that the
/// hub's driver cannot hand on are left out and counted there, and this process's own are left out.
const QUEUE: usize = 256;
/// How long lines are collected behind those that were printed: each print wakes this thread and
/// whoever reads, which is felt where a thousand devices come back at once.
const GATHER: Duration = Duration::from_millis(10);
/// How long the last lines may take.
const LAST_LINES_DEADLINE: Duration = Duration::from_secs(1);

/// Prints lines on a thread of its own, so that neither a slow terminal nor a pipe that nobody
/// reads holds the hub up.
pub(crate) struct Console {
    queue: mpsc::Sender<String>,
    forwarding: JoinHandle<()>,
    printed: JoinHandle<()>,
}

impl Console {
    /// Prints what comes of the hub until it ends.
    pub(crate) fn follow(mut lines: mpsc::Receiver<String>) -> Self {
        let (queue, mut waiting) = mpsc::channel::<String>(QUEUE);
        let printed = tokio::task::spawn_blocking(move || {
            let mut lines = Vec::new();
            while waiting.blocking_recv_many(&mut lines, QUEUE) > 0 {
                // A closed pipe ends the output, not the hub.
                let _ = print(&lines);
                lines.clear();
                thread::sleep(GATHER);
            }
        });
        let onward = queue.clone();
        let forwarding = tokio::spawn(async move {
            while let Some(line) = lines.recv().await {
                if onward.send(line).await.is_err() {
                    return;
                }
            }
        });
        Console {
            queue,
            forwarding,
            printed,
        }
    }

    /// Prints a line of this process's own; left out where nobody reads.
    pub(crate) fn line(&self, text: impl Into<String>) {
        let _ = self.queue.try_send(text.into());
    }

    /// Waits until the hub's last lines and then `last` are printed, but not for long.
    pub(crate) async fn finish(self, last: &str) {
        let Console {
            queue,
            mut forwarding,
            printed,
        } = self;
        let finishing = async {
            let _ = (&mut forwarding).await;
            let _ = queue.send(last.to_owned()).await;
            drop(queue);
            let _ = printed.await;
        };
        // The thread may still wait for a reader; the process ends without it.
        let _ = timeout(LAST_LINES_DEADLINE, finishing).await;
        forwarding.abort();
    }
}

/// Prints what has come together with one write.
fn print(lines: &[String]) -> io::Result<()> {
    let mut text = lines.join("\n");
    text.push('\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
