//! The hub's lines on standard output: its product, not its log.

use std::thread;
use std::time::Duration;

use fleetlink_hub::HubEvent;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::event::{self, EventForm};
use crate::failure::Failure;
use crate::output::Output;

/// Lines that may wait for whoever reads standard output. Where they are not read, those that the
/// hub's driver cannot hand on are left out and counted there, and this process's own are left out.
const QUEUE: usize = 256;
/// The time to collect lines behind those that were printed. Each print wakes this thread and the
/// reader, which costs time when a thousand devices come back at once.
const GATHER: Duration = Duration::from_millis(10);
/// The time for the last lines.
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
    pub(crate) fn follow(
        mut events: mpsc::Receiver<HubEvent>,
        form: EventForm,
        output: &Output,
    ) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Line>(QUEUE);
        if form.is_json() {
            output.tell_left_out(event::left_out);
        }
        let mut printer = Printer {
            output: output.clone(),
            form,
            said: false,
        };
        let printed = tokio::task::spawn_blocking(move || {
            let mut lines = Vec::new();
            while waiting.blocking_recv_many(&mut lines, QUEUE) > 0 {
                printer.print(&lines);
                lines.clear();
                thread::sleep(GATHER);
                printer.look();
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

/// Hands lines to standard output, and looks what becomes of them: neither a full disk nor a reader
/// that has gone ends the hub.
struct Printer {
    output: Output,
    form: EventForm,
    /// Whether it is said that lines are missing.
    said: bool,
}

impl Printer {
    /// Prints what has come together with one write.
    fn print(&self, lines: &[Line]) {
        let written = lines.iter().map(|line| match line {
            Line::Event(event) => self.form.line(event),
            Line::Own(line) => line.clone(),
        });
        let text: Vec<String> = written.collect();
        self.output.post_from_thread(&text.join("\n"));
    }

    /// Says once on standard error that lines are lost; once more where that begins anew.
    fn look(&mut self) {
        let lost = self.output.lost();
        if let (Some(failure), false) = (&lost, self.said) {
            self.output.notice(&match failure {
                Failure::OutputClosed => {
                    "nobody reads the hub's lines any more; the hub goes on without them".to_owned()
                }
                failure => {
                    format!("{failure}; the hub goes on, and counts the lines that are left out")
                }
            });
        }
        self.said = lost.is_some();
    }
}
