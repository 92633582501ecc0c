//! What a checker does now, at a terminal.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::interval;

use crate::output::{Output, terminal_size};
use crate::progress::cut;

const TICK_EVERY: Duration = Duration::from_millis(500);

/// A line with the check that runs, on standard error; it disappears when dropped.
pub(crate) struct Progress {
    output: Output,
    checks: usize,
    begun: usize,
    now: Arc<Mutex<String>>,
    drawing: Option<JoinHandle<()>>,
}

impl Progress {
    /// Of so many checks; nothing is shown where no person looks.
    pub(crate) fn new(output: &Output, checks: usize) -> Self {
        let now: Arc<Mutex<String>> = Arc::default();
        let drawing = output
            .draws_progress()
            .then(|| tokio::spawn(draw(output.clone(), Arc::clone(&now))));
        Progress {
            output: output.clone(),
            checks,
            begun: 0,
            now,
            drawing,
        }
    }

    /// The next check begins.
    pub(crate) fn show(&mut self, id: &str, shows: &str) {
        self.begun += 1;
        let text = format!("{}/{} {id}: {shows}", self.begun, self.checks);
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// Shows the check and the time that all have taken.
async fn draw(output: Output, now: Arc<Mutex<String>>) {
    let began = Instant::now();
    let mut ticks = interval(TICK_EVERY);
    loop {
        ticks.tick().await;
        let text = now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((columns, _)) = terminal_size().filter(|_| !text.is_empty()) {
            let line = format!("{} s {text}", began.elapsed().as_secs());
            output.show_bars(vec![cut(&line, columns.saturating_sub(1))]);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(drawing) = self.drawing.take() {
            drawing.abort();
            self.output.show_bars(Vec::new());
        }
    }
}
