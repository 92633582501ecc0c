//! The hub's lines on standard output: its product, not its log.

use std::io::{self, Write as _};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Prints the hub's lines on a thread of its own, so that a slow terminal does not slow the hub.
pub(crate) struct Console(JoinHandle<()>);

impl Console {
    /// Prints what comes until the hub ends.
    pub(crate) fn follow(mut lines: mpsc::Receiver<String>) -> Self {
        Console(tokio::task::spawn_blocking(move || {
            while let Some(line) = lines.blocking_recv() {
                // A closed pipe ends the output, not the hub.
                let _ = print(&line);
            }
        }))
    }

    /// Waits until the last line is printed.
    pub(crate) async fn finish(self) {
        let _ = self.0.await;
    }
}

fn print(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(format!("{line}\n").as_bytes())?;
    stdout.flush()
}
