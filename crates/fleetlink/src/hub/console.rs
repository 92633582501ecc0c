//! The hub's lines on standard output: its product, not its log.

use std::io::{self, Write as _};
use std::thread;
use std::time::Duration;

use fleetlink_hub::HubEvent;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::event::EventForm;

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
    form: EventForm,
    queue: mpsc::Sender<Line>,
    forwarding: JoinHandle<()>,
    printed: JoinHandle<()>,
}

/// A line that waits.
enum Line {
    /// Not yet written: that is work for the thread that prints.
    Event(HubEvent),
    Own(String),
}

impl Console {
    /// Prints what comes of the hub until it ends.
    pub(crate) fn follow(mut events: mpsc::Receiver<HubEvent>, form: EventForm) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Line>(QUEUE);
        let printed = tokio::task::spawn_blocking(move || {
            let mut lines = Vec::new();
            while waiting.blocking_recv_many(&mut lines, QUEUE) > 0 {
                // A closed pipe ends the output, not the hub.
                let _ = print(&lines, form);
                lines.clear();
                thread::sleep(GATHER);
            }
        });
        let onward = queue.clone();
        let forwarding = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if onward.send(Line::Event(event)).await.is_err() {
                    return;
                }
            }
        });
        Console {
            form,
            queue,
            forwarding,
            printed,
        }
    }

    /// Prints a line of this process's own; left out where nobody reads.
    pub(crate) fn line(&self, text: &str) {
        let _ = self.queue.try_send(Line::Own(self.form.own("hub", text)));
    }

    /// Waits until the hub's last lines and then `last` are printed, but not for long.
    pub(crate) async fn finish(self, last: &str) {
        let last = self.form.own("ended", last);
        let Console {
            queue,
            mut forwarding,
            printed,
            ..
        } = self;
        let finishing = async {
            let _ = (&mut forwarding).await;
            let _ = queue.send(Line::Own(last)).await;
            drop(queue);
            let _ = printed.await;
        };
        // The thread may still wait for a reader; the process ends without it.
        let _ = timeout(LAST_LINES_DEADLINE, finishing).await;
        forwarding.abort();
    }
}

/// Prints what has come together with one write.
fn print(lines: &[Line], form: EventForm) -> io::Result<()> {
    let mut text = String::new();
    for line in lines {
        match line {
            Line::Event(event) => text.push_str(&form.line(event)),
            Line::Own(line) => text.push_str(line),
        }
        text.push('\n');
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
